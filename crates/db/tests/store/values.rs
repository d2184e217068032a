//! Values on their way in and out.

use rozmowa_db::{Db, Error, Stmt, Tx, Value, params};
use uuid::Uuid;

use crate::place::{Place, insert, numbers, wait};
use crate::sql;

on_both_engines!(
    parameters_bind_by_their_number_not_by_their_place,
    a_composed_statement_binds_alike,
    every_kind_of_value_comes_back_as_it_went_in,
    a_value_of_the_wrong_type_is_an_error,
    a_cell_read_as_the_wrong_type_is_an_error,
    a_wrong_number_of_parameters_is_an_error,
    a_statement_that_fits_no_schema_is_an_error_with_its_name,
    a_first_row_does_not_cut_short_what_the_statement_changes,
    a_row_that_had_to_be_there_and_was_not_is_an_error,
    every_statement_of_these_tests_can_be_planned,
);

fn parameters_bind_by_their_number_not_by_their_place(place: &Place) {
    let db = place.open();
    assert_eq!(out_of_order(&db, sql::OUT_OF_ORDER), expected());
}

fn a_composed_statement_binds_alike(place: &Place) {
    let db = place.open();
    let text = sql::OUT_OF_ORDER.postgres().to_owned();
    assert_eq!(out_of_order(&db, Stmt::composed("composed".to_owned(), text)), expected());
}

fn out_of_order(db: &Db, stmt: Stmt) -> (String, String, i64, String) {
    wait(db.read(move |tx| {
        tx.query_one(&stmt, params!["one", "two", 3_i64], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
    }))
    .unwrap_or_else(|error: Error| panic!("{error}"))
}

fn expected() -> (String, String, i64, String) {
    ("two".to_owned(), "one".to_owned(), 3, "one".to_owned())
}

fn every_kind_of_value_comes_back_as_it_went_in(place: &Place) {
    type Cells = (Option<i64>, Option<f64>, Option<String>, Option<Vec<u8>>);
    let db = place.open();
    let id = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_00ff);
    let all_bytes: Vec<u8> = (0..=255).collect();
    let texts =
        ["", " ", "zażółć gęślą jaźń", "👩‍👩‍👧 𝔘\u{301}\u{202e}", "\u{1}\u{7f}\u{ffff}\n'\"\\%"];
    let long = "ł".repeat(200_000);
    let mut cells: Vec<Cells> = vec![
        (None, None, None, None),
        (Some(i64::MIN), Some(f64::MIN), Some(long), Some(vec![0; 300_000])),
        (Some(i64::MAX), Some(f64::MAX), None, Some(all_bytes)),
        (Some(0), Some(0.1), None, Some(Vec::new())),
        (Some(-1), Some(f64::MIN_POSITIVE), None, Some(id.as_bytes().to_vec())),
        (Some(1), Some(f64::INFINITY), None, None),
        (Some(1 << 53), Some(f64::NEG_INFINITY), None, None),
        (Some((1 << 53) + 1), Some(9_007_199_254_740_993.0), None, None),
    ];
    cells.extend(texts.map(|text| (None, None, Some(text.to_owned()), None)));
    for (n, (int, real, text, blob)) in (0_i64..).zip(cells.clone()) {
        wait(db.write(move |tx| {
            let (text, blob) = (text.as_deref(), blob.as_deref());
            tx.execute(&sql::INSERT_CELL, params![n, int, real, text, blob])
        }))
        .unwrap_or_else(|error: Error| panic!("{error}"));
    }
    for (n, went_in) in (0_i64..).zip(cells) {
        let came_out: Cells = wait(db.read(move |tx| {
            tx.query_one(&sql::CELL, params![n], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
        }))
        .unwrap_or_else(|error: Error| panic!("{error}"));
        assert_eq!(came_out, went_in);
    }
    let (truth, as_id): (bool, Uuid) =
        wait(db.read(|tx| {
            tx.query_one(&sql::CELL, params![4_i64], |row| Ok((row.get(0)?, row.get(3)?)))
        }))
        .unwrap_or_else(|error: Error| panic!("{error}"));
    assert!(truth);
    assert_eq!(as_id, id);
}

/// The store answers with a mistake of ours, and goes on.
fn is_a_mistake<T: Send + std::fmt::Debug + 'static>(
    db: &Db,
    closure: impl FnMut(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
) {
    let answer = wait(db.write(closure));
    assert!(matches!(answer, Err(Error::Statement { .. })), "{answer:?}");
    let next = i64::try_from(numbers(db).len()).unwrap();
    wait(insert(db, next)).unwrap();
}

fn a_value_of_the_wrong_type_is_an_error(place: &Place) {
    const NULL: Value<'_> = Value::Null;
    let db = place.open();
    let wrong: [[Value<'static>; 4]; 7] = [
        [Value::Text("five"), NULL, NULL, NULL],
        [Value::Blob(b"5"), NULL, NULL, NULL],
        [Value::Real(0.5), NULL, NULL, NULL],
        [NULL, Value::Text("half"), NULL, NULL],
        [NULL, NULL, Value::Blob(b"text"), NULL],
        [NULL, NULL, NULL, Value::Text("blob")],
        [NULL, NULL, NULL, Value::Int(5)],
    ];
    for [int, real, text, blob] in wrong {
        is_a_mistake(&db, move |tx| {
            tx.execute(&sql::INSERT_CELL, &[Value::Int(1), int, real, text, blob])
        });
    }
    let left = wait(db.read(|tx| tx.query(&sql::CELL, params![1_i64], |_| Ok(()))));
    assert_eq!(left, Ok::<_, Error>(vec![]));
}

fn a_cell_read_as_the_wrong_type_is_an_error(place: &Place) {
    let db = place.open();
    wait(db.write(|tx| {
        tx.execute(&sql::INSERT_CELL, params![1_i64, 5_i64, 0.5, "text", b"blob"])?;
        tx.execute(&sql::INSERT_CELL, params![2_i64, None::<i64>, 0.5, "text", b"blob"])
    }))
    .unwrap_or_else(|error: Error| panic!("{error}"));
    is_a_mistake(&db, |tx| tx.query(&sql::CELL, params![1_i64], |row| row.get::<String>(0)));
    is_a_mistake(&db, |tx| tx.query(&sql::CELL, params![1_i64], |row| row.get::<f64>(0)));
    is_a_mistake(&db, |tx| tx.query(&sql::CELL, params![1_i64], |row| row.get::<i64>(1)));
    is_a_mistake(&db, |tx| tx.query(&sql::CELL, params![1_i64], |row| row.get::<Vec<u8>>(2)));
    is_a_mistake(&db, |tx| tx.query(&sql::CELL, params![1_i64], |row| row.get::<String>(3)));
    is_a_mistake(&db, |tx| tx.query(&sql::CELL, params![1_i64], |row| row.get::<Uuid>(3)));
    is_a_mistake(&db, |tx| tx.query(&sql::CELL, params![1_i64], |row| row.get::<i64>(4)));
    is_a_mistake(&db, |tx| tx.query(&sql::CELL, params![2_i64], |row| row.get::<i64>(0)));
    is_a_mistake(&db, |tx| tx.query_opt(&sql::CELL, params![2_i64], |row| row.get::<bool>(0)));
}

fn a_wrong_number_of_parameters_is_an_error(place: &Place) {
    let db = place.open();
    is_a_mistake(&db, |tx| tx.execute(&sql::INSERT_NUMBER, params![]));
    is_a_mistake(&db, |tx| tx.execute(&sql::INSERT_NUMBER, params![1_i64, 2_i64]));
    is_a_mistake(&db, |tx| tx.query(&sql::CELL, params![], |_| Ok(())));
    is_a_mistake(&db, |tx| tx.query_opt(&sql::CELL, params![1_i64, 2_i64], |_| Ok(())));
}

fn a_statement_that_fits_no_schema_is_an_error_with_its_name(place: &Place) {
    const NO_TABLE: Stmt = Stmt::new("tests::NO_TABLE", "SELECT 1 FROM no", "SELECT 1 FROM no");
    const NO_SQL: Stmt = Stmt::new("tests::NO_SQL", "SELEKT", "SELEKT");
    let db = place.open();
    for stmt in [NO_TABLE, NO_SQL] {
        let answer = wait(db.write(move |tx| tx.query(&stmt, params![], |_| Ok(()))));
        let Err(Error::Statement { statement, .. }) = answer else { panic!("{answer:?}") };
        assert_eq!(statement, stmt.name());
        assert!(wait(db.read(move |tx| tx.plan(&stmt))).is_err_and(|e: Error| !e.is_temporary()));
    }
}

fn a_first_row_does_not_cut_short_what_the_statement_changes(place: &Place) {
    let db = place.open();
    for n in 1..=3 {
        wait(insert(&db, n)).unwrap();
    }
    let first: Option<i64> =
        wait(db.write(|tx| tx.query_opt(&sql::RAISE_NUMBERS, params![100_i64], |row| row.get(0))))
            .unwrap_or_else(|error: Error| panic!("{error}"));
    assert!(first.is_some());
    assert_eq!(numbers(&db), [101, 102, 103]);
}

fn a_row_that_had_to_be_there_and_was_not_is_an_error(place: &Place) {
    let db = place.open();
    is_a_mistake(&db, |tx| tx.query_one(&sql::CELL, params![7_i64], |_| Ok(())));
}

fn every_statement_of_these_tests_can_be_planned(place: &Place) {
    let db = place.open();
    for stmt in sql::STATEMENTS {
        let plan = wait(db.read(|tx| tx.plan(stmt)));
        plan.unwrap_or_else(|error: Error| panic!("{}: {error}", stmt.name()));
    }
}

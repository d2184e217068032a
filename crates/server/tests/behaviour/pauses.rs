//! Reasons to pause.

use rozmowa::http::Code;
use serde_json::json;

use crate::client::{get, post, put};
use crate::server::Server;
use crate::store::on_both_engines;

#[tokio::test(flavor = "multi_thread")]
async fn reasons_are_added_changed_and_listed_and_each_change_is_written_down() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        assert_eq!(server.call(get("/api/pauses")).await.expect(200).text(), "[]");
        for (id, name) in [(1, "Kawa"), (2, "Obiad")] {
            let added = server.call(post("/api/pauses").json(&json!({"name": name}))).await.expect(200);
            assert_eq!(added.text(), format!(r#"{{"pause_id":{id}}}"#));
        }
        for (given, is_change) in [
            (json!({}), false),
            (json!({"name": "Obiad", "enabled": true}), false),
            (json!({"enabled": false}), true),
            (json!({"enabled": false}), false),
            (json!({"name": "Lunch", "enabled": "1"}), true),
        ] {
            let before = server.audited().await.len();
            server.call(put("/api/pauses/2").json(&given)).await.expect_nothing();
            assert_eq!(server.audited().await.len() - before, usize::from(is_change), "{given}");
        }
        let listed = server.call(get("/api/pauses")).await.expect(200);
        let expected =
            r#"[{"pause_id":1,"name":"Kawa","enabled":true},{"pause_id":2,"name":"Lunch","enabled":true}]"#;
        assert_eq!(listed.text(), expected);
        let lines = server.audited().await;
        assert_eq!(
            lines[2],
            (
                "pause.change".to_owned(),
                "pause 2".to_owned(),
                json!({"id": 2, "name": "Obiad", "is_enabled": true}),
                json!({"id": 2, "name": "Obiad", "is_enabled": false}),
            )
        );
        let changes: Vec<_> = lines.iter().map(|line| line.0.as_str()).collect();
        assert_eq!(changes, ["pause.add", "pause.add", "pause.change", "pause.change"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_one_reasons_however_many_want_it_at_once() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        for name in ["Kawa", "Obiad"] {
            server.call(post("/api/pauses").form(&[("name", name)])).await.expect(200);
        }
        server
            .call(post("/api/pauses").form(&[("name", " Kawa ")]))
            .await
            .expect_fault(Code::PauseNameTaken);
        let rename = put("/api/pauses/2").form(&[("name", "Kawa")]);
        server.call(rename).await.expect_fault(Code::PauseNameTaken);
        for id in ["3", "0", "-1", "x", "9007199254740992"] {
            let call = put(format!("/api/pauses/{id}")).form(&[("name", "a")]);
            server.call(call).await.expect_fault(Code::UnknownPause);
        }
        server.call(post("/api/pauses")).await.expect_fault_of(Code::Missing, "name");
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..9 {
            let mut wire = server.wire().await;
            let call = match number % 3 {
                0 => post("/api/pauses"),
                1 => put("/api/pauses/1"),
                _ => put("/api/pauses/2"),
            };
            tasks.spawn(async move { wire.call(&call.form(&[("name", "Nowa")])).await.status });
        }
        for status in tasks.join_all().await {
            assert!(matches!(status, 200 | 409), "{status}");
        }
        let names = server.call(get("/api/pauses")).await.text();
        assert_eq!(names.matches("Nowa").count(), 1, "{names}");
    })
    .await;
}

//! CSV as spreadsheets write it: records of cells, read one at a time with the line that each begins on.
//!
//! A quote that nobody closed would take all that follows into one cell. So a record of several lines that does not fit is given
//! back but for its first line, and that line alone is broken.

use std::collections::VecDeque;
use std::io::{self, BufRead};

/// What stands between cells.
pub const DELIMITERS: [u8; 3] = [b';', b',', b'\t'];
/// What stands between the values of one cell, where a cell may have several.
const SEPARATOR: char = '|';
const ESCAPE: char = '\\';
/// Bytes of a record of several lines. Of a longer one the quote is not closed.
const RECORD_MAX: usize = 4 << 20;
/// Bytes of a line: a file without any line ends is not read whole.
const LINE_MAX: u64 = 4 << 20;

/// Why a record can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// A quote is not closed, or something stands behind one that is.
    Quote,
    NotUtf8,
    /// It has so many cells, and the header has another number.
    Cells(usize),
    TooLong,
}

/// A record, and the line that it begins on, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub line: u64,
    /// As it stands there.
    pub raw: Vec<u8>,
    pub cells: Result<Vec<String>, Broken>,
}

/// Reads records from what comes.
pub struct Reader<R> {
    from: R,
    /// Lines that were given back.
    ahead: VecDeque<Vec<u8>>,
    line: u64,
    bytes: u64,
    pub delimiter: u8,
}

impl<R: BufRead> Reader<R> {
    pub fn new(from: R) -> Self {
        Self { from, ahead: VecDeque::new(), line: 0, bytes: 0, delimiter: DELIMITERS[0] }
    }

    /// Bytes of what is behind us.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The names of the columns. The delimiter is the one that makes the most known names, unless it is given.
    pub fn header(
        &mut self,
        delimiter: Option<u8>,
        is_known: impl Fn(&str) -> bool,
    ) -> io::Result<Option<Record>> {
        let Some(mut line) = self.take()? else { return Ok(None) };
        if let Some(rest) = line.strip_prefix("\u{feff}".as_bytes()) {
            line = rest.to_vec();
        }
        let known = |delimiter: u8| {
            let cells = self::line(&line, delimiter).unwrap_or_default();
            cells.iter().filter(|name| is_known(name.trim())).count()
        };
        // Of several that are as good the first.
        let best = DELIMITERS.into_iter().rev().max_by_key(|delimiter| known(*delimiter));
        self.delimiter = delimiter.or(best).unwrap_or(DELIMITERS[0]);
        self.give_back(line);
        self.next(None)
    }

    /// The next record; blank lines are none. Of `cells` cells, if that is known.
    pub fn next(&mut self, cells: Option<usize>) -> io::Result<Option<Record>> {
        let (line, first) = loop {
            let Some(first) = self.take()? else { return Ok(None) };
            if !first.iter().all(u8::is_ascii_whitespace) {
                break (self.line, first);
            }
        };
        let mut splitter = Splitter::new(self.delimiter);
        let mut fed = splitter.feed(&first);
        let (mut more, mut length) = (Vec::new(), first.len());
        while fed == Fed::Open {
            fed = match self.take()? {
                Some(next) => {
                    let fed = splitter.feed(&next);
                    length += next.len();
                    more.push(next);
                    if length > RECORD_MAX { Fed::Broken } else { fed }
                }
                None => Fed::Broken,
            };
        }
        let read = match fed {
            Fed::Open | Fed::Broken if first.len() as u64 >= LINE_MAX => Err(Broken::TooLong),
            Fed::Open | Fed::Broken => Err(Broken::Quote),
            Fed::Done => splitter.cells().ok_or(Broken::NotUtf8),
        };
        let read = read.and_then(|read| match cells {
            Some(wanted) if wanted != read.len() => Err(Broken::Cells(read.len())),
            _ => Ok(read),
        });
        let mut raw = first;
        if matches!(read, Err(Broken::Quote | Broken::Cells(_) | Broken::TooLong)) {
            for line in more.into_iter().rev() {
                self.give_back(line);
            }
        } else {
            raw.extend(more.into_iter().flatten());
        }
        Ok(Some(Record { line, raw, cells: read }))
    }

    /// A line with its end.
    fn take(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = self.ahead.pop_front().unwrap_or_default();
        if line.is_empty() {
            io::Read::take(&mut self.from, LINE_MAX).read_until(b'\n', &mut line)?;
        }
        if line.is_empty() {
            return Ok(None);
        }
        self.line += 1;
        self.bytes += line.len() as u64;
        Ok(Some(line))
    }

    fn give_back(&mut self, line: Vec<u8>) {
        self.line -= 1;
        self.bytes -= line.len() as u64;
        self.ahead.push_front(line);
    }
}

/// The cells of a line that is a record.
pub fn line(line: &[u8], delimiter: u8) -> Option<Vec<String>> {
    let mut splitter = Splitter::new(delimiter);
    (splitter.feed(line) == Fed::Done).then(|| splitter.cells())?
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fed {
    /// A quoted cell goes on in the next line.
    Open,
    Done,
    Broken,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first byte of a cell.
    Start,
    Plain,
    Quoted,
    /// Behind a quote that may be the end of its cell, or the first of two that stand for one.
    Quote,
    /// Behind a quoted cell, where only the line's end can follow.
    Return,
}

/// Splits a record, which comes line by line, into cells.
struct Splitter {
    delimiter: u8,
    state: State,
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Splitter {
    fn new(delimiter: u8) -> Self {
        Self { delimiter, state: State::Start, text: Vec::new(), ends: Vec::new() }
    }

    fn feed(&mut self, line: &[u8]) -> Fed {
        for byte in line.iter().copied() {
            self.state = match (self.state, byte) {
                (State::Start | State::Quote, b'"') => {
                    if self.state == State::Quote {
                        self.text.push(b'"');
                    }
                    State::Quoted
                }
                (State::Quoted, b'"') => State::Quote,
                (State::Quoted, byte) => {
                    self.text.push(byte);
                    State::Quoted
                }
                (_, b'\n') => return self.done(),
                (State::Start | State::Plain | State::Quote, byte) if byte == self.delimiter => {
                    self.ends.push(self.text.len());
                    State::Start
                }
                (State::Quote, b'\r') => State::Return,
                (State::Quote | State::Return, _) => return Fed::Broken,
                (State::Start | State::Plain, byte) => {
                    self.text.push(byte);
                    State::Plain
                }
            };
        }
        // Only the last line of a file ends so, and one that is too long.
        match self.state {
            State::Quoted if line.last() == Some(&b'\n') => Fed::Open,
            State::Quoted => Fed::Broken,
            _ if line.len() as u64 >= LINE_MAX => Fed::Broken,
            _ => self.done(),
        }
    }

    fn done(&mut self) -> Fed {
        if self.state == State::Plain && self.text.last() == Some(&b'\r') {
            self.text.pop();
        }
        self.ends.push(self.text.len());
        Fed::Done
    }

    /// None when it is not UTF-8.
    fn cells(&self) -> Option<Vec<String>> {
        let text = std::str::from_utf8(&self.text).ok()?;
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .map(|(from, until)| text.get(from..*until).map(str::to_owned))
            .collect()
    }
}

/// Adds a record to a text, with its line's end.
pub fn write<T: AsRef<str>>(out: &mut Vec<u8>, cells: impl IntoIterator<Item = T>, delimiter: u8) {
    for (at, cell) in cells.into_iter().enumerate() {
        if at > 0 {
            out.push(delimiter);
        }
        write_cell(out, cell.as_ref(), delimiter);
    }
    out.push(b'\n');
}

/// Quoted where it has to be.
pub fn write_cell(out: &mut Vec<u8>, cell: &str, delimiter: u8) {
    let special = |byte: u8| byte == delimiter || matches!(byte, b'"' | b'\n' | b'\r');
    let has_edges = cell.starts_with([' ', '\t', '\u{feff}']) || cell.ends_with([' ', '\t']);
    if !has_edges && !cell.bytes().any(special) {
        return out.extend_from_slice(cell.as_bytes());
    }
    out.push(b'"');
    out.extend_from_slice(cell.replace('"', "\"\"").as_bytes());
    out.push(b'"');
}

/// The values of a cell that may have several: `a|b`. A `|` or `\` of a value has a `\` before it.
pub fn values(cell: &str) -> Vec<String> {
    let (mut values, mut value) = (Vec::new(), String::new());
    let mut rest = cell.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            ESCAPE => value.push(rest.next_if(|c| [SEPARATOR, ESCAPE].contains(c)).unwrap_or(c)),
            SEPARATOR => values.push(std::mem::take(&mut value)),
            c => value.push(c),
        }
    }
    values.push(value);
    values
}

/// Several values as one cell.
pub fn joined<T: AsRef<str>>(values: impl IntoIterator<Item = T>) -> String {
    let mut cell = String::new();
    for (at, value) in values.into_iter().enumerate() {
        if at > 0 {
            cell.push(SEPARATOR);
        }
        for c in value.as_ref().chars() {
            if [SEPARATOR, ESCAPE].contains(&c) {
                cell.push(ESCAPE);
            }
            cell.push(c);
        }
    }
    cell
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All records, each with the line it begins on.
    fn read(text: &[u8], cells: usize) -> Vec<(u64, Result<Vec<String>, Broken>)> {
        let mut reader = Reader::new(text);
        let mut all = Vec::new();
        while let Some(record) = reader.next(Some(cells)).expect("memory can be read") {
            all.push((record.line, record.cells));
        }
        assert_eq!(reader.bytes(), text.len() as u64);
        all
    }

    #[expect(clippy::unnecessary_wraps, reason = "what a record has")]
    fn cells(of: &[&str]) -> Result<Vec<String>, Broken> {
        Ok(of.iter().map(|cell| (*cell).to_owned()).collect())
    }

    #[test]
    fn records_are_read_as_spreadsheets_write_them() {
        let text = "a;\"b;c\"\r\n\r\n \"Ó\";\"\"\"x\"\"\"\n\"1\n2\";\n;5\" pipe";
        let expected = [
            (1, cells(&["a", "b;c"])),
            (3, cells(&[" \"Ó\"", "\"x\""])),
            (4, cells(&["1\n2", ""])),
            (6, cells(&["", "5\" pipe"])),
        ];
        assert_eq!(read(text.as_bytes(), 2), expected);
    }

    #[test]
    fn a_broken_line_takes_no_other_along() {
        for (broken, why) in [
            (&b"1;\"abc\n"[..], Broken::Quote),
            (b"1;\"abc\"x\n", Broken::Quote),
            (b"\"1;abc\n", Broken::Quote),
            (b"1\n", Broken::Cells(1)),
            (b"1;2;3\n", Broken::Cells(3)),
            (b"1;\xb3\xf3d\xbc\n", Broken::NotUtf8),
        ] {
            // What follows closes the quote, or is plain, or has quotes of its own.
            for next in ["\"x\";y\n", "x;y\n", "x;\"y\"\n"] {
                let text = [&b"0;0\n"[..], broken, next.as_bytes(), b"8;9\n"].concat();
                let expected = [
                    (1, cells(&["0", "0"])),
                    (2, Err(why)),
                    (3, cells(&["x", "y"])),
                    (4, cells(&["8", "9"])),
                ];
                assert_eq!(read(&text, 2), expected, "{text:?}");
            }
            let text = [&b"0;0\n"[..], broken].concat();
            assert_eq!(read(&text, 2), [(1, cells(&["0", "0"])), (2, Err(why))]);
        }
    }

    #[test]
    fn the_delimiter_is_the_one_that_makes_known_names() {
        for (text, delimiter) in [
            ("\u{feff}name,surname\n", b','),
            ("name;surname\r\n", b';'),
            ("name\tsurname", b'\t'),
            ("\"name\";custom_fields[a,b,c]", b';'),
            ("surname", b';'),
        ] {
            let mut reader = Reader::new(text.as_bytes());
            let header = reader.header(None, |name| name.ends_with("name"));
            let header = header.expect("memory can be read").expect("a header");
            assert_eq!((header.line, reader.delimiter), (1, delimiter), "{text}");
            assert!(header.cells.expect("it is whole")[0].ends_with("name"));
        }
        let mut reader = Reader::new(&b"name,surname\n"[..]);
        let header = reader.header(Some(b';'), |_| true).expect("memory can be read");
        assert_eq!(header.expect("a header").cells, cells(&["name,surname"]));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            records in prop::collection::vec(prop::collection::vec("[ab;,|\"\\\\\r\n\t ó\u{feff}]{0,6}", 3), 1..5),
            delimiter in prop::sample::select(DELIMITERS.to_vec()),
        ) {
            let mut text = Vec::new();
            for record in &records {
                write(&mut text, record, delimiter);
            }
            let mut reader = Reader::new(&text[..]);
            reader.delimiter = delimiter;
            let mut read = Vec::new();
            while let Some(record) = reader.next(Some(3)).expect("memory can be read") {
                read.push(record.cells.expect("it is whole"));
            }
            // A line of blanks alone is none.
            let says = |record: &&Vec<String>| {
                record.iter().any(|cell| !cell.is_empty()) || delimiter != b'\t'
            };
            let expected: Vec<_> = records.iter().filter(says).cloned().collect();
            prop_assert_eq!(read, expected);
        }

        #[test]
        fn several_values_are_one_cell(values in prop::collection::vec("[ab|\\\\]{0,4}", 1..4)) {
            prop_assert_eq!(super::values(&joined(&values)), values);
        }

        #[test]
        fn any_bytes_come_to_an_end(bytes in prop::collection::vec(prop::sample::select(&b"a;\"\n\r\xff"[..]), 0..60)) {
            read(&bytes, 2);
        }
    }
}

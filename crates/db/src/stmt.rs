//! Statements: one text for both engines, each with a name and a place in a register.
//!
//! There is no way to run a text that is not a [`Stmt`], and a test prepares every registered one on both engines:
//! that stands in for compile-time checks.

/// A statement. Parameters are `$1`, `$2`, …; made by [`statements!`](crate::statements) or, where a text is
/// composed, by [`Stmt::composed`].
#[derive(Debug, Clone, Copy)]
pub struct Stmt {
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

impl Stmt {
    #[doc(hidden)]
    pub const fn new(name: &'static str, sqlite: &'static str, postgres: &'static str) -> Self {
        Self { name, sqlite, postgres }
    }

    /// One variant of a composed text. Make each variant once, at start, and register them all: the texts live as
    /// long as the process.
    pub fn composed(name: String, text: String) -> Self {
        Self::composed_apart(name, text.clone(), text)
    }

    /// The same where the engines differ.
    pub fn composed_apart(name: String, sqlite: String, postgres: String) -> Self {
        let sqlite = question_marks(sqlite.into_bytes());
        Self {
            name: name.leak(),
            sqlite: String::from_utf8(sqlite).expect("only ASCII was replaced").leak(),
            postgres: postgres.leak(),
        }
    }

    pub const fn name(&self) -> &'static str {
        self.name
    }

    pub const fn sqlite(&self) -> &'static str {
        self.sqlite
    }

    pub const fn postgres(&self) -> &'static str {
        self.postgres
    }
}

fn question_marks(mut text: Vec<u8>) -> Vec<u8> {
    for byte in &mut text {
        if *byte == b'$' {
            *byte = b'?';
        }
    }
    text
}

/// SQLite numbers `$1`, `$2` by first appearance, as it takes them for names; `?1`, `?2` are numbers.
#[doc(hidden)]
pub const fn numbered<const N: usize>(text: &str) -> [u8; N] {
    let bytes = text.as_bytes();
    let mut out = [0; N];
    let mut i = 0;
    while i < N {
        out[i] = if bytes[i] == b'$' { b'?' } else { bytes[i] };
        i += 1;
    }
    out
}

#[doc(hidden)]
pub const fn text(bytes: &[u8]) -> &str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => panic!("a statement is not UTF-8"),
    }
}

/// Declares the statements of a room and `STATEMENTS`, their register.
///
/// ```
/// rozmowa_db::statements! {
///     /// What a reader should know about it.
///     FIND = "SELECT name FROM queue WHERE id = $1";
///     /// A real difference between the engines stands out.
///     CLAIM = {
///         sqlite: "SELECT id FROM timer LIMIT $1",
///         postgres: "SELECT id FROM timer LIMIT $1 FOR UPDATE SKIP LOCKED",
///     };
/// }
/// assert_eq!(STATEMENTS.len(), 2);
/// assert_eq!(FIND.sqlite(), "SELECT name FROM queue WHERE id = ?1");
/// ```
#[macro_export]
macro_rules! statements {
    ($($(#[$meta:meta])* $name:ident = $text:tt;)*) => {
        $($(#[$meta])* pub(crate) const $name: $crate::Stmt = $crate::statements!(@one $name $text);)*
        /// Every statement of this room.
        pub(crate) const STATEMENTS: &[$crate::Stmt] = &[$($name),*];
    };
    (@one $name:ident { sqlite: $sqlite:expr, postgres: $postgres:expr $(,)? }) => {
        $crate::Stmt::new(
            concat!(module_path!(), "::", stringify!($name)),
            $crate::statements!(@numbered $sqlite),
            $postgres,
        )
    };
    (@one $name:ident $text:literal) => {
        $crate::Stmt::new(
            concat!(module_path!(), "::", stringify!($name)),
            $crate::statements!(@numbered $text),
            $text,
        )
    };
    (@numbered $text:expr) => {{
        const BYTES: [u8; $text.len()] = $crate::stmt::numbered($text);
        $crate::stmt::text(&BYTES)
    }};
}

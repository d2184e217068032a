//! Customers from and to files.

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use clap::Args;
use http::StatusCode;
use rozmowa_db::{Address, Db, Tx};
use tokio::runtime::Runtime;

use super::{announce, printable, storage, told, write};
use crate::act::{Act, Actor};
use crate::clock::{Clock, Ids};
use crate::config::Config;
use crate::conversation;
use crate::customer::columns::{self, Columns, Wrong};
use crate::customer::import::{self, Became, Line, Reading, Why};
use crate::customer::{csv, custom, export};
use crate::http::Error;
use crate::http::params::Named;
use crate::locale::Language;
use crate::server;

/// Lines of a transaction.
const STEP: usize = 500;
/// Steps that are read ahead. When they are, reading waits.
const AHEAD: usize = 2;
/// Refused lines that are told; a file takes them all.
const TOLD_MAX: usize = 1_000;
/// The code of an import that has refused lines. 2 is said of wrong arguments.
const SOME_REFUSED: u8 = 3;
/// How long an import waits for a store that takes nothing, and how often it asks.
const PATIENCE: Duration = Duration::from_mins(2);
const ASK_EVERY: Duration = Duration::from_secs(1);
/// What a server beside us gets of the writer's time after each step: a moment that it is sure to notice, and as long as we have worked
/// when it had to be waited for.
const GAP: Duration = Duration::from_millis(1);
const GAP_MAX: Duration = Duration::from_millis(100);
/// How often progress is drawn on a terminal, and told elsewhere.
const DRAW_EVERY: Duration = Duration::from_millis(100);
const TELL_EVERY: Duration = Duration::from_secs(5);

#[derive(Args)]
pub struct Import {
    /// In UTF-8, with the names of columns in its first line; - is standard input
    file: PathBuf,
    /// Tell what would be done, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Write the lines that are refused to this file, each with what is wrong with it
    #[arg(long, value_name = "FILE")]
    refused: Option<PathBuf>,
    /// What stands between cells: ';' ',' or tab; without it the header says so
    #[arg(long, value_parser = delimiter)]
    delimiter: Option<u8>,
    /// Fill custom fields that are read only, too
    #[arg(long)]
    fill_read_only: bool,
    /// Of the report, pl or en; without it that of the terminal
    #[arg(long, value_parser = language)]
    lang: Option<Language>,
}

#[derive(Args)]
pub struct Export {
    /// Must not exist yet; - is standard output
    file: PathBuf,
    /// What stands between cells: ';' ',' or tab
    #[arg(long, value_parser = delimiter, default_value = ";")]
    delimiter: u8,
    /// Begin each line with the customer's number: for a file that is imported where it came from
    #[arg(long)]
    numbers: bool,
    /// Begin with a byte order mark, by which some spreadsheets know UTF-8
    #[arg(long)]
    bom: bool,
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text {
        ";" => Ok(b';'),
        "," => Ok(b','),
        "\t" | "\\t" | "tab" => Ok(b'\t'),
        _ => Err("it must be ; or , or tab".to_owned()),
    }
}

fn language(text: &str) -> Result<Language, String> {
    Language::from_name(text).ok_or_else(|| format!("it must be one of {}", Language::names()))
}

/// As the terminal has it.
fn language_here() -> Language {
    let of = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
    let named = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(of).unwrap_or_default();
    if named.starts_with("pl") { Language::Pl } else { Language::En }
}

impl Import {
    /// The code says whether lines were refused.
    pub fn run(self, config: &Config) -> Result<ExitCode, String> {
        let language = self.lang.unwrap_or_else(language_here);
        let (input, size) = open(&self.file)?;
        if let Some(refused) = &self.refused
            && let (Ok(refused), Ok(file)) = (refused.canonicalize(), self.file.canonicalize())
            && refused == file
        {
            return Err(language.text("import.same_file", &[]));
        }
        match &config.database {
            Address::Sqlite(path) if self.dry_run => storage::existing(path)?,
            _ => announce(config),
        }
        let db = server::open_store(config, server::nobody_listens())?;
        let done = self.import(config, &db, language, input, size);
        db.close();
        done
    }

    fn import(
        &self,
        config: &Config,
        db: &Db,
        language: Language,
        input: Box<dyn BufRead + Send>,
        size: Option<u64>,
    ) -> Result<ExitCode, String> {
        let store = Store::new(db)?;
        let fields = store.look(|tx| custom::list(tx, custom::OF_NO_GROUP))?;
        let mut reader = csv::Reader::new(input);
        let header = reader.header(self.delimiter, |name| columns::is_known(name, &fields));
        let header = header.map_err(|error| format!("{}: {error}", self.file.display()))?;
        let names = header.and_then(|record| record.cells.ok());
        let names = names.ok_or_else(|| language.text("import.no_header", &[]))?;
        let columns = Columns::read(names, &fields, self.fill_read_only)
            .map_err(|wrong| wrong_header(&wrong, language))?;
        let columns = Arc::new(columns);
        let refused = match &self.refused {
            None => None,
            Some(path) => Some(Refused::create(path, &columns, reader.delimiter)?),
        };
        let reading = Reading {
            columns: Arc::clone(&columns),
            fields: Arc::new(fields),
            region: config.phone_region,
            zone: config.time_zone.clone(),
        };
        let (send, steps) = sync_channel(AHEAD);
        let of_thread = reading.clone();
        let began = Instant::now();
        std::thread::spawn(move || read_steps(reader, &of_thread, &send));
        let mut run = Run {
            store: &store,
            reading: &reading,
            is_dry: self.dry_run,
            language,
            report: Report { refused_file: refused, ..Report::default() },
            progress: Progress::new(size, language),
            seen: HashMap::new(),
            coming: BTreeSet::new(),
        };
        run.all(&steps)?;
        run.progress.end();
        if !self.dry_run {
            // In steps, so that the server's calls come in between.
            while write(db, conversation::link_more)? {}
        }
        run.report.tell(self.dry_run, began.elapsed(), language)?;
        Ok(ExitCode::from(if run.report.refused == 0 { 0 } else { SOME_REFUSED }))
    }
}

/// What is to be read, and how long it is if that is known.
fn open(path: &Path) -> Result<(Box<dyn BufRead + Send>, Option<u64>), String> {
    if path == Path::new("-") {
        return Ok((Box::new(BufReader::new(io::stdin())), None));
    }
    let wrong = |error: io::Error| format!("{}: {error}", path.display());
    let file = File::open(path).map_err(wrong)?;
    let about = file.metadata().map_err(wrong)?;
    let size = Some(about.len()).filter(|_| about.is_file());
    Ok((Box::new(BufReader::with_capacity(1 << 16, file)), size))
}

fn wrong_header(wrong: &Wrong, language: Language) -> String {
    let told = [
        ("import.unknown_columns", &wrong.unknown),
        ("import.columns_twice", &wrong.twice),
        ("import.read_only_columns", &wrong.read_only),
    ];
    let told = told
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(key, names)| language.text(key, &[("names", printable(&names.join(", ")))]));
    told.chain([language.text("import.nothing_done", &[])]).collect::<Vec<_>>().join(" ")
}

/// A line of the file, as it stands there and as it was read.
struct Item {
    line: u64,
    raw: Vec<u8>,
    read: Result<Line, Vec<Why>>,
}

/// Some lines, and how far they reach.
struct Step {
    items: Vec<Item>,
    bytes: u64,
}

/// Reads beside the store's work: telephone numbers and words take as long as writing them.
fn read_steps(
    mut reader: csv::Reader<Box<dyn BufRead + Send>>,
    reading: &Reading,
    send: &SyncSender<io::Result<Step>>,
) {
    loop {
        let mut items = Vec::with_capacity(STEP);
        while items.len() < STEP {
            match reader.next(Some(reading.columns.count())) {
                Ok(Some(record)) => {
                    let read = reading.line(&record);
                    items.push(Item { line: record.line, raw: record.raw, read });
                }
                Ok(None) => break,
                Err(error) => {
                    let _ = send.send(Err(error));
                    return;
                }
            }
        }
        let is_last = items.len() < STEP;
        // Whoever listens no more has failed.
        if send.send(Ok(Step { items, bytes: reader.bytes() })).is_err() || is_last {
            return;
        }
    }
}

/// An import under way.
struct Run<'a> {
    store: &'a Store<'a>,
    reading: &'a Reading,
    is_dry: bool,
    language: Language,
    report: Report,
    progress: Progress,
    /// Of a dry run: who would have been added, each with what the line says.
    seen: HashMap<String, Vec<u8>>,
    /// The same of companies, by their identifiers.
    coming: BTreeSet<String>,
}

impl Run<'_> {
    fn all(&mut self, steps: &Receiver<io::Result<Step>>) -> Result<(), String> {
        let mut free_at = Instant::now();
        for step in steps {
            let Step { items, bytes } = step.map_err(|error| error.to_string())?;
            let (lines, became) = self.step(&items, &mut free_at)?;
            let mut became = lines.iter().zip(became);
            for item in &items {
                let became = match &item.read {
                    Err(whys) => Became::Refused(whys.clone()),
                    Ok(_) => match became.next() {
                        Some((line, became)) if self.is_dry => self.as_if(line, item, became),
                        Some((_, became)) => became,
                        None => Became::Unchanged,
                    },
                };
                self.report.count(item, became, &self.reading.columns, self.language)?;
            }
            self.progress.show(self.report.lines(), bytes);
        }
        Ok(())
    }

    /// Looks at lines, and writes those that change something.
    fn step(
        &mut self,
        items: &[Item],
        free_at: &mut Instant,
    ) -> Result<(Arc<Vec<Line>>, Vec<Became>), String> {
        let lines: Vec<Line> =
            items.iter().filter_map(|item| item.read.as_ref().ok()).cloned().collect();
        let lines = Arc::new(lines);
        let (of_look, fields) = (Arc::clone(&lines), Arc::clone(&self.reading.fields));
        let coming = Arc::new(self.coming.clone());
        let mut became = self.store.look(move |tx| import::look(tx, &fields, &of_look, &coming))?;
        if self.is_dry {
            return Ok((lines, became));
        }
        let changing: Vec<usize> =
            (0..lines.len()).filter(|at| became[*at] != Became::Unchanged).collect();
        if changing.is_empty() {
            return Ok((lines, became));
        }
        let some: Arc<Vec<Line>> = Arc::new(changing.iter().map(|at| lines[*at].clone()).collect());
        while let Some(left) = free_at.checked_duration_since(Instant::now()) {
            std::thread::park_timeout(left);
        }
        let fields = Arc::clone(&self.reading.fields);
        let asked = Instant::now();
        let (began, written) = self
            .store
            .change(move |tx, act| Ok((Instant::now(), import::write(tx, act, &fields, &some)?)))?;
        *free_at = Instant::now() + self.store.gap(began - asked, began.elapsed());
        for (at, one) in changing.into_iter().zip(written) {
            became[at] = one;
        }
        Ok((lines, became))
    }

    /// Of a dry run, what would have become of a line after those before it.
    fn as_if(&mut self, line: &Line, item: &Item, became: Became) -> Became {
        if became != Became::Added {
            return became;
        }
        self.coming.extend(line.company().map(str::to_owned));
        match self.seen.get(&line.identity()) {
            None => {
                self.seen.insert(line.identity(), item.raw.clone());
                became
            }
            Some(raw) if *raw == item.raw => Became::Unchanged,
            Some(_) => Became::Changed,
        }
    }
}

/// The store, asked from outside of any runtime.
struct Store<'a> {
    db: &'a Db,
    runtime: Runtime,
}

impl<'a> Store<'a> {
    fn new(db: &'a Db) -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        Ok(Self { db, runtime: runtime.map_err(|error| error.to_string())? })
    }

    fn look<T: Send + 'static>(
        &self,
        run: impl Fn(&mut Tx<'_>) -> Result<T, Error> + Send + Sync + 'static,
    ) -> Result<T, String> {
        let run = Arc::new(run);
        Self::patiently(|| {
            let run = Arc::clone(&run);
            self.runtime.block_on(self.db.read(move |tx| run(tx)))
        })
    }

    fn change<T: Send + 'static>(
        &self,
        run: impl Fn(&mut Tx<'_>, &Act<'_>) -> Result<T, Error> + Send + Sync + 'static,
    ) -> Result<T, String> {
        let run = Arc::new(run);
        Self::patiently(|| {
            let (run, actor, ids) = (Arc::clone(&run), Actor::command_line(), Ids::from_system());
            self.runtime.block_on(self.db.write(move |tx| {
                let act = Act::begin(tx, &actor, &Clock::System, &ids)?;
                run(tx, &act)
            }))
        })
    }

    /// A store that takes nothing now may do so later; a step that was done all the same changes nothing the second time.
    fn patiently<T>(run: impl Fn() -> Result<T, Error>) -> Result<T, String> {
        let since = Instant::now();
        loop {
            match run() {
                Err(error)
                    if error.status() == StatusCode::SERVICE_UNAVAILABLE
                        && since.elapsed() < PATIENCE =>
                {
                    std::thread::park_timeout(ASK_EVERY);
                }
                done => return done.map_err(|error| told(&error)),
            }
        }
    }

    /// How long others get the writer to themselves. PostgreSQL has room for all at once.
    fn gap(&self, waited: Duration, worked: Duration) -> Duration {
        if !self.db.is_sqlite() {
            return Duration::ZERO;
        }
        // Who waits longer than a moment waits for a server at work.
        if waited < GAP { GAP } else { worked.saturating_sub(waited).clamp(GAP, GAP_MAX) }
    }
}

/// What became of all lines.
#[derive(Default)]
struct Report {
    added: u64,
    changed: u64,
    unchanged: u64,
    refused: u64,
    told: Vec<String>,
    /// Lines that were too many to be told.
    untold: u64,
    refused_file: Option<Refused>,
}

impl Report {
    fn lines(&self) -> u64 {
        self.added + self.changed + self.unchanged + self.refused
    }

    fn count(
        &mut self,
        item: &Item,
        became: Became,
        columns: &Columns,
        language: Language,
    ) -> Result<(), String> {
        let whys = match became {
            Became::Added => {
                self.added += 1;
                return Ok(());
            }
            Became::Changed => {
                self.changed += 1;
                return Ok(());
            }
            Became::Unchanged => {
                self.unchanged += 1;
                return Ok(());
            }
            Became::Refused(whys) => whys,
        };
        self.refused += 1;
        let texts: Vec<String> =
            whys.iter().map(|why| why.text(columns.count(), language)).collect();
        if self.told.len() >= TOLD_MAX {
            self.untold += 1;
        } else {
            for (why, text) in whys.iter().zip(&texts) {
                let mut about = vec![("line", item.line.to_string()), ("why", printable(text))];
                let key = match why.column() {
                    Some(column) => {
                        about.push(("column", printable(column)));
                        "import.line_column"
                    }
                    None => "import.line",
                };
                self.told.push(language.text(key, &about));
            }
        }
        match &mut self.refused_file {
            Some(file) => file.add(&item.raw, &texts.join(" ")),
            None => Ok(()),
        }
    }

    fn tell(&mut self, is_dry: bool, took: Duration, language: Language) -> Result<(), String> {
        if let Some(file) = &mut self.refused_file {
            file.finish()?;
        }
        let mut out = io::stdout().lock();
        // Whoever reads no further has seen enough.
        for line in &self.told {
            let _ = writeln!(out, "{line}");
        }
        if self.untold > 0 {
            let more = [("count", self.untold.to_string())];
            let _ = writeln!(out, "{}", language.text("import.more", &more));
        }
        let counts = [
            ("lines", self.lines().to_string()),
            ("seconds", format!("{:.1}", took.as_secs_f64())),
            ("added", self.added.to_string()),
            ("changed", self.changed.to_string()),
            ("unchanged", self.unchanged.to_string()),
            ("refused", self.refused.to_string()),
        ];
        let key = if is_dry { "import.report_dry" } else { "import.report" };
        let _ = writeln!(out, "{}", language.text(key, &counts));
        Ok(())
    }
}

/// The file that refused lines are written to, to be mended and imported again.
struct Refused {
    path: PathBuf,
    file: BufWriter<File>,
    delimiter: u8,
    /// Where what is wrong stands in the file that is imported, if it came from here.
    why: Option<usize>,
}

impl Refused {
    fn create(path: &Path, columns: &Columns, delimiter: u8) -> Result<Self, String> {
        let wrong = |error: io::Error| format!("{}: {error}", path.display());
        // For its owner's eyes only.
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let file = BufWriter::new(options.open(path).map_err(wrong)?);
        let mut made = Self { path: path.to_owned(), file, delimiter, why: columns.why() };
        let mut header = Vec::new();
        csv::write(&mut header, columns.with_why(), delimiter);
        made.write(&header)?;
        Ok(made)
    }

    /// As it stood there, with what is wrong in place of what was wrong before, or behind it.
    fn add(&mut self, raw: &[u8], why: &str) -> Result<(), String> {
        let mut line = Vec::new();
        match (self.why, csv::line(raw, self.delimiter)) {
            (Some(at), Some(mut cells)) if at < cells.len() => {
                why.clone_into(&mut cells[at]);
                csv::write(&mut line, cells, self.delimiter);
            }
            (Some(_), _) => line.extend_from_slice(raw),
            (None, _) => {
                let end = raw.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n'));
                line.extend_from_slice(&raw[..end.map_or(0, |end| end + 1)]);
                line.push(self.delimiter);
                csv::write(&mut line, [why], self.delimiter);
            }
        }
        self.write(&line)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.file.write_all(bytes).map_err(|error| format!("{}: {error}", self.path.display()))
    }

    fn finish(&mut self) -> Result<(), String> {
        self.file.flush().map_err(|error| format!("{}: {error}", self.path.display()))
    }
}

/// How far it is, on standard error.
struct Progress {
    size: Option<u64>,
    language: Language,
    is_drawn: bool,
    began: Instant,
    shown: Instant,
}

impl Progress {
    fn new(size: Option<u64>, language: Language) -> Self {
        let now = Instant::now();
        let is_drawn = io::stderr().is_terminal();
        Self { size, language, is_drawn, began: now, shown: now }
    }

    fn show(&mut self, lines: u64, bytes: u64) {
        let every = if self.is_drawn { DRAW_EVERY } else { TELL_EVERY };
        if self.shown.elapsed() < every {
            return;
        }
        self.shown = Instant::now();
        let seconds = self.began.elapsed().as_millis().max(1);
        let rate = u128::from(lines) * 1000 / seconds;
        let share = self.size.filter(|size| *size > 0).map(|size| (bytes * 100 / size).min(100));
        let about = [
            ("lines", lines.to_string()),
            ("rate", rate.to_string()),
            ("share", share.unwrap_or_default().to_string()),
        ];
        let key = if share.is_some() { "import.progress" } else { "import.progress_open" };
        let text = self.language.text(key, &about);
        if self.is_drawn {
            let bar = share.map(bar).unwrap_or_default();
            eprint!("\r\x1b[K{bar}{text}");
        } else {
            eprintln!("{text}");
        }
    }

    /// What is said next stands on a line of its own.
    fn end(&self) {
        if self.is_drawn {
            eprint!("\r\x1b[K");
        }
    }
}

/// `[######··············] `
fn bar(share: u64) -> String {
    const WIDTH: usize = 30;
    let done = usize::try_from(share).unwrap_or_default() * WIDTH / 100;
    format!("[{}{}] ", "#".repeat(done), "·".repeat(WIDTH - done.min(WIDTH)))
}

impl Export {
    pub fn run(self, config: &Config) -> Result<(), String> {
        if let Address::Sqlite(path) = &config.database {
            storage::existing(path)?;
        }
        let is_stdout = self.file == Path::new("-");
        let wrong = |error: io::Error| format!("{}: {error}", self.file.display());
        let out: Box<dyn Write> = if is_stdout {
            Box::new(io::stdout().lock())
        } else {
            // For its owner's eyes only.
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.file);
            Box::new(file.map_err(wrong)?)
        };
        let db = server::open_store(config, server::nobody_listens())?;
        let done = self.export(&db, BufWriter::new(out));
        db.close();
        if done.is_err() && !is_stdout {
            // Half of it is no export.
            let _ = fs::remove_file(&self.file);
        }
        done
    }

    fn export(&self, db: &Db, mut out: BufWriter<Box<dyn Write>>) -> Result<(), String> {
        let wrong = |error: io::Error| format!("{}: {error}", self.file.display());
        let store = Store::new(db)?;
        let fields = store.look(|tx| custom::list(tx, custom::OF_NO_GROUP))?;
        let export = Arc::new(export::Export { fields, has_numbers: self.numbers });
        let mut text = Vec::new();
        if self.bom {
            text.extend_from_slice("\u{feff}".as_bytes());
        }
        csv::write(&mut text, export.header(), self.delimiter);
        for of_companies in [true, false] {
            let mut after = Some(0);
            while let Some(from) = after {
                let of_page = Arc::clone(&export);
                let (lines, next) = store.look(move |tx| of_page.page(tx, of_companies, from))?;
                for line in lines {
                    csv::write(&mut text, line, self.delimiter);
                }
                out.write_all(&text).map_err(wrong)?;
                text.clear();
                after = next;
            }
        }
        out.flush().map_err(wrong)
    }
}

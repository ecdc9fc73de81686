//! Where diagnostics go: the journal under systemd, plain lines on standard error elsewhere. It never carries a key, a token or a
//! payload, and it is never evidence; the trail is.

use std::fmt::Write as _;
use std::io::Write as _;

use log::kv::{self, VisitSource};
use log::{LevelFilter, Log, Metadata, Record};

/// Starts logging for the whole program. A second call changes nothing.
pub fn start(identifier: &str) {
    if systemd_journal_logger::connected_to_journal()
        && let Ok(journal) = systemd_journal_logger::JournalLog::new()
        && journal
            .with_syslog_identifier(identifier.to_owned())
            .install()
            .is_ok()
    {
        log::set_max_level(LevelFilter::Info);
        return;
    }
    if log::set_logger(&PLAIN).is_ok() {
        log::set_max_level(LevelFilter::Info);
    }
}

static PLAIN: PlainLines = PlainLines;

/// One line an event: level, what happened, its fields.
struct PlainLines;

impl Log for PlainLines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Info
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let mut line = format!("{:<5} {}", record.level(), record.args());
        let mut fields = Fields { line: &mut line };
        let visited = record.key_values().visit(&mut fields);
        if visited.is_err() {
            line.push_str(" (a field could not be written)");
        }
        line.push('\n');
        // Standard error may be closed; there is nobody left to tell.
        drop(std::io::stderr().lock().write_all(line.as_bytes()));
    }

    fn flush(&self) {}
}

struct Fields<'a> {
    line: &'a mut String,
}

impl<'kvs> VisitSource<'kvs> for Fields<'_> {
    fn visit_pair(&mut self, key: kv::Key<'kvs>, value: kv::Value<'kvs>) -> Result<(), kv::Error> {
        write!(self.line, " {key}={value}")?;
        Ok(())
    }
}

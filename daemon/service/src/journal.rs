//! Where diagnostics go: the journal under systemd, plain lines on standard error elsewhere. It never carries a key, a token or a
//! payload, and it is never evidence; the trail is.

use std::fmt::Write as _;
use std::io::Write as _;

use cofferdam_hwprofile::code::message_id;
use log::kv::{self, Source, VisitSource};
use log::{LevelFilter, Log, Metadata, Record};

/// Starts logging for the whole program. A second call changes nothing.
pub fn start(identifier: &str) {
    if systemd_journal_logger::connected_to_journal()
        && let Ok(journal) = systemd_journal_logger::JournalLog::new()
        && log::set_boxed_logger(Box::new(Catalogued {
            journal: journal.with_syslog_identifier(identifier.to_owned()),
        }))
        .is_ok()
    {
        log::set_max_level(LevelFilter::Info);
        return;
    }
    if log::set_logger(&PLAIN).is_ok() {
        log::set_max_level(LevelFilter::Info);
    }
}

/// The journal, with the identifier under which its catalogue explains a code.
struct Catalogued {
    journal: systemd_journal_logger::JournalLog,
}

impl Log for Catalogued {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.journal.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        let fields = record.key_values();
        let Some(id) = identifier_of(fields) else {
            self.journal.log(record);
            return;
        };
        let named = Named { fields, id };
        self.journal
            .log(&record.to_builder().key_values(&named).build());
    }

    fn flush(&self) {
        self.journal.flush();
    }
}

/// The identifier of the code among the fields, if there is one.
fn identifier_of(fields: &dyn Source) -> Option<String> {
    let code = fields.get(kv::Key::from_str("code"))?;
    Some(message_id(&code.to_string()))
}

/// The fields of a record and the identifier of its code.
struct Named<'a> {
    fields: &'a dyn Source,
    id: String,
}

impl Source for Named<'_> {
    fn visit<'kvs>(&'kvs self, visitor: &mut dyn VisitSource<'kvs>) -> Result<(), kv::Error> {
        self.fields.visit(visitor)?;
        let id = kv::Value::from(self.id.as_str());
        visitor.visit_pair(kv::Key::from_str("MESSAGE_ID"), id)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_brings_the_identifier_under_which_the_catalogue_explains_it() {
        let fields: &[(&str, &str)] = &[("flow", "7"), ("code", "HW-211")];
        let id = identifier_of(&fields).expect("there is a code");
        let named = Named {
            fields: &fields,
            id: id.clone(),
        };
        let mut line = String::new();
        let visited = named.visit(&mut Fields { line: &mut line });
        assert!(visited.is_ok());
        assert_eq!(line, format!(" flow=7 code=HW-211 MESSAGE_ID={id}"));
        assert_eq!(
            id,
            cofferdam_hwprofile::Code::SharedChassis
                .entry()
                .message_id()
        );
    }

    #[test]
    fn a_record_without_a_code_has_no_identifier() {
        let fields: &[(&str, &str)] = &[("flow", "7")];
        assert_eq!(identifier_of(&fields), None);
    }
}

//! How an entry becomes a leaf: one line of JSON, a valid OCSF 1.8 event, hashed as it is stored.
//! The sequence stands first, so that everything after it can be written before the place of the
//! leaf is known. Refuses what may not stand in a leaf; never shortens it.

use std::io::Write as _;

use serde_json::Value;
use time::OffsetDateTime;

use crate::{Entry, Event, LEAF_LIMIT_BYTES, Status};

const HEAD: &[u8] = b"{\"metadata\":{\"sequence\":";
const LOG_NAME: &[u8] = b",\"log_name\":";
const EVENT: &[u8] = b",\"cofferdam\":{\"event\":\"";

/// The most decimal digits of a sequence.
const SEQUENCE_DIGITS: usize = 20;

/// The longest name of a field, in bytes.
const FIELD_NAME_LIMIT: usize = 64;

/// The words of the `cofferdam` object that are not the caller's to set.
const RESERVED: &[&str] = &["event", "phase", "zone", "node"];

/// What identifies a person directly and belongs into the sealed body, never into a leaf.
const PERSONAL: &[&str] = &[
    "email",
    "justification",
    "recipient_address",
    "recipient_name",
    "subject_id",
    "subject_name",
    "threat",
];

/// Why an entry cannot become a leaf. Names the field, never its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LeafError {
    /// The line would be longer than a leaf may be.
    #[error("the leaf would have {found} bytes; the limit is {LEAF_LIMIT_BYTES}")]
    TooLong {
        /// How long it would be.
        found: usize,
    },
    /// The name of a field is taken, empty, too long, or not made of plain characters.
    #[error("the field name {0:?} is taken, or not 1 to 64 of the characters a-z A-Z 0-9 _ - .")]
    FieldName(String),
    /// The field is for what identifies a person.
    #[error("the field {0:?} identifies a person and belongs into the sealed body")]
    Personal(String),
    /// The time lies beyond the year 9999.
    #[error("the time lies beyond the year 9999")]
    Time,
}

impl LeafError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "TR-301",
            Self::FieldName(_) => "TR-302",
            Self::Personal(_) => "TR-303",
            Self::Time => "TR-306",
        }
    }
}

/// What is the same in every leaf of one log, written once.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    after_sequence: Vec<u8>,
    after_phase: Vec<u8>,
}

impl Shape {
    pub(crate) fn new(origin: &str, zone: &str, node: &str, version: &str) -> Self {
        let text = |text: &str| Value::from(text).to_string();
        let after_sequence = format!(
            ",\"log_name\":{},\"product\":{{\"name\":\"cofferdam\",\"version\":{}}},\
             \"profiles\":[\"datetime\"],\"version\":\"1.8.0\"}}",
            text(origin),
            text(version)
        );
        let after_phase = format!("\",\"zone\":{},\"node\":{}", text(zone), text(node));
        Self {
            after_sequence: after_sequence.into_bytes(),
            after_phase: after_phase.into_bytes(),
        }
    }

    /// Everything of the line that follows the sequence.
    pub(crate) fn render(&self, entry: Entry, time_ms: u64) -> Result<Vec<u8>, LeafError> {
        let mut line = Vec::with_capacity(1024);
        line.extend_from_slice(&self.after_sequence);
        line.extend_from_slice(EVENT);
        line.extend_from_slice(entry.event.as_str().as_bytes());
        line.extend_from_slice(b"\",\"phase\":\"");
        line.extend_from_slice(entry.phase.as_str().as_bytes());
        line.extend_from_slice(&self.after_phase);
        let at = calendar(time_ms)?;
        let (event, status) = (entry.event, entry.status);
        for (name, value) in entry.fields {
            check_field(&name)?;
            line.extend_from_slice(b",\"");
            line.extend_from_slice(name.as_bytes());
            line.extend_from_slice(b"\":");
            write_value(&mut line, &value);
        }
        line.push(b'}');
        write_ocsf(&mut line, event, status, (time_ms, at));
        let found = HEAD
            .len()
            .saturating_add(SEQUENCE_DIGITS)
            .saturating_add(line.len());
        if found > LEAF_LIMIT_BYTES {
            Err(LeafError::TooLong { found })
        } else {
            Ok(line)
        }
    }
}

/// Appends the whole line, with its sequence, to `out`; says how long it is.
pub(crate) fn write_line(sequence: u64, rest: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(HEAD);
    let mut digits = [b'0'; SEQUENCE_DIGITS];
    let mut left = sequence;
    let mut used = 0_usize;
    for digit in digits.iter_mut().rev() {
        *digit = b'0'.wrapping_add(u8::try_from(left % 10).unwrap_or(0));
        left /= 10;
        used = used.saturating_add(1);
        if left == 0 {
            break;
        }
    }
    let skip = SEQUENCE_DIGITS.saturating_sub(used);
    out.extend_from_slice(digits.get(skip..).unwrap_or_default());
    out.extend_from_slice(rest);
}

fn write_value(line: &mut Vec<u8>, value: &Value) {
    serde_json::to_writer(line, value).expect("a JSON value is written to memory");
}

/// The part that OCSF defines: class, activity, severity, status and time.
fn write_ocsf(line: &mut Vec<u8>, event: Event, status: Status, time: (u64, OffsetDateTime)) {
    let (ocsf, (time_ms, at)) = (event.ocsf(), time);
    write!(
        line,
        ",\"class_uid\":{},\"activity_id\":{},\"category_uid\":{},\"type_uid\":{},\
         \"severity_id\":{},\"status\":\"{}\",\"status_id\":{},\"time\":{},\
         \"time_dt\":\"{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z\"}}",
        ocsf.class_uid,
        ocsf.activity_id,
        ocsf.category_uid(),
        ocsf.type_uid(),
        event.severity().ocsf_id(),
        status.as_str(),
        status.ocsf_id(),
        time_ms,
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second(),
        time_ms % 1000,
    )
    .expect("memory takes every write");
}

/// The second of a time, as long as its year has four digits.
fn calendar(time_ms: u64) -> Result<OffsetDateTime, LeafError> {
    let seconds = i64::try_from(time_ms / 1000).ok().ok_or(LeafError::Time)?;
    let at = OffsetDateTime::from_unix_timestamp(seconds)
        .ok()
        .ok_or(LeafError::Time)?;
    if at.year() > 9999 {
        Err(LeafError::Time)
    } else {
        Ok(at)
    }
}

fn check_field(name: &str) -> Result<(), LeafError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    let shaped = !name.is_empty() && name.len() <= FIELD_NAME_LIMIT && name.bytes().all(plain);
    if !shaped || RESERVED.contains(&name) {
        return Err(LeafError::FieldName(
            name.chars().take(FIELD_NAME_LIMIT).collect(),
        ));
    }
    if PERSONAL.contains(&name) {
        return Err(LeafError::Personal(name.to_owned()));
    }
    Ok(())
}

/// What a reader of many leaves needs of each: its sequence, whether it is of this log, its event.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    log_name: Vec<u8>,
}

/// What stands at the beginning of a leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Front<'a> {
    pub(crate) sequence: u64,
    pub(crate) event: &'a str,
}

impl Reader {
    pub(crate) fn new(origin: &str) -> Self {
        let mut log_name = LOG_NAME.to_vec();
        log_name.extend_from_slice(Value::from(origin).to_string().as_bytes());
        Self { log_name }
    }

    /// Reads the front of a leaf; `None` if it is no leaf of this log. Quotes inside a JSON text
    /// are escaped, so no text inside the leaf can pass for what is looked for here.
    pub(crate) fn front<'a>(&self, leaf: &'a [u8]) -> Option<Front<'a>> {
        let rest = leaf.strip_prefix(HEAD)?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (sequence, rest) = rest.split_at_checked(digits)?;
        let sequence = std::str::from_utf8(sequence).ok()?.parse().ok()?;
        let rest = rest.strip_prefix(self.log_name.as_slice())?;
        let at = rest
            .windows(EVENT.len())
            .position(|window| window == EVENT)?;
        let event = rest.get(at.saturating_add(EVENT.len())..)?;
        let end = event.iter().position(|byte| *byte == b'"')?;
        Some(Front {
            sequence,
            event: std::str::from_utf8(event.get(..end)?).ok()?,
        })
    }
}

#[cfg(test)]
mod tests;

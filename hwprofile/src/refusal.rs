//! One refusal: its code, what was read and where, the rule, the reason and the remedy.
//!
//! Owns the form in which every refusal of the house is shown, stored and sent. It must never hold
//! a secret or a whole serial number: whoever builds a refusal puts masked values in.

use std::fmt;

use serde_json::{Map, Value};

/// The most lines of one kind that a refusal taken from outside may carry.
const LINES_LIMIT: usize = 64;
/// The longest text of a refusal taken from outside, in bytes.
const TEXT_LIMIT: usize = 4096;

/// A refusal that tells a stranger what was seen, where, which rule speaks, and how to mend it.
///
/// `Display` prints the whole explanation over several lines, without a line end after the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The stable code, such as `HW-211`.
    pub code: String,
    /// One sentence: what is refused, and why it matters.
    pub consequence: String,
    /// What was read, each with its path.
    pub read: Vec<String>,
    /// What looked as if it mattered and does not, or what else was seen.
    pub also: Vec<String>,
    /// The rule that decides.
    pub rule: Option<RuleRef>,
    /// The reason that the rule gives for itself.
    pub why: Option<String>,
    /// What to do next.
    pub fix: String,
}

/// Where a rule stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleRef {
    /// The file, as the reader was told its name; empty for a rule that is compiled in.
    pub file: String,
    /// The line, counted from 1; 0 for a rule that is compiled in.
    pub line: usize,
    /// The rule as it is written, or `constitution` and its sentence.
    pub text: String,
}

impl RuleRef {
    /// A rule that stands in a file.
    pub fn new(file: impl Into<String>, line: usize, text: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            line,
            text: text.into(),
        }
    }

    /// A rule that is compiled in.
    pub fn compiled(text: impl Into<String>) -> Self {
        Self {
            file: String::new(),
            line: 0,
            text: text.into(),
        }
    }
}

impl fmt::Display for RuleRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            write!(f, "{}", one_line(&self.text))
        } else {
            write!(
                f,
                "{}:{}  {}",
                one_line(&self.file),
                self.line,
                one_line(&self.text)
            )
        }
    }
}

impl Refusal {
    /// A refusal with its three indispensable parts; the builder methods add the others.
    pub fn new(code: &str, consequence: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            consequence: consequence.into(),
            read: Vec::new(),
            also: Vec::new(),
            rule: None,
            why: None,
            fix: fix.into(),
        }
    }

    /// Adds one thing that was read, with its path.
    #[must_use]
    pub fn read(mut self, line: impl Into<String>) -> Self {
        self.read.push(line.into());
        self
    }

    /// Adds one thing that was seen beside it.
    #[must_use]
    pub fn also(mut self, line: impl Into<String>) -> Self {
        self.also.push(line.into());
        self
    }

    /// Names the rule that decides.
    #[must_use]
    pub fn rule(mut self, rule: RuleRef) -> Self {
        self.rule = Some(rule);
        self
    }

    /// Gives the reason of the rule.
    #[must_use]
    pub fn why(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    /// The refusal as JSON, every key always present.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let lines = |lines: &[String]| lines.iter().cloned().map(Value::String).collect::<Vec<_>>();
        let mut object = Map::new();
        object.insert("code".to_owned(), Value::from(self.code.as_str()));
        object.insert(
            "consequence".to_owned(),
            Value::from(self.consequence.as_str()),
        );
        object.insert("read".to_owned(), Value::Array(lines(&self.read)));
        object.insert("also".to_owned(), Value::Array(lines(&self.also)));
        let rule = self.rule.as_ref().map(|rule| {
            let mut object = Map::new();
            object.insert("file".to_owned(), Value::from(rule.file.as_str()));
            object.insert("line".to_owned(), Value::from(rule.line));
            object.insert("text".to_owned(), Value::from(rule.text.as_str()));
            Value::Object(object)
        });
        object.insert("rule".to_owned(), rule.unwrap_or(Value::Null));
        object.insert(
            "why".to_owned(),
            self.why.as_deref().map_or(Value::Null, Value::from),
        );
        object.insert("fix".to_owned(), Value::from(self.fix.as_str()));
        Value::Object(object)
    }

    /// Reads a refusal back. `None` when a part is missing, of another type, or beyond the bounds.
    #[must_use]
    pub fn from_json(value: &Value) -> Option<Self> {
        let object = value.as_object()?;
        let rule = match object.get("rule") {
            None | Some(Value::Null) => None,
            Some(rule) => Some(RuleRef {
                file: text(rule.get("file")?)?,
                line: usize::try_from(rule.get("line")?.as_u64()?).ok()?,
                text: text(rule.get("text")?)?,
            }),
        };
        let why = match object.get("why") {
            None | Some(Value::Null) => None,
            Some(why) => Some(text(why)?),
        };
        Some(Self {
            code: text(object.get("code")?)?,
            consequence: text(object.get("consequence")?)?,
            read: lines(object.get("read"))?,
            also: lines(object.get("also"))?,
            rule,
            why,
            fix: text(object.get("fix")?)?,
        })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} refused: {}",
            one_line(&self.code),
            one_line(&self.consequence)
        )?;
        for line in &self.read {
            write!(f, "\n  read      {}", one_line(line))?;
        }
        for line in &self.also {
            write!(f, "\n  also      {}", one_line(line))?;
        }
        if let Some(rule) = &self.rule {
            write!(f, "\n  rule      {rule}")?;
        }
        if let Some(why) = &self.why {
            write!(f, "\n  why       {}", one_line(why))?;
        }
        write!(f, "\n  fix       {}", one_line(&self.fix))?;
        write!(
            f,
            "\n  more      cofferctl explain {}",
            one_line(&self.code)
        )
    }
}

fn text(value: &Value) -> Option<String> {
    value
        .as_str()
        .filter(|text| text.len() <= TEXT_LIMIT)
        .map(str::to_owned)
}

fn lines(value: Option<&Value>) -> Option<Vec<String>> {
    match value {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::Array(items)) if items.len() <= LINES_LIMIT => items.iter().map(text).collect(),
        Some(_) => None,
    }
}

/// Keeps hostile text on its own line: a value read from a machine must not be able to write a
/// second refusal.
#[must_use]
pub fn one_line(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let (plain, escaped) = if c.is_control() || is_direction(c) {
                (None, Some(c.escape_unicode()))
            } else {
                (Some(c), None)
            };
            plain.into_iter().chain(escaped.into_iter().flatten())
        })
        .collect()
}

/// Unicode characters that reorder a line on the screen.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Refusal {
        Refusal::new(
            "HW-211",
            "intake1 is on the chassis of store1",
            "move one of them",
        )
        .read("/sys/class/dmi/id/chassis_serial = …0001")
        .also("the boards differ")
        .rule(RuleRef::new(
            "hwprofile.toml",
            42,
            "separate store, intake at chassis",
        ))
        .why("a front that may fall must not touch identifying files")
    }

    #[test]
    fn a_refusal_is_shown_in_the_order_that_a_reader_needs() {
        let expected = "HW-211 refused: intake1 is on the chassis of store1\n  \
            read      /sys/class/dmi/id/chassis_serial = …0001\n  \
            also      the boards differ\n  \
            rule      hwprofile.toml:42  separate store, intake at chassis\n  \
            why       a front that may fall must not touch identifying files\n  \
            fix       move one of them\n  \
            more      cofferctl explain HW-211";
        assert_eq!(sample().to_string(), expected);
    }

    #[test]
    fn a_compiled_rule_names_no_file() {
        let refusal =
            Refusal::new("HW-211", "no", "yes").rule(RuleRef::compiled("constitution: so"));
        assert!(
            refusal
                .to_string()
                .contains("\n  rule      constitution: so\n")
        );
    }

    #[test]
    fn a_refusal_survives_json() {
        assert_eq!(Refusal::from_json(&sample().to_json()), Some(sample()));
        let bare = Refusal::new("HW-100", "c", "f");
        assert_eq!(Refusal::from_json(&bare.to_json()), Some(bare));
    }

    #[test]
    fn a_refusal_with_a_missing_part_is_not_read() {
        for part in ["code", "consequence", "fix"] {
            let mut value = sample().to_json();
            value.as_object_mut().unwrap().remove(part);
            assert_eq!(Refusal::from_json(&value), None, "{part}");
        }
    }

    #[test]
    fn a_refusal_beyond_the_bounds_is_not_read() {
        let mut long = sample();
        long.read = vec!["x".to_owned(); LINES_LIMIT + 1];
        assert_eq!(Refusal::from_json(&long.to_json()), None);
        let mut wide = sample();
        wide.fix = "x".repeat(TEXT_LIMIT + 1);
        assert_eq!(Refusal::from_json(&wide.to_json()), None);
    }

    #[test]
    fn a_value_cannot_write_a_second_line() {
        let hostile = Refusal::new("HW-1", "a", "b").read("x\n  fix       do nothing\u{202e}");
        let shown = hostile.to_string();
        assert_eq!(shown.lines().count(), 4);
        assert!(!shown.contains('\u{202e}'));
    }
}

//! What every command comes to. The first line is the verdict, in words an auditor would use; the body is for people, the JSON for
//! programs, the exit code for both.

use std::io::{IsTerminal as _, Write as _};

use cofferdam_hwprofile::Refusal;
use cofferdam_hwprofile::refusal::one_line;
use cofferdam_node::Exit;
use serde_json::{Value, json};

/// For whom is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A person.
    Text,
    /// A program.
    Json,
}

impl Format {
    /// From the flag.
    #[must_use]
    #[expect(
        clippy::fn_params_excessive_bools,
        reason = "it turns the flag into a word, once"
    )]
    pub fn of(json: bool) -> Self {
        if json { Self::Json } else { Self::Text }
    }
}

/// What standard output belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carries {
    /// The verdict.
    Verdict,
    /// The data itself: whatever is said of it, well or ill, goes to standard error.
    Data,
}

/// Whether a person is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Voice {
    /// Yes.
    Aloud,
    /// The data speaks for itself; only a program that asked for JSON gets the line.
    Silent,
}

/// A command that came to a verdict.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    voice: Voice,
    line: String,
    body: String,
    value: Value,
    exit: Exit,
}

impl Verdict {
    /// Yes.
    pub fn yes(line: impl Into<String>) -> Self {
        Self {
            voice: Voice::Aloud,
            line: line.into(),
            body: String::new(),
            value: json!({}),
            exit: Exit::Ok,
        }
    }

    /// No, with the code it ends in.
    pub fn no(line: impl Into<String>, exit: Exit) -> Self {
        Self {
            voice: Voice::Aloud,
            line: line.into(),
            body: String::new(),
            value: json!({}),
            exit,
        }
    }

    /// A command whose output is the data itself, already written. Nothing of it ever goes to standard output.
    pub fn silent(line: impl Into<String>) -> Self {
        Self {
            voice: Voice::Silent,
            ..Self::yes(line)
        }
    }

    /// Adds the text below the verdict.
    pub fn body(mut self, body: impl Into<String>) -> Self {
        self.body = body.into();
        self
    }

    /// Adds what a program reads.
    pub fn value(mut self, value: Value) -> Self {
        self.value = value;
        self
    }

    /// The code it ends in.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.exit
    }
}

/// A command that could not come to a verdict, or came to a no with reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// At least one, the first is the reason for the code.
    pub refusals: Vec<Refusal>,
    /// The code it ends in.
    pub exit: Exit,
}

impl Failure {
    /// A failure for one reason.
    #[must_use]
    pub fn new(exit: Exit, refusal: Refusal) -> Self {
        Self {
            refusals: vec![refusal],
            exit,
        }
    }

    /// The same, each reason with where it was seen.
    #[must_use]
    pub fn seen_in(self, place: &str) -> Self {
        let refusals = self.refusals.into_iter();
        Self {
            refusals: refusals.map(|refusal| refusal.read(place)).collect(),
            ..self
        }
    }

    /// A failure for several.
    #[must_use]
    pub fn all(exit: Exit, refusals: Vec<Refusal>) -> Self {
        Self { refusals, exit }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::new(Exit::Policy, refusal)
    }
}

/// What a command returns.
pub type Outcome = Result<Verdict, Failure>;

/// Where an outcome is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Output,
    Error,
}

/// Prints an outcome and returns the code to end in.
#[must_use]
pub fn print(outcome: &Outcome, format: Format, carries: Carries) -> Exit {
    let exit = match outcome {
        Ok(verdict) => verdict.exit,
        Err(failure) => failure.exit,
    };
    let text = match format {
        Format::Json => json_text(outcome),
        Format::Text => plain_text(outcome),
    };
    let bytes = text.as_bytes();
    match place(outcome, format, carries) {
        Place::Output => match std::io::stdout().lock().write_all(bytes) {
            Ok(()) => exit,
            // The reader went away (a closed pipe); what was asked is done, but nobody saw it.
            Err(_closed) => Exit::TryAgain,
        },
        Place::Error => {
            // Where nobody listens, the code still says it.
            drop(std::io::stderr().lock().write_all(bytes));
            exit
        }
    }
}

fn place(outcome: &Outcome, format: Format, carries: Carries) -> Place {
    match (outcome, format, carries) {
        (_, _, Carries::Data) | (Err(_), Format::Text, Carries::Verdict) => Place::Error,
        (Ok(verdict), _, Carries::Verdict) if verdict.voice == Voice::Silent => Place::Error,
        (Ok(_), _, Carries::Verdict) | (Err(_), Format::Json, Carries::Verdict) => Place::Output,
    }
}

fn plain_text(outcome: &Outcome) -> String {
    match outcome {
        Ok(verdict) if verdict.voice == Voice::Silent => String::new(),
        Ok(verdict) if verdict.body.is_empty() => format!("{}\n", one_line(&verdict.line)),
        Ok(verdict) => format!("{}\n{}\n", one_line(&verdict.line), verdict.body.trim_end()),
        Err(failure) => failure
            .refusals
            .iter()
            .map(|refusal| format!("{refusal}\n"))
            .collect::<Vec<_>>()
            .concat(),
    }
}

fn json_text(outcome: &Outcome) -> String {
    let value = match outcome {
        // Written piece by piece, because the facts of a large machine are not worth a copy.
        Ok(verdict) => {
            let line = Value::from(verdict.line.as_str());
            let (exit, result) = (verdict.exit.number(), &verdict.value);
            return format!("{{\"verdict\":{line},\"exit\":{exit},\"result\":{result}}}\n");
        }
        Err(failure) => json!({
            "verdict": failure.refusals.first().map(|refusal| refusal.consequence.clone()),
            "exit": failure.exit.number(),
            "refusals": failure.refusals.iter().map(Refusal::to_json).collect::<Vec<_>>(),
        }),
    };
    format!("{value}\n")
}

/// A refusal that only warns, with its code and its remedy.
#[must_use]
pub fn warning(refusal: &Refusal) -> String {
    let told = refusal.to_string();
    let refused = format!("{} refused: ", refusal.code);
    match told.strip_prefix(&refused) {
        Some(rest) => format!("{} warning: {rest}", refusal.code),
        None => told,
    }
}

/// The end of a verdict's line where it came with warnings.
#[must_use]
pub fn with_warnings(count: usize) -> String {
    match count {
        0 => String::new(),
        1 => ", with 1 warning".to_owned(),
        many => format!(", with {many} warnings"),
    }
}

/// Whether a person looks at standard output.
#[must_use]
pub fn on_a_terminal() -> bool {
    std::io::stdout().is_terminal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_the_verdict_and_the_body_follows() {
        let outcome = Ok(Verdict::yes("verified: 7 leaves").body("a\nb\n"));
        assert_eq!(plain_text(&outcome), "verified: 7 leaves\na\nb\n");
    }

    #[test]
    fn a_silent_verdict_and_whatever_is_said_of_data_keep_away_from_standard_output() {
        let silent = Ok(Verdict::silent("sealed: 3 bytes"));
        assert_eq!(plain_text(&silent), "");
        let refusal = Refusal::new("CL-050", "nothing was opened", "name another");
        let failure = Err(Failure::new(Exit::Data, refusal));
        let told = Ok(Verdict::yes("opened: 1 cells"));
        for format in [Format::Text, Format::Json] {
            assert_eq!(place(&silent, format, Carries::Verdict), Place::Error);
            for outcome in [&silent, &failure, &told] {
                assert_eq!(place(outcome, format, Carries::Data), Place::Error);
            }
        }
        assert_eq!(
            place(&failure, Format::Json, Carries::Verdict),
            Place::Output
        );
        let value: Value = serde_json::from_str(&json_text(&silent)).expect("JSON");
        assert_eq!(value["verdict"], "sealed: 3 bytes");
    }

    #[test]
    fn a_warning_is_not_called_a_refusal() {
        let refusal = Refusal::new("RK-053", "it topples", "move it");
        assert!(warning(&refusal).starts_with("RK-053 warning: it topples\n"));
    }

    #[test]
    fn a_failure_in_json_carries_every_refusal_and_the_code() {
        let refusal = Refusal::new("CL-001", "nothing was read", "name a file");
        let text = json_text(&Err(Failure::new(Exit::Data, refusal)));
        let value: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(value["exit"], 65);
        assert_eq!(value["refusals"][0]["code"], "CL-001");
    }
}

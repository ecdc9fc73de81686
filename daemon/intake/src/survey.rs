//! A survey's shape: its JSON Schema, read once at start. It resolves no reference outside the file and repeats no answer.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use cofferdam_hwprofile::Refusal;
use jsonschema::Validator;
use serde_json::{Map, Value};

use crate::refusal::NotTaken;

/// The largest schema file.
const SCHEMA_LIMIT_BYTES: u64 = 1 << 20;

/// The rule for answers to one survey.
#[derive(Debug)]
pub struct Survey {
    validator: Validator,
}

/// Why a survey's schema cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("failed to use the survey's schema {}: {what}", .path.display())]
pub struct SurveyError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub what: String,
}

impl SurveyError {
    /// What a person reads.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        Refusal::new(
            "IN-002",
            "a survey has no usable schema, so intake does not start",
            "put its JSON Schema (2020-12, without outside references) where the path says",
        )
        .read(format!("{}: {}", self.path.display(), self.what))
    }
}

impl Survey {
    /// Reads the schema at `path`.
    ///
    /// # Errors
    /// It is missing, too large, not JSON, or not a schema.
    pub fn read(path: &Path) -> Result<Self, SurveyError> {
        let failed = |what: String| SurveyError {
            path: path.to_owned(),
            what,
        };
        let mut text = String::new();
        std::fs::File::open(path)
            .and_then(|file| file.take(SCHEMA_LIMIT_BYTES).read_to_string(&mut text))
            .map_err(|error| failed(error.to_string()))?;
        let schema: Value =
            serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
        let validator =
            jsonschema::validator_for(&schema).map_err(|error| failed(error.to_string()))?;
        Ok(Self { validator })
    }

    /// Checks one answer.
    ///
    /// # Errors
    /// The first place where it breaks the schema, as a JSON pointer, and which rule.
    pub fn check(&self, record: usize, content: &Map<String, Value>) -> Result<(), NotTaken> {
        let answer = Value::Object(content.clone());
        match self.validator.iter_errors(&answer).next() {
            None => Ok(()),
            Some(error) => {
                let pointer = error.instance_path().to_string();
                let rule = error.schema_path().to_string();
                let rule = rule.rsplit('/').next().unwrap_or_default().to_owned();
                Err(NotTaken::wrong_shape(record, &pointer, &rule))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn survey(schema: &Value) -> Result<Survey, SurveyError> {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("climate.json");
        std::fs::write(&path, schema.to_string()).expect("written");
        Survey::read(&path)
    }

    fn climate() -> Survey {
        survey(&json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["school", "q1"],
            "properties": {
                "school": {"type": "string"},
                "q1": {"type": "integer", "minimum": 1, "maximum": 5}
            }
        }))
        .expect("a schema")
    }

    fn check(answer: &Value) -> Result<(), NotTaken> {
        climate().check(3, answer.as_object().expect("an object"))
    }

    #[test]
    fn an_answer_of_the_right_shape_is_taken() {
        assert_eq!(check(&json!({"school": "Elm", "q1": 5})), Ok(()));
    }

    #[test]
    fn a_wrong_value_is_named_by_pointer_and_not_repeated() {
        let refused = check(&json!({"school": "Elm", "q1": 77})).expect_err("refused");
        assert_eq!(refused.status, 422);
        let text = refused.refusal.to_string();
        assert!(
            text.contains("record 3, at /q1") && text.contains("maximum"),
            "{text}"
        );
        assert!(!text.contains("77"), "{text}");
    }

    #[test]
    fn a_missing_and_an_additional_field_are_refused() {
        assert!(check(&json!({"school": "Elm"})).is_err());
        assert!(check(&json!({"school": "Elm", "q1": 1, "ssn": "1"})).is_err());
    }

    #[test]
    fn what_is_no_schema_is_refused_at_start() {
        assert!(survey(&json!({"type": "no such type"})).is_err());
        assert!(Survey::read(Path::new("/nowhere/climate.json")).is_err());
    }

    #[test]
    fn a_reference_to_another_place_is_refused() {
        assert!(survey(&json!({"$ref": "https://example.org/schema.json"})).is_err());
        assert!(survey(&json!({"$ref": "file:///etc/passwd"})).is_err());
    }
}

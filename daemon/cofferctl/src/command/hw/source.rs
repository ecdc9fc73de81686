//! Where evidence comes from: a machine below a directory, or a file or pipe with what `hw facts --json` wrote. A file keeps the grade
//! that it was written with. Must never take what holds no facts for a machine that has none.

use std::path::Path;

use cofferdam_hwprofile::inventory::INVENTORY_VERSION;
use cofferdam_hwprofile::{Evidence, Grade, Inventory, Policy, Refusal};
use cofferdam_node::Exit;
use serde_json::Value;

use super::super::document::{self, Behind, FACTS_LIMIT_BYTES};
use super::gaps::{self, Unread};
use crate::verdict::Failure;

/// What a name stands for.
enum Source {
    /// A machine to be read below it.
    Machine,
    /// What was read of one.
    Document(Value),
}

/// The evidence of a directory or of a document, and what could not be read of it.
pub(super) fn evidence_of(policy: &Policy, path: &Path) -> Result<(Evidence, Unread), Failure> {
    match Source::of(path)? {
        Source::Document(value) => {
            let evidence = Evidence::from_json(&value).map_err(|error| {
                let refusal = error.refusal().read(path.display().to_string());
                Failure::new(Exit::Data, refusal)
            })?;
            Ok((evidence, gaps::told(&value)))
        }
        Source::Machine => {
            let inventory = Inventory::read(path);
            let unread = gaps::told(&inventory.to_json());
            let evidence = Evidence::of(&inventory, policy.site(), grade_of(path));
            Ok((evidence, unread))
        }
    }
}

/// The facts of a directory or of a document.
pub(super) fn facts_of(path: &Path) -> Result<Value, Failure> {
    match Source::of(path)? {
        Source::Machine => Ok(Inventory::read(path).to_json()),
        Source::Document(value) if holds_facts(&value) => Ok(value),
        Source::Document(_other) => Err(unread(path, &"it holds neither facts nor evidence")),
    }
}

/// A directory to be read as a machine; whether it shows anything is for the reading to say.
pub(crate) fn machine(path: &Path) -> Result<&Path, Failure> {
    let metadata = path.metadata().map_err(|error| unread(path, &error))?;
    if metadata.is_dir() {
        Ok(path)
    } else {
        Err(unread(path, &"it is no directory"))
    }
}

impl Source {
    fn of(path: &Path) -> Result<Self, Failure> {
        let metadata = path.metadata().map_err(|error| unread(path, &error))?;
        if metadata.is_dir() {
            return Ok(Self::Machine);
        }
        let text = document::read(path, Behind::FileOrPipe, FACTS_LIMIT_BYTES)
            .map_err(|error| unread(path, &error))?;
        let value: Value = serde_json::from_str(&text).map_err(|error| unread(path, &error))?;
        // Of the output of `--json`, its result.
        let result = value.get("result").cloned();
        Ok(Self::Document(result.unwrap_or(value)))
    }
}

/// An inventory of the version that is read here, or evidence.
fn holds_facts(value: &Value) -> bool {
    let version = value.get("version").and_then(Value::as_u64);
    let is_inventory =
        version == Some(INVENTORY_VERSION) && value.get("dmi").is_some_and(Value::is_object);
    is_inventory || Evidence::from_json(value).is_ok()
}

fn unread(path: &Path, seen: &dyn std::fmt::Display) -> Failure {
    let refusal = Refusal::new(
        "CL-045",
        "no facts can be read there, so nothing is judged or compared",
        "name a file that `cofferctl hw facts --json` wrote, or a directory with the root of a machine",
    );
    Failure::new(
        Exit::Data,
        refusal.read(format!("{}: {seen}", path.display())),
    )
}

/// What is read elsewhere than at the root is a capture, and proves nothing about this machine.
pub(crate) fn grade_of(sysroot: &Path) -> Grade {
    if sysroot == Path::new("/") {
        Grade::E1Asserted
    } else {
        Grade::E0Simulated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_root_itself_says_something_of_this_machine() {
        assert_eq!(grade_of(Path::new("/")), Grade::E1Asserted);
        for other in ["/tmp", "", ".", "/..", "capture"] {
            assert_eq!(grade_of(Path::new(other)), Grade::E0Simulated, "{other}");
        }
    }
}

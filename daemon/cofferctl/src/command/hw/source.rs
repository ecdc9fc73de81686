//! Where evidence comes from: a machine below a directory, or a file that `hw facts --evidence`
//! wrote. A file keeps the grade that it was written with.

use std::io::Read as _;
use std::path::Path;

use cofferdam_hwprofile::{Evidence, Grade, Inventory, Policy, Refusal};
use cofferdam_node::Exit;
use serde_json::Value;

use super::gaps::{self, Unread};
use crate::verdict::Failure;

/// The largest file of facts that is read, in bytes.
const FILE_LIMIT_BYTES: u64 = 16 * 1024 * 1024;

/// The evidence of a directory or of a file, and what could not be read of it.
pub(super) fn evidence_of(policy: &Policy, path: &Path) -> Result<(Evidence, Unread), Failure> {
    if path.is_file() {
        let value = document(path)?;
        let evidence = Evidence::from_json(&value).map_err(|error| {
            let refusal = error.refusal().read(path.display().to_string());
            Failure::new(Exit::Data, refusal)
        })?;
        return Ok((evidence, gaps::told(&value)));
    }
    let inventory = Inventory::read(path);
    let unread = gaps::told(&inventory.to_json());
    let evidence = Evidence::of(&inventory, policy.site(), grade_of(path));
    Ok((evidence, unread))
}

/// The facts of a directory or of a file.
pub(super) fn facts_of(path: &Path) -> Result<Value, Failure> {
    if path.is_file() {
        document(path)
    } else {
        Ok(Inventory::read(path).to_json())
    }
}

/// One JSON document; of the output of `--json`, its result.
fn document(path: &Path) -> Result<Value, Failure> {
    let unread = |seen: &dyn std::fmt::Display| {
        let refusal = Refusal::new(
            "CL-045",
            "a file of facts cannot be read, so nothing is compared",
            "name a file that `cofferctl hw facts --json` wrote, or a directory",
        );
        Failure::new(
            Exit::Data,
            refusal.read(format!("{}: {seen}", path.display())),
        )
    };
    let file = std::fs::File::open(path).map_err(|error| unread(&error))?;
    let mut text = String::new();
    let mut bounded = file.take(FILE_LIMIT_BYTES + 1);
    let read = bounded
        .read_to_string(&mut text)
        .map_err(|error| unread(&error))?;
    if u64::try_from(read).is_ok_and(|read| read > FILE_LIMIT_BYTES) {
        return Err(unread(&"it is longer than any capture"));
    }
    let value: Value = serde_json::from_str(&text).map_err(|error| unread(&error))?;
    Ok(value.get("result").cloned().unwrap_or(value))
}

/// What is read elsewhere than at the root is a capture, and proves nothing about this machine.
pub(crate) fn grade_of(sysroot: &Path) -> Grade {
    if sysroot == Path::new("/") {
        Grade::E1Asserted
    } else {
        Grade::E0Simulated
    }
}

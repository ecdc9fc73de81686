//! What the kernel can use of the memory. It is less than what is fitted: firmware keeps a part.

use crate::fact::{Fact, Reading};
use crate::sysroot::{Sysroot, TEXT_LIMIT};

const PATH: &str = "/proc/meminfo";

pub(super) fn read(sysroot: &Sysroot) -> Reading<u64> {
    let text = sysroot.text_within(PATH, TEXT_LIMIT);
    text.and_then(|text| total(&text)).at(PATH)
}

/// The total in bytes: of the machine, or of one NUMA node, whose lines name the node first.
pub(super) fn total(text: &str) -> Fact<u64> {
    let rest = text
        .lines()
        .find_map(|line| line.split_once("MemTotal:").map(|(_, rest)| rest));
    let kibibytes = rest
        .and_then(|rest| rest.trim().strip_suffix("kB"))
        .and_then(|digits| digits.trim().parse::<u64>().ok());
    match kibibytes.and_then(|kibibytes| kibibytes.checked_mul(1024)) {
        Some(bytes) => Fact::Value(bytes),
        None => Fact::Unsupported("it has no MemTotal in kB".to_owned()),
    }
}

//! The version of the TPM. A software TPM looks the same: this file must never claim that one is
//! real.

use crate::fact::{Fact, Reading};
use crate::sysroot::Sysroot;
use crate::vocabulary;
use crate::wire::wire_word;

const DIRECTORY: &str = "/sys/class/tpm";
const VERSION: &str = "/sys/class/tpm/tpm0/tpm_version_major";

vocabulary! {
    /// The version of a TPM.
    pub enum TpmVersion {
        /// 1.2.
        OneTwo = "1.2",
        /// 2.0.
        Two = "2.0",
    }
}
wire_word!(TpmVersion);

pub(super) fn read(sysroot: &Sysroot) -> Reading<TpmVersion> {
    let fact = match sysroot.list(DIRECTORY).known() {
        Ok(names) if names.is_empty() => Fact::Absent,
        Ok(_) => sysroot
            .text(VERSION)
            .or_else(|| Fact::Unsupported("the kernel does not tell the version".to_owned()))
            .and_then(|text| version(&text)),
        Err(gap) => gap.into(),
    };
    fact.at(VERSION)
}

/// The major version, as the kernel writes it.
pub(super) fn version(text: &str) -> Fact<TpmVersion> {
    match text.trim() {
        "2" => Fact::Value(TpmVersion::Two),
        "1" => Fact::Value(TpmVersion::OneTwo),
        _ => Fact::Unsupported("it is neither 1 nor 2".to_owned()),
    }
}

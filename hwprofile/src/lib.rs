//! Facts about hardware, the policy over them, and the verdict whether two zones are separate.
//!
//! Pure but for [`Inventory::read`], which reads files below one directory and, where that is the
//! machine's own root, asks the processor and the kernel as well. No network, no clock, no
//! randomness, no environment. What cannot be read is never guessed, and what cannot be proven
//! refuses.
//!
//! The code map, in reading order:
//!
//! - [`code`]: every refusal this crate can emit, with its meaning and its remedy.
//! - [`refusal`]: one refusal, told so that a stranger can mend it.
//! - [`name`]: the names of zones and nodes.
//! - [`mod@vocabulary`]: closed lists of words, and the macro that writes them.
//! - [`zone`]: what a zone is: kind, exposure, data, and why it stands alone.
//! - [`grade`]: how much a piece of evidence is worth.
//! - [`domain`]: what two nodes can share, and which family of witnesses speaks about it.
//! - [`fact`]: one thing read, in five states, with its path.
//! - [`sysroot`]: bounded reads below a directory that no link can leave.
//! - [`smbios`]: the firmware's own table, walked within its bytes.
//! - [`netlink`]: what the kernel tells of its network links.
//! - [`tpm`]: what a TPM is asked, and how its endorsement keys are named.
//! - [`placeholder`], [`identifier`], [`uuid`]: what names a machine, and what only seems to.
//! - [`inventory`]: all facts of one machine.
//! - [`identity`]: the witnesses among the facts, derived ones counted once.
//! - [`evidence`]: what travels to the keeper: tokens instead of serial numbers.
//! - [`policy`]: `hwprofile.toml`, closed and checked whole.
//! - [`constitution`]: the rule that no policy can remove.
//! - [`verdict`]: policy and evidence in, verdict out.
//! - [`drift`]: what happens to hardware after it was judged, and what must follow.
#![forbid(unsafe_code)]

pub mod code;
pub mod constitution;
pub mod domain;
pub mod drift;
pub mod evidence;
pub mod fact;
pub mod grade;
pub mod identifier;
pub mod identity;
pub mod inventory;
pub mod name;
pub mod netlink;
pub mod placeholder;
pub mod policy;
pub mod refusal;
pub mod smbios;
pub mod sysroot;
pub mod tpm;
pub mod uuid;
pub mod verdict;
pub mod vocabulary;
mod wire;
pub mod zone;

pub use code::{CODES, Code, CodeEntry};
pub use domain::{Domain, Family};
pub use evidence::{Evidence, EvidenceError, Token};
pub use fact::{Fact, Gap, Reading};
pub use grade::Grade;
pub use inventory::Inventory;
pub use name::{NameError, NodeName, ZoneName};
pub use policy::{
    KeyPin, Mode, Needs, NodeRule, OnUnproven, Pins, Platform, Policy, PolicyFaults, Separation,
    ZoneRule,
};
pub use refusal::{Refusal, RuleRef};
pub use verdict::{
    Finding, Judgement, Met, NodeVerdict, PairReport, PairVerdict, Scope, judge_node, judge_pair,
    report_pair,
};
pub use zone::{Because, DataClass, Exposure, ZoneKind};

#[cfg(test)]
mod tests;

//! How the machine was started: the boot identifier, secure boot, and how far the kernel is locked
//! down.
//!
//! A file system that is not mounted makes a fact unreadable, never "off".

use serde_json::Value;

use crate::fact::{Fact, Gap, Reading};
use crate::identifier::Identifier;
use crate::sysroot::Sysroot;
use crate::vocabulary;
use crate::wire::{ToWire, object, wire_word};

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
const EFI: &str = "/sys/firmware/efi";
const EFI_VARIABLES: &str = "/sys/firmware/efi/efivars";
const SECURE_BOOT: &str =
    "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
const SETUP_MODE: &str = "/sys/firmware/efi/efivars/SetupMode-8be4df61-93ca-11d2-aa0d-00e098032b8c";
const SECURITY: &str = "/sys/kernel/security";
const LOCKDOWN: &str = "/sys/kernel/security/lockdown";
/// The error number of the operating system for a file that is not there.
const ENOENT: i32 = 2;

/// How the machine was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boot {
    /// The kernel's own identifier of this start.
    pub boot_id: Reading<Identifier>,
    /// Whether the firmware checks what it starts.
    pub secure_boot: Reading<SecureBoot>,
    /// How far the kernel is locked down.
    pub lockdown: Reading<Lockdown>,
}

vocabulary! {
    /// Whether the firmware checks what it starts.
    pub enum SecureBoot {
        /// It does.
        On = "on",
        /// It does not.
        Off = "off",
        /// Its keys can be changed by anybody, so it may as well not.
        SetupMode = "setup-mode",
    }
}

vocabulary! {
    /// How far the kernel is locked down. Later variants lock more.
    pub enum Lockdown {
        /// Not at all.
        None = "none",
        /// Root cannot change the running kernel.
        Integrity = "integrity",
        /// Root cannot read the kernel's memory either.
        Confidentiality = "confidentiality",
    }
}
wire_word!(SecureBoot, Lockdown);

impl Boot {
    pub(crate) fn read(sysroot: &Sysroot) -> Self {
        let boot_id = sysroot
            .text(BOOT_ID)
            .and_then(|text| Identifier::read(&text));
        Self {
            boot_id: boot_id.at(BOOT_ID),
            secure_boot: secure_boot(sysroot).at(SECURE_BOOT),
            lockdown: lockdown(sysroot).at(LOCKDOWN),
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        object([
            ("boot_id", self.boot_id.to_value()),
            ("secure_boot", self.secure_boot.to_value()),
            ("lockdown", self.lockdown.to_value()),
        ])
    }
}

fn secure_boot(sysroot: &Sysroot) -> Fact<SecureBoot> {
    if !sysroot.exists(EFI) {
        return Fact::Absent;
    }
    if !is_mounted(sysroot, EFI_VARIABLES) {
        return Fact::Unreadable(ENOENT);
    }
    let enabled = sysroot.bytes(SECURE_BOOT).and_then(|bytes| flag(&bytes));
    let setup = sysroot.bytes(SETUP_MODE).and_then(|bytes| flag(&bytes));
    match (enabled.known(), setup.known()) {
        (Ok(Flag::Set), Ok(Flag::Clear) | Err(Gap::Absent)) => Fact::Value(SecureBoot::On),
        (Ok(Flag::Clear), _) => Fact::Value(SecureBoot::Off),
        (_, Ok(Flag::Set)) => Fact::Value(SecureBoot::SetupMode),
        (Ok(Flag::Set), Err(gap)) | (Err(gap), _) => gap.into(),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Flag {
    Set,
    Clear,
}

/// A firmware variable of one byte, after four bytes of attributes.
pub(super) fn flag(bytes: &[u8]) -> Fact<Flag> {
    match bytes {
        [_, _, _, _, 0] => Fact::Value(Flag::Clear),
        [_, _, _, _, 1] => Fact::Value(Flag::Set),
        _ => Fact::Unsupported("it is not four attribute bytes and a 0 or a 1".to_owned()),
    }
}

fn lockdown(sysroot: &Sysroot) -> Fact<Lockdown> {
    if !is_mounted(sysroot, SECURITY) {
        return Fact::Unreadable(ENOENT);
    }
    sysroot.text(LOCKDOWN).and_then(|text| chosen(&text))
}

/// The word in brackets: `none [integrity] confidentiality`.
pub(super) fn chosen(text: &str) -> Fact<Lockdown> {
    let chosen = text.split_whitespace().find_map(|word| {
        word.strip_prefix('[')
            .and_then(|word| word.strip_suffix(']'))
    });
    match chosen.and_then(|word| word.parse().ok()) {
        Some(lockdown) => Fact::Value(lockdown),
        None => Fact::Unsupported("no known word stands in brackets".to_owned()),
    }
}

/// Whether a file system that always holds something holds something.
fn is_mounted(sysroot: &Sysroot, directory: &str) -> bool {
    sysroot
        .list(directory)
        .value()
        .is_some_and(|names| !names.is_empty())
}

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
/// Where the first loader says that it was told to check nothing: the copy for the running system
/// that it makes, and its own.
const VALIDATION_OFF: [&str; 2] = [
    "/sys/firmware/efi/efivars/MokSBStateRT-605dab50-e046-4300-abb6-3dd810dd8b23",
    "/sys/firmware/efi/efivars/MokSBState-605dab50-e046-4300-abb6-3dd810dd8b23",
];
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
        /// It does, and the loader that it starts was told to check nothing.
        Unvalidated = "unvalidated",
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
            secure_boot: secure_boot(sysroot),
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

/// What the firmware says, and then what the first loader says: it may start anything all the same.
fn secure_boot(sysroot: &Sysroot) -> Reading<SecureBoot> {
    let told = by_firmware(sysroot);
    if told != Fact::Value(SecureBoot::On) {
        return told.at(SECURE_BOOT);
    }
    for path in VALIDATION_OFF {
        match sysroot.bytes(path).and_then(|bytes| flag(&bytes)).known() {
            Ok(Flag::Clear) | Err(Gap::Absent) => {}
            Ok(Flag::Set) => return Fact::Value(SecureBoot::Unvalidated).at(path),
            Err(gap) => return Fact::from(gap).at(path),
        }
    }
    Fact::Value(SecureBoot::On).at(SECURE_BOOT)
}

fn by_firmware(sysroot: &Sysroot) -> Fact<SecureBoot> {
    match sysroot.exists(EFI) {
        Ok(true) => {}
        Ok(false) => return Fact::Absent,
        Err(gap) => return gap.into(),
    }
    if let Err(gap) = mounted(sysroot, EFI_VARIABLES) {
        return gap.into();
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
    if let Err(gap) = mounted(sysroot, SECURITY) {
        return gap.into();
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

/// Whether a file system that always holds something holds something. One that is empty or not
/// there is not mounted, and what may not be listed says so itself.
fn mounted(sysroot: &Sysroot, directory: &str) -> Result<(), Gap> {
    match sysroot.list(directory).known() {
        Ok(names) if names.is_empty() => Err(Gap::Unreadable(ENOENT)),
        Ok(_) => Ok(()),
        Err(Gap::Absent) => Err(Gap::Unreadable(ENOENT)),
        Err(gap) => Err(gap),
    }
}

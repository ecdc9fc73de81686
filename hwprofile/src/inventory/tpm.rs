//! The TPM: its version, who made it, and its endorsement keys. A software TPM looks the same: this
//! file must never claim that one is real.

mod memory;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileTypeExt as _;

use serde_json::Value;

use crate::fact::{Fact, Gap, Reading};
use crate::inventory::live::{Devices, Live};
use crate::sysroot::Sysroot;
use crate::tpm::{AnswerError, Endorsement, EndorsementKey, TpmError, ask};
use crate::vocabulary;
use crate::wire::{ToWire, object, wire_word};
use memory::{MEMORY, Memory};

const DIRECTORY: &str = "/sys/class/tpm";
const VERSION: &str = "/sys/class/tpm/tpm0/tpm_version_major";
/// The TPM behind the kernel's resource manager, which many may use at once. Only a TPM 2.0 has one.
const DEVICE: &str = "/dev/tpmrm0";
/// Error numbers of the operating system: a failed device, and one that is none.
const EIO: i32 = 5;
const ENODEV: i32 = 19;

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

impl ToWire for EndorsementKey {
    fn to_value(&self) -> Value {
        object([
            ("origin", self.origin.to_value()),
            ("key", Value::from(self.key.reveal())),
        ])
    }
}

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

/// Who made the TPM, and its endorsement keys.
pub(super) fn endorsement(
    live: &Live,
    version: &Reading<TpmVersion>,
) -> (Reading<String>, Reading<Vec<EndorsementKey>>) {
    let told = told(live.devices, &version.fact, &MEMORY, open);
    let path = match told {
        Err(Gap::Absent) => DIRECTORY,
        Ok(_) | Err(_) => DEVICE,
    };
    let (manufacturer, keys) = match told {
        Ok(told) => (told.manufacturer, told.keys),
        Err(gap) => (gap.clone().into(), gap.into()),
    };
    (manufacturer.at(path), keys.at(path))
}

/// What the TPM tells, or told before: a TPM takes tens of milliseconds for each command, and its
/// endorsement keys do not change while a machine runs.
fn told<S: Read + Write>(
    devices: Devices,
    version: &Fact<TpmVersion>,
    memory: &Memory,
    open: impl FnOnce() -> io::Result<S>,
) -> Result<Endorsement, Gap> {
    if devices == Devices::Another {
        return Err(match version {
            Fact::Absent => Gap::Absent,
            Fact::Value(_) | Fact::Placeholder(_) | Fact::Unreadable(_) | Fact::Unsupported(_) => {
                Gap::Unsupported("only the running machine tells it".to_owned())
            }
        });
    }
    match version {
        // What comes back may be another one.
        Fact::Absent => {
            memory.forget();
            Err(Gap::Absent)
        }
        Fact::Unreadable(errno) => Err(Gap::Unreadable(*errno)),
        Fact::Value(TpmVersion::OneTwo) => Err(Gap::Unsupported(
            "the keys of a TPM 1.2 are not read".to_owned(),
        )),
        // A kernel before 5.6 does not tell the version; the device is there for 2.0 only.
        Fact::Value(TpmVersion::Two) | Fact::Unsupported(_) | Fact::Placeholder(_) => memory
            .recall(|| {
                let device = open().map_err(|error| unreadable(&error))?;
                ask(device).map_err(|error| match error {
                    TpmError::Io(error) => unreadable(&error),
                    TpmError::Answer(AnswerError::Malformed(_) | AnswerError::Refused(_))
                    | TpmError::Endless => Gap::Unsupported(error.to_string()),
                })
            }),
    }
}

/// The device, never anything else that stands in its place.
fn open() -> io::Result<File> {
    if !fs::metadata(DEVICE)?.file_type().is_char_device() {
        return Err(io::Error::from_raw_os_error(ENODEV));
    }
    OpenOptions::new().read(true).write(true).open(DEVICE)
}

/// The kernel shows a TPM, so a device that is not there is one that this process cannot reach.
fn unreadable(error: &io::Error) -> Gap {
    Gap::Unreadable(error.raw_os_error().unwrap_or(EIO))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A device that answers the first command with an answer that cannot be.
    type Broken = io::Cursor<Vec<u8>>;

    fn endorsement(letters: &str) -> Endorsement {
        Endorsement {
            manufacturer: Fact::Value(letters.to_owned()),
            keys: Fact::Absent,
        }
    }

    fn denied() -> io::Result<Broken> {
        Err(io::Error::from_raw_os_error(13))
    }

    fn asked(version: &Fact<TpmVersion>, memory: &Memory) -> Result<Endorsement, Gap> {
        told(Devices::Its, version, memory, denied)
    }

    fn remembering(letters: &str) -> Memory {
        let memory = Memory::new();
        let kept = memory.recall(|| Ok(endorsement(letters)));
        assert_eq!(kept, Ok(endorsement(letters)));
        memory
    }

    const TWO: Fact<TpmVersion> = Fact::Value(TpmVersion::Two);

    #[test]
    fn a_device_that_may_not_be_opened_is_unreadable_with_its_error() {
        assert_eq!(asked(&TWO, &Memory::new()), Err(Gap::Unreadable(13)));
        // The kernel shows a TPM: a device that is not there is not an absent TPM.
        let missing = || -> io::Result<Broken> { Err(io::Error::from_raw_os_error(2)) };
        let told = told(Devices::Its, &TWO, &Memory::new(), missing);
        assert_eq!(told, Err(Gap::Unreadable(2)));
    }

    #[test]
    fn a_device_that_answers_nonsense_is_told_as_such_and_asked_again() {
        let memory = Memory::new();
        let nonsense = || Ok(Broken::new(vec![0xff; 64]));
        let told = told(Devices::Its, &TWO, &memory, nonsense);
        assert!(matches!(told, Err(Gap::Unsupported(why)) if why.contains("answer")));
        assert_eq!(asked(&TWO, &memory), Err(Gap::Unreadable(13)));
    }

    #[test]
    fn a_tpm_of_the_first_kind_is_not_asked() {
        let told = asked(&Fact::Value(TpmVersion::OneTwo), &Memory::new());
        assert!(matches!(told, Err(Gap::Unsupported(why)) if why.contains("1.2")));
    }

    #[test]
    fn what_a_tpm_told_once_is_kept_and_the_device_left_alone() {
        let memory = remembering("STM");
        for _look in 0..3 {
            assert_eq!(asked(&TWO, &memory), Ok(endorsement("STM")));
        }
    }

    #[test]
    fn a_failure_is_not_kept() {
        let memory = Memory::new();
        assert_eq!(asked(&TWO, &memory), Err(Gap::Unreadable(13)));
        let now = memory.recall(|| Ok(endorsement("STM")));
        assert_eq!(now, Ok(endorsement("STM")));
    }

    #[test]
    fn a_tpm_that_is_gone_is_absent_and_what_it_told_is_forgotten() {
        let memory = remembering("STM");
        assert_eq!(asked(&Fact::Absent, &memory), Err(Gap::Absent));
        assert_eq!(asked(&TWO, &memory), Err(Gap::Unreadable(13)));
    }

    #[test]
    fn a_capture_is_never_asked_nor_answered_from_memory() {
        let memory = remembering("STM");
        let open = || -> io::Result<Broken> { panic!("the device was opened") };
        let told = |version| told(Devices::Another, version, &memory, open);
        assert!(matches!(told(&TWO), Err(Gap::Unsupported(_))));
        assert_eq!(told(&Fact::Absent), Err(Gap::Absent));
        assert_eq!(
            asked(&TWO, &memory),
            Ok(endorsement("STM")),
            "nor forgotten"
        );
    }
}

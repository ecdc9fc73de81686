//! Where the firmware's own table lies below a root directory, and the records in it.
//!
//! Owns the two places that the kernel shows it in: whole, or one structure a directory. It must
//! never give a list that may have lost a record: a table that breaks off gives no list at all.

use crate::fact::{Fact, Gap, Reading};
use crate::identifier::Identifier;
use crate::placeholder;
use crate::smbios::{End, EntryPoint, Structure, Version, Walk};
use crate::sysroot::Sysroot;

/// The error number of the operating system for a file that is not there.
const ENOENT: i32 = 2;
const TABLE: &str = "/sys/firmware/dmi/tables/DMI";
const ENTRY_POINT: &str = "/sys/firmware/dmi/tables/smbios_entry_point";
const ENTRIES: &str = "/sys/firmware/dmi/entries";
/// The longest table, in bytes; the largest that was seen in the field has 60 KiB.
const TABLE_LIMIT: u64 = 1024 * 1024;
/// The structure types that are read.
const KINDS: &[u8] = &[0, 1, 2, 3, 4, 17, 39, 43, 204];

/// The firmware's table, or why it cannot be had.
#[derive(Debug)]
pub(super) struct Tables {
    sources: Result<Vec<Source>, Gap>,
    entry: Fact<EntryPoint>,
}

/// Bytes with structures, and the file that they stand in.
#[derive(Debug)]
struct Source {
    path: String,
    bytes: Vec<u8>,
    structures: Option<u16>,
}

/// One structure and its place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'t> {
    structure: Structure<'t>,
    path: &'t str,
}

impl Tables {
    pub(super) fn read(sysroot: &Sysroot) -> Self {
        let entry = sysroot.bytes(ENTRY_POINT).and_then(|bytes| {
            EntryPoint::read(&bytes)
                .map_or_else(|why| Fact::Unsupported(why.to_owned()), Fact::Value)
        });
        let structures = entry.value().and_then(|entry| entry.structures);
        let whole = sysroot.bytes_within(TABLE, TABLE_LIMIT).map(|bytes| {
            vec![Source {
                path: TABLE.to_owned(),
                bytes,
                structures,
            }]
        });
        let sources = whole.or_else(|| entries(sysroot).into()).known();
        Self { sources, entry }
    }

    /// A table in memory, for the fuzzer.
    #[cfg(fuzzing)]
    pub(super) fn of_bytes(entry: &[u8], bytes: Vec<u8>) -> Self {
        let entry = EntryPoint::read(entry);
        let structures = entry.ok().and_then(|entry| entry.structures);
        let path = TABLE.to_owned();
        Self {
            sources: Ok(vec![Source {
                path,
                bytes,
                structures,
            }]),
            entry: entry.map_or_else(|why| Fact::Unsupported(why.to_owned()), Fact::Value),
        }
    }

    /// The version that the table follows.
    pub(super) fn version(&self) -> Reading<Version> {
        self.entry
            .clone()
            .map(|entry| entry.version)
            .at(ENTRY_POINT)
    }

    /// Every record of a type, in the order of the table.
    pub(super) fn list<T>(&self, kind: u8, read: impl Fn(Record<'_>) -> T) -> Reading<Vec<T>> {
        let mut found = Vec::new();
        let sources = match &self.sources {
            Ok(sources) => sources,
            Err(gap) => return Fact::from(gap.clone()).at(TABLE),
        };
        for source in sources {
            let mut walk = Walk::over(&source.bytes, source.structures);
            for structure in walk.by_ref().filter(|structure| structure.kind() == kind) {
                let path = &source.path;
                found.push(read(Record { structure, path }));
            }
            let why = match walk.end() {
                End::Whole => continue,
                End::BrokenOff(at) => format!("it breaks off at byte {at}, before its end"),
                End::TooMany => "it has more structures than are taken".to_owned(),
            };
            return Fact::Unsupported(why).at(source.path.clone());
        }
        Fact::Value(found).at(TABLE)
    }

    /// One field of the first record of a type; absent where there is no such record.
    pub(super) fn first<T>(
        &self,
        kind: u8,
        field: &str,
        read: impl Fn(Record<'_>) -> Fact<T>,
    ) -> Reading<T> {
        let list = self.list(kind, |record| read(record).at(record.place(field)));
        match list.fact.known().map(|found| found.into_iter().next()) {
            Ok(Some(reading)) => reading,
            Ok(None) => Fact::Absent.at(list.path),
            Err(gap) => Fact::from(gap).at(list.path),
        }
    }
}

/// The structures that the kernel shows one by one, where it shows no whole table.
fn entries(sysroot: &Sysroot) -> Result<Vec<Source>, Gap> {
    let mut sources = Vec::new();
    let names = sysroot.list(ENTRIES).known()?;
    if names.is_empty() {
        return Err(Gap::Absent);
    }
    for name in names {
        let kind = name.split_once('-').and_then(|(kind, _)| kind.parse().ok());
        if !kind.is_some_and(|kind| KINDS.contains(&kind)) {
            continue;
        }
        let path = format!("{ENTRIES}/{name}/raw");
        // The kernel lists it, so it is there: without it the others are not the whole table.
        let raw = sysroot.bytes(&path);
        let bytes = raw.or_else(|| Fact::Unreadable(ENOENT)).known()?;
        sources.push(Source {
            path,
            bytes,
            structures: Some(1),
        });
    }
    Ok(sources)
}

impl Record<'_> {
    /// Where the record stands: the file, the type and the handle.
    pub(super) fn origin(&self) -> String {
        let Self { structure, path } = self;
        let (kind, handle) = (structure.kind(), structure.handle());
        format!("{path} type {kind} handle 0x{handle:04x}")
    }

    /// Where one of its fields stands.
    pub(super) fn place(&self, field: &str) -> String {
        format!("{} {field}", self.origin())
    }

    /// A text that describes something; what names nothing is a placeholder.
    pub(super) fn text(&self, at: usize) -> Fact<String> {
        self.structure.text(at).and_then(describe)
    }

    /// A text as it stands; an empty one is a placeholder.
    pub(super) fn raw(&self, at: usize) -> Fact<String> {
        self.structure.text(at).and_then(|text| {
            if text.is_empty() {
                Fact::Placeholder(text)
            } else {
                Fact::Value(text)
            }
        })
    }

    /// A text that names one piece of hardware.
    pub(super) fn identifier(&self, at: usize) -> Fact<Identifier> {
        let text = self.structure.text(at);
        text.and_then(|text| Identifier::read(&text))
    }

    /// One byte; absent where an older specification has no such field.
    pub(super) fn byte(&self, at: usize) -> Fact<u8> {
        self.structure.byte(at).map_or(Fact::Absent, Fact::Value)
    }

    /// Sixteen bits.
    pub(super) fn word(&self, at: usize) -> Fact<u16> {
        self.structure.word(at).map_or(Fact::Absent, Fact::Value)
    }

    /// Thirty-two bits.
    pub(super) fn double_word(&self, at: usize) -> Fact<u32> {
        let field = self.structure.double_word(at);
        field.map_or(Fact::Absent, Fact::Value)
    }

    /// A run of bytes.
    pub(super) fn bytes<const N: usize>(&self, at: usize) -> Fact<[u8; N]> {
        self.structure.bytes(at).map_or(Fact::Absent, Fact::Value)
    }

    /// A count in one byte, where 0 means that the firmware does not say.
    pub(super) fn count(&self, at: usize) -> Fact<u64> {
        self.byte(at).and_then(|count| match count {
            0 => Fact::Absent,
            count => Fact::Value(u64::from(count)),
        })
    }
}

/// A descriptive text without blanks around it; what names nothing is a placeholder.
pub(super) fn describe(text: String) -> Fact<String> {
    if placeholder::says_nothing(&text) {
        Fact::Placeholder(text.chars().take(64).collect())
    } else {
        Fact::Value(text)
    }
}

/// Gives a record its JSON form: where it stands, and each field with its own place.
macro_rules! record_json {
    ($name:ident { $($field:ident),+ $(,)? }) => {
        impl $crate::wire::ToWire for $name {
            fn to_value(&self) -> serde_json::Value {
                let at = |field: &str| format!("{} {field}", self.origin);
                $crate::wire::object([
                    ("origin", self.origin.to_value()),
                    $((
                        stringify!($field),
                        self.$field.clone().at(at(stringify!($field))).to_value(),
                    )),+
                ])
            }
        }
    };
}
pub(super) use record_json;

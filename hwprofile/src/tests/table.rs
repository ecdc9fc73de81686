//! Writes a firmware table: by hand, and from what `dmidecode` printed of a real one.

use std::collections::BTreeMap;

/// A table under construction.
#[derive(Default)]
pub(super) struct Table {
    records: Vec<u8>,
    count: u16,
}

/// One structure under construction.
pub(super) struct Record {
    formatted: Vec<u8>,
    texts: Vec<String>,
}

impl Table {
    /// Adds a structure of a type with a formatted part of a length, filled with zeros first.
    pub(super) fn add(&mut self, kind: u8, length: u8, fill: impl FnOnce(&mut Record)) {
        self.count += 1;
        self.add_at(kind, length, self.count, fill);
    }

    fn add_at(&mut self, kind: u8, length: u8, handle: u16, fill: impl FnOnce(&mut Record)) {
        let mut record = Record {
            formatted: vec![0; usize::from(length)],
            texts: Vec::new(),
        };
        record.byte(0, kind).byte(1, length).word(2, handle);
        fill(&mut record);
        self.records.extend(record.formatted);
        for text in &record.texts {
            self.records.extend(text.as_bytes());
            self.records.push(0);
        }
        if record.texts.is_empty() {
            self.records.push(0);
        }
        self.records.push(0);
    }

    pub(super) fn count(&self) -> u16 {
        self.count + 1
    }

    /// The structures alone.
    pub(super) fn records(&self) -> &[u8] {
        &self.records
    }

    /// The whole table with its end mark.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.records.clone();
        bytes.extend([127, 4, 0xff, 0xfe, 0, 0]);
        bytes
    }
}

impl Record {
    pub(super) fn bytes(&mut self, at: usize, bytes: &[u8]) -> &mut Self {
        for (place, byte) in self.formatted.iter_mut().skip(at).zip(bytes) {
            *place = *byte;
        }
        self
    }

    pub(super) fn byte(&mut self, at: usize, byte: u8) -> &mut Self {
        self.bytes(at, &[byte])
    }

    pub(super) fn word(&mut self, at: usize, word: u16) -> &mut Self {
        self.bytes(at, &word.to_le_bytes())
    }

    pub(super) fn double_word(&mut self, at: usize, word: u32) -> &mut Self {
        self.bytes(at, &word.to_le_bytes())
    }

    /// Names a text; an empty one is not stored.
    pub(super) fn text(&mut self, at: usize, text: &str) -> &mut Self {
        if text.is_empty() {
            return self.byte(at, 0);
        }
        self.texts.push(text.to_owned());
        let number = u8::try_from(self.texts.len()).unwrap();
        self.byte(at, number)
    }
}

/// An entry point of a version: the old form below 3, the new one from there on.
pub(super) fn entry_point((major, minor): (u8, u8), count: u16) -> Vec<u8> {
    let mut bytes;
    if major < 3 {
        let mut inner = b"_DMI_\0\0\x10\0\0\0\0".to_vec();
        inner.extend(count.to_le_bytes());
        inner.push((major << 4) | (minor & 15));
        seal(&mut inner, 5);
        bytes = vec![b'_', b'S', b'M', b'_', 0, 0x1f, major, minor];
        bytes.extend([0; 8]);
        bytes.extend(inner);
        seal(&mut bytes, 4);
    } else {
        bytes = vec![b'_', b'S', b'M', b'3', b'_', 0, 24, major, minor];
        bytes.extend([0; 15]);
        seal(&mut bytes, 5);
    }
    bytes
}

fn seal(bytes: &mut [u8], at: usize) {
    bytes[at] = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_sub(*byte));
}

/// One structure as `dmidecode` prints it.
pub(super) struct Printed {
    pub(super) kind: u8,
    length: u8,
    handle: u16,
    pub(super) fields: BTreeMap<String, String>,
}

/// Reads the structures of a `dmidecode` report.
pub(super) fn printed(report: &str) -> Vec<Printed> {
    let mut all = Vec::new();
    for block in report.split("\n\n") {
        let mut lines = block.lines();
        let head = lines.by_ref().find(|line| line.starts_with("Handle 0x"));
        let Some(head) = head.and_then(|head| head.strip_prefix("Handle 0x")) else {
            continue;
        };
        let parts: Vec<&str> = head.split(", ").collect();
        let [handle, kind, length] = parts[..] else {
            continue;
        };
        let number = |text: &str, before: &str| {
            text.trim_start_matches(before)
                .split(' ')
                .next()
                .and_then(|digits| digits.parse().ok())
        };
        let (Some(kind), Some(length)) = (number(kind, "DMI type "), number(length, "")) else {
            continue;
        };
        let fields = lines
            .filter_map(|line| line.strip_prefix('\t')?.split_once(": "))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        all.push(Printed {
            kind,
            length,
            handle: u16::from_str_radix(handle, 16).unwrap(),
            fields,
        });
    }
    all
}

/// The fields that are texts: type, place, name in print.
const TEXTS: &[(u8, usize, &str)] = &[
    (0, 0x04, "Vendor"),
    (0, 0x05, "Version"),
    (1, 0x04, "Manufacturer"),
    (1, 0x05, "Product Name"),
    (1, 0x07, "Serial Number"),
    (1, 0x19, "SKU Number"),
    (2, 0x04, "Manufacturer"),
    (2, 0x05, "Product Name"),
    (2, 0x07, "Serial Number"),
    (3, 0x04, "Manufacturer"),
    (3, 0x07, "Serial Number"),
    (4, 0x04, "Socket Designation"),
    (4, 0x07, "Manufacturer"),
    (4, 0x10, "Version"),
    (17, 0x10, "Locator"),
    (17, 0x17, "Manufacturer"),
    (17, 0x18, "Serial Number"),
    (17, 0x1a, "Part Number"),
    (39, 0x06, "Name"),
    (39, 0x07, "Manufacturer"),
    (39, 0x08, "Serial Number"),
    (204, 0x04, "Rack Name"),
    (204, 0x06, "Enclosure Model"),
    (204, 0x07, "Server Bay"),
    (204, 0x0a, "Enclosure Serial"),
];

/// Writes the bytes that print as a report does. Fields that are not read are left zero.
pub(super) fn of_report(report: &[Printed]) -> Table {
    let mut table = Table::default();
    for one in report {
        table.count += 1;
        table.add_at(one.kind, one.length.max(4), one.handle, |record| {
            for (_, at, name) in TEXTS.iter().filter(|(kind, ..)| *kind == one.kind) {
                let text = one.fields.get(*name).map_or("", String::as_str);
                if text != "Not Specified" && usize::from(one.length) > *at {
                    record.text(*at, text);
                }
            }
            numbers(one, record);
        });
    }
    table
}

fn numbers(one: &Printed, record: &mut Record) {
    let value = |name: &str| one.fields.get(name).map_or("", String::as_str);
    let first = |name: &str| value(name).split(' ').next().unwrap_or_default().to_owned();
    match one.kind {
        3 => {
            record.byte(0x11, first("Height").parse().unwrap_or(0));
            record.byte(0x05, enclosure_kind(value("Type")));
        }
        4 => {
            let populated = value("Status").starts_with("Populated");
            record.byte(0x18, if populated { 0x41 } else { 0 });
            record.byte(0x23, first("Core Count").parse().unwrap_or(0));
            record.byte(0x25, first("Thread Count").parse().unwrap_or(0));
        }
        17 => {
            let amount = first("Size").parse::<u32>().unwrap_or(0);
            let mebibytes = if value("Size").ends_with("GB") {
                amount * 1024
            } else {
                amount
            };
            match u16::try_from(mebibytes) {
                Ok(short) if short < 0x7fff => record.word(0x0c, short),
                _ => record.word(0x0c, 0x7fff).double_word(0x1c, mebibytes),
            };
        }
        39 => {
            let watts = first("Max Power Capacity").parse().unwrap_or(0x8000);
            record.word(0x0c, watts);
            let flag = |name: &str, yes: &str| u16::from(value(name).starts_with(yes));
            let flags = flag("Hot Replaceable", "Yes")
                | (flag("Status", "Present") << 1)
                | (flag("Plugged", "No") << 2);
            record.word(0x0e, flags);
        }
        204 => {
            record.byte(0x08, first("Enclosure Bays").parse().unwrap_or(0));
        }
        _ => {}
    }
}

/// The words that `dmidecode` prints for the kinds of enclosure that servers have.
pub(super) fn enclosure_kind(word: &str) -> u8 {
    match word {
        "Other" => 1,
        "Unknown" => 2,
        "Desktop" => 3,
        "Tower" => 7,
        "Notebook" => 10,
        "Main Server Chassis" => 17,
        "Rack Mount Chassis" => 23,
        "Sealed-case PC" => 24,
        "Multi-system" => 25,
        "Blade" => 28,
        "Blade Enclosing" => 29,
        _ => 0,
    }
}

//! The UUID that firmware gives a machine, in whichever byte order it was written.
//!
//! Owns both byte orders, the patterns that name nothing, and the patterns that are made from
//! another witness. It must never count as a witness of its own what was made from a serial number
//! or an address.

use std::fmt;

use crate::fact::Fact;
use crate::placeholder;

/// Sixteen bytes, in the order of the text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Uuid {
    bytes: [u8; 16],
}

/// What a UUID was made from, when it is no witness of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Derived {
    /// From the serial number of the system: the service tag (Dell), or the number for orders and
    /// then the serial number as letters (HP, HPE).
    FromSerial(String),
    /// From the address of a network adapter (Supermicro, Gigabyte and others).
    FromAddress([u8; 6]),
}

impl Uuid {
    /// Reads the text form: 32 hexadecimal digits in the groups 8-4-4-4-12, in capitals or not.
    #[must_use]
    pub fn read(text: &str) -> Fact<Self> {
        let text = text.trim();
        if text.is_empty() {
            return Fact::Placeholder(String::new());
        }
        let Some(uuid) = Self::parse(text) else {
            let is_text = !text.contains(char::REPLACEMENT_CHARACTER);
            return if is_text && placeholder::is_placeholder(text) {
                Fact::Placeholder(text.chars().take(64).collect())
            } else {
                Fact::Unsupported("is not a UUID".to_owned())
            };
        };
        uuid.checked()
    }

    /// The same UUID, unless it names nothing.
    #[must_use]
    pub fn checked(self) -> Fact<Self> {
        if self.is_placeholder() {
            Fact::Placeholder(self.text())
        } else {
            Fact::Value(self)
        }
    }

    /// Reads sixteen bytes as the table of the firmware holds them.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self { bytes }
    }

    fn parse(text: &str) -> Option<Self> {
        let groups: Vec<&str> = text.split('-').collect();
        let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
        if lengths != [8, 4, 4, 4, 12] {
            return None;
        }
        let mut bytes = [0_u8; 16];
        let mut digits = groups.iter().flat_map(|group| group.bytes());
        for byte in &mut bytes {
            let high = nibble(digits.next()?)?;
            let low = nibble(digits.next()?)?;
            *byte = (high << 4) | low;
        }
        Some(Self { bytes })
    }

    /// The same UUID with its first three fields in the other byte order.
    #[must_use]
    pub fn swapped(self) -> Self {
        let mut bytes = self.bytes;
        for field in [0..4, 4..6, 6..8] {
            if let Some(field) = bytes.get_mut(field) {
                field.reverse();
            }
        }
        Self { bytes }
    }

    /// Its last six bytes, where makers like to put the address of an adapter.
    #[must_use]
    pub fn node(self) -> [u8; 6] {
        let last = self.bytes.last_chunk::<6>();
        last.copied().unwrap_or_default()
    }

    /// One form for both byte orders: what is compared.
    #[must_use]
    pub fn canonical(self) -> [u8; 16] {
        self.bytes.min(self.swapped().bytes)
    }

    /// The text form, small letters.
    #[must_use]
    pub fn text(self) -> String {
        let mut text = String::with_capacity(36);
        for (index, byte) in self.bytes.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            text.push_str(&crate::wire::hex(&[*byte]));
        }
        text
    }

    /// Whether it names nothing, in either byte order.
    #[must_use]
    pub fn is_placeholder(self) -> bool {
        names_nothing(&self.bytes) || names_nothing(&self.swapped().bytes)
    }

    /// What it was made from, where a known pattern says so.
    #[must_use]
    pub fn derived(self) -> Option<Derived> {
        from_service_tag(&self.bytes)
            .or_else(|| from_service_tag(&self.swapped().bytes))
            .or_else(|| from_letters(&self.bytes))
            .or_else(|| from_letters(&self.swapped().bytes))
            .map(Derived::FromSerial)
            .or_else(|| {
                from_address(&self.bytes)
                    .or_else(|| from_address(&self.swapped().bytes))
                    .map(Derived::FromAddress)
            })
    }
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

/// The fewest of sixteen bytes that must not be one and the same.
const LEAST_OTHER_BYTES: usize = 5;
/// How many of the 31 pairs of neighbouring digits a person writes who fills in a form; of random
/// digits six are equal or one apart, and twenty-two are not seen once in a thousand million.
const MOST_STEPS: usize = 21;

/// Patterns that no factory writes: a block that repeats, a series with one step in bytes or words,
/// digits that stand still or count on, hardly anything but one byte, a text, or the signature of a
/// maker without his number behind it.
fn names_nothing(bytes: &[u8; 16]) -> bool {
    let words: Vec<u16> = bytes
        .chunks_exact(2)
        .filter_map(|pair| <[u8; 2]>::try_from(pair).ok())
        .map(u16::from_be_bytes)
        .collect();
    let digits: Vec<u8> = bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .collect();
    repeats(bytes)
        || is_signature_alone(bytes)
        || bytes
            .windows(3)
            .all(|w| matches!(w, [a, b, c] if b.wrapping_sub(*a) == c.wrapping_sub(*b)))
        || words
            .windows(3)
            .all(|w| matches!(w, [a, b, c] if b.wrapping_sub(*a) == c.wrapping_sub(*b)))
        || (is_written_by_hand(bytes, &digits) && !ends_in_address(bytes))
        || is_placeholder_text(bytes)
}

/// One block of 1, 2, 4 or 8 bytes, again and again.
fn repeats(bytes: &[u8; 16]) -> bool {
    [1, 2, 4, 8].into_iter().any(|period| {
        bytes
            .iter()
            .zip(bytes.iter().skip(period))
            .all(|(earlier, later)| earlier == later)
    })
}

/// `12345678-1234-5678-90ab-cddeefaabbcc`, `11111111-2222-3333-4444-555555555555`,
/// `10000000-0000-8000-0040-000000000000`.
fn is_written_by_hand(bytes: &[u8; 16], digits: &[u8]) -> bool {
    let steps = |pair: &&[u8]| {
        let [a, b] = *pair else { return false };
        let next = |a: u8, b: u8| a == b || (a + 1) % 16 == b || (a == 9 && b == 0);
        next(*a, *b) || next(*b, *a)
    };
    let is_mostly = |one: &u8| {
        let others = bytes.iter().filter(|byte| *byte != one).count();
        others < LEAST_OTHER_BYTES
    };
    digits.windows(2).filter(steps).count() > MOST_STEPS || bytes.iter().any(is_mostly)
}

/// The signature that a maker writes before the number of the machine, and no such number: it is
/// the same on every machine that was left so.
fn is_signature_alone(bytes: &[u8; 16]) -> bool {
    bytes.starts_with(b"DELL") && from_service_tag(bytes).is_none()
}

/// Zeros and the address of an adapter, of a maker and with a number of its own.
fn ends_in_address(bytes: &[u8; 16]) -> bool {
    from_address(bytes).is_some_and(|[first, b, c, d, e, f]| {
        first.trailing_zeros() >= 2 && [first, b, c] != [0; 3] && [d, e, f] != [0; 3]
    })
}

fn is_placeholder_text(bytes: &[u8; 16]) -> bool {
    bytes
        .iter()
        .all(|byte| byte.is_ascii_graphic() || *byte == b' ')
        && std::str::from_utf8(bytes).is_ok_and(placeholder::is_placeholder)
}

/// `DELL s2 00 10 s3 80 s4 s1+80 c0 4f s5 s6 s7`: the service tag inside a Dell UUID.
fn from_service_tag(bytes: &[u8; 16]) -> Option<String> {
    let [
        b'D',
        b'E',
        b'L',
        b'L',
        s2,
        0,
        0x10,
        s3,
        0x80,
        s4,
        s1,
        0xc0,
        0x4f,
        s5,
        s6,
        s7,
    ] = bytes
    else {
        return None;
    };
    let tag = [s1.checked_sub(0x80)?, *s2, *s3, *s4, *s5, *s6, *s7];
    let legible = tag.iter().all(u8::is_ascii_alphanumeric);
    let tag: String = tag.iter().map(|byte| char::from(*byte)).collect();
    (legible && !placeholder::is_placeholder(&tag)).then_some(tag)
}

/// Sixteen letters and digits, which no UUID has by chance: six of the number for orders, ten of the
/// serial number. The last eight are the same in both byte orders.
fn from_letters(bytes: &[u8; 16]) -> Option<String> {
    let legible = bytes
        .iter()
        .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b' ');
    let (_, serial) = bytes.split_first_chunk::<8>()?;
    legible.then(|| serial.iter().map(|byte| char::from(*byte)).collect())
}

/// Ten zeros and an address, or the interleaved `03xx02xx-04xx-05xx-xx06-xx0700080009`.
fn from_address(bytes: &[u8; 16]) -> Option<[u8; 6]> {
    let plain = matches!(bytes, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ..]);
    let interleaved = matches!(bytes, [3, _, 2, _, 4, _, 5, _, _, 6, _, 7, 0, 8, 0, 9]);
    let places = match (plain, interleaved) {
        (true, _) => [10, 11, 12, 13, 14, 15],
        (false, true) => [3, 1, 5, 7, 8, 10],
        (false, false) => return None,
    };
    let address = places.map(|place| bytes.get(place).copied().unwrap_or_default());
    address.iter().any(|byte| *byte != 0).then_some(address)
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uuid({self})")
    }
}

impl fmt::Display for Uuid {
    /// Shows the last four digits only, as of every identifying value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [.., a, b] = self.bytes;
        write!(f, "…{a:02x}{b:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Uuid {
        Uuid::read(text).known().expect(text)
    }

    #[test]
    fn placeholders_are_told_in_both_byte_orders() {
        for text in [
            "00000000-0000-0000-0000-000000000000",
            "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
            "0A0A0A0A-0A0A-0A0A-0A0A-0A0A0A0A0A0A",
            "03000200-0400-0500-0006-000700080009",
            "00020003-0004-0005-0006-000700080009",
            "12345678-1234-1234-1234-123456789abc",
            "01234567-89ab-cdef-0123-456789abcdef",
            "00112233-4455-6677-8899-aabbccddeeff",
            "33221100-5544-7766-8899-aabbccddeeff",
            "03020100-0504-0706-0809-0a0b0c0d0e0f",
            "deadbeef-dead-beef-dead-beefdeadbeef",
            "4c4c4544-0000-2010-8020-80c04f202020",
            "44454c4c-0000-1020-8020-80c04f202020",
            "4c4c4544-0030-3010-8030-b0c04f303030",
            "4c4c4544-ffff-ffff-ffff-ffffffffffff",
            "10000000-0000-8000-0040-000000000000",
            "12345678-1234-5678-90ab-cddeefaabbcc",
            "11111111-2222-3333-4444-555555555555",
            "aabbccdd-eeff-0011-2233-445566778899",
            "ffffffff-ffff-ffff-ffff-fffffffffffe",
            "00000000-0000-0000-0000-000000000001",
            "00000000-0000-0000-0000-002590000000",
            "ffffffff-0000-ffff-0000-ffffffff0000",
            "To Be Filled By O.E.M.",
            "",
        ] {
            assert!(matches!(Uuid::read(text), Fact::Placeholder(_)), "{text}");
        }
    }

    #[test]
    fn what_a_factory_writes_is_no_placeholder() {
        for text in [
            "4c4c4544-0031-5710-804c-b1c04f4b3933",
            "00000000-0000-0000-0000-00259000000a",
            "00000000-0000-0000-0000-ac1f6b000001",
            "00000000-0000-0000-0000-00259012345a",
            "03d502e0-045e-05bf-4806-b20700080009",
            "30303051-3130-4241-3233-343536373881",
            "0677d5cc-25b1-11b2-a85c-c66e0b64b3d5",
            "b560f4a0-4048-11e3-8b6a-089e01ee6336",
            "b560f4a0-0000-1000-8000-00805f9b34fb",
        ] {
            let _uuid = value(text);
        }
    }

    #[test]
    fn one_machine_in_two_byte_orders_is_one_machine() {
        let new = value("4c4c4544-0058-4b10-8032-b7c04f513233");
        let old = value("44454C4C-5800-104B-8032-B7C04F513233");
        assert_eq!(new.canonical(), old.canonical());
        assert_ne!(
            new.canonical(),
            value("4c4c4544-0058-4b10-8032-b7c04f513234").canonical()
        );
    }

    #[test]
    fn a_dell_uuid_is_its_service_tag() {
        for (text, tag) in [
            ("4c4c4544-0031-5710-804c-b1c04f4b3933", "11WLK93"),
            ("4c4c4544-0058-4b10-8032-b7c04f513233", "7XK2Q23"),
        ] {
            assert_eq!(value(text).derived(), Some(Derived::FromSerial(tag.into())));
        }
    }

    #[test]
    fn a_uuid_of_letters_is_a_serial_number_in_both_byte_orders() {
        // The letters "Q00001AB2345678C".
        let text = "30303051-3130-4241-3233-343536373843";
        let derived = Some(Derived::FromSerial("2345678C".into()));
        assert_eq!(value(text).derived(), derived);
        assert_eq!(value(text).swapped().derived(), derived);
        let other = value("30303051-3130-4241-3233-343536373881");
        assert_eq!(other.derived(), None);
    }

    #[test]
    fn a_uuid_made_from_an_address_says_so() {
        let address = [0xd0, 0x50, 0x99, 0xf0, 0x30, 0xc4];
        assert_eq!(
            value("00000000-0000-0000-0000-d05099f030c4").derived(),
            Some(Derived::FromAddress(address))
        );
        assert_eq!(
            value("03d502e0-045e-05bf-4806-b20700080009").derived(),
            Some(Derived::FromAddress([0xe0, 0xd5, 0x5e, 0xbf, 0x48, 0xb2]))
        );
        assert_eq!(
            value("c5f5ad0b-9b1e-4f6e-8a3d-6f0d1f2a7b90").derived(),
            None
        );
    }

    #[test]
    fn what_is_no_uuid_is_not_read() {
        for text in [
            "4c4c4544",
            "4c4c4544-0058-4b10-8032-b7c04f51323",
            "gggggggg-0058-4b10-8032-b7c04f513233",
            "ä",
            "\u{fffd}\u{fffd}",
        ] {
            assert!(Uuid::read(text).value().is_none(), "{text}");
        }
    }

    #[test]
    fn it_is_shown_by_its_end_only() {
        let uuid = value("c5f5ad0b-9b1e-4f6e-8a3d-6f0d1f2a7b90");
        assert_eq!(format!("{uuid} {uuid:?}"), "…7b90 Uuid(…7b90)");
        assert_eq!(uuid.text(), "c5f5ad0b-9b1e-4f6e-8a3d-6f0d1f2a7b90");
    }

    proptest::proptest! {
        #[test]
        fn a_random_uuid_is_no_placeholder(mut bytes: [u8; 16]) {
            bytes[6] = 0x40 | (bytes[6] & 15);
            bytes[8] = 0x80 | (bytes[8] & 63);
            // What is shrunk towards zero is no longer random: here at least nine bytes differ.
            let different: std::collections::BTreeSet<u8> = bytes.into_iter().collect();
            proptest::prop_assume!(different.len() > 8);
            proptest::prop_assert!(!Uuid::from_bytes(bytes).is_placeholder());
        }

        #[test]
        fn both_byte_orders_are_one(bytes: [u8; 16]) {
            let uuid = Uuid::from_bytes(bytes);
            proptest::prop_assert_eq!(uuid.canonical(), uuid.swapped().canonical());
            proptest::prop_assert_eq!(uuid.is_placeholder(), uuid.swapped().is_placeholder());
            proptest::prop_assert_eq!(uuid.swapped().swapped(), uuid);
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in "\\PC{0,64}") {
            let _fact = Uuid::read(&text);
        }
    }
}

//! The pages in which a SCSI drive tells its names (SPC: vital product data).
//!
//! Owns reading them from bytes. It must never take a name of the port or the target for one of the
//! drive: those differ from path to path.

use crate::fact::Fact;
use crate::identifier::Identifier;
use crate::wire::hex;

/// The length of a page's header, and of the header of one name.
const HEADER: usize = 4;

/// The serial number of page 0x80, which drives pad with blanks on either side.
#[must_use]
pub fn serial(page: &[u8]) -> Fact<Identifier> {
    let Some(content) = content(page, 0x80) else {
        return Fact::Unsupported("it is no page 0x80".to_owned());
    };
    Identifier::read(&String::from_utf8_lossy(content))
}

/// The best worldwide name of page 0x83: of NAA, EUI-64 and T10, the first that it has.
#[must_use]
pub fn wwid(page: &[u8]) -> Fact<Identifier> {
    let Some(mut rest) = content(page, 0x83) else {
        return Fact::Unsupported("it is no page 0x83".to_owned());
    };
    let mut best: Option<(u8, String)> = None;
    while let [_, kind, _, length, ..] = rest {
        let end = HEADER + usize::from(*length);
        let Some(name) = rest.get(HEADER..end) else {
            return Fact::Unsupported("a name is longer than the page".to_owned());
        };
        let is_of_drive = kind & 0x30 == 0;
        if let Some(found) = named(kind & 0x0f, name).filter(|_| is_of_drive)
            && best.as_ref().is_none_or(|best| found.0 < best.0)
        {
            best = Some(found);
        }
        rest = rest.get(end..).unwrap_or_default();
    }
    match best {
        Some((_, name)) => Fact::Value(Identifier::exact(&name)),
        None => Fact::Absent,
    }
}

/// A name and its rank, unless it names nothing.
fn named(kind: u8, name: &[u8]) -> Option<(u8, String)> {
    let digits = hex(name);
    let text = String::from_utf8_lossy(name).into_owned();
    let (rank, whole) = match kind {
        3 => (0, format!("naa.{digits}")),
        2 => (1, format!("eui.{digits}")),
        1 => (2, format!("t10.{}", text.trim_matches(['\0', ' ']))),
        _ => return None,
    };
    let names = super::wwid::wwid(&whole).value().is_some();
    names.then_some((rank, whole))
}

/// What stands behind the header of a page, as far as it claims.
fn content(page: &[u8], code: u8) -> Option<&[u8]> {
    match page {
        [_, found, high, low, rest @ ..] if *found == code => {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            rest.get(..length)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(code: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap();
        let mut page = vec![0, code];
        page.extend(length.to_be_bytes());
        page.extend(content);
        page
    }

    fn name(association: u8, kind: u8, bytes: &[u8]) -> Vec<u8> {
        let mut name = vec![
            1,
            (association << 4) | kind,
            0,
            u8::try_from(bytes.len()).unwrap(),
        ];
        name.extend(bytes);
        name
    }

    #[test]
    fn a_serial_number_loses_the_blanks_that_a_bridge_adds() {
        let read = serial(&page(0x80, b"        S3Z8NB0K"));
        assert_eq!(read.value().unwrap().reveal(), "S3Z8NB0K");
        assert!(matches!(serial(&page(0x80, b"    ")), Fact::Placeholder(_)));
        assert!(matches!(
            serial(&page(0x83, b"S3Z8NB0K")),
            Fact::Unsupported(_)
        ));
    }

    #[test]
    fn the_name_of_the_drive_is_told_from_the_name_of_its_port() {
        let port = name(1, 3, &[0x50, 0, 0xc5, 0, 0xa1, 0xb2, 0xc3, 0xd5]);
        let drive = name(0, 3, &[0x50, 0, 0xc5, 0, 0xa1, 0xb2, 0xc3, 0xd4]);
        let vendor = name(0, 1, b"MAKER   MODEL9 S3Z8NB0K");
        let all = [port.clone(), vendor.clone(), drive].concat();
        let best = wwid(&page(0x83, &all));
        assert_eq!(best.value().unwrap().reveal(), "naa.5000c500a1b2c3d4");
        let second = wwid(&page(0x83, &[port.clone(), vendor].concat()));
        assert!(second.value().unwrap().reveal().starts_with("t10.MAKER"));
        assert_eq!(wwid(&page(0x83, &port)), Fact::Absent);
    }

    #[test]
    fn a_vendors_name_without_a_serial_number_names_nothing() {
        for blank in [
            &b"ATA     MODEL 9                 "[..],
            b"MAKER   MODEL9\0\0",
        ] {
            assert_eq!(wwid(&page(0x83, &name(0, 1, blank))), Fact::Absent);
        }
    }

    #[test]
    fn a_name_of_zeros_names_nothing_and_one_that_is_too_long_is_refused() {
        assert_eq!(wwid(&page(0x83, &name(0, 3, &[0; 8]))), Fact::Absent);
        let mut long = name(0, 3, &[0x50; 8]);
        long[3] = 9;
        assert!(matches!(wwid(&page(0x83, &long)), Fact::Unsupported(_)));
        let cut = page(0x83, &name(0, 3, &[0x50; 8]));
        assert!(matches!(wwid(&cut[..cut.len() - 1]), Fact::Unsupported(_)));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_lead_to_a_panic(page: Vec<u8>) {
            let _names = (serial(&page), wwid(&page));
        }
    }
}

//! The worldwide identifiers of drives, as the kernel writes them in one line.
//!
//! Some are made of parts, and the part that tells two drives apart may be blank: such a line names
//! a model and must never be taken for the name of a drive.

use crate::fact::Fact;
use crate::identifier::Identifier;

/// The vendor's field of a T10 identifier, in characters, and the product's behind it.
const T10_VENDOR: usize = 8;
const T10_PRODUCT: usize = 16;
/// The model behind the vendor `ATA`, in characters.
const ATA_MODEL: usize = 40;

/// A worldwide identifier names nothing when what follows its kind does: `naa.0000000000000000`.
/// One that is made of parts names nothing when its serial number does.
pub(in crate::inventory) fn wwid(text: &str) -> Fact<Identifier> {
    let whole = Identifier::exact(text);
    match text.trim().split_once('.') {
        Some(("t10", designator)) => t10(designator).map(|_| whole),
        Some(("nvme", parts)) => nvme(parts).map(|_| whole),
        Some(("eui" | "naa" | "uuid", number)) => Identifier::read(number).map(|_| whole),
        Some(_) | None => Identifier::read(text),
    }
}

/// The serial number in `VENDOR  PRODUCT         SERIAL`. Bridges of ATA write the model behind the
/// vendor `ATA`, and it is longer.
pub(super) fn t10(designator: &str) -> Fact<Identifier> {
    let text: Vec<char> = designator.chars().collect();
    let vendor: String = text.iter().take(T10_VENDOR).collect();
    let product = if vendor.trim() == "ATA" {
        ATA_MODEL
    } else {
        T10_PRODUCT
    };
    let rest: String = text.iter().skip(T10_VENDOR).collect();
    let fixed: String = text.iter().skip(T10_VENDOR + product).collect();
    let words: Vec<&str> = rest.split_whitespace().collect();
    // Some makers pad nothing: then the last word is the number, unless it is all there is.
    let serial = match words.as_slice() {
        _ if !fixed.trim().is_empty() => fixed,
        [_, .., last] if vendor.trim() != "ATA" => (*last).to_owned(),
        _ => return Fact::Placeholder(designator.trim().chars().take(64).collect()),
    };
    Identifier::read(&serial)
}

/// The serial number in `VENDOR-SERIAL-MODEL-NAMESPACE`, which the kernel makes for drives that
/// tell no identifier of their own. The middle parts are bytes in hexadecimal digits.
fn nvme(parts: &str) -> Fact<Identifier> {
    let odd = || Fact::Unsupported("its serial number is not hexadecimal".to_owned());
    let parts: Vec<&str> = parts.split('-').collect();
    let [_vendor, serial, _model, _namespace] = parts.as_slice() else {
        return odd();
    };
    let digits: Option<Vec<u32>> = serial.chars().map(|c| c.to_digit(16)).collect();
    let Some(digits) = digits.filter(|digits| digits.len() % 2 == 0) else {
        return odd();
    };
    let bytes = digits.chunks(2).map(|pair| match pair {
        [high, low] => u8::try_from(high * 16 + low).unwrap_or_default(),
        _ => 0,
    });
    let bytes: Vec<u8> = bytes.collect();
    Identifier::read(String::from_utf8_lossy(&bytes).trim_matches(['\0', ' ']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::hex;

    fn is_placeholder(text: &str) -> bool {
        matches!(wwid(text), Fact::Placeholder(_))
    }

    fn of_nvme(serial: &str) -> String {
        let model = hex(b"MODEL 9                                 ");
        format!("nvme.144d-{}-{model}-00000001", hex(serial.as_bytes()))
    }

    #[test]
    fn an_identifier_that_is_made_of_parts_names_a_drive_by_its_serial_number() {
        for good in [
            of_nvme("S3Z8NB0K            "),
            "t10.ATA     MODEL SSD 850 500GB                     S21HNXAG1234".to_owned(),
            "t10.MAKER   MODEL9          S3Z8NB0K".to_owned(),
            "t10.MAKER   MODEL9 S3Z8NB0K".to_owned(),
            "eui.36525430529000570025384500000001".to_owned(),
            "naa.5000c500a1b2c3d4".to_owned(),
        ] {
            let read = wwid(&good);
            assert_eq!(read.value().map(Identifier::reveal), Some(&*good), "{good}");
        }
    }

    #[test]
    fn one_whose_serial_number_names_nothing_names_a_model_only() {
        for bad in [
            of_nvme("                    "),
            of_nvme("0000000000000000    "),
            of_nvme("\0\0\0\0"),
            of_nvme("1234567890          "),
            of_nvme(""),
            "t10.ATA     MODEL SSD 850 500GB".to_owned(),
            "t10.ATA     MODEL SSD 850 500GB                     000000000000".to_owned(),
            "t10.ATA     MODEL SSD 850 500GB                     None".to_owned(),
            "t10.MAKER   MODEL9".to_owned(),
            "t10.MAKER   MODEL9          0123456789".to_owned(),
            "t10.MAKER   MODEL9 0000000000".to_owned(),
            "t10.MAKER".to_owned(),
            "t10.".to_owned(),
            "naa.0000000000000000".to_owned(),
        ] {
            assert!(is_placeholder(&bad), "{bad}: {:?}", wwid(&bad));
        }
    }

    #[test]
    fn one_with_other_parts_than_it_must_have_is_not_read() {
        for odd in [
            "nvme.144d-5331-4d31".to_owned(),
            "nvme.144d-533-4d31-00000001".to_owned(),
            "nvme.144d-zz-4d31-00000001".to_owned(),
            "nvme.".to_owned(),
            format!("{}-1", of_nvme("S3Z8NB0K")),
        ] {
            assert!(matches!(wwid(&odd), Fact::Unsupported(_)), "{odd}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_leads_to_a_panic(text in "(t10|nvme|eui|naa|x)?[.]?\\PC*") {
            let _name = wwid(&text);
        }
    }
}

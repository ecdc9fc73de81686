//! How keys are named, whoever tells them.

use super::rig::{certificate, certificate_with, tagged};
use crate::fact::Fact;
use crate::tpm::key::{Curve, Key, name, pinned};
use crate::tpm::public_key;

fn rsa(modulus: &[u8], exponent: u32) -> Option<Vec<u8>> {
    let modulus = modulus.to_vec();
    Key::Rsa { modulus, exponent }.bits()
}

fn point(curve: Curve, x: &[u8], y: &[u8]) -> Option<Vec<u8>> {
    let (x, y) = (x.to_vec(), y.to_vec());
    Key::Ecc { curve, x, y }.bits()
}

#[test]
fn the_bits_of_a_key_are_those_that_a_certificate_holds() {
    let modulus = [0xc1; 256];
    let numbers = [
        tagged(2, &[&[0][..], &modulus].concat()),
        tagged(2, &[1, 0, 1]),
    ];
    let written = tagged(0x30, &numbers.concat());
    assert_eq!(rsa(&modulus, 0), Some(written.clone()));
    assert_eq!(rsa(&modulus, 65_537), Some(written.clone()));
    assert_ne!(rsa(&modulus, 3), Some(written));
}

#[test]
fn a_number_whose_first_bit_is_clear_gets_no_zero() {
    let numbers = [tagged(2, &[0x41; 256]), tagged(2, &[3])];
    assert_eq!(rsa(&[0x41; 256], 3), Some(tagged(0x30, &numbers.concat())));
}

#[test]
fn a_coordinate_without_its_zeros_is_the_same_coordinate() {
    let whole = point(Curve::P256, &[&[0][..], &[7; 31]].concat(), &[9; 32]);
    let bare = point(Curve::P256, &[7; 31], &[9; 32]);
    assert_eq!(whole, bare);
    assert_eq!(whole.map(|bits| bits.len()), Some(65));
    assert_eq!(
        point(Curve::P521, &[7; 65], &[9; 66]).map(|bits| bits.len()),
        Some(133)
    );
}

#[test]
fn a_coordinate_longer_than_its_curve_is_none() {
    assert_eq!(point(Curve::P256, &[7; 33], &[9; 32]), None);
    assert_eq!(point(Curve::Sm2, &[7; 32], &[9; 33]), None);
}

#[test]
fn a_certificate_issued_anew_over_one_key_names_the_same_key() {
    let bits = [4; 65];
    let first = certificate(&bits);
    let second = certificate_with(&[0x0c, 3, b'x', b'y', b'z'], &bits);
    assert_ne!(first, second);
    assert_eq!(public_key(&first), Some(&bits[..]));
    assert_eq!(public_key(&first), public_key(&second));
}

#[test]
fn a_certificate_of_the_first_version_is_read() {
    // Without the bracket that tells the version.
    let any = tagged(0x30, &[]);
    let key = tagged(0x30, &[any.clone(), tagged(3, &[0, 5, 6])].concat());
    let fields = [tagged(2, &[1]), any.repeat(4), key].concat();
    let whole = tagged(0x30, &tagged(0x30, &fields));
    assert_eq!(public_key(&whole), Some(&[5, 6][..]));
}

#[test]
fn a_certificate_cut_anywhere_inside_is_refused() {
    let whole = certificate(&[4; 65]);
    for length in 0..whole.len() {
        assert_eq!(public_key(&whole[..length]), None, "{length}");
    }
    let padded = [&whole[..], &[0xff; 100]].concat();
    assert_eq!(public_key(&padded), Some(&[4; 65][..]));
}

#[test]
fn what_is_no_certificate_has_no_key() {
    let mut unused = certificate(&[4; 65]);
    let at = unused.windows(3).position(|w| w == [3, 66, 0]).unwrap();
    unused[at + 2] = 1;
    for bad in [
        vec![],
        vec![0xff; 1200],
        vec![0; 1200],
        // A length of eight bytes, an endless one, and one longer than it needs to be.
        [&[0x30, 0x88][..], &[0xff; 60]].concat(),
        [&[0x30, 0x80][..], &[0; 60]].concat(),
        [&[0x30, 0x81, 5][..], &[0; 60]].concat(),
        unused,
    ] {
        assert_eq!(public_key(&bad), None, "{bad:02x?}");
    }
}

#[test]
fn a_name_is_the_digest_of_the_bits_and_reads_back_as_a_pin() {
    let key = name(&[4; 65]).unwrap();
    assert_eq!(key.reveal().len(), "sha256:".len() + 64);
    assert_eq!(pinned(key.reveal()), Fact::Value(key.clone()));
    let capitals = key.reveal().to_uppercase().replace("SHA", "sha");
    let Fact::Value(read) = pinned(&capitals) else {
        panic!("{capitals}")
    };
    assert_eq!(read.normalised(), key.normalised());
    assert_ne!(name(&[5; 65]), Some(key));
}

#[test]
fn bits_too_few_to_be_a_key_have_no_name() {
    assert_eq!(name(&[4; 31]), None);
    assert!(name(&[4; 32]).is_some());
}

#[test]
fn a_pin_of_another_form_is_refused() {
    let key = name(&[4; 65]).unwrap();
    let good = key.reveal();
    for bad in [
        good.trim_start_matches("sha256:"),
        good.get(..good.len() - 1).unwrap(),
        &format!("{good}0"),
        &good.replace("sha256", "sha1"),
        // The form of the key beside it.
        "sha256:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",
        "",
    ] {
        assert!(matches!(pinned(bad), Fact::Unsupported(_)), "{bad}");
    }
}

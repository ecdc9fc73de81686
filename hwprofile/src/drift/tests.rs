//! The watch over a machine: real trees that change, and random histories in a time of their own.

mod histories;
mod machines;
mod settling;

use super::{Class, MESSAGE_LIMIT, Wake};
use proptest::prelude::*;

fn wake(bytes: &[u8]) -> (Class, Option<u64>) {
    let wake = Wake::read(bytes);
    (wake.class, wake.sequence)
}

#[test]
fn a_message_of_the_kernel_tells_its_class_and_its_number() {
    let message = b"add@/devices/pci0000:00/usb1/1-1/host3/block/sdb\0ACTION=add\0\
        DEVPATH=/devices/x\0SUBSYSTEM=block\0DEVNAME=sdb\0SEQNUM=4711\0";
    assert_eq!(wake(message), (Class::Block, Some(4711)));
    for (name, class) in [
        ("net", Class::Net),
        ("pci", Class::Pci),
        ("usb", Class::Usb),
        ("tpm", Class::Tpm),
        ("cpu", Class::Processor),
        ("leds", Class::Other),
    ] {
        let message = format!("change@/x\0SUBSYSTEM={name}\0SEQNUM=1\0");
        assert_eq!(wake(message.as_bytes()), (class, Some(1)));
    }
}

#[test]
fn a_message_that_does_not_say_is_a_reason_to_look_all_the_same() {
    let odd: [&[u8]; 9] = [
        b"",
        b"\0",
        b"add@",
        b"SEQNUM=",
        b"SEQNUM=-1",
        b"SEQNUM=+1",
        b"SEQNUM=18446744073709551616",
        b"libudev\0\xfe\xed\xca\xfe\0\0\0\x28",
        b"\xff\xfe\0SUBSYSTEM=\xff\0",
    ];
    for bytes in odd {
        assert_eq!(wake(bytes), (Class::Other, None), "{bytes:?}");
    }
}

#[test]
fn what_lies_beyond_the_bound_is_not_read() {
    let mut long = vec![b'x'; MESSAGE_LIMIT];
    long.extend_from_slice(b"\0SEQNUM=1\0");
    assert_eq!(wake(&long), (Class::Other, None));
}

proptest! {
    #[test]
    fn any_bytes_are_a_reason_to_look(bytes in proptest::collection::vec(any::<u8>(), 0..3000)) {
        let _wake = Wake::read(&bytes);
    }

    #[test]
    fn a_message_cut_anywhere_never_gains_a_number(at: proptest::sample::Index) {
        let whole = b"add@/devices/x\0SUBSYSTEM=net\0SEQNUM=4711\0";
        let (_, sequence) = wake(&whole[..at.index(whole.len())]);
        prop_assert!(sequence.is_none_or(|number| "4711".starts_with(&number.to_string())));
    }
}

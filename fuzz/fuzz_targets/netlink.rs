//! The kernel's answer about its network links.
#![no_main]

use cofferdam_hwprofile::netlink::{Addresses, take};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut addresses = Addresses::new();
    let _progress = take(bytes, &mut addresses);
    assert!(addresses.len() <= 4096, "the bound holds");
});

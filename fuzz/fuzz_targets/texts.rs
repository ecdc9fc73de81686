//! The texts of `/sys` and `/proc`: processors, memory, PCI, drives, adapters, bonds, namespaces.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    cofferdam_hwprofile::inventory::fuzz::texts(&text);
});

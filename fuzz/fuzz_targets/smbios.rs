//! The firmware's own table: the first bytes are its entry point, the others its structures.
#![no_main]

use libfuzzer_sys::fuzz_target;

/// The length of the longest entry point.
const ENTRY_POINT: usize = 32;

fuzz_target!(|bytes: &[u8]| {
    let (entry, table) = bytes.split_at(bytes.len().min(ENTRY_POINT));
    cofferdam_hwprofile::inventory::fuzz::firmware(entry, table.to_vec());
});

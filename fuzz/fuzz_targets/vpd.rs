//! The pages in which a SCSI drive tells its names.
#![no_main]

use cofferdam_hwprofile::inventory::vpd;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _names = (vpd::serial(bytes), vpd::wwid(bytes));
});

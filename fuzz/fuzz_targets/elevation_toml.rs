//! The elevation of a rack, read beside a policy that holds.
#![no_main]

use cofferdam_fuzz::POLICY;
use cofferdam_rack::Elevation;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _elevation = Elevation::parse("elevation.toml", text, &POLICY);
});

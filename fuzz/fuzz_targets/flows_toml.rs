//! The flows of a rack, read beside a policy that holds.
#![no_main]

use cofferdam_fuzz::POLICY;
use cofferdam_rack::FlowTable;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _flows = FlowTable::parse("flows.toml", text, &POLICY);
});

//! Every code of the product, for `cofferctl explain`, and the tool's own.

use cofferdam_hwprofile::CodeEntry;

/// Every code there is, family by family.
pub fn all() -> impl Iterator<Item = &'static CodeEntry> {
    [
        cofferdam_hwprofile::CODES,
        cofferdam_rack::CODES,
        cofferdam_seal::CODES,
        cofferdam_trail::CODES,
        cofferdam_link::CODES,
        cofferdam_spool::CODES,
        cofferdam_node::CODES,
        cofferdam_code_zones::CODES,
        CODES,
    ]
    .into_iter()
    .flatten()
}

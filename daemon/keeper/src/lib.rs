//! The keeper: judges evidence, issues leases, wraps and unwraps data keys. Holds no data.

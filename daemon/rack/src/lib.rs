//! Manifest, identities, flows and leases: what may speak to whom. Pure.

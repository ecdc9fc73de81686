//! The link over loopback, with authorities and certificates made on the spot. Owns no behaviour of
//! the product.

mod admission;
mod dialing;
mod lifecycle;
mod plain;
mod rack;
mod rights;
mod stage;

//! Fernet tokens, keyrings and the sealed-object format.

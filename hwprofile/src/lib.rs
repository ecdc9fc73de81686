//! Facts about hardware, the policy over them, and the verdict whether two zones are separate.

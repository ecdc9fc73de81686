//! The audit log: Merkle tiles, checkpoints, proofs; verifies with no daemon around.

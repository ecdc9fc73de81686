//! Tests of hashing and proofs, beside known answers and a naive tree.

use super::{
    ProofError, empty_root, leaf_hash, node_hash, prove_consistency, prove_inclusion, range_root,
    root, verify_consistency, verify_inclusion,
};
use crate::Hash;

fn hash(hex: &str) -> Hash {
    let byte = |at: usize| u8::from_str_radix(hex.get(2 * at..2 * at + 2).unwrap(), 16).unwrap();
    Hash(std::array::from_fn(byte))
}

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|at| leaf_hash(&at.to_le_bytes())).collect()
}

/// RFC 6962 §2.1, written out as the text has it.
fn by_definition(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        more => {
            let mut split = 1;
            while split * 2 < more.len() {
                split *= 2;
            }
            let (left, right) = more.split_at(split);
            node_hash(&by_definition(left), &by_definition(right))
        }
    }
}

#[test]
fn known_hashes_of_the_empty_tree_the_empty_leaf_and_a_zero_leaf() {
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(empty_root(), hash(empty));
    let empty_leaf = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
    assert_eq!(leaf_hash(b""), hash(empty_leaf));
    let zero_leaf = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7";
    assert_eq!(leaf_hash(&[0]), hash(zero_leaf));
    let both = "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125";
    assert_eq!(node_hash(&hash(empty_leaf), &hash(zero_leaf)), hash(both));
}

#[test]
fn roots_are_those_of_the_definition() {
    let leaves = leaves(130);
    for size in 0..=130 {
        let row = &leaves[..size];
        assert_eq!(root(row), by_definition(row), "size {size}");
        let mut tree = row;
        let size = u64::try_from(size).unwrap();
        assert_eq!(range_root(&mut tree, 0, size), Ok(root(row)));
    }
}

#[test]
fn every_inclusion_proof_up_to_seventy_leaves_holds_and_no_other_leaf_passes() {
    for size in 0..70_u64 {
        let row = leaves(size);
        let head = root(&row);
        for index in 0..size {
            let at = usize::try_from(index).unwrap();
            let proof = prove_inclusion(&mut row.as_slice(), index, size)
                .unwrap()
                .unwrap();
            assert_eq!(
                verify_inclusion(&row[at], index, size, &proof, &head),
                Ok(())
            );
            let stranger = leaf_hash(b"stranger");
            assert!(verify_inclusion(&stranger, index, size, &proof, &head).is_err());
            let longer = [proof.as_slice(), &[head]].concat();
            assert!(verify_inclusion(&row[at], index, size, &longer, &head).is_err());
            if let Some((_, shorter)) = proof.split_last() {
                assert!(verify_inclusion(&row[at], index, size, shorter, &head).is_err());
                let other = (index + 1) % size;
                assert!(verify_inclusion(&row[at], other, size, &proof, &head).is_err());
            }
        }
        assert_eq!(prove_inclusion(&mut row.as_slice(), size, size), Ok(None));
        let none = verify_inclusion(&head, size, size, &[], &head);
        assert_eq!(none, Err(ProofError::Range));
    }
}

#[test]
fn every_consistency_proof_up_to_seventy_leaves_holds_and_no_other_tree_passes() {
    let row = leaves(70);
    let roots: Vec<_> = (0..=70).map(|size| root(&row[..size])).collect();
    for new in 0..=70_u64 {
        let new_root = &roots[usize::try_from(new).unwrap()];
        for old in 0..=new {
            let old_root = &roots[usize::try_from(old).unwrap()];
            let proof = prove_consistency(&mut row.as_slice(), old, new)
                .unwrap()
                .unwrap();
            assert_eq!(
                verify_consistency((old, old_root), (new, new_root), &proof),
                Ok(())
            );
            let stranger = leaf_hash(b"stranger");
            assert!(verify_consistency((old, &stranger), (new, new_root), &proof).is_err());
            if old != 0 {
                assert!(verify_consistency((old, old_root), (new, &stranger), &proof).is_err());
            }
            let longer = [proof.as_slice(), &[stranger]].concat();
            assert!(verify_consistency((old, old_root), (new, new_root), &longer).is_err());
            if let Some((_, shorter)) = proof.split_last() {
                assert!(verify_consistency((old, old_root), (new, new_root), shorter).is_err());
            }
        }
        assert_eq!(
            prove_consistency(&mut row.as_slice(), new + 1, new),
            Ok(None)
        );
    }
}

#[test]
fn a_shrunken_tree_is_never_consistent() {
    let head = empty_root();
    assert_eq!(
        verify_consistency((2, &head), (1, &head), &[]),
        Err(ProofError::Range)
    );
}

#[test]
fn each_proof_error_has_its_code() {
    let codes = [ProofError::Range, ProofError::Length, ProofError::Root].map(ProofError::code);
    assert_eq!(codes, ["TR-401", "TR-402", "TR-403"]);
}

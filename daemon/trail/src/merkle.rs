//! RFC 6962 hashing and proofs: pure functions over hashes. Reads no file; where the hashes come
//! from is the caller's ([`Subtrees`]).

use ring::digest;

use crate::Hash;

/// The root of the tree without leaves.
#[must_use]
pub fn empty_root() -> Hash {
    digest_of(&[])
}

/// The hash of a leaf: SHA-256 of a zero byte and the leaf.
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    digest_of(&[&[0], leaf])
}

/// The hash of a node: SHA-256 of a one byte and both children.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut input = [1_u8; 1 + 2 * Hash::LENGTH];
    let (to_left, to_right) = input[1..].split_at_mut(Hash::LENGTH);
    to_left.copy_from_slice(&left.0);
    to_right.copy_from_slice(&right.0);
    digest_of(&[&input])
}

/// The root over a row of hashes, each taken as a leaf hash or as the root of a perfect subtree
/// of one common size (the last may be of an incomplete one).
#[must_use]
pub fn root(hashes: &[Hash]) -> Hash {
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        // Pairing neighbours and letting an odd last one rise is the split of RFC 6962.
        let pairs = row.chunks(2).map(|pair| match pair {
            [left, right] => node_hash(left, right),
            [alone, ..] => *alone,
            [] => empty_root(),
        });
        row = pairs.collect();
    }
    row.first().copied().unwrap_or_else(empty_root)
}

/// Where proofs take their hashes from.
pub trait Subtrees {
    /// What can go wrong when a hash is fetched.
    type Error;

    /// The root of the perfect subtree of `2^height` leaves that starts at leaf
    /// `index * 2^height`.
    ///
    /// # Errors
    /// If the hash cannot be had.
    fn subtree(&mut self, height: u32, index: u64) -> Result<Hash, Self::Error>;
}

/// A row of leaf hashes is a tree.
impl Subtrees for &[Hash] {
    type Error = ProofError;

    fn subtree(&mut self, height: u32, index: u64) -> Result<Hash, ProofError> {
        let width = 1_u64.checked_shl(height).ok_or(ProofError::Range)?;
        let start = index.checked_mul(width).ok_or(ProofError::Range)?;
        let end = start.checked_add(width).ok_or(ProofError::Range)?;
        let start = usize::try_from(start).ok().ok_or(ProofError::Range)?;
        let end = usize::try_from(end).ok().ok_or(ProofError::Range)?;
        self.get(start..end).map(root).ok_or(ProofError::Range)
    }
}

/// A proof does not prove, or cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// A leaf outside the tree, or an old size above the new one.
    #[error("the leaf or the old size lies outside the tree")]
    Range,
    /// The proof has too many or too few hashes for these sizes.
    #[error("the proof has the wrong number of hashes for these sizes")]
    Length,
    /// The hashes do not lead to the root.
    #[error("the proof does not lead to the root")]
    Root,
}

impl ProofError {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Range => "TR-401",
            Self::Length => "TR-402",
            Self::Root => "TR-403",
        }
    }
}

/// The root of the tree over the leaves `low..high`, where `low` is where a subtree may start.
///
/// # Errors
/// If a hash cannot be had.
pub fn range_root<S: Subtrees>(tree: &mut S, low: u64, high: u64) -> Result<Hash, S::Error> {
    let mut peaks = Vec::new();
    let mut at = low;
    while at < high {
        // The largest perfect subtree that starts here and does not reach past the end.
        let fits = high.saturating_sub(at).ilog2();
        let height = if at == 0 {
            fits
        } else {
            fits.min(at.trailing_zeros())
        };
        peaks.push(tree.subtree(height, at >> height)?);
        at = at.saturating_add(1 << height);
    }
    let mut hash = peaks.pop().unwrap_or_else(empty_root);
    while let Some(left) = peaks.pop() {
        hash = node_hash(&left, &hash);
    }
    Ok(hash)
}

/// The proof that leaf `index` is in the tree of `size` leaves (RFC 9162 §2.1.3.1).
///
/// # Errors
/// `Ok(None)` if the leaf is outside the tree; an error if a hash cannot be had.
pub fn prove_inclusion<S: Subtrees>(
    tree: &mut S,
    index: u64,
    size: u64,
) -> Result<Option<Vec<Hash>>, S::Error> {
    if index >= size {
        return Ok(None);
    }
    let (mut low, mut high) = (0_u64, size);
    let mut proof = Vec::new();
    while high.saturating_sub(low) > 1 {
        let middle = low.saturating_add(split(high.saturating_sub(low)));
        if index < middle {
            proof.push(range_root(tree, middle, high)?);
            high = middle;
        } else {
            proof.push(range_root(tree, low, middle)?);
            low = middle;
        }
    }
    proof.reverse();
    Ok(Some(proof))
}

/// The proof that the tree of `old` leaves is the beginning of that of `new` (RFC 9162 §2.1.4.1).
/// Empty where the sizes are equal or the old tree is empty.
///
/// # Errors
/// `Ok(None)` if `old` is above `new`; an error if a hash cannot be had.
pub fn prove_consistency<S: Subtrees>(
    tree: &mut S,
    old: u64,
    new: u64,
) -> Result<Option<Vec<Hash>>, S::Error> {
    if old > new {
        return Ok(None);
    }
    if old == new || old == 0 {
        return Ok(Some(Vec::new()));
    }
    let (mut low, mut high) = (0_u64, new);
    let mut proof = Vec::new();
    while high != old {
        let middle = low.saturating_add(split(high.saturating_sub(low)));
        if old <= middle {
            proof.push(range_root(tree, middle, high)?);
            high = middle;
        } else {
            proof.push(range_root(tree, low, middle)?);
            low = middle;
        }
    }
    if low != 0 {
        proof.push(range_root(tree, low, high)?);
    }
    proof.reverse();
    Ok(Some(proof))
}

/// Checks that a leaf is in the tree with this root (RFC 9162 §2.1.3.2).
///
/// # Errors
/// Why the proof does not hold.
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    expected: &Hash,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::Range);
    }
    let (mut node, mut last) = (index, size.saturating_sub(1));
    let mut hash = *leaf;
    for sibling in proof {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(ProofError::Length);
    }
    if hash == *expected {
        Ok(())
    } else {
        Err(ProofError::Root)
    }
}

/// Checks that the tree of the old head is the beginning of that of the new head
/// (RFC 9162 §2.1.4.2). From an old tree without leaves only the empty proof is accepted, and the
/// old root must be that of the empty tree.
///
/// # Errors
/// Why the proof does not hold.
pub fn verify_consistency(
    old: (u64, &Hash),
    new: (u64, &Hash),
    proof: &[Hash],
) -> Result<(), ProofError> {
    let ((old_size, old_root), (new_size, new_root)) = (old, new);
    if old_size > new_size {
        return Err(ProofError::Range);
    }
    if old_size == new_size || old_size == 0 {
        let expected = if old_size == 0 {
            empty_root()
        } else {
            *new_root
        };
        return match (
            proof.is_empty(),
            *old_root == expected,
            old_size == new_size,
        ) {
            (false, _, _) => Err(ProofError::Length),
            (true, true, true) if old_root != new_root => Err(ProofError::Root),
            (true, true, _) => Ok(()),
            (true, false, _) => Err(ProofError::Root),
        };
    }
    let (mut node, mut last) = (old_size.saturating_sub(1), new_size.saturating_sub(1));
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    // Where the old tree is one perfect subtree, its root is the first hash and is left out.
    let mut hashes = proof.iter();
    let first = if old_size.is_power_of_two() {
        *old_root
    } else {
        *hashes.next().ok_or(ProofError::Length)?
    };
    let (mut old_hash, mut new_hash) = (first, first);
    for hash in hashes {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if node & 1 == 1 || node == last {
            old_hash = node_hash(hash, &old_hash);
            new_hash = node_hash(hash, &new_hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, hash);
        }
        node >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(ProofError::Length);
    }
    let holds = old_hash == *old_root && new_hash == *new_root;
    if holds { Ok(()) } else { Err(ProofError::Root) }
}

/// The largest power of two below `size`, which is at least two.
fn split(size: u64) -> u64 {
    1 << size.saturating_sub(1).ilog2()
}

fn digest_of(parts: &[&[u8]]) -> Hash {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    let mut hash = [0; Hash::LENGTH];
    hash.copy_from_slice(context.finish().as_ref());
    Hash(hash)
}

#[cfg(test)]
mod tests;

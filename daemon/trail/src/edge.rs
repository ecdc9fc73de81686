//! The growing right side of the tree: the open tile of every level. Knows hashes and sizes only.

use crate::tile::{FULL_WIDTH, Tile};
use crate::{Hash, merkle};

/// The open tiles of a tree, level by level; enough to go on and to give the root.
#[derive(Debug, Clone, Default)]
pub(crate) struct Edge {
    size: u64,
    levels: Vec<Vec<Hash>>,
}

/// A tile and its hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TileBytes {
    pub(crate) tile: Tile,
    pub(crate) bytes: Vec<u8>,
}

impl TileBytes {
    fn new(level: usize, index: u64, hashes: &[Hash]) -> Self {
        let width = u16::try_from(hashes.len()).expect("an open tile has at most 256 hashes");
        let level = u8::try_from(level).expect("a 64-bit size has eight levels");
        let bytes = hashes.iter().flat_map(|hash| hash.0).collect();
        Self {
            tile: Tile {
                level,
                index,
                width,
            },
            bytes,
        }
    }
}

impl Edge {
    /// The edge of a tree whose open tiles, level by level, hold these hashes.
    pub(crate) fn resume(size: u64, levels: Vec<Vec<Hash>>) -> Self {
        Self { size, levels }
    }

    /// How many leaves the tree has.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf; each tile that it completes goes to `full`.
    pub(crate) fn push(&mut self, leaf: Hash, full: &mut Vec<TileBytes>) {
        self.size = self.size.saturating_add(1);
        let mut hash = leaf;
        let mut span = 1_u64;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels
                    .push(Vec::with_capacity(usize::from(FULL_WIDTH)));
            }
            let Some(open) = self.levels.get_mut(level) else {
                return;
            };
            open.push(hash);
            if open.len() < usize::from(FULL_WIDTH) {
                return;
            }
            span = span.saturating_mul(u64::from(FULL_WIDTH));
            let index = (self.size / span).saturating_sub(1);
            hash = merkle::root(open);
            full.push(TileBytes::new(level, index, open));
            open.clear();
        }
    }

    /// The root of the tree. What a level's open tile lacks is the remainder of the levels below.
    pub(crate) fn root(&self) -> Hash {
        let mut remainder: Option<Hash> = None;
        for open in &self.levels {
            if open.is_empty() {
                continue;
            }
            let row: Vec<Hash> = open.iter().copied().chain(remainder).collect();
            remainder = Some(merkle::root(&row));
        }
        remainder.unwrap_or_else(merkle::empty_root)
    }

    /// The partial tiles of the tree at this size.
    pub(crate) fn partials(&self) -> Vec<TileBytes> {
        let mut span = u64::from(FULL_WIDTH);
        let mut partials = Vec::new();
        for (level, open) in self.levels.iter().enumerate() {
            if !open.is_empty() {
                partials.push(TileBytes::new(level, self.size / span, open));
            }
            span = span.saturating_mul(u64::from(FULL_WIDTH));
        }
        partials
    }
}

#[cfg(test)]
mod tests {
    use super::Edge;
    use crate::tile::{full_tiles, partial};
    use crate::{Hash, merkle};

    fn leaf(at: u64) -> Hash {
        merkle::leaf_hash(&at.to_be_bytes())
    }

    #[test]
    fn root_and_tiles_are_right_at_every_size_up_to_beyond_two_levels() {
        let mut edge = Edge::default();
        let (mut leaves, mut full) = (Vec::new(), Vec::new());
        assert_eq!(edge.root(), merkle::empty_root());
        for at in 0..700 {
            edge.push(leaf(at), &mut full);
            leaves.push(leaf(at));
            let size = at + 1;
            assert_eq!(edge.size(), size);
            assert_eq!(edge.root(), merkle::root(&leaves), "size {size}");
            let partials: Vec<_> = edge.partials().iter().map(|bytes| bytes.tile).collect();
            let expect: Vec<_> = (0..3).filter_map(|level| partial(level, size)).collect();
            assert_eq!(partials, expect, "size {size}");
        }
        assert_eq!(u64::try_from(full.len()).unwrap(), full_tiles(0, 700));
        assert_eq!(full[1].tile.index, 1);
        assert_eq!(full[1].bytes.len(), 8192);
        assert_eq!(&full[1].bytes[..32], &leaf(256).0);
    }

    #[test]
    fn sixty_five_thousand_leaves_complete_a_tile_of_the_second_level() {
        let mut edge = Edge::default();
        let (mut leaves, mut full) = (Vec::new(), Vec::new());
        for at in 0..65_537 {
            edge.push(leaf(at), &mut full);
            leaves.push(leaf(at));
        }
        let upper: Vec<_> = full.iter().filter(|bytes| bytes.tile.level == 1).collect();
        assert_eq!(upper.len(), 1);
        assert_eq!(upper[0].tile.index, 0);
        assert_eq!(edge.root(), merkle::root(&leaves));
        assert_eq!(edge.partials().len(), 2);
    }
}

//! Where every piece of a log lies (C2SP `tlog-tiles`) and how an entry bundle is read. Arithmetic
//! and paths only; opens no file.

use std::path::PathBuf;

/// How many hashes a full tile has, and how many leaves a full bundle.
pub const FULL_WIDTH: u16 = 256;

/// How many levels of a tree one tile spans.
pub const TILE_HEIGHT: u32 = 8;

/// The highest level the format allows; a tree of 64-bit size needs no more than eight.
pub const LEVELS: u8 = 8;

/// One tile: its level, its index within the level, and how many hashes of it there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tile {
    /// Zero holds leaf hashes.
    pub level: u8,
    /// Counted from zero within the level.
    pub index: u64,
    /// 256 for a full tile.
    pub width: u16,
}

impl Tile {
    /// Where the tile lies, below the directory of the log.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        path(&self.level.to_string(), self.index, self.width)
    }

    /// Where the entry bundle lies that belongs to this tile of level zero.
    #[must_use]
    pub fn bundle_path(&self) -> PathBuf {
        path("entries", self.index, self.width)
    }

    /// Whether the tile has all its hashes.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.width == FULL_WIDTH
    }

    /// The same tile with all its hashes.
    #[must_use]
    pub fn full(&self) -> Self {
        Self {
            width: FULL_WIDTH,
            ..*self
        }
    }
}

/// How many hashes the level has in a tree of this size, over all its tiles.
#[must_use]
pub fn hashes_at(level: u8, size: u64) -> u64 {
    size.checked_shr(u32::from(level).saturating_mul(TILE_HEIGHT))
        .unwrap_or(0)
}

/// The last tile of the level where it is partial; `None` where the level ends in a full tile or
/// has none.
#[must_use]
pub fn partial(level: u8, size: u64) -> Option<Tile> {
    let hashes = hashes_at(level, size);
    let width = u16::try_from(hashes % u64::from(FULL_WIDTH)).ok()?;
    (width != 0).then_some(Tile {
        level,
        index: hashes / u64::from(FULL_WIDTH),
        width,
    })
}

/// How many full tiles the level has.
#[must_use]
pub fn full_tiles(level: u8, size: u64) -> u64 {
    hashes_at(level, size) / u64::from(FULL_WIDTH)
}

fn path(kind: &str, index: u64, width: u16) -> PathBuf {
    let full = format!("tile/{kind}/{}", index_path(index));
    PathBuf::from(if width == FULL_WIDTH {
        full
    } else {
        format!("{full}.p/{width}")
    })
}

/// The index as three-digit path elements: 1234067 is `x001/x234/067`.
#[must_use]
pub fn index_path(index: u64) -> String {
    let mut text = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        text = format!("x{:03}/{text}", rest % 1000);
        rest /= 1000;
    }
    text
}

/// A bundle ends inside an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bundle ends inside entry {0}")]
pub struct Truncated(pub u64);

/// Reads a bundle entry by entry: each has its length before it, 16 bits, most significant first.
#[derive(Debug, Clone)]
pub struct Bundle<'a> {
    rest: &'a [u8],
    read: u64,
}

impl<'a> Bundle<'a> {
    /// Reads these bytes.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            read: 0,
        }
    }
}

impl<'a> Iterator for Bundle<'a> {
    type Item = Result<&'a [u8], Truncated>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let entry = self
            .rest
            .split_first_chunk::<2>()
            .and_then(|(length, rest)| {
                rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
            });
        let Some((entry, rest)) = entry else {
            self.rest = &[];
            return Some(Err(Truncated(self.read)));
        };
        self.rest = rest;
        self.read = self.read.saturating_add(1);
        Some(Ok(entry))
    }
}

#[cfg(test)]
mod tests {
    use super::{Bundle, Tile, Truncated, full_tiles, index_path, partial};

    #[test]
    fn paths_are_those_of_the_specification() {
        assert_eq!(index_path(0), "000");
        assert_eq!(index_path(999), "999");
        assert_eq!(index_path(1000), "x001/000");
        assert_eq!(index_path(1_234_067), "x001/x234/067");
        let tile = Tile {
            level: 1,
            index: 1000,
            width: 17,
        };
        assert_eq!(tile.path().to_str(), Some("tile/1/x001/000.p/17"));
        assert_eq!(tile.full().path().to_str(), Some("tile/1/x001/000"));
        assert_eq!(
            tile.bundle_path().to_str(),
            Some("tile/entries/x001/000.p/17")
        );
    }

    #[test]
    fn seventy_thousand_leaves_make_the_tiles_that_the_specification_counts() {
        let size = 70_000;
        assert_eq!(full_tiles(0, size), 273);
        assert_eq!(partial(0, size).unwrap().width, 112);
        assert_eq!(full_tiles(1, size), 1);
        assert_eq!(
            partial(1, size),
            Some(Tile {
                level: 1,
                index: 1,
                width: 17
            })
        );
        assert_eq!(
            partial(2, size),
            Some(Tile {
                level: 2,
                index: 0,
                width: 1
            })
        );
        assert_eq!(partial(3, size), None);
    }

    #[test]
    fn two_hundred_and_fifty_six_leaves_make_a_full_tile_and_one_hash_above() {
        assert_eq!(full_tiles(0, 256), 1);
        assert_eq!(partial(0, 256), None);
        assert_eq!(
            partial(1, 256),
            Some(Tile {
                level: 1,
                index: 0,
                width: 1
            })
        );
    }

    #[test]
    fn the_largest_size_has_tiles_on_eight_levels_and_no_more() {
        assert!(partial(7, u64::MAX).is_some());
        assert_eq!(partial(8, u64::MAX), None);
        assert_eq!(full_tiles(200, u64::MAX), 0);
    }

    #[test]
    fn a_bundle_is_read_entry_by_entry_and_a_cut_one_says_where() {
        let bytes = [0, 2, b'a', b'b', 0, 0, 0, 1, b'c'];
        let read: Result<Vec<_>, _> = Bundle::new(&bytes).collect();
        assert_eq!(read.unwrap(), vec![&b"ab"[..], b"", b"c"]);
        for end in [1, 2, 3, 5, 7, 8] {
            let read: Result<Vec<_>, _> = Bundle::new(&bytes[..end]).collect();
            let expect = match end {
                1..=3 => 0,
                5 => 1,
                _ => 2,
            };
            assert_eq!(read, Err(Truncated(expect)), "cut at {end}");
        }
        assert_eq!(Bundle::new(&[]).count(), 0);
    }
}

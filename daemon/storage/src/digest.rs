//! Owns the digests of a body: the MD5 that is the `ETag`, and the checksums a client announces.
//!
//! MD5 is here for the protocol; nothing in the store relies on it for security.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Sha1, Sha256};

/// A checksum algorithm of the S3 protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// CRC-32 of ISO-HDLC.
    Crc32,
    /// CRC-32C, Castagnoli.
    Crc32c,
    /// CRC-64/NVME.
    Crc64Nvme,
    /// SHA-1, for compatibility.
    Sha1,
    /// SHA-256.
    Sha256,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Algorithm; 5] = [
        Algorithm::Crc32,
        Algorithm::Crc32c,
        Algorithm::Crc64Nvme,
        Algorithm::Sha1,
        Algorithm::Sha256,
    ];

    /// The word at the end of `x-amz-checksum-…`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Algorithm::Crc32 => "crc32",
            Algorithm::Crc32c => "crc32c",
            Algorithm::Crc64Nvme => "crc64nvme",
            Algorithm::Sha1 => "sha1",
            Algorithm::Sha256 => "sha256",
        }
    }

    /// Reads the name of a header or trailer such as `x-amz-checksum-crc32`.
    #[must_use]
    pub fn of_header(name: &str) -> Option<Self> {
        let name = name.trim().to_ascii_lowercase();
        let word = name.strip_prefix("x-amz-checksum-")?;
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.as_str() == word)
    }
}

/// Everything that is computed over a body while it streams by.
pub struct Digests {
    md5: Md5,
    sums: ChecksumHasher,
}

impl fmt::Debug for Digests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Digests").finish_non_exhaustive()
    }
}

/// What was computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Computed {
    /// The MD5.
    pub md5: [u8; 16],
    /// The checksums in base64, by [`Algorithm::as_str`].
    pub sums: BTreeMap<String, String>,
}

impl Digests {
    /// Computes the MD5 and the `wanted` checksums.
    #[must_use]
    pub fn new(wanted: &[Algorithm]) -> Self {
        let mut sums = ChecksumHasher::default();
        for algorithm in wanted {
            match algorithm {
                Algorithm::Crc32 => sums.crc32 = Some(Crc32::new()),
                Algorithm::Crc32c => sums.crc32c = Some(Crc32c::new()),
                Algorithm::Crc64Nvme => sums.crc64nvme = Some(Crc64Nvme::new()),
                Algorithm::Sha1 => sums.sha1 = Some(Sha1::new()),
                Algorithm::Sha256 => sums.sha256 = Some(Sha256::new()),
            }
        }
        Self {
            md5: Md5::new(),
            sums,
        }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        self.sums.update(bytes);
    }

    /// Ends the computation.
    #[must_use]
    pub fn finish(self) -> Computed {
        let sums = self.sums.finalize();
        let named = [
            (Algorithm::Crc32, sums.checksum_crc32),
            (Algorithm::Crc32c, sums.checksum_crc32c),
            (Algorithm::Crc64Nvme, sums.checksum_crc64nvme),
            (Algorithm::Sha1, sums.checksum_sha1),
            (Algorithm::Sha256, sums.checksum_sha256),
        ];
        Computed {
            md5: self.md5.finalize().into(),
            sums: named
                .into_iter()
                .filter_map(|(algorithm, sum)| Some((algorithm.as_str().to_owned(), sum?)))
                .collect(),
        }
    }
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            write!(text, "{byte:02x}").expect("writing to a String cannot fail");
            text
        })
}

/// Reads the base64 of an MD5, as in `Content-MD5`.
#[must_use]
pub fn parse_md5(text: &str) -> Option<[u8; 16]> {
    STANDARD.decode(text.trim()).ok()?.try_into().ok()
}

/// The `ETag` of an object in parts: the MD5 over the parts' MD5s, and their number.
#[must_use]
pub fn etag_of_parts(parts: &[[u8; 16]]) -> String {
    let mut md5 = Md5::new();
    for part in parts {
        md5.update(part);
    }
    let whole: [u8; 16] = md5.finalize().into();
    format!("{}-{}", hex(&whole), parts.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digests_of_a_known_text_are_the_published_ones() {
        let mut digests = Digests::new(&Algorithm::ALL);
        digests.update(b"1234");
        digests.update(b"56789");
        let computed = digests.finish();
        assert_eq!(hex(&computed.md5), "25f9e794323b453885f5181f1b624d0b");
        let sum = |name: &str| STANDARD.decode(&computed.sums[name]).unwrap();
        assert_eq!(sum("crc32"), 0xcbf4_3926_u32.to_be_bytes());
        assert_eq!(sum("crc32c"), 0xe306_9283_u32.to_be_bytes());
        assert_eq!(sum("crc64nvme"), 0xae8b_1486_0a79_9888_u64.to_be_bytes());
        assert_eq!(
            hex(&sum("sha1")),
            "f7c3bc1d808e04732adf679965ccc34ca7ae3441"
        );
        assert_eq!(computed.sums.len(), 5);
    }

    #[test]
    fn only_what_was_wanted_is_computed() {
        assert!(Digests::new(&[]).finish().sums.is_empty());
        let one = Digests::new(&[Algorithm::Sha256]).finish();
        assert_eq!(one.sums.keys().collect::<Vec<_>>(), ["sha256"]);
    }

    #[test]
    fn an_unknown_checksum_header_is_no_algorithm() {
        assert_eq!(
            Algorithm::of_header("X-Amz-Checksum-CRC32C"),
            Some(Algorithm::Crc32c)
        );
        assert_eq!(Algorithm::of_header("x-amz-checksum-md4"), None);
        assert_eq!(Algorithm::of_header("crc32"), None);
    }
}

//! The text that operators sign: the rack's domain, the epoch, and the digest of each file. Six
//! lines, one form.

use std::fmt;
use std::path::Path;

use cofferdam_hwprofile::Refusal;
use ring::digest::{SHA256, digest};

use super::FILES;
use super::directory::Files;
use crate::{Code, Epoch, Faults, RackDomain};

const TITLE: &str = "cofferdam/manifest/v1";
const DIGEST: &str = "sha256:";

/// What a note states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) domain: RackDomain,
    pub(super) epoch: Epoch,
    /// In the order of [`FILES`].
    pub(super) digests: [[u8; 32]; 3],
}

/// SHA-256.
pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes)
        .as_ref()
        .try_into()
        .expect("SHA-256 has 32 bytes")
}

impl Statement {
    /// SHA-256 of the text.
    pub(super) fn digest(&self) -> [u8; 32] {
        sha256(self.to_string().as_bytes())
    }

    /// Reads the one form that [`fmt::Display`] writes; what is wrong otherwise.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let mut lines = text.split_terminator('\n');
        if lines.next() != Some(TITLE) {
            return Err("the first line is not cofferdam/manifest/v1");
        }
        let domain = lines.next().and_then(|line| line.parse().ok());
        let domain = domain.ok_or("the second line is not the rack's domain")?;
        let epoch = lines
            .next()
            .and_then(|line| line.strip_prefix("epoch ")?.parse().ok());
        let epoch = epoch.ok_or("the third line is not the epoch")?;
        let mut digests = [[0_u8; 32]; 3];
        for (name, place) in FILES.iter().zip(&mut digests) {
            let hex = lines.next().and_then(|line| {
                line.strip_prefix(name)?
                    .strip_prefix(' ')?
                    .strip_prefix(DIGEST)
            });
            *place = hex
                .and_then(from_hex)
                .ok_or("a line does not name a file and its digest")?;
        }
        let statement = Self {
            domain,
            epoch,
            digests,
        };
        if statement.to_string() == text {
            Ok(statement)
        } else {
            Err("there is more than the six lines")
        }
    }

    /// Whether the files are those that the statement names.
    ///
    /// # Errors
    /// Every file that is another.
    pub(super) fn matches(&self, dir: &Path, files: &Files) -> Result<(), Faults> {
        let found = files.digests();
        let changed = FILES.iter().zip(self.digests.iter().zip(&found));
        let refusals = changed.filter(|(_, (signed, found))| signed != found).map(
            |(name, (signed, found))| {
                Refusal::new(
                    Code::FileChanged.as_str(),
                    format!(
                        "{name} is not the file that was signed, so the manifest is not believed"
                    ),
                    Code::FileChanged.entry().mend,
                )
                .read(format!(
                    "{}: {DIGEST}{}",
                    dir.join(name).display(),
                    Hex(found)
                ))
                .also(format!(
                    "signed for epoch {}: {DIGEST}{}",
                    self.epoch,
                    Hex(signed)
                ))
            },
        );
        Faults::any(refusals.collect()).map_or(Ok(()), Err)
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{TITLE}\n{}\nepoch {}", self.domain, self.epoch)?;
        for (name, digest) in FILES.iter().zip(&self.digests) {
            writeln!(f, "{name} {DIGEST}{}", Hex(digest))?;
        }
        Ok(())
    }
}

/// Prints bytes as `sha256sum` does.
struct Hex<'b>(&'b [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digits: Option<Vec<u8>> = text
        .bytes()
        .map(|byte| match byte {
            b'0'..=b'9' => Some(byte.wrapping_sub(b'0')),
            b'a'..=b'f' => Some(byte.wrapping_sub(b'a').wrapping_add(10)),
            _ => None,
        })
        .collect();
    let pairs = digits?
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some((high << 4) | low),
            [] | [_] | [_, _, ..] => None,
        })
        .collect::<Option<Vec<u8>>>();
    pairs?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn statement() -> Statement {
        Statement {
            domain: "lab.internal".parse().unwrap(),
            epoch: Epoch::new(7).unwrap(),
            digests: [[0; 32], [0xab; 32], [255; 32]],
        }
    }

    #[test]
    fn a_statement_is_six_lines_and_reads_back() {
        let text = statement().to_string();
        let expect = format!(
            "cofferdam/manifest/v1\nlab.internal\nepoch 7\nhwprofile.toml \
             sha256:{}\nelevation.toml sha256:{}\nflows.toml sha256:{}\n",
            "00".repeat(32),
            "ab".repeat(32),
            "ff".repeat(32)
        );
        assert_eq!(text, expect);
        assert_eq!(Statement::parse(&text), Ok(statement()));
    }

    #[test]
    fn a_text_with_any_other_byte_is_no_statement() {
        let text = statement().to_string();
        let bad = [
            String::new(),
            text.replace("v1", "v2"),
            text.replace("epoch 7", "epoch 07"),
            text.replace("epoch 7", "epoch 0"),
            text.replace("lab.internal", "Lab.internal"),
            text.replace("abab", "ABAB"),
            text.replace("sha256:", "sha512:"),
            text.replace("flows.toml", "flow.toml"),
            text.replace('\n', "\r\n"),
            text.replacen("ff", "", 1),
            format!("{text}more\n"),
            format!("{text}\n"),
            format!("\n{text}"),
            text.trim_end().to_owned(),
        ];
        for bad in bad {
            assert!(Statement::parse(&bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn random_text_never_panics(text in "(cofferdam/manifest/v1\\n)?.{0,40}(\\nepoch \
            [0-9]{0,3})?.{0,40}") {
            if let Ok(statement) = Statement::parse(&text) {
                prop_assert_eq!(statement.to_string(), text);
            }
        }

        #[test]
        fn every_statement_reads_back(
            epoch in 1_u64.., bytes in proptest::array::uniform32(0_u8..)
        ) {
            let statement = Statement {
                epoch: Epoch::new(epoch).unwrap(),
                digests: [bytes, [1; 32], bytes],
                ..statement()
            };
            prop_assert_eq!(Statement::parse(&statement.to_string()), Ok(statement));
        }
    }
}

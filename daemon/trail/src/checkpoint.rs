//! The tree head that a log signs: origin, size, root (C2SP `tlog-checkpoint`).
//! Holds no signature itself; [`crate::note`] wraps and unwraps it.

use std::fmt;

use crate::Hash;

/// The head of a log at one size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Who the log is: `<rack-domain>/<zone>/<node>`.
    pub origin: String,
    /// The number of leaves.
    pub size: u64,
    /// The RFC 6962 root of the tree of that size.
    pub root: Hash,
}

/// Why a text is no checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Fewer than three lines, or the last has no newline.
    #[error("a checkpoint has at least three lines, each with its newline")]
    Lines,
    /// The first line is empty.
    #[error("the origin line is empty")]
    Origin,
    /// The second line is no decimal number in its shortest form.
    #[error("the size line is not a decimal number without leading zeroes")]
    Size,
    /// The third line is not the base64 of 32 bytes.
    #[error("the root line is not the base64 of 32 bytes")]
    Root,
    /// An extension line is empty.
    #[error("an extension line is empty")]
    Extension,
}

impl CheckpointError {
    /// The stable code of every such error.
    #[must_use]
    pub fn code(self) -> &'static str {
        "TR-010"
    }
}

impl Checkpoint {
    /// Reads the text of a note. Extension lines are allowed and ignored, as the format says.
    ///
    /// # Errors
    /// The first line that is not as the format says.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let body = text.strip_suffix('\n').ok_or(CheckpointError::Lines)?;
        let mut lines = body.split('\n');
        let mut next = || lines.next().ok_or(CheckpointError::Lines);
        let (origin, size, root) = (next()?, next()?, next()?);
        if origin.is_empty() {
            return Err(CheckpointError::Origin);
        }
        let size = decimal(size).ok_or(CheckpointError::Size)?;
        let root = Hash::from_base64(root).ok_or(CheckpointError::Root)?;
        if lines.any(str::is_empty) {
            return Err(CheckpointError::Extension);
        }
        Ok(Self {
            origin: origin.to_owned(),
            size,
            root,
        })
    }
}

/// The text that is signed.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}\n{}\n{}",
            self.origin,
            self.size,
            self.root.to_base64()
        )
    }
}

/// A decimal number in its only permitted spelling.
fn decimal(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let shortest = text == "0" || !text.starts_with('0');
    if plain && shortest {
        text.parse().ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{Checkpoint, CheckpointError};
    use crate::Hash;

    const TEXT: &str =
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    #[test]
    fn the_example_of_the_specification_is_read_and_written_back() {
        let checkpoint = Checkpoint::parse(TEXT).unwrap();
        assert_eq!(checkpoint.origin, "example.com/behind-the-sofa");
        assert_eq!(checkpoint.size, 20_852_163);
        assert_eq!(checkpoint.to_string(), TEXT);
    }

    #[test]
    fn an_empty_log_has_size_zero() {
        let empty = Checkpoint {
            origin: "a".to_owned(),
            size: 0,
            root: Hash([0; 32]),
        };
        assert_eq!(Checkpoint::parse(&empty.to_string()), Ok(empty));
    }

    #[test]
    fn an_extension_line_is_ignored_and_an_empty_one_refused() {
        assert!(Checkpoint::parse(&format!("{TEXT}more\n")).is_ok());
        assert_eq!(
            Checkpoint::parse(&format!("{TEXT}\n")),
            Err(CheckpointError::Extension)
        );
    }

    #[test]
    fn each_wrong_line_is_named() {
        let check = |text: &str, expect| assert_eq!(Checkpoint::parse(text), Err(expect), "{text}");
        let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
        check("", CheckpointError::Lines);
        check("a\n1\n", CheckpointError::Lines);
        check(TEXT.trim_end(), CheckpointError::Lines);
        check(&format!("\n1\n{root}\n"), CheckpointError::Origin);
        for size in [
            "",
            "01",
            "+1",
            "-1",
            " 1",
            "1 ",
            "0x1",
            "18446744073709551616",
            "00",
        ] {
            check(&format!("a\n{size}\n{root}\n"), CheckpointError::Size);
        }
        for root in ["", "AAAA", &format!("{root}="), &root.replace('=', "")] {
            check(&format!("a\n1\n{root}\n"), CheckpointError::Root);
        }
    }
}

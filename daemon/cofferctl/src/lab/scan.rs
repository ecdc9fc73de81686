//! Looks for names of people in every file below a directory: as they are, and as base64 would carry them. It reads everything and
//! changes nothing.

use std::io;
use std::path::{Path, PathBuf};

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// What a scan saw.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scan {
    /// How many files were read.
    pub files: u64,
    /// How many bytes.
    pub bytes: u64,
    /// Where a name was found, and which.
    pub found: Vec<(PathBuf, String)>,
}

/// Reads every file below `root` and looks for `names`.
///
/// # Errors
/// A file or directory could not be read: what was not looked at is not clean.
pub fn scan(root: &Path, names: &[&str]) -> io::Result<Scan> {
    let patterns = patterns(names);
    let texts: Vec<&[u8]> = patterns
        .iter()
        .map(|(pattern, _)| pattern.as_slice())
        .collect();
    let automaton = AhoCorasick::new(texts).map_err(io::Error::other)?;
    let mut scan = Scan::default();
    let mut waiting = vec![root.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(&directory)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                waiting.push(entry.path());
            } else if kind.is_file() {
                let bytes = std::fs::read(entry.path())?;
                scan.files += 1;
                scan.bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                if let Some(hit) = automaton.find(&bytes)
                    && let Some((_, name)) = patterns.get(hit.pattern().as_usize())
                {
                    scan.found.push((entry.path(), name.clone()));
                }
            }
            let file_name = entry.file_name();
            if let Some(hit) = automaton.find(file_name.as_encoded_bytes())
                && let Some((_, name)) = patterns.get(hit.pattern().as_usize())
            {
                scan.found.push((entry.path(), name.clone()));
            }
        }
    }
    Ok(scan)
}

/// Each name as it is, and the part of its base64 that does not depend on what stands around it, at all three alignments.
fn patterns(names: &[&str]) -> Vec<(Vec<u8>, String)> {
    let mut patterns = Vec::new();
    for name in names {
        patterns.push((name.as_bytes().to_vec(), (*name).to_owned()));
        for lead in 0..3_usize {
            let mut padded = vec![0_u8; lead];
            padded.extend_from_slice(name.as_bytes());
            let text = STANDARD_NO_PAD.encode(&padded);
            let from = (lead * 8).div_ceil(6);
            let to = padded.len() * 8 / 6;
            if let Some(core) = text.get(from..to) {
                patterns.push((core.as_bytes().to_vec(), format!("{name} (in base64)")));
            }
        }
    }
    patterns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_plain_in_base64_and_in_a_file_name() {
        let dir = tempfile::tempdir().expect("a directory");
        let inner = dir.path().join("a/b");
        std::fs::create_dir_all(&inner).expect("made");
        std::fs::write(inner.join("plain"), b"..Ana Quillfeather..").expect("written");
        for lead in ["", "x", "xx"] {
            let text = STANDARD_NO_PAD.encode(format!("{lead}Quillfeather and more"));
            std::fs::write(inner.join(format!("coded{lead}")), text).expect("written");
        }
        std::fs::write(inner.join("Quillfeather.txt"), b"").expect("written");
        let scan = scan(dir.path(), &["Quillfeather"]).expect("scanned");
        assert_eq!(scan.files, 5);
        assert_eq!(scan.found.len(), 5, "{:?}", scan.found);
    }

    #[test]
    fn a_clean_directory_is_clean_and_was_read() {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("clean"), b"nobody is named here").expect("written");
        let scan = scan(dir.path(), &["Quillfeather"]).expect("scanned");
        assert_eq!((scan.files, scan.bytes, scan.found.len()), (1, 20, 0));
    }

    #[test]
    fn what_cannot_be_read_is_an_error_not_a_clean_scan() {
        assert!(scan(Path::new("/nowhere/at/all"), &["Quillfeather"]).is_err());
    }
}

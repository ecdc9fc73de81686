//! Reads the files of a rack directory, each once and bounded, and writes the note whole or not at
//! all.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use cofferdam_hwprofile::{Policy, Refusal};
use cofferdam_trail::note::NOTE_LIMIT_BYTES;

use super::statement::sha256;
use super::{Draft, FILES, NOTE_FILE, POLICY_FILE};
use crate::document::FILE_LIMIT_BYTES;
use crate::elevation::Survey;
use crate::{Code, Elevation, Faults, FlowTable, elevation, flows};

/// The three files as they were read: what is hashed is what is parsed.
#[derive(Debug)]
pub(super) struct Files {
    policy: String,
    elevation: String,
    flows: String,
}

impl Files {
    /// Reads all three.
    ///
    /// # Errors
    /// Every file that cannot be read.
    pub(super) fn read(dir: &Path) -> Result<Self, Faults> {
        let mut refusals = Vec::new();
        let mut texts =
            FILES
                .iter()
                .map(|name| match read_text(&dir.join(name), FILE_LIMIT_BYTES) {
                    Ok(text) => text,
                    Err(unread) => {
                        refusals.push(unread.refusal(&dir.join(name)));
                        String::new()
                    }
                });
        let mut next = || texts.next().unwrap_or_default();
        let files = Self {
            policy: next(),
            elevation: next(),
            flows: next(),
        };
        drop(texts);
        Faults::any(refusals).map_or(Ok(files), Err)
    }

    /// SHA-256 of each, in the order of [`FILES`].
    pub(super) fn digests(&self) -> [[u8; 32]; 3] {
        [&self.policy, &self.elevation, &self.flows].map(|text| sha256(text.as_bytes()))
    }

    /// The policy and the plan with everything that its checks found.
    ///
    /// # Errors
    /// Every fault of the policy, or of a plan that cannot be drawn.
    pub(super) fn survey(&self) -> Result<(Policy, Survey), Faults> {
        let policy = Policy::parse(POLICY_FILE, &self.policy)?;
        let survey = Elevation::survey(elevation::FILE, &self.elevation, &policy)?;
        Ok((policy, survey))
    }

    /// Parses all three against each other.
    ///
    /// # Errors
    /// Every fault: of the policy alone while it has any, because the others are read against it.
    pub(super) fn parse(&self) -> Result<Draft, Faults> {
        let policy = Policy::parse(POLICY_FILE, &self.policy)?;
        let elevation = Elevation::parse(elevation::FILE, &self.elevation, &policy);
        let flows = FlowTable::parse(flows::FILE, &self.flows, &policy);
        match (elevation, flows) {
            (Ok(elevation), Ok(flows)) => Ok(Draft {
                policy,
                flows,
                elevation,
                digests: self.digests(),
            }),
            (elevation, flows) => {
                let faults = elevation.err().into_iter().chain(flows.err());
                let refusals = faults.flat_map(Faults::into_refusals).collect();
                Err(Faults::any(refusals).expect("one of the two has faults"))
            }
        }
    }
}

/// Why a file gave no text.
#[derive(Debug)]
enum Unread {
    Io(io::Error),
    NoFile,
    TooLong(usize),
    NoText,
}

impl Unread {
    fn refusal(&self, path: &Path) -> Refusal {
        let (code, seen) = match self {
            Self::Io(error) => (Code::Unreadable, error.to_string()),
            Self::NoFile => (Code::Unreadable, "not a regular file".to_owned()),
            Self::TooLong(limit) => (Code::TooLarge, format!("more than {limit} bytes")),
            Self::NoText => (Code::TooLarge, "not UTF-8 text".to_owned()),
        };
        Refusal::new(
            code.as_str(),
            "a file of the manifest cannot be used, so there is no manifest",
            code.entry().mend,
        )
        .read(format!("{}: {seen}", path.display()))
    }
}

fn read_text(path: &Path, limit: usize) -> Result<String, Unread> {
    // Asked before it is opened: opening a pipe would wait for its writer.
    if !fs::metadata(path).map_err(Unread::Io)?.is_file() {
        return Err(Unread::NoFile);
    }
    let file = File::open(path).map_err(Unread::Io)?;
    let bound = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    file.take(bound)
        .read_to_end(&mut bytes)
        .map_err(Unread::Io)?;
    if bytes.len() > limit {
        return Err(Unread::TooLong(limit));
    }
    String::from_utf8(bytes).ok().ok_or(Unread::NoText)
}

/// Reads the signed note.
///
/// # Errors
/// If there is none, or it cannot be read.
pub(super) fn read_note(dir: &Path) -> Result<String, Faults> {
    let path = dir.join(NOTE_FILE);
    read_text(&path, NOTE_LIMIT_BYTES).map_err(|unread| {
        let missing =
            matches!(&unread, Unread::Io(error) if error.kind() == io::ErrorKind::NotFound);
        if !missing {
            return Faults::one(unread.refusal(&path));
        }
        let refusal = Refusal::new(
            Code::NoteMissing.as_str(),
            "nobody vouches for the three files, so there is no manifest",
            Code::NoteMissing.entry().mend,
        );
        Faults::one(refusal.read(format!("{}: there is no such file", path.display())))
    })
}

/// Whether there is a note.
pub(super) fn has_note(dir: &Path) -> bool {
    dir.join(NOTE_FILE).exists()
}

/// Replaces the note: whoever reads at any moment finds the former one or the new one, whole.
///
/// # Errors
/// If it cannot be written; the former note then stands.
pub(super) fn write_note(dir: &Path, note: &str) -> Result<(), Faults> {
    let path = dir.join(NOTE_FILE);
    let draft = dir.join(".manifest.new");
    let written = File::create(&draft)
        .and_then(|mut file| {
            file.write_all(note.as_bytes())
                .and_then(|()| file.sync_all())
        })
        .and_then(|()| fs::rename(&draft, &path))
        .and_then(|()| File::open(dir)?.sync_all());
    written.map_err(|error| {
        let refusal = Refusal::new(
            Code::NoteUnwritten.as_str(),
            "the signature was not stored",
            Code::NoteUnwritten.entry().mend,
        );
        Faults::one(refusal.read(format!("{}: {error}", path.display())))
    })
}

#[cfg(test)]
mod tests;

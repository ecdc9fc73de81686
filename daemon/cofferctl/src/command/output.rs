//! Where the bytes of a command go: standard output, or a file that appears only when it is whole. Must never leave half a file under
//! the name that was asked for, write over what the command reads, nor let others read what was opened.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use cofferdam_hwprofile::Refusal;
use cofferdam_node::Exit;
use serde_json::json;

use super::object::file_failed;
use super::stream::output_failed;
use crate::verdict::{Failure, Verdict};

/// Who may read a file that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readers {
    /// Anybody the umask lets: nothing in it is plain.
    Anybody,
    /// Its owner.
    Owner,
}

/// What an output must not be written over, each with what it is.
#[derive(Debug, Default)]
pub(super) struct Kept(Vec<(&'static str, Known)>);

/// A file by what it is, or by its place where there is none yet.
#[derive(Debug, PartialEq, Eq)]
enum Known {
    Identity(u64, u64),
    Place(PathBuf),
}

impl Kept {
    /// The keyring and the input of a command; standard input if none is named.
    pub(super) fn sources(keyring: &Path, input: Option<&Path>) -> Self {
        let kept = Self::default().and("the keyring", keyring);
        match input {
            Some(path) => kept.and("the input", path),
            None => {
                let descriptor = io::stdin().as_fd().try_clone_to_owned();
                let metadata = descriptor.and_then(|owned| File::from(owned).metadata());
                kept.known("the input", metadata.ok().as_ref().map(identity))
            }
        }
    }

    /// The same, and one more.
    pub(super) fn and(self, what: &'static str, path: &Path) -> Self {
        let known = match std::fs::metadata(path) {
            Ok(there) => Some(identity(&there)),
            Err(_not_there) => new_place(path).ok().map(Known::Place),
        };
        self.known(what, known)
    }

    fn known(mut self, what: &'static str, known: Option<Known>) -> Self {
        self.0.extend(known.map(|known| (what, known)));
        self
    }

    fn refuse(&self, path: &Path, target: &Target) -> Result<(), Failure> {
        let met = self.0.iter().find(|(_, known)| target.is(known));
        let Some((what, _)) = met else {
            return Ok(());
        };
        let refusal = Refusal::new(
            "CL-054",
            "the output would take the place of what the command reads, so nothing was written",
            "name another file with -o; move it over the old one when you have looked at it",
        )
        .read(format!("{}: it is {what}", path.display()));
        Err(Failure::new(Exit::Usage, refusal))
    }
}

fn identity(metadata: &Metadata) -> Known {
    Known::Identity(metadata.dev(), metadata.ino())
}

/// The file that a name comes to when every link is followed.
struct Target {
    place: PathBuf,
    there: Option<Known>,
}

impl Target {
    /// Follows the name. Only a file is written over: what stands for a device or a pipe would be replaced by a file.
    fn of(path: &Path) -> io::Result<Self> {
        match std::fs::metadata(path) {
            Ok(there) if there.is_file() => Ok(Self {
                place: path.canonicalize()?,
                there: Some(identity(&there)),
            }),
            Ok(_other) => refuse("there is something other than a file"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if path.symlink_metadata().is_ok() {
                    return refuse("it is a link to nothing");
                }
                let place = new_place(path)?;
                Ok(Self { place, there: None })
            }
            Err(error) => Err(error),
        }
    }

    fn is(&self, known: &Known) -> bool {
        match known {
            Known::Identity(..) => self.there.as_ref() == Some(known),
            Known::Place(place) => self.place == *place,
        }
    }

    fn directory(&self) -> &Path {
        self.place.parent().unwrap_or(Path::new("/"))
    }

    /// A name beside it that nobody else has: another run to the same output, and a file of a like name, are left alone.
    fn unfinished(&self) -> io::Result<PathBuf> {
        let tag = cofferdam_seal::random_tag().map_err(io::Error::other)?;
        let mut name = OsString::from(".");
        name.push(self.place.file_name().unwrap_or(OsStr::new("")));
        name.push(format!(".{}.part", cofferdam_node::hex(&tag)));
        Ok(self.place.with_file_name(name))
    }
}

/// Where a file will be that is not there yet.
fn new_place(path: &Path) -> io::Result<PathBuf> {
    let Some(name) = path.file_name() else {
        return refuse("it names no file");
    };
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new(".")).canonicalize()?;
    Ok(directory.join(name))
}

fn refuse<T>(why: &str) -> io::Result<T> {
    Err(io::Error::new(io::ErrorKind::InvalidInput, why))
}

/// A file appears only when it is whole: what fails half-way leaves nothing of its name, and what was there stays.
pub(super) fn write_output(
    path: Option<&Path>,
    readers: Readers,
    kept: &Kept,
    write: impl FnOnce(&mut dyn Write) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let Some(path) = path else {
        let mut out = io::stdout().lock();
        write(&mut out)?;
        // What is still held back would fail unseen when the program ends.
        return out.flush().map_err(|error| output_failed(&error));
    };
    let failed = |error| file_failed(path, &error);
    let target = Target::of(path).map_err(failed)?;
    kept.refuse(path, &target)?;
    let part = target.unfinished().map_err(failed)?;
    let mut file = create(&part, readers).map_err(failed)?;
    let written = write(&mut file).and_then(|()| {
        file.sync_all()
            .and_then(|()| std::fs::rename(&part, &target.place))
            .map_err(failed)
    });
    if written.is_err() {
        drop(std::fs::remove_file(&part));
        return written;
    }
    File::open(target.directory())
        .and_then(|directory| directory.sync_all())
        .map_err(failed)
}

fn create(part: &Path, readers: Readers) -> io::Result<File> {
    let mode = match readers {
        Readers::Anybody => 0o666,
        Readers::Owner => 0o600,
    };
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(part)
}

/// Where the data went, or that it speaks for itself.
pub(super) fn said(output: Option<&Path>, line: &str) -> Verdict {
    match output {
        Some(path) => {
            Verdict::yes(format!("{line}, {}", path.display())).value(json!({ "file": path }))
        }
        None => Verdict::silent(line),
    }
}

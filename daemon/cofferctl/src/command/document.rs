//! A text file, read whole and no longer than it may be. Must never wait at a pipe that was not asked for, nor take a part for the whole.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use nix::fcntl::OFlag;

/// The most of a file that people write: a policy, a plan, a list of keys. In bytes.
pub(super) const WRITTEN_LIMIT_BYTES: u64 = 1 << 20;
/// The most of a file of facts, in bytes.
pub(super) const FACTS_LIMIT_BYTES: u64 = 16 << 20;

/// What may stand behind a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behind {
    /// A file, found in a directory or named in a command.
    File,
    /// A pipe too, as a shell makes one of `<(…)`: it was named, so it is waited for.
    FileOrPipe,
}

/// Why a file was not read.
#[derive(Debug)]
pub(super) enum Unread {
    Failed(io::Error),
    NoFile,
    TooLong { limit_bytes: u64 },
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::NoFile => f.write_str("it is no file"),
            Self::TooLong { limit_bytes } => {
                write!(f, "it is longer than {} MiB", limit_bytes >> 20)
            }
        }
    }
}

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

/// Reads a document.
pub(super) fn read(path: &Path, behind: Behind, limit_bytes: u64) -> Result<String, Unread> {
    let file = open(path, behind)?;
    let mut text = String::new();
    let read = file.take(limit_bytes + 1).read_to_string(&mut text);
    // A cut through a character is told as the length that caused it.
    let too_long = match &read {
        Ok(read) => u64::try_from(*read).unwrap_or(u64::MAX) > limit_bytes,
        Err(error) => {
            let whole = path.metadata().map_or(0, |metadata| metadata.len());
            error.kind() == io::ErrorKind::InvalidData && whole > limit_bytes
        }
    };
    if too_long {
        return Err(Unread::TooLong { limit_bytes });
    }
    read?;
    Ok(text)
}

fn open(path: &Path, behind: Behind) -> Result<File, Unread> {
    use std::os::unix::fs::FileTypeExt as _;
    let mut options = OpenOptions::new();
    options.read(true);
    if behind == Behind::File {
        // The opening of a pipe would wait for its other end.
        options.custom_flags(OFlag::O_NONBLOCK.bits());
    }
    let file = options.open(path)?;
    let kind = file.metadata()?.file_type();
    let wanted = match behind {
        Behind::File => kind.is_file(),
        Behind::FileOrPipe => kind.is_file() || kind.is_fifo(),
    };
    if wanted {
        Ok(file)
    } else {
        Err(Unread::NoFile)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &Path, behind: Behind, expect: Result<&str, &str>) {
        let read = read(path, behind, 4).map_err(|unread| unread.to_string());
        assert_eq!(read.as_deref().map_err(String::as_str), expect);
    }

    #[test]
    fn a_file_is_read_to_its_limit_and_no_byte_further() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("file");
        for (content, expect) in [
            ("", Ok("")),
            ("four", Ok("four")),
            ("fives", Err("it is longer than 0 MiB")),
            ("fourü", Err("it is longer than 0 MiB")),
        ] {
            std::fs::write(&path, content).expect("a file");
            check(&path, Behind::File, expect);
            check(&path, Behind::FileOrPipe, expect);
        }
    }

    #[test]
    fn a_pipe_is_waited_for_only_where_it_was_asked_for() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("pipe");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        check(&path, Behind::File, Err("it is no file"));
        let writer = path.clone();
        let writer = std::thread::spawn(move || std::fs::write(writer, "said"));
        check(&path, Behind::FileOrPipe, Ok("said"));
        writer.join().expect("a writer").expect("written");
    }

    #[test]
    fn a_directory_and_a_device_are_no_files() {
        for path in ["/", "/dev/null"] {
            for behind in [Behind::File, Behind::FileOrPipe] {
                check(Path::new(path), behind, Err("it is no file"));
            }
        }
    }
}

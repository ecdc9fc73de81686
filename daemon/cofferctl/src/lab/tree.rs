//! Unpacks a simulated machine: one readable text file becomes the sysroot that a node's hardware is read from. It writes below the
//! directory it is given and nowhere else.

use std::io;
use std::path::{Component, Path, PathBuf};

/// Why a machine could not be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// A line is not of the format.
    #[error("line {line}: {what}")]
    Syntax {
        /// One-based.
        line: usize,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A file of it could not be written.
    #[error("failed to write {}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
}

/// One thing in the tree.
#[derive(Debug, PartialEq, Eq)]
enum Item {
    File { path: PathBuf, content: String },
    Bytes { path: PathBuf, bytes: Vec<u8> },
    Link { path: PathBuf, target: PathBuf },
}

/// Writes the tree that `text` describes below `root`.
///
/// Shape: `# comment`, `@ path` followed by the lines of its content, `@ path = 06 00 01` for a file of exactly these bytes,
/// `@ path -> target` for a symbolic link.
///
/// # Errors
/// The text is not of that shape, or a file could not be written.
pub fn unpack(text: &str, root: &Path) -> Result<(), TreeError> {
    for item in parse(text)? {
        match item {
            Item::File { path, content } => {
                let path = root.join(path);
                make_parent(&path)
                    .and_then(|()| std::fs::write(&path, content))
                    .map_err(|error| TreeError::File { path, error })?;
            }
            Item::Bytes { path, bytes } => {
                let path = root.join(path);
                make_parent(&path)
                    .and_then(|()| std::fs::write(&path, bytes))
                    .map_err(|error| TreeError::File { path, error })?;
            }
            Item::Link { path, target } => {
                let path = root.join(path);
                make_parent(&path)
                    .and_then(|()| std::os::unix::fs::symlink(target, &path))
                    .map_err(|error| TreeError::File { path, error })?;
            }
        }
    }
    Ok(())
}

fn make_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), std::fs::create_dir_all)
}

fn parse(text: &str) -> Result<Vec<Item>, TreeError> {
    let mut items = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line_number = index + 1;
        if let Some(head) = line.strip_prefix("@ ") {
            items.push(head_of(head, line_number)?);
        } else if line.starts_with('#') && !matches!(items.last(), Some(Item::File { .. })) {
        } else {
            match items.last_mut() {
                Some(Item::File { content, .. }) => {
                    content.push_str(line);
                    content.push('\n');
                }
                Some(Item::Link { .. } | Item::Bytes { .. }) | None if line.trim().is_empty() => {}
                Some(Item::Link { .. } | Item::Bytes { .. }) | None => {
                    let what = "content before the first path, or below a link or bytes";
                    return Err(TreeError::Syntax {
                        line: line_number,
                        what,
                    });
                }
            }
        }
    }
    Ok(items)
}

fn head_of(head: &str, line: usize) -> Result<Item, TreeError> {
    let (head, bytes) = match head.split_once(" = ") {
        Some((path, digits)) => (path, Some(bytes_of(digits, line)?)),
        None => (head, None),
    };
    let (path, target) = match head.split_once(" -> ") {
        Some((path, target)) => (path.trim(), Some(target.trim())),
        None => (head.trim(), None),
    };
    let path = PathBuf::from(path);
    let stays_inside = path
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    if !stays_inside || path.as_os_str().is_empty() {
        return Err(TreeError::Syntax {
            line,
            what: "the path leaves the tree",
        });
    }
    Ok(match (target, bytes) {
        (_, Some(bytes)) => Item::Bytes { path, bytes },
        (Some(target), None) => Item::Link {
            path,
            target: PathBuf::from(target),
        },
        (None, None) => Item::File {
            path,
            content: String::new(),
        },
    })
}

/// Bytes in hexadecimal, with blanks between them: the variables of the firmware are not text.
fn bytes_of(digits: &str, line: usize) -> Result<Vec<u8>, TreeError> {
    let byte = |pair: &str| {
        u8::from_str_radix(pair, 16)
            .ok()
            .filter(|_| pair.len() == 2)
    };
    let bytes: Option<Vec<u8>> = digits.split_whitespace().map(byte).collect();
    bytes.ok_or(TreeError::Syntax {
        line,
        what: "bytes are written as two hexadecimal digits each",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_links_are_made_where_the_text_says() {
        let dir = tempfile::tempdir().expect("a directory");
        let text = "# a machine\n@ sys/a/serial\nX-1\n@ sys/b/c\none\ntwo\n@ sys/d -> a\n\n";
        unpack(text, dir.path()).expect("unpacked");
        let read = |path: &str| std::fs::read_to_string(dir.path().join(path)).expect("there");
        assert_eq!(read("sys/a/serial"), "X-1\n");
        assert_eq!(read("sys/b/c"), "one\ntwo\n");
        assert_eq!(read("sys/d/serial"), "X-1\n");
    }

    #[test]
    fn a_path_that_leaves_the_tree_is_refused_with_its_line() {
        for path in ["../etc/passwd", "/etc/passwd", "sys/../../x"] {
            let text = format!("# a machine\n@ {path}\nno\n");
            let error = parse(&text).expect_err("refused");
            assert!(error.to_string().starts_with("line 2"), "{error}");
        }
    }

    #[test]
    fn bytes_are_written_as_they_are() {
        let dir = tempfile::tempdir().expect("a directory");
        unpack("@ sys/v = 06 00 ff\n# a comment\n@ sys/w\nx\n", dir.path()).expect("unpacked");
        assert_eq!(
            std::fs::read(dir.path().join("sys/v")).expect("there"),
            [6, 0, 255]
        );
        for bad in ["@ a = 6\n", "@ a = 0g\n", "@ a = 06\nstray\n"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn content_without_a_path_is_refused() {
        assert!(parse("stray\n").is_err());
        assert!(parse("@ a -> b\nstray\n").is_err());
    }
}

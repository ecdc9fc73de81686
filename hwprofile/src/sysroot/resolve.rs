//! Where a path leads below the root. Owns every step over a link; must never take one that ends
//! outside.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::path::{Component, Path, PathBuf};

use super::Sysroot;
use crate::fact::Gap;

/// How many links one path may go through, as in the kernel.
const LINK_LIMIT: usize = 40;
/// What one reading has seen of directories.
#[derive(Debug, Clone, Default)]
pub(super) struct Remembered {
    /// Where a path leads, by the path.
    resolved: BTreeMap<String, Result<PathBuf, Gap>>,
    /// Places inside the root that are directories and no links to one.
    directories: BTreeSet<PathBuf>,
}

/// Whether the last component of a path is followed when it is a link.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Last {
    Follow,
    Keep,
}

/// A resolved path: its place inside the root, and what it is.
pub(super) struct Found {
    pub(super) inside: PathBuf,
    pub(super) metadata: Metadata,
}

impl Sysroot {
    pub(super) fn resolve(&self, path: &str, last: Last) -> Result<Found, Gap> {
        if let Some((directory, name)) = path.rsplit_once('/')
            && let Some(remembered) = &self.remembered
            && !matches!(name, "" | "." | "..")
        {
            let known = remembered.borrow().resolved.get(directory).cloned();
            let inside = known.unwrap_or_else(|| {
                let found = self.walk(PathBuf::new(), directory, Last::Follow);
                let inside = found.map(|found| found.inside);
                let mut remembered = remembered.borrow_mut();
                remembered
                    .resolved
                    .insert(directory.to_owned(), inside.clone());
                inside
            })?;
            return self.walk(inside, name, last);
        }
        self.walk(PathBuf::new(), path, last)
    }

    /// Resolves a path from a place inside the root that is itself resolved.
    fn walk(&self, from: PathBuf, path: &str, last: Last) -> Result<Found, Gap> {
        let mut inside = from;
        let mut pending: VecDeque<OsString> = components(Path::new(path))?.into();
        let mut links = 0;
        // What stands at `inside`, unless it is the root or where a link has just led.
        let mut metadata = None;
        while let Some(component) = pending.pop_front() {
            if component == OsStr::new("..") {
                if !inside.pop() {
                    return Err(Gap::Unsupported("a link leads out of the root".to_owned()));
                }
                metadata = None;
                continue;
            }
            let next = inside.join(&component);
            if !pending.is_empty() && self.is_directory(&next) {
                inside = next;
                metadata = None;
                continue;
            }
            let found = fs::symlink_metadata(self.root.join(&next))?;
            if found.is_dir() {
                self.remember_directory(&next);
            }
            if !found.is_symlink() || (pending.is_empty() && last == Last::Keep) {
                inside = next;
                metadata = Some(found);
                continue;
            }
            metadata = None;
            links += 1;
            if links > LINK_LIMIT {
                return Err(Gap::Unsupported(format!(
                    "it goes through more than {LINK_LIMIT} links"
                )));
            }
            let target = fs::read_link(self.root.join(&next))?;
            if target.is_absolute() {
                inside = PathBuf::new();
            }
            for component in components(&target)?.into_iter().rev() {
                pending.push_front(component);
            }
        }
        let metadata = match metadata {
            Some(metadata) => metadata,
            None => fs::metadata(self.root.join(&inside))?,
        };
        Ok(Found { inside, metadata })
    }

    /// Whether this reading has seen a directory, and no link, at a place inside the root.
    fn is_directory(&self, inside: &Path) -> bool {
        self.remembered
            .as_ref()
            .is_some_and(|remembered| remembered.borrow().directories.contains(inside))
    }

    fn remember_directory(&self, inside: &Path) {
        if let Some(remembered) = &self.remembered {
            remembered
                .borrow_mut()
                .directories
                .insert(inside.to_owned());
        }
    }
}

/// The components that matter: names and `..`.
fn components(path: &Path) -> Result<Vec<OsString>, Gap> {
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => names.push(name.to_owned()),
            Component::ParentDir => names.push(OsString::from("..")),
            Component::RootDir | Component::CurDir => {}
            Component::Prefix(_) => {
                return Err(Gap::Unsupported("the path has a prefix".to_owned()));
            }
        }
    }
    Ok(names)
}

//! Bounded reads below a directory that no link can leave.
//!
//! Every component of a path is resolved here, one by one, so that an absolute link of a captured
//! tree stays inside the tree and a link that climbs above it is refused. Nothing here may open
//! anything but a regular file, read past its bound, or fail in a way that looks like a value.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Component, Path, PathBuf};

use nix::fcntl::OFlag;

use crate::fact::{Fact, Gap};

/// The longest sysfs file, in bytes: the kernel shows one page.
const FILE_LIMIT: u64 = 4096;
/// The longest `/proc` text, in bytes: `/proc/cpuinfo` of a machine with a thousand processors.
pub(crate) const TEXT_LIMIT: u64 = 4 * 1024 * 1024;
/// How many links one path may go through, as in the kernel.
const LINK_LIMIT: usize = 40;
/// How many entries of one directory are taken.
const ENTRY_LIMIT: usize = 16 * 1024;
/// The error number of the operating system for a failed device, used where it gave none.
const EIO: i32 = 5;

/// A directory that is read as if it were the root of a machine.
#[derive(Debug, Clone)]
pub struct Sysroot {
    root: PathBuf,
    /// What this reading has seen, where it is remembered at all.
    remembered: Option<RefCell<Remembered>>,
}

/// What one reading has seen of directories.
#[derive(Debug, Clone, Default)]
struct Remembered {
    /// Where a path leads, by the path.
    resolved: BTreeMap<String, Result<PathBuf, Gap>>,
    /// Places inside the root that are directories and no links to one.
    directories: BTreeSet<PathBuf>,
}

impl From<io::Error> for Gap {
    fn from(error: io::Error) -> Self {
        if matches!(
            error.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
        ) {
            Self::Absent
        } else {
            Self::Unreadable(error.raw_os_error().unwrap_or(EIO))
        }
    }
}

/// Whether the last component of a path is followed when it is a link.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Follow,
    Keep,
}

/// A resolved path: its place inside the root, and what it is.
struct Found {
    inside: PathBuf,
    metadata: Metadata,
}

impl Sysroot {
    /// A tree below `root`; `/` is this machine.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            remembered: None,
        }
    }

    /// The same, for one reading of a whole machine: each directory is resolved once. It must be
    /// thrown away after that, because what a link leads to may change.
    pub(crate) fn for_one_reading(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            remembered: Some(RefCell::default()),
        }
    }

    /// The text of a small file, without the line end and NUL bytes at its end. Bytes that are not
    /// UTF-8 are replaced.
    #[must_use]
    pub fn text(&self, path: &str) -> Fact<String> {
        self.text_within(path, FILE_LIMIT)
    }

    pub(crate) fn text_within(&self, path: &str, limit: u64) -> Fact<String> {
        self.bytes_within(path, limit).map(|bytes| {
            String::from_utf8_lossy(&bytes)
                .trim_end_matches(['\n', '\r', '\0'])
                .to_owned()
        })
    }

    /// The bytes of a small file.
    #[must_use]
    pub fn bytes(&self, path: &str) -> Fact<Vec<u8>> {
        self.bytes_within(path, FILE_LIMIT)
    }

    pub(crate) fn bytes_within(&self, path: &str, limit: u64) -> Fact<Vec<u8>> {
        self.read(path, limit).into()
    }

    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, Gap> {
        let found = self.resolve(path, Last::Follow)?;
        if !found.metadata.is_file() {
            return Err(Gap::Unsupported("it is not a regular file".to_owned()));
        }
        let mut bytes = Vec::new();
        let file = open(&self.root.join(&found.inside))?;
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit {
            return Err(Gap::Unsupported(format!("it is longer than {limit} bytes")));
        }
        Ok(bytes)
    }

    /// The names in a directory, sorted.
    #[must_use]
    pub fn list(&self, path: &str) -> Fact<Vec<String>> {
        self.entries(path).into()
    }

    fn entries(&self, path: &str) -> Result<Vec<String>, Gap> {
        let found = self.resolve(path, Last::Follow)?;
        if !found.metadata.is_dir() {
            return Err(Gap::Unsupported("it is not a directory".to_owned()));
        }
        let mut names = Vec::new();
        for entry in fs::read_dir(self.root.join(&found.inside))? {
            if names.len() == ENTRY_LIMIT {
                return Err(Gap::Unsupported(format!(
                    "it has more than {ENTRY_LIMIT} entries"
                )));
            }
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort_unstable();
        Ok(names)
    }

    /// The text of a link, not followed: the kernel names namespaces and drivers in it.
    #[must_use]
    pub fn link(&self, path: &str) -> Fact<String> {
        let read = || {
            let found = self.resolve(path, Last::Keep)?;
            if !found.metadata.is_symlink() {
                return Err(Gap::Unsupported("it is not a link".to_owned()));
            }
            let target = fs::read_link(self.root.join(&found.inside))?;
            Ok(target.to_string_lossy().into_owned())
        };
        read().into()
    }

    /// The last component of a link's text, such as the name of a driver.
    #[must_use]
    pub fn link_name(&self, path: &str) -> Fact<String> {
        self.link(path)
            .map(|text| text.rsplit('/').next().unwrap_or_default().to_owned())
    }

    /// The path after all links, as it is seen on the machine.
    #[must_use]
    pub fn real_path(&self, path: &str) -> Fact<String> {
        let found = self.resolve(path, Last::Follow);
        found
            .map(|found| format!("/{}", found.inside.to_string_lossy()))
            .into()
    }

    /// Whether something stands at a path, without following it.
    ///
    /// # Errors
    /// Why nobody can tell: what may not be looked at is not the same as what is not there.
    pub fn exists(&self, path: &str) -> Result<bool, Gap> {
        match self.resolve(path, Last::Keep) {
            Ok(_) => Ok(true),
            Err(Gap::Absent) => Ok(false),
            Err(gap @ (Gap::Placeholder(_) | Gap::Unreadable(_) | Gap::Unsupported(_))) => Err(gap),
        }
    }

    fn resolve(&self, path: &str, last: Last) -> Result<Found, Gap> {
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
}

impl Sysroot {
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

/// Opens a regular file and nothing else. What was resolved a moment ago may be something else by
/// now, so a link is not followed, nothing is waited for, and the open file itself is asked.
fn open(path: &Path) -> Result<File, Gap> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let file = File::options()
        .read(true)
        .custom_flags(flags.bits())
        .open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(Gap::Unsupported("it is not a regular file".to_owned()))
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    struct Tree {
        dir: tempfile::TempDir,
    }

    impl Tree {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            fs::create_dir_all(dir.path().join("root/sys/deep")).unwrap();
            fs::write(dir.path().join("secret"), "outside\n").unwrap();
            fs::write(dir.path().join("root/sys/deep/value"), "inside\n").unwrap();
            Self { dir }
        }

        fn root(&self) -> PathBuf {
            self.dir.path().join("root")
        }

        fn sysroot(&self) -> Sysroot {
            Sysroot::new(&self.root())
        }

        fn link(&self, target: &str, at: &str) {
            symlink(target, self.root().join(at)).unwrap();
        }
    }

    #[test]
    fn a_file_is_read_without_its_line_end() {
        let tree = Tree::new();
        assert_eq!(
            tree.sysroot().text("/sys/deep/value"),
            Fact::Value("inside".into())
        );
        assert_eq!(
            tree.sysroot().text("sys/deep/value"),
            Fact::Value("inside".into())
        );
    }

    #[test]
    fn what_is_not_there_is_absent() {
        let tree = Tree::new();
        assert_eq!(tree.sysroot().text("/sys/nothing"), Fact::Absent);
        assert_eq!(tree.sysroot().text("/sys/deep/value/below"), Fact::Absent);
        assert_eq!(tree.sysroot().list("/nothing"), Fact::Absent);
        assert_eq!(
            Sysroot::new(Path::new("/nonexistent-root")).text("/x"),
            Fact::Absent
        );
    }

    #[test]
    fn an_absolute_link_stays_inside() {
        let tree = Tree::new();
        tree.link("/sys/deep/value", "sys/absolute");
        assert_eq!(
            tree.sysroot().text("/sys/absolute"),
            Fact::Value("inside".into())
        );
    }

    #[test]
    fn a_link_to_the_root_is_the_root_of_the_tree() {
        let tree = Tree::new();
        tree.link("/", "sys/root");
        let names = Fact::Value(vec!["sys".to_owned()]);
        assert_eq!(tree.sysroot().list("/sys/root"), names);
        assert_eq!(tree.sysroot().list("/"), names);
    }

    #[test]
    fn a_relative_link_may_climb_within_the_root() {
        let tree = Tree::new();
        tree.link("../sys/deep/../deep/value", "sys/relative");
        assert_eq!(
            tree.sysroot().text("/sys/relative"),
            Fact::Value("inside".into())
        );
        assert_eq!(
            tree.sysroot().real_path("/sys/relative"),
            Fact::Value("/sys/deep/value".into())
        );
    }

    #[test]
    fn a_link_that_climbs_out_is_refused() {
        let tree = Tree::new();
        tree.link("../../secret", "sys/escape");
        tree.link("../..", "sys/up");
        for path in ["/sys/escape", "/sys/up/secret", "/../secret", "../secret"] {
            assert!(
                matches!(tree.sysroot().text(path), Fact::Unsupported(why) if why.contains("out")),
                "{path}"
            );
        }
    }

    #[test]
    fn an_absolute_link_to_the_outside_does_not_find_it() {
        let tree = Tree::new();
        let outside = tree.dir.path().join("secret");
        tree.link(outside.to_str().unwrap(), "sys/escape");
        assert_eq!(tree.sysroot().text("/sys/escape"), Fact::Absent);
    }

    #[test]
    fn what_is_remembered_changes_no_answer() {
        let tree = Tree::new();
        tree.link("../sys/deep", "sys/there");
        tree.link("../../..", "sys/deep/out");
        tree.link("../deep/loop", "sys/deep/loop");
        let fresh = tree.sysroot();
        let remembering = Sysroot::for_one_reading(&tree.root());
        for path in [
            "/sys/there/value",
            "/sys/there/nothing",
            "/sys/there/value/below",
            "/sys/there/out/secret",
            "/sys/there/loop/x",
            "/sys/there/../deep/value",
            "/sys/there/..",
            "/sys/there/",
            "value",
            "/nowhere/at/all",
        ] {
            for _again in 0..2 {
                assert_eq!(remembering.text(path), fresh.text(path), "{path}");
                assert_eq!(remembering.link(path), fresh.link(path), "{path}");
                assert_eq!(remembering.list(path), fresh.list(path), "{path}");
                assert_eq!(remembering.real_path(path), fresh.real_path(path), "{path}");
            }
        }
    }

    #[test]
    fn a_circle_of_links_ends() {
        let tree = Tree::new();
        tree.link("two", "sys/one");
        tree.link("one", "sys/two");
        tree.link("self/self", "sys/self");
        for path in ["/sys/one", "/sys/self"] {
            assert!(
                matches!(tree.sysroot().text(path), Fact::Unsupported(why) if why.contains("links")),
                "{path}"
            );
        }
    }

    #[test]
    fn a_file_beyond_the_bound_is_not_read() {
        let tree = Tree::new();
        fs::write(tree.root().join("exact"), vec![b'a'; 4096]).unwrap();
        fs::write(tree.root().join("long"), vec![b'a'; 4097]).unwrap();
        assert!(tree.sysroot().text("/exact").value().is_some());
        assert!(matches!(tree.sysroot().text("/long"), Fact::Unsupported(_)));
    }

    #[test]
    fn nothing_but_a_regular_file_is_opened() {
        let tree = Tree::new();
        assert!(matches!(tree.sysroot().text("/sys"), Fact::Unsupported(_)));
        assert!(matches!(
            tree.sysroot().list("/sys/deep/value"),
            Fact::Unsupported(_)
        ));
        let socket = tree.root().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert!(matches!(
            tree.sysroot().text("/socket"),
            Fact::Unsupported(_)
        ));
    }

    #[test]
    fn what_became_something_else_after_it_was_resolved_is_not_opened() {
        let tree = Tree::new();
        let at = |name: &str| tree.root().join(name);
        tree.link("sys/deep/value", "link");
        nix::unistd::mkfifo(&at("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let _listener = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        assert!(open(&at("sys/deep/value")).is_ok());
        for name in ["link", "pipe", "socket", "sys"] {
            assert!(open(&at(name)).is_err(), "{name}");
        }
        assert!(matches!(open(&at("pipe")), Err(Gap::Unsupported(_))));
        assert!(matches!(open(&at("nothing")), Err(Gap::Absent)));
    }

    #[test]
    fn what_may_not_be_looked_at_is_not_called_absent() {
        let tree = Tree::new();
        tree.link("two", "sys/one");
        tree.link("one", "sys/two");
        tree.link("../../..", "sys/out");
        let sysroot = tree.sysroot();
        assert_eq!(sysroot.exists("/sys/deep/value"), Ok(true));
        assert_eq!(sysroot.exists("/sys/one"), Ok(true), "it is a link");
        for path in ["/sys/nothing", "/sys/deep/value/below", "/nowhere/at/all"] {
            assert_eq!(sysroot.exists(path), Ok(false), "{path}");
        }
        for path in ["/sys/one/below", "/sys/out/secret"] {
            assert!(
                matches!(sysroot.exists(path), Err(Gap::Unsupported(_))),
                "{path}"
            );
        }
        let closed = tree.root().join("sys/deep");
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
        let expected = match fs::read_dir(&closed) {
            Ok(_) => Ok(true),
            Err(_) => Err(Gap::Unreadable(13)),
        };
        assert_eq!(sysroot.exists("/sys/deep/value"), expected);
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    }

    #[test]
    fn a_file_without_permission_is_unreadable_or_we_are_root() {
        let tree = Tree::new();
        let file = tree.root().join("sys/deep/value");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
        let expected = match fs::read(&file) {
            Ok(_) => Fact::Value("inside".into()),
            Err(_) => Fact::Unreadable(13),
        };
        assert_eq!(tree.sysroot().text("/sys/deep/value"), expected);
    }

    #[test]
    fn a_link_can_be_read_without_being_followed() {
        let tree = Tree::new();
        tree.link("pid:[4026531836]", "sys/pid");
        tree.link("../bus/pci/drivers/nvme", "sys/driver");
        assert_eq!(
            tree.sysroot().link("/sys/pid"),
            Fact::Value("pid:[4026531836]".into())
        );
        assert_eq!(
            tree.sysroot().link_name("/sys/driver"),
            Fact::Value("nvme".into())
        );
        assert!(matches!(
            tree.sysroot().link("/sys/deep"),
            Fact::Unsupported(_)
        ));
    }

    #[test]
    fn names_come_sorted() {
        let tree = Tree::new();
        for name in ["b", "a", "c"] {
            fs::write(tree.root().join("sys/deep").join(name), "").unwrap();
        }
        let names = ["a", "b", "c", "value"].map(str::to_owned).to_vec();
        assert_eq!(tree.sysroot().list("/sys/deep"), Fact::Value(names));
    }
}

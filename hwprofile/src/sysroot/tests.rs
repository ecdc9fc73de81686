//! Trees that try to lead a reading out of its root, and what may and may not be looked at.

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

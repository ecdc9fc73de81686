//! Machines for tests: the lab's trees unpacked into a directory, and changed.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::{
    Evidence, Grade, Inventory, KeyPin, NodeName, NodeVerdict, PairReport, Policy, Refusal,
    judge_node, report_pair,
};

pub(crate) const NODES: [(&str, &str); 4] = [
    (
        "kp1",
        include_str!("../../../daemon/cofferctl/lab/sysroots/kp1.tree"),
    ),
    (
        "st1",
        include_str!("../../../daemon/cofferctl/lab/sysroots/st1.tree"),
    ),
    (
        "in1",
        include_str!("../../../daemon/cofferctl/lab/sysroots/in1.tree"),
    ),
    (
        "an1",
        include_str!("../../../daemon/cofferctl/lab/sysroots/an1.tree"),
    ),
];
const POLICY: &str = include_str!("../../../daemon/cofferctl/lab/hwprofile.toml");

/// The shipped policy, with a key for each node.
pub(crate) fn policy_text() -> String {
    NODES
        .iter()
        .enumerate()
        .fold(POLICY.to_owned(), |text, (index, (node, _))| {
            let pin = KeyPin([u8::try_from(index).unwrap(); 32]).to_string();
            text.replace(&format!("{{{{key:{node}}}}}"), &pin)
        })
}

/// The shipped policy with one piece of its text replaced.
pub(crate) fn policy_with(from: &str, to: &str) -> Policy {
    let text = policy_text();
    assert!(text.contains(from), "{from}");
    parse(&text.replace(from, to))
}

pub(crate) fn parse(text: &str) -> Policy {
    Policy::parse("hwprofile.toml", text).unwrap_or_else(|faults| panic!("{faults}"))
}

pub(crate) fn lab_policy() -> Policy {
    parse(&policy_text())
}

pub(crate) fn node(name: &str) -> NodeName {
    name.parse().unwrap()
}

/// One machine in a directory of its own.
pub(crate) struct Machine {
    pub(crate) name: &'static str,
    dir: tempfile::TempDir,
}

impl Machine {
    /// A machine of the lab.
    pub(crate) fn new(name: &str) -> Self {
        let (name, tree) = NODES.into_iter().find(|(node, _)| *node == name).unwrap();
        let machine = Self {
            name,
            dir: tempfile::tempdir().unwrap(),
        };
        unpack(tree, machine.root());
        machine
    }

    /// A directory with nothing in it.
    pub(crate) fn empty(name: &'static str) -> Self {
        Self {
            name,
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn write(&self, path: &str, bytes: impl AsRef<[u8]>) -> &Self {
        write(&self.root().join(path), bytes.as_ref());
        self
    }

    pub(crate) fn link(&self, path: &str, target: &str) -> &Self {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if path.symlink_metadata().is_ok() {
            fs::remove_file(&path).unwrap();
        }
        symlink(target, path).unwrap();
        self
    }

    pub(crate) fn remove(&self, path: &str) -> &Self {
        let path = self.root().join(path);
        if path.is_dir() && !path.is_symlink() {
            fs::remove_dir_all(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
        self
    }

    /// Gives this machine another's value of a file.
    pub(crate) fn copy(&self, from: &Self, path: &str) -> &Self {
        self.write(path, fs::read(from.root().join(path)).unwrap())
    }

    pub(crate) fn inventory(&self) -> Inventory {
        Inventory::read(self.root())
    }

    pub(crate) fn evidence(&self) -> Evidence {
        Evidence::of(&self.inventory(), "lab", Grade::E0Simulated)
    }

    pub(crate) fn judge(&self, policy: &Policy) -> NodeVerdict {
        judge_node(policy, &node(self.name), &self.evidence())
    }

    /// The codes for which this machine is refused; none when it matches.
    pub(crate) fn codes(&self, policy: &Policy) -> Vec<String> {
        self.refusals(policy)
            .into_iter()
            .map(|refusal| refusal.code)
            .collect()
    }

    pub(crate) fn refusals(&self, policy: &Policy) -> Vec<Refusal> {
        match self.judge(policy) {
            NodeVerdict::Match(_) => Vec::new(),
            NodeVerdict::Refuse(refusals) => refusals,
        }
    }
}

pub(crate) fn pair(policy: &Policy, a: &Machine, b: &Machine) -> PairReport {
    report_pair(
        policy,
        (&node(a.name), &a.evidence()),
        (&node(b.name), &b.evidence()),
    )
}

fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    if path.is_symlink() && !path.exists() {
        fs::remove_file(path).unwrap();
    }
    fs::write(path, bytes).unwrap();
}

/// Unpacks a tree: `@ path` and its lines, `@ path = hex`, `@ path -> target`.
fn unpack(tree: &str, root: &Path) {
    let mut made = BTreeSet::new();
    let mut place = |path: &str| {
        let path = root.join(path);
        let parent = path.parent().unwrap().to_owned();
        if made.insert(parent.clone()) {
            fs::create_dir_all(parent).unwrap();
        }
        path
    };
    let mut file: Option<(&str, String)> = None;
    for line in tree.lines() {
        let Some(head) = line.strip_prefix("@ ") else {
            if let Some((_, content)) = &mut file {
                content.push_str(line);
                content.push('\n');
            } else {
                assert!(line.starts_with('#'), "a stray line: {line}");
            }
            continue;
        };
        if let Some((path, content)) = file.take() {
            fs::write(place(path), content).unwrap();
        }
        if let Some((path, target)) = head.split_once(" -> ") {
            symlink(target, place(path)).unwrap();
        } else if let Some((path, digits)) = head.split_once(" = ") {
            let byte = |pair| u8::from_str_radix(pair, 16).unwrap();
            let bytes: Vec<u8> = digits.split(' ').map(byte).collect();
            fs::write(place(path), bytes).unwrap();
        } else {
            file = Some((head, String::new()));
        }
    }
    if let Some((path, content)) = file {
        fs::write(place(path), content).unwrap();
    }
}

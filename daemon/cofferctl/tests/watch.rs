//! `cofferctl hw watch` as a person runs it, over a captured machine that changes.

#[cfg(test)]
mod watch {
    use std::io::{BufRead as _, BufReader, Read as _};
    use std::path::Path;
    use std::process::{Child, ChildStdout, Command, Stdio};

    use cofferdam_cofferctl::lab::layout::{Layout, NODES};
    use cofferdam_cofferctl::lab::tree;
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;
    use serde_json::Value;

    struct Watching {
        child: Child,
        lines: BufReader<ChildStdout>,
    }

    impl Watching {
        fn start(arguments: &[&str]) -> Self {
            let mut child = Command::new(env!("CARGO_BIN_EXE_cofferctl"))
                .args(["--json", "hw", "watch"])
                .args(arguments)
                .stdout(Stdio::piped())
                .spawn()
                .expect("cofferctl starts");
            let lines = BufReader::new(child.stdout.take().expect("piped"));
            Self { child, lines }
        }

        /// The next line that tells of such an event.
        fn next(&mut self, event: &str) -> Value {
            loop {
                let mut line = String::new();
                let read = self.lines.read_line(&mut line).expect("a line");
                assert!(read > 0, "it ended before {event}");
                let value: Value = serde_json::from_str(&line).expect("one object a line");
                if value["event"] == event {
                    return value;
                }
            }
        }

        fn interrupt(mut self) -> (Option<i32>, Value) {
            let pid = i32::try_from(self.child.id()).expect("a pid");
            kill(Pid::from_raw(pid), Signal::SIGINT).expect("sent");
            let mut last = String::new();
            for line in self.lines.by_ref().lines() {
                last = line.expect("a line");
            }
            let status = self.child.wait().expect("it ends");
            (status.code(), serde_json::from_str(&last).expect("JSON"))
        }
    }

    impl Drop for Watching {
        fn drop(&mut self) {
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }

    /// Storage's machine and the lab's policy.
    fn machine(directory: &Path) -> (String, String) {
        let layout = Layout::new(directory, 1);
        let root = layout.sysroot(&NODES[2]);
        tree::unpack(NODES[2].tree, &root).expect("unpacked");
        let policy = directory.join("hwprofile.toml");
        let text = include_str!("../lab/hwprofile.toml");
        let filled = ["kp1", "st1", "in1", "an1"].iter().zip(0_u8..).fold(
            text.to_owned(),
            |text, (node, number)| {
                let pin = cofferdam_hwprofile::KeyPin([number; 32]).to_string();
                text.replace(&format!("{{{{key:{node}}}}}"), &pin)
            },
        );
        std::fs::write(&policy, filled).expect("written");
        (root.display().to_string(), policy.display().to_string())
    }

    fn drive(root: &str) -> std::path::PathBuf {
        Path::new(root).join("sys/devices/pci0000:00/usb1/1-1/host9/block/sdz")
    }

    #[test]
    fn a_device_that_comes_and_goes_is_two_changes_of_the_verdict() {
        let directory = tempfile::tempdir().expect("a directory");
        let (root, policy) = machine(directory.path());
        let arguments = ["--policy", &policy, "--node", "st1", "--sysroot", &root];
        let mut watching = Watching::start(&arguments);
        let first = watching.next("verdict");
        assert_eq!(
            (&first["verdict"], &first["grade"]),
            (&"match".into(), &"E0 simulated".into())
        );
        std::fs::create_dir_all(drive(&root)).expect("made");
        std::fs::write(drive(&root).join("removable"), "1\n").expect("written");
        let link = Path::new(&root).join("sys/block/sdz");
        std::os::unix::fs::symlink("../devices/pci0000:00/usb1/1-1/host9/block/sdz", &link)
            .expect("linked");
        let second = watching.next("verdict");
        assert_eq!(second["verdict"], "refused", "{second}");
        assert_eq!(second["refusals"][0]["code"], "HW-170", "{second}");
        std::fs::remove_file(&link).expect("taken out");
        assert_eq!(watching.next("verdict")["verdict"], "match");
        let (code, last) = watching.interrupt();
        assert_eq!(code, Some(0), "{last}");
        assert_eq!(last["result"]["verdict"], "match", "{last}");
    }

    #[test]
    fn without_a_policy_nothing_is_judged_and_changes_are_told() {
        let directory = tempfile::tempdir().expect("a directory");
        let (root, _policy) = machine(directory.path());
        let mut watching = Watching::start(&["--sysroot", &root]);
        assert_eq!(watching.next("verdict")["verdict"], "not judged");
        let nic = std::fs::read_dir(Path::new(&root).join("sys/class/net")).expect("adapters");
        let nic = nic
            .flatten()
            .find(|entry| entry.file_name() != "lo")
            .expect("an adapter");
        std::fs::remove_file(nic.path()).expect("taken out");
        let changed = watching.next("changed");
        assert!(
            changed["changes"][0]
                .as_str()
                .is_some_and(|text| text.contains("network adapter")),
            "{changed}"
        );
        assert_eq!(watching.interrupt().0, Some(0));
    }

    #[test]
    fn the_watch_ends_by_itself_when_its_time_is_over_and_says_so_in_text() {
        let directory = tempfile::tempdir().expect("a directory");
        let (root, policy) = machine(directory.path());
        let output = Command::new(env!("CARGO_BIN_EXE_cofferctl"))
            .args([
                "hw",
                "watch",
                "--policy",
                &policy,
                "--node",
                "an1",
                "--sysroot",
                &root,
                "--for",
                "1",
            ])
            .output()
            .expect("it runs");
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(69), "{text}");
        assert!(
            text.contains("verdict  refused") && text.contains("HW-301"),
            "{text}"
        );
        assert!(
            text.lines()
                .last()
                .is_some_and(|line| line.starts_with("refused at the end")),
            "{text}"
        );
    }
}

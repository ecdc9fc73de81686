//! The keeper's real program on a prepared node of a lab: what it remembers between two starts, and what it does when its hardware
//! changes under it. Each test has a directory and ports of its own, and leaves no process.

#[cfg(test)]
mod program {
    use std::io::{BufRead as _, BufReader, Read as _};
    use std::net::TcpListener;
    use std::os::unix::net::UnixDatagram;
    use std::path::{Path, PathBuf};
    use std::process::{Child, ChildStderr, Command, Stdio};
    use std::sync::atomic::{AtomicU16, Ordering};

    use cofferdam_cofferctl::lab::layout::{DOMAIN, Layout, NODES};
    use cofferdam_cofferctl::lab::prepare::prepare;
    use cofferdam_hwprofile::Refusal;
    use cofferdam_node::{Exit, REFUSAL_FILE};
    use cofferdam_rack::{Epoch, Manifest};
    use cofferdam_trail::note::SignerKey;

    /// A prepared lab of which only the keeper is started.
    struct Rack {
        layout: Layout,
        _directory: tempfile::TempDir,
    }

    /// A running keeper, and what it says.
    struct Running {
        child: Child,
        words: BufReader<ChildStderr>,
    }

    fn free_ports() -> u16 {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let start = 41_000 + u16::try_from(std::process::id() % 200).expect("below 200") * 40;
        loop {
            let base = start + NEXT.fetch_add(4, Ordering::Relaxed);
            if (0..4).all(|offset| TcpListener::bind(("127.0.0.1", base + offset)).is_ok()) {
                return base;
            }
        }
    }

    impl Rack {
        fn new() -> Self {
            let directory = tempfile::tempdir().expect("a directory");
            let layout = Layout::new(&directory.path().join("lab"), free_ports());
            let prepared = prepare(layout).expect("a lab");
            Self {
                layout: prepared.layout,
                _directory: directory,
            }
        }

        fn state(&self) -> PathBuf {
            self.layout.state(&NODES[0])
        }

        fn sysroot(&self) -> PathBuf {
            self.layout.sysroot(&NODES[0])
        }

        /// Signs the rack anew, as who holds an old note or an operator's key could.
        fn sign(&self, epoch: u64) {
            let rack = self.layout.rack();
            std::fs::remove_file(rack.join("manifest")).expect("the former note");
            let key = SignerKey::read(&self.layout.operator_key()).expect("the operator's key");
            let domain = DOMAIN.parse().expect("a domain");
            let epoch = Epoch::new(epoch).expect("an epoch");
            let signed = Manifest::sign(&rack, &domain, epoch, &[&key]);
            assert!(signed.is_ok(), "{signed:?}");
        }

        fn command(&self) -> Command {
            let mut command = Command::new(env!("CARGO_BIN_EXE_cofferd-keeper"));
            command
                .arg("--config")
                .arg(self.state().join("node.toml"))
                .arg("--until-stdin-closes")
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::piped());
            command
        }

        /// Starts the keeper and waits until it serves.
        fn start(&self) -> Running {
            self.start_until("serving zone keeper")
        }

        fn start_until(&self, word: &str) -> Running {
            let mut child = self.command().spawn().expect("the keeper starts");
            let words = BufReader::new(child.stderr.take().expect("piped"));
            let mut running = Running { child, words };
            let said = running.until(word);
            assert!(said.contains(word), "{said}");
            running
        }

        /// Changes a line of the keeper's configuration.
        fn configure(&self, from: &str, to: &str) {
            let file = self.state().join("node.toml");
            let text = std::fs::read_to_string(&file).expect("a configuration");
            assert!(text.contains(from), "{text}");
            std::fs::write(&file, text.replace(from, to)).expect("changed");
        }

        /// Where the machine shows its only adapter.
        fn adapter(&self) -> PathBuf {
            self.sysroot().join("sys/class/net/eno1")
        }

        /// Takes the adapter away, and says where it was put.
        fn without_adapter(&self) -> PathBuf {
            let away = self.sysroot().join("eno1.away");
            std::fs::rename(self.adapter(), &away).expect("taken away");
            away
        }

        /// Starts the keeper, expects it to refuse, and gives its code and what it left on disk.
        fn refused(&self) -> (i32, String) {
            let mut child = self.command().spawn().expect("the keeper starts");
            let mut said = String::new();
            let mut words = child.stderr.take().expect("piped");
            words.read_to_string(&mut said).expect("its words");
            let code = child.wait().expect("it ends").code().expect("a code");
            (code, said)
        }

        fn left(&self) -> Refusal {
            let bytes = std::fs::read(self.state().join(REFUSAL_FILE)).expect("a refusal");
            let value = serde_json::from_slice(&bytes).expect("JSON");
            Refusal::from_json(&value).expect("a refusal")
        }

        /// The leaves of the keeper's trail, as text.
        fn leaves(&self) -> Vec<String> {
            let entries = cofferdam_trail::verify::entries(&self.state().join("trail"));
            entries
                .expect("a trail")
                .map(|entry| entry.expect("a leaf").1)
                .collect()
        }

        fn ring(&self, text: &str) {
            let bell = UnixDatagram::unbound().expect("a socket");
            let path = self.state().join("uevents");
            bell.send_to(text.as_bytes(), path).expect("the bell rings");
        }
    }

    impl Running {
        /// Reads on until a line holds `word`, or the program ends. Gives what was read.
        fn until(&mut self, word: &str) -> String {
            let mut said = String::new();
            while !said.contains(word) {
                if self.words.read_line(&mut said).expect("its words") == 0 {
                    break;
                }
            }
            said
        }

        fn stop(mut self) {
            drop(self.child.stdin.take());
            let said = self.until("\0");
            let status = self.child.wait().expect("it ends");
            assert_eq!(status.code(), Some(0), "{said}");
        }

        fn code(mut self) -> (i32, String) {
            let said = self.until("\0");
            (
                self.child.wait().expect("it ends").code().expect("a code"),
                said,
            )
        }
    }

    impl Drop for Running {
        fn drop(&mut self) {
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }

    fn plug_in(root: &Path) {
        let drive = root.join("sys/devices/pci0000:00/usb1/1-1/host9/block/sdz");
        std::fs::create_dir_all(&drive).expect("made");
        std::fs::write(drive.join("removable"), "1\n").expect("written");
        std::fs::write(drive.join("serial"), "AA00000000000489\n").expect("written");
        let link = root.join("sys/block/sdz");
        let target = "../devices/pci0000:00/usb1/1-1/host9/block/sdz";
        std::os::unix::fs::symlink(target, link).expect("linked");
    }

    fn exit(exit: Exit) -> i32 {
        exit.number().into()
    }

    #[test]
    fn an_older_manifest_put_back_between_two_starts_is_refused_and_recorded() {
        let rack = Rack::new();
        rack.sign(2);
        rack.start().stop();
        rack.sign(1);
        for _ in 0..2 {
            let (code, said) = rack.refused();
            assert_eq!(code, exit(Exit::Policy), "{said}");
            assert!(
                said.contains("RK-207 refused") && said.contains("epoch 1 after epoch 2"),
                "{said}"
            );
        }
        assert_eq!(rack.left().code, "RK-207");
        assert!(
            rack.leaves()
                .iter()
                .any(|leaf| leaf.contains("policy.refuse") && leaf.contains("RK-207"))
        );
        rack.sign(3);
        rack.start().stop();
        rack.sign(2);
        assert!(rack.refused().1.contains("epoch 2 after epoch 3"));
    }

    #[test]
    fn another_manifest_of_the_same_epoch_is_refused_and_the_same_one_is_not() {
        let rack = Rack::new();
        rack.sign(2);
        rack.start().stop();
        rack.start().stop();
        let flows = rack.layout.rack().join("flows.toml");
        let text = std::fs::read_to_string(&flows).expect("flows");
        std::fs::write(&flows, format!("{text}\n# another intention\n")).expect("changed");
        rack.sign(2);
        let (code, said) = rack.refused();
        assert_eq!(code, exit(Exit::Policy), "{said}");
        assert!(said.contains("RK-208 refused"), "{said}");
    }

    #[test]
    fn a_damaged_memory_of_the_manifest_refuses_and_is_left_as_it_is() {
        let rack = Rack::new();
        rack.start().stop();
        let memory = rack.state().join("manifest.json");
        let whole = std::fs::read_to_string(&memory).expect("remembered");
        for damaged in ["", "{", &whole.replace("\"epoch\":1", "\"epoch\":0")] {
            std::fs::write(&memory, damaged).expect("damaged");
            let (code, said) = rack.refused();
            assert_eq!(code, exit(Exit::Policy), "{said}");
            assert!(
                said.contains("ND-016 refused") && said.contains("manifest.json"),
                "{said}"
            );
            assert_eq!(std::fs::read_to_string(&memory).expect("there"), damaged);
        }
    }

    #[test]
    fn the_first_leaf_of_a_simulated_node_says_that_the_host_lock_was_waived_and_why() {
        let rack = Rack::new();
        rack.start().stop();
        let leaves = rack.leaves();
        let start = leaves
            .iter()
            .find(|leaf| leaf.contains("node.start"))
            .expect("a start");
        assert!(start.contains("waived: grade E0"), "{start}");
    }

    #[test]
    fn a_forbidden_device_takes_the_keys_the_listener_and_the_program_and_says_why_everywhere() {
        let rack = Rack::new();
        let running = rack.start();
        plug_in(&rack.sysroot());
        rack.ring("add@/devices/usb1\0SUBSYSTEM=block\0SEQNUM=1\0");
        let (code, said) = running.code();
        assert_eq!(code, exit(Exit::Hardware), "{said}");
        assert!(said.contains("keys dropped"), "{said}");
        let left = rack.left();
        assert_eq!(left.code, "HW-170");
        assert!(
            left.also.iter().any(|line| line.starts_with("HW-172")),
            "{left}"
        );
        let leaves = rack.leaves();
        for word in ["hardware.refuse", "lease.end", "lease.refuse", "node.stop"] {
            let found = leaves.iter().filter(|leaf| leaf.contains(word));
            assert!(found.clone().any(|leaf| leaf.contains("HW-170")), "{word}");
            assert_eq!(found.count(), 1, "{word}");
        }
        let refused = leaves
            .iter()
            .find(|leaf| leaf.contains("hardware.refuse"))
            .expect("a leaf");
        assert!(
            refused.contains("drift_ms") && !refused.contains("AA0000"),
            "{refused}"
        );
        assert!(
            TcpListener::bind(rack.layout.address(&NODES[0])).is_ok(),
            "the port is free again"
        );
    }

    #[test]
    fn an_adapter_whose_driver_comes_late_is_waited_for_and_then_no_stranger() {
        let rack = Rack::new();
        rack.configure("settle-seconds = 0", "settle-seconds = 60");
        let away = rack.without_adapter();
        let mut running = rack.start_until("waiting for hardware");
        std::fs::rename(&away, rack.adapter()).expect("it arrives");
        let said = running.until("serving zone keeper");
        assert!(said.contains("serving zone keeper"), "{said}");
        running.stop();
    }

    #[test]
    fn an_adapter_that_never_comes_is_refused_after_the_wait() {
        let rack = Rack::new();
        rack.configure("settle-seconds = 0", "settle-seconds = 1");
        rack.without_adapter();
        let (code, said) = rack.refused();
        assert_eq!(code, exit(Exit::Hardware), "{said}");
        let wait = said.find("did not settle").expect("it was waited for");
        let refusal = said.find("ERROR HW-180 refused").expect("a refusal");
        assert!(wait < refusal, "{said}");
    }

    #[test]
    fn a_changed_tree_is_noticed_without_any_event() {
        let rack = Rack::new();
        let running = rack.start();
        plug_in(&rack.sysroot());
        let (code, said) = running.code();
        assert_eq!(code, exit(Exit::Hardware), "{said}");
        assert_eq!(rack.left().code, "HW-170");
    }

    #[test]
    fn a_storm_of_events_over_hardware_that_does_not_change_leaves_the_node_serving() {
        let rack = Rack::new();
        let running = rack.start();
        for sequence in 0..100_000_u32 {
            rack.ring(&format!(
                "change@/devices/x\0SUBSYSTEM=net\0SEQNUM={sequence}\0"
            ));
        }
        running.stop();
        assert!(!rack.state().join(REFUSAL_FILE).exists());
        assert!(!rack.leaves().iter().any(|leaf| leaf.contains("hardware.")));
    }
}

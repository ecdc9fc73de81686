//! The host lock between real processes, and across real network namespaces where this kernel lets the tester make one. Without
//! vsock, or without the right to unshare, a test says that it was skipped.

#[cfg(test)]
mod between_processes {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::path::PathBuf;
    use std::process::{Child, Command, Output, Stdio};

    /// The program that holds the lock; cargo builds it with the tests.
    fn program() -> PathBuf {
        let here = std::env::current_exe().expect("this test is a file");
        let target = here.ancestors().nth(2).expect("target/debug/deps");
        let program = target.join("examples/hold_host");
        assert!(
            program.exists(),
            "{}: run all tests of the crate",
            program.display()
        );
        program
    }

    /// A process that holds the lock.
    struct Holder(Child);

    impl Holder {
        /// Starts one; what it said instead where it got no lock.
        fn start(port: u32) -> Result<Self, String> {
            let mut child = Command::new(program())
                .arg(port.to_string())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .expect("the program starts");
            let mut line = String::new();
            let output = child.stdout.as_mut().expect("piped");
            BufReader::new(output).read_line(&mut line).expect("a line");
            let holder = Self(child);
            if line.starts_with("held") {
                Ok(holder)
            } else {
                Err(line)
            }
        }

        fn kill_hard(mut self) {
            self.0.kill().expect("killed");
            self.0.wait().expect("gone");
        }
    }

    impl Drop for Holder {
        fn drop(&mut self) {
            drop(self.0.kill());
            drop(self.0.wait());
        }
    }

    /// Tries for the lock once, behind `prefix`, and ends.
    fn attempt(prefix: &[&str], port: u32, container: &str) -> Output {
        let program = program();
        let program = program.to_str().expect("a path in text");
        let port = port.to_string();
        let mut words = prefix.to_vec();
        words.extend([program, &port, container]);
        let (first, rest) = words.split_first().expect("a program");
        Command::new(first)
            .args(rest)
            .stdin(Stdio::null())
            .output()
            .expect("it runs")
    }

    fn said(output: &Output) -> String {
        format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    }

    /// A holder, or a word that this kernel has no vsock; a refusal for another reason fails the test.
    fn holder(port: u32) -> Option<Holder> {
        match Holder::start(port) {
            Ok(holder) => Some(holder),
            Err(line) if line.starts_with("ND-061") || line.starts_with("ND-062") => {
                writeln!(std::io::stderr(), "skipped: {}", line.trim()).expect("standard error");
                None
            }
            Err(line) => panic!("{line}"),
        }
    }

    /// Whether the tester may make these namespaces.
    fn may_unshare(flags: &str) -> bool {
        let tried = Command::new("unshare").args([flags, "true"]).output();
        let may = tried.as_ref().is_ok_and(|output| output.status.success());
        if !may {
            writeln!(
                std::io::stderr(),
                "skipped: unshare {flags}: {:?}",
                tried.map(|output| said(&output))
            )
            .expect("standard error");
        }
        may
    }

    #[test]
    fn a_second_process_is_refused_and_told_what_was_seen_where_and_how_to_mend_it() {
        let Some(_holder) = holder(1_200_001) else {
            return;
        };
        let second = attempt(&[], 1_200_001, "");
        let text = said(&second);
        assert_eq!(second.status.code(), Some(69), "{text}");
        for part in [
            "ND-060 refused",
            "read      AF_VSOCK",
            "port 1200001",
            "fix ",
            "explain ND-060",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn another_port_is_another_lock() {
        let Some(_holder) = holder(1_200_002) else {
            return;
        };
        let other = attempt(&[], 1_200_003, "");
        assert!(said(&other).starts_with("held"), "{}", said(&other));
    }

    #[test]
    fn a_killed_process_lets_go_at_once() {
        for _ in 0..20 {
            let Some(first) = holder(1_200_004) else {
                return;
            };
            first.kill_hard();
        }
        let last = attempt(&[], 1_200_004, "");
        assert!(said(&last).starts_with("held"), "{}", said(&last));
    }

    #[test]
    fn a_network_namespace_does_not_hide_the_lock() {
        let Some(_holder) = holder(1_200_005) else {
            return;
        };
        if may_unshare("-n") {
            let second = attempt(&["unshare", "-n"], 1_200_005, "");
            assert!(said(&second).starts_with("ND-06"), "{}", said(&second));
            assert_eq!(second.status.code(), Some(69));
        }
    }

    #[test]
    fn a_user_and_network_namespace_does_not_hide_the_lock_even_where_containers_are_admitted() {
        let Some(_holder) = holder(1_200_006) else {
            return;
        };
        if may_unshare("-Urn") {
            let second = attempt(&["unshare", "-Urn"], 1_200_006, "container");
            // ND-062 where the kernel gives the namespace ports of its own.
            assert!(said(&second).starts_with("ND-06"), "{}", said(&second));
            assert_eq!(second.status.code(), Some(69));
        }
    }

    #[test]
    fn a_user_namespace_is_refused_before_the_lock_where_containers_are_not_admitted() {
        if holder(1_200_007).is_some() && may_unshare("-Ur") {
            let second = attempt(&["unshare", "-Ur"], 1_200_008, "");
            let text = said(&second);
            assert!(
                text.starts_with("ND-062") && text.contains("user:["),
                "{text}"
            );
        }
    }

    #[test]
    fn a_lock_taken_inside_a_network_namespace_is_seen_outside() {
        if holder(1_200_009).is_none() || !may_unshare("-n") {
            return;
        }
        let mut inside = Command::new("unshare")
            .arg("-n")
            .arg(program())
            .arg("1200010")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        let output = inside.stdout.as_mut().expect("piped");
        BufReader::new(output).read_line(&mut line).expect("a line");
        let _inside = Holder(inside);
        if line.starts_with("ND-062") {
            writeln!(
                std::io::stderr(),
                "skipped: this kernel gives namespaces ports of their own: {line}"
            )
            .expect("standard error");
            return;
        }
        assert!(line.starts_with("held"), "{line}");
        let outside = attempt(&[], 1_200_010, "");
        assert!(said(&outside).starts_with("ND-060"), "{}", said(&outside));
    }
}

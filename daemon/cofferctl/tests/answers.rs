//! What `rack`, `hw` and `explain` answer, through the real program: the first line, the exit code
//! and the JSON of each, over the shipped examples and the lab's machines.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What the program printed and how it ended.
struct Answer {
    exit: i32,
    out: String,
    err: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).expect("one JSON document")
    }
}

fn ask(arguments: &[&str]) -> Answer {
    let run = Command::new(env!("CARGO_BIN_EXE_cofferctl"))
        .args(arguments)
        .output()
        .expect("the program was built");
    Answer {
        exit: run.status.code().expect("no signal"),
        out: String::from_utf8(run.stdout).expect("UTF-8"),
        err: String::from_utf8(run.stderr).expect("UTF-8"),
    }
}

/// Asks twice, for a person and for a program; both answers end in the same code.
fn check(arguments: &[&str], exit: i32, first_line: &str) -> (Answer, Value) {
    let text = ask(arguments);
    assert_eq!(text.exit, exit, "{arguments:?}: {}{}", text.out, text.err);
    let all = format!("{}{}", text.out, text.err);
    let line = all.lines().next().unwrap_or_default();
    assert!(line.starts_with(first_line), "{line}");
    let json = ask(&[&["--json"], arguments].concat());
    assert_eq!(json.exit, exit, "{arguments:?}");
    let value = json.json();
    assert_eq!(value.get("exit"), Some(&Value::from(exit)));
    (text, value)
}

fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples");
    path.join(name).display().to_string()
}

/// A copy of an example with one piece of one file replaced.
fn changed(name: &str, file: &str, from: &str, to: &str) -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a directory");
    for entry in std::fs::read_dir(example(name)).expect("an example") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name");
        let mut text = std::fs::read_to_string(&path).expect("text");
        if name == file {
            assert!(text.contains(from), "{from}");
            text = text.replacen(from, to, 1);
        }
        std::fs::write(copy.path().join(name), text).expect("written");
    }
    copy
}

/// A machine of the lab, unpacked.
fn machine(name: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("lab/sysroots");
    let tree = std::fs::read_to_string(tree.join(format!("{name}.tree"))).expect("a tree");
    cofferdam_cofferctl::lab::tree::unpack(&tree, dir.path()).expect("unpacked");
    let root = dir.path().to_owned();
    (dir, root)
}

fn lab_policy(dir: &Path) -> String {
    let lab = Path::new(env!("CARGO_MANIFEST_DIR")).join("lab/hwprofile.toml");
    let mut text = std::fs::read_to_string(lab).expect("the policy");
    for (node, digit) in [("kp1", 'A'), ("st1", 'B'), ("in1", 'C'), ("an1", 'D')] {
        let key = format!("sha256:{digit}{}=", "A".repeat(42));
        text = text.replace(&format!("{{{{key:{node}}}}}"), &key);
    }
    let file = dir.join("hwprofile.toml");
    std::fs::write(&file, text).expect("written");
    file.display().to_string()
}

mod rack {
    use super::*;

    #[test]
    fn the_example_of_a_full_rack_keeps_every_rule() {
        let (_, value) = check(
            &["rack", "check", &example("rack-42u")],
            0,
            "ok: the three files",
        );
        assert_eq!(value["result"]["warnings"], Value::Array(Vec::new()));
    }

    #[test]
    fn a_plan_with_a_fault_is_drawn_and_ends_as_a_fault() {
        let broken = changed(
            "rack-42u",
            "elevation.toml",
            "position   = 21",
            "position   = 20",
        );
        let directory = broken.path().display().to_string();
        check(&["rack", "check", &directory], 78, "RK-042 refused");
        let svg = broken.path().join("door.svg");
        let file = svg.display().to_string();
        let (text, value) = check(&["rack", "show", &directory], 78, "drawn: 2 of 2 findings");
        assert!(
            text.out.contains('◀') && !text.out.contains('\u{1b}'),
            "no colour into a pipe"
        );
        assert_eq!(value["result"]["findings"][0]["fault"], true);
        check(&["rack", "show", &directory, "--svg", &file], 78, "drawn:");
        let drawn = std::fs::read_to_string(svg).expect("a picture");
        assert!(drawn.starts_with("<svg ") && drawn.contains("RK-042"));
    }

    #[test]
    fn reports_are_compared_and_what_is_no_report_is_refused() {
        let reports = tempfile::tempdir().expect("a directory");
        let at = reports.path().display().to_string();
        let arguments = ["rack", "check", &example("rack-42u"), "--reports", &at];
        let (text, _) = check(
            &arguments,
            0,
            "ok: the three files keep every rule, with 12 warnings",
        );
        assert!(text.out.contains("RK-057 warning:"), "{}", text.out);
        let other = r#"{"result": {"version": 2, "dmi": {"product_name":
            {"path": "/sys/class/dmi/id/product_name", "state": "value", "value": "Other"}}}}"#;
        std::fs::write(reports.path().join("fs1.json"), other).expect("written");
        let (text, _) = check(&arguments, 0, "ok:");
        assert!(
            text.out.contains("model = \"Northline S4\""),
            "{}",
            text.out
        );
        assert!(text.out.contains("\"Other\""), "{}", text.out);
        std::fs::write(reports.path().join("nobody.json"), other).expect("written");
        check(&arguments, 65, "RK-059 refused");
    }

    #[test]
    fn advice_ends_in_a_code_for_each_verdict() {
        let advise = |a: &str, b: &str, exit, line: &str| {
            check(
                &["rack", "advise", a, b, "--rack", &example("services")],
                exit,
                line,
            )
        };
        let (_, value) = advise("reporting", "etl", 0, "combine: reporting and etl");
        assert_eq!(
            value["result"]["criteria"].as_array().map(Vec::len),
            Some(5)
        );
        advise(
            "authz",
            "compliance-log",
            77,
            "separate: authz and compliance-log",
        );
        advise("reporting", "nobody", 64, "RK-401 refused");
        advise("etl", "etl", 64, "CL-046 refused");
        let silent = changed("services", "services.toml", "scales_alone = false\n", "");
        let at = silent.path().display().to_string();
        let (_, value) = check(
            &["rack", "advise", "reporting", "etl", "--rack", &at],
            75,
            "undecided:",
        );
        assert_eq!(value["result"]["refusal"]["code"], "RK-410");
    }
}

mod hw {
    use super::*;

    /// Asks for the lines that pin the machine below `root` as node st1.
    fn pin(root: &str) -> [&str; 8] {
        [
            "hw",
            "pin",
            "--node",
            "st1",
            "--zone",
            "storage",
            "--sysroot",
            root,
        ]
    }

    #[test]
    fn the_matrix_is_printed_and_a_misspelt_key_gets_a_suggestion() {
        let policy = format!("{}/hwprofile.toml", example("rack-42u"));
        let (text, value) = check(&["hw", "policy", &policy, "--matrix"], 0, "ok: 6 zones");
        assert!(text.out.contains("files · intake") && text.out.contains("may share"));
        assert_eq!(value["result"]["matrix"].as_array().map(Vec::len), Some(15));
        for (from, to, code, says) in [
            (
                "exposure = ",
                "exposrue = ",
                "HW-002",
                "did you mean \"exposure\"?",
            ),
            (
                "domain = \"chassis\"",
                "domain = \"chasis\"",
                "HW-005",
                "chassis",
            ),
            (
                "zones  = [\"files\", \"reporting\"]",
                "zones  = [\"files\", \"files\"]",
                "HW-010",
                "itself",
            ),
            (
                "zones  = [\"files\", \"reporting\"]",
                "zones  = [\"files\", \"intake\"]",
                "HW-011",
                "constitution",
            ),
            (
                "zones  = [\"files\", \"reporting\"]",
                "zones  = [\"files\", \"keeper\"]",
                "HW-011",
                "line 77",
            ),
            (
                "[platform.gpu]",
                "[platform.idle]\n[platform.gpu]",
                "HW-012",
                "no zone",
            ),
        ] {
            let broken = changed("rack-42u", "hwprofile.toml", from, to);
            let file = broken.path().join("hwprofile.toml").display().to_string();
            let answer = ask(&["hw", "policy", &file]);
            assert_eq!(answer.exit, 78, "{to}: {}", answer.err);
            assert!(
                answer.err.contains(code) && answer.err.contains(says),
                "{to}: {}",
                answer.err
            );
            assert!(answer.err.contains("hwprofile.toml:"), "{}", answer.err);
        }
    }

    #[test]
    fn a_machine_is_checked_compared_pinned_and_told_apart() {
        let dir = tempfile::tempdir().expect("a directory");
        let policy = lab_policy(dir.path());
        let ((_st, st1), (_in, in1)) = (machine("st1"), machine("in1"));
        let (st1, in1) = (st1.display().to_string(), in1.display().to_string());
        let check_node = |node: &str, root: &str, exit, line: &str| {
            let arguments = [
                "hw",
                "check",
                "--policy",
                &policy,
                "--node",
                node,
                "--sysroot",
                root,
            ];
            check(&arguments, exit, line)
        };
        let (_, value) = check_node("st1", &st1, 0, "match: node st1 may serve zone storage (E0");
        assert_eq!(value["result"]["zone"], "storage");
        check_node("st1", &in1, 69, "HW-");
        check_node("nobody", &in1, 64, "CL-032");
        let pair = |a: &str, b: &str, exit, line: &str| {
            check(&["hw", "compare", "--policy", &policy, a, b], exit, line)
        };
        let (a, b) = (format!("st1={st1}"), format!("in1={in1}"));
        let (_, value) = pair(&a, &b, 0, "separate: st1 and in1");
        assert_eq!(value["result"]["scopes"]["chassis"], "separate");
        pair(&a, &format!("in1={st1}"), 69, "HW-");
        // Evidence in a file says the same as the machine it was taken from.
        let evidence = ask(&[
            "--json",
            "hw",
            "facts",
            "--sysroot",
            &in1,
            "--evidence",
            "lab",
        ]);
        let file = dir.path().join("in1.json");
        std::fs::write(&file, &evidence.out).expect("written");
        let travelled = format!("in1={}", file.display());
        pair(&a, &travelled, 0, "separate: st1 and in1");
        assert!(
            !evidence.out.contains("HI2-3317-50928"),
            "no serial number travels"
        );
        let (text, _) = check(&pin(&st1), 0, "# pinned: st1 by");
        assert!(text.out.contains("[node.st1.pin]") && text.out.contains("NS4-4902-11864"));
        check(&["hw", "diff", &st1, &st1], 0, "same:");
        let (text, _) = check(&["hw", "diff", &st1, &in1], 69, "changed:");
        let both = "dmi.product_serial\n  was  NS4-4902-11864\n  is   HI2-3317-50928\n";
        assert!(text.out.contains(both), "{}", text.out);
    }

    #[test]
    fn a_machine_that_shows_nothing_is_read_truthfully_and_cannot_be_pinned() {
        let empty = tempfile::tempdir().expect("a directory");
        let root = empty.path().display().to_string();
        let (_, value) = check(&["hw", "facts", "--sysroot", &root], 0, "facts read below");
        assert_eq!(value["result"]["version"], 2);
        check(&pin(&root), 69, "CL-038 refused");
    }

    #[test]
    fn a_captured_machine_is_read_with_the_grade_of_a_capture() {
        let (_kept, root) = machine("st1");
        let root = root.display().to_string();
        let line = format!("facts read below {root} (E0");
        let (_, value) = check(&["hw", "facts", "--sysroot", &root], 0, &line);
        let serial = &value["result"]["dmi"]["product_serial"];
        assert_eq!(serial["value"], "NS4-4902-11864");
    }
}

mod explain {
    use super::*;

    #[test]
    fn a_code_is_explained_with_its_identifier_and_all_codes_are_listed() {
        let (_, value) = check(&["explain", "rk-053"], 0, "RK-053 K9");
        assert_eq!(value["result"]["metric-label"], "rk_053");
        assert_eq!(
            value["result"]["message-id"].as_str().map(str::len),
            Some(32)
        );
        check(&["explain", "RK-999"], 64, "CL-020 refused");
        let count = cofferdam_cofferctl::code::all().count();
        let (_, value) = check(&["explain", "--all"], 0, &format!("{count} codes"));
        assert_eq!(value["result"].as_array().map(Vec::len), Some(count));
        assert_eq!(ask(&["explain"]).exit, 64);
    }
}

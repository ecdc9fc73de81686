//! What `rack`, `hw` and `explain` answer, through the real program: the first line, the exit code
//! and the JSON of each, over the shipped examples and the lab's machines.

use std::fs;
use std::process::Output;

use serde_json::Value;

use crate::bench::{self, Bench, both, document, out, said};

fn ask(arguments: &[&str]) -> Output {
    Bench::new().run(arguments)
}

/// Asks twice, for a person and for a program; both answers end in the same code.
fn check(arguments: &[&str], exit: i32, first_line: &str) -> (String, Value) {
    let text = ask(arguments);
    let all = both(&text);
    assert_eq!(text.status.code(), Some(exit), "{arguments:?}: {all}");
    let line = all.lines().next().unwrap_or_default();
    assert!(line.starts_with(first_line), "{line}");
    let json = ask(&[&["--json"], arguments].concat());
    assert_eq!(json.status.code(), Some(exit), "{arguments:?}");
    let value = document(&json.stdout);
    assert_eq!(value.get("exit"), Some(&Value::from(exit)));
    (out(&text).to_owned(), value)
}

fn example(name: &str) -> String {
    bench::example(name).display().to_string()
}

/// A copy of an example with one piece of one file replaced.
fn changed(name: &str, file: &str, from: &str, to: &str) -> Bench {
    let copy = Bench::with_example(name);
    let text = fs::read_to_string(copy.at(file)).expect("text");
    assert!(text.contains(from), "{from}");
    fs::write(copy.at(file), text.replacen(from, to, 1)).expect("written");
    copy
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
        let svg = broken.at("door.svg");
        let file = svg.display().to_string();
        let (text, value) = check(&["rack", "show", &directory], 78, "drawn: 2 of 2 findings");
        assert!(
            text.contains('◀') && !text.contains('\u{1b}'),
            "no colour into a pipe"
        );
        assert_eq!(value["result"]["findings"][0]["fault"], true);
        check(&["rack", "show", &directory, "--svg", &file], 78, "drawn:");
        let drawn = fs::read_to_string(svg).expect("a picture");
        assert!(drawn.starts_with("<svg ") && drawn.contains("RK-042"));
    }

    #[test]
    fn reports_are_compared_and_what_is_no_report_is_refused() {
        let reports = Bench::new();
        let at = reports.path().display().to_string();
        let arguments = ["rack", "check", &example("rack-42u"), "--reports", &at];
        let (text, _) = check(
            &arguments,
            0,
            "ok: the three files keep every rule, with 12 warnings",
        );
        assert!(text.contains("RK-057 warning:"), "{text}");
        let other = r#"{"result": {"version": 2, "dmi": {"product_name":
            {"path": "/sys/class/dmi/id/product_name", "state": "value", "value": "Other"}}}}"#;
        fs::write(reports.at("fs1.json"), other).expect("written");
        let (text, _) = check(&arguments, 0, "ok:");
        assert!(text.contains("model = \"Northline S4\""), "{text}");
        assert!(text.contains("\"Other\""), "{text}");
        fs::write(reports.at("nobody.json"), other).expect("written");
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
        assert!(text.contains("files · intake") && text.contains("may share"));
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
            let file = broken.at("hwprofile.toml").display().to_string();
            let answer = ask(&["hw", "policy", &file]);
            let told = said(&answer);
            assert_eq!(answer.status.code(), Some(78), "{to}: {told}");
            assert!(told.contains(code) && told.contains(says), "{to}: {told}");
            assert!(told.contains("hwprofile.toml:"), "{told}");
        }
    }

    #[test]
    fn a_machine_is_checked_compared_pinned_and_told_apart() {
        let bench = Bench::new();
        let [policy, st1, in1] = [bench.policy(), bench.machine("st1"), bench.machine("in1")]
            .map(|path| path.display().to_string());
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
        let file = bench.at("in1.json");
        fs::write(&file, &evidence.stdout).expect("written");
        let travelled = format!("in1={}", file.display());
        pair(&a, &travelled, 0, "separate: st1 and in1");
        assert!(
            !out(&evidence).contains("HI2-3317-50928"),
            "no serial number travels"
        );
        let (text, _) = check(&pin(&st1), 0, "# pinned: st1 by");
        assert!(text.contains("[node.st1.pin]") && text.contains("NS4-4902-11864"));
        check(&["hw", "diff", &st1, &st1], 0, "same:");
        let (text, _) = check(&["hw", "diff", &st1, &in1], 69, "changed:");
        let both = "dmi.product_serial\n  was  NS4-4902-11864\n  is   HI2-3317-50928\n";
        assert!(text.contains(both), "{text}");
    }

    #[test]
    fn a_machine_that_shows_nothing_is_read_truthfully_and_cannot_be_pinned() {
        let empty = Bench::new();
        let root = empty.path().display().to_string();
        let (_, value) = check(&["hw", "facts", "--sysroot", &root], 0, "facts read below");
        assert_eq!(value["result"]["version"], 2);
        check(&pin(&root), 69, "CL-038 refused");
    }

    #[test]
    fn a_captured_machine_is_read_with_the_grade_of_a_capture() {
        let bench = Bench::new();
        let root = bench.machine("st1").display().to_string();
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
        assert_eq!(ask(&["explain"]).status.code(), Some(64));
    }
}

//! What a captured machine says of itself stays on its line, and a comparison tells every warning it came with.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use cofferdam_cofferctl::lab::tree;
use cofferdam_hwprofile::inventory::INVENTORY_VERSION;
use serde_json::Value;

fn ask(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cofferctl"))
        .args(arguments)
        .current_dir(directory)
        .output()
        .expect("a program")
}

fn machine(directory: &Path, name: &str) {
    let lab = Path::new(env!("CARGO_MANIFEST_DIR")).join("lab/sysroots");
    let text = fs::read_to_string(lab.join(format!("{name}.tree"))).expect("a tree");
    tree::unpack(&text, &directory.join(name)).expect("unpacked");
}

#[test]
fn a_capture_neither_moves_the_cursor_nor_writes_a_change_that_is_none() {
    let bench = tempfile::tempdir().expect("a directory");
    let fact = |serial: &str| {
        serde_json::json!({ "version": INVENTORY_VERSION, "dmi": {
            "product_serial": { "path": "/p", "state": "value", "value": serial },
        }})
        .to_string()
    };
    fs::write(bench.path().join("a.json"), fact("A")).expect("written");
    let forged = "A\u{1b}[2K\nsame: 1 facts agree\u{9b}1A\u{202e}";
    fs::write(bench.path().join("b.json"), fact(forged)).expect("written");
    let run = ask(bench.path(), &["hw", "diff", "a.json", "b.json"]);
    assert_eq!(run.status.code(), Some(69));
    assert_eq!(
        String::from_utf8_lossy(&run.stdout),
        "changed: 1 facts differ\ndmi.product_serial\n  was  A\n  is   \
         A\\u{1b}[2K\\u{a}same: 1 facts agree\\u{9b}1A\\u{202e}\n"
    );
    // A program gets what was there.
    let run = ask(bench.path(), &["--json", "hw", "diff", "a.json", "b.json"]);
    let said: Value = serde_json::from_slice(&run.stdout).expect("one JSON document");
    assert_eq!(said["result"]["changed"][0]["is"], forged);
}

#[test]
fn the_facts_of_a_machine_are_shown_without_what_moves_a_cursor() {
    let bench = tempfile::tempdir().expect("a directory");
    machine(bench.path(), "st1");
    let serial = bench.path().join("st1/sys/class/dmi/id/product_serial");
    fs::write(serial, "A\u{9b}2J\u{7f}B\n").expect("written");
    let run = ask(bench.path(), &["hw", "facts", "--sysroot", "st1"]);
    let text = String::from_utf8_lossy(&run.stdout);
    let moves = |c: char| c.is_control() && c != '\n';
    assert!(!text.contains(moves), "{text}");
}

#[test]
fn a_comparison_counts_its_warnings_and_tells_them_to_a_program() {
    let bench = tempfile::tempdir().expect("a directory");
    machine(bench.path(), "in1");
    machine(bench.path(), "an1");
    let lab = Path::new(env!("CARGO_MANIFEST_DIR")).join("lab/hwprofile.toml");
    let mut policy = fs::read_to_string(lab).expect("the policy");
    for (node, digit) in [("kp1", 'A'), ("st1", 'B'), ("in1", 'C'), ("an1", 'D')] {
        let key = format!("sha256:{digit}{}=", "A".repeat(42));
        policy = policy.replace(&format!("{{{{key:{node}}}}}"), &key);
    }
    // Where one of two stands in a rack is not written, nobody can say that they do not share a chassis.
    policy = policy.replace("position = 21\n", "");
    policy.push_str(
        "\n[[separate]]\nzones = [\"intake\", \"analytics\"]\ndomain = \"chassis\"\n\
         on_unproven = \"warn\"\nwhy = \"they answer to different people\"\n",
    );
    fs::write(bench.path().join("policy.toml"), policy).expect("written");
    let compare = [
        "hw",
        "compare",
        "--policy",
        "policy.toml",
        "in1=in1",
        "an1=an1",
    ];
    let run = ask(bench.path(), &compare);
    let text = String::from_utf8_lossy(&[run.stdout, run.stderr].concat()).into_owned();
    let first = text.lines().next().unwrap_or_default();
    assert!(first.starts_with("separate: in1 and an1"), "{text}");
    assert!(first.ends_with(", with 1 warning"), "{text}");
    let run = ask(bench.path(), &[&["--json"], &compare[..]].concat());
    let said: Value = serde_json::from_slice(&run.stdout).expect("one JSON document");
    assert_eq!(said["result"]["warnings"][0]["code"], "HW-220", "{said}");
}

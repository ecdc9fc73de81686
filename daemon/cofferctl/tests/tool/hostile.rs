//! What a captured machine says of itself stays on its line, and a comparison tells every warning it came with.

use std::fs;

use cofferdam_hwprofile::inventory::INVENTORY_VERSION;

use crate::bench::{Bench, both, document, lab_policy, out};

#[test]
fn a_capture_neither_moves_the_cursor_nor_writes_a_change_that_is_none() {
    let bench = Bench::new();
    let fact = |serial: &str| {
        serde_json::json!({ "version": INVENTORY_VERSION, "dmi": {
            "product_serial": { "path": "/p", "state": "value", "value": serial },
        }})
        .to_string()
    };
    fs::write(bench.at("a.json"), fact("A")).expect("written");
    let forged = "A\u{1b}[2K\nsame: 1 facts agree\u{9b}1A\u{202e}";
    fs::write(bench.at("b.json"), fact(forged)).expect("written");
    let run = bench.run(&["hw", "diff", "a.json", "b.json"]);
    assert_eq!(run.status.code(), Some(69));
    assert_eq!(
        out(&run),
        "changed: 1 facts differ\ndmi.product_serial\n  was  A\n  is   \
         A\\u{1b}[2K\\u{a}same: 1 facts agree\\u{9b}1A\\u{202e}\n"
    );
    // A program gets what was there.
    let run = bench.run(&["--json", "hw", "diff", "a.json", "b.json"]);
    let said = document(&run.stdout);
    assert_eq!(said["result"]["changed"][0]["is"], forged);
}

#[test]
fn the_facts_of_a_machine_are_shown_without_what_moves_a_cursor() {
    let bench = Bench::new();
    bench.machine("st1");
    let serial = bench.at("st1/sys/class/dmi/id/product_serial");
    fs::write(serial, "A\u{9b}2J\u{7f}B\n").expect("written");
    let run = bench.run(&["hw", "facts", "--sysroot", "st1"]);
    let text = out(&run);
    let moves = |c: char| c.is_control() && c != '\n';
    assert!(!text.contains(moves), "{text}");
}

#[test]
fn a_comparison_counts_its_warnings_and_tells_them_to_a_program() {
    let bench = Bench::new();
    bench.machine("in1");
    bench.machine("an1");
    // Where one of two stands in a rack is not written, nobody can say that they do not share a chassis.
    let mut policy = lab_policy().replace("position = 21\n", "");
    policy.push_str(
        "\n[[separate]]\nzones = [\"intake\", \"analytics\"]\ndomain = \"chassis\"\n\
         on_unproven = \"warn\"\nwhy = \"they answer to different people\"\n",
    );
    fs::write(bench.at("policy.toml"), policy).expect("written");
    let compare = [
        "hw",
        "compare",
        "--policy",
        "policy.toml",
        "in1=in1",
        "an1=an1",
    ];
    let run = bench.run(&compare);
    let text = both(&run);
    let first = text.lines().next().unwrap_or_default();
    assert!(first.starts_with("separate: in1 and an1"), "{text}");
    assert!(first.ends_with(", with 1 warning"), "{text}");
    let run = bench.run(&[&["--json"], &compare[..]].concat());
    let said = document(&run.stdout);
    assert_eq!(said["result"]["warnings"][0]["code"], "HW-220", "{said}");
}

//! Bad input, as a person meets it: a code, what was seen, where, the fix, and nothing lost.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::stage::{Lab, Running, cofferctl, free_ports, kill_hard, program, said};

/// Expects an exit status and words, all of them, in what a run printed.
fn check(output: &Output, status: i32, words: &[&str]) {
    let text = said(output);
    assert_eq!(output.status.code(), Some(status), "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is missing in:\n{text}");
    }
    assert!(!text.contains("panicked"), "{text}");
}

/// A copy of the lab's rack directory in which one text was replaced by another.
fn rack_with(lab: &Lab, at: &Path, file: &str, old: &str, new: &str) -> PathBuf {
    let rack = at.join("rack");
    std::fs::create_dir_all(&rack).expect("a directory");
    for entry in std::fs::read_dir(lab.path().join("rack")).expect("the rack") {
        let path = entry.expect("an entry").path();
        std::fs::copy(&path, rack.join(path.file_name().expect("a name"))).expect("copied");
    }
    let text = std::fs::read_to_string(rack.join(file)).expect("a manifest file");
    assert!(text.contains(old), "{file} has {old:?}");
    std::fs::write(rack.join(file), text.replacen(old, new, 1)).expect("written");
    rack
}

/// The number of the first line that contains a text.
fn line_of(path: &Path, text: &str) -> usize {
    let whole = std::fs::read_to_string(path).expect("a file");
    let index = whole.lines().position(|line| line.contains(text));
    index.expect("the line") + 1
}

#[test]
fn an_unknown_key_zone_verb_or_bucket_in_a_manifest_file_is_named_with_its_line() {
    let lab = Lab::start();
    let dir = tempfile::tempdir().expect("a directory");
    let faults = [
        ("hwprofile.toml", "exposure", "exposrue", "exposure"),
        (
            "hwprofile.toml",
            "zone     = \"storage\"",
            "zone     = \"storrage\"",
            "storage",
        ),
        ("elevation.toml", "u_height", "u_hieght", "u_height"),
        (
            "flows.toml",
            "max-connections",
            "max-conections",
            "max-connections",
        ),
        ("flows.toml", "\"append\"", "\"apend\"", "append"),
        (
            "flows.toml",
            "from            = \"intake\"",
            "from            = \"intaek\"",
            "intake",
        ),
        ("flows.toml", "\"intake-*\"", "\"intake/**\"", "bucket"),
    ];
    for (file, old, new, mend) in faults {
        let rack = rack_with(&lab, dir.path(), file, old, new);
        let line = line_of(&rack.join(file), new);
        let output = cofferctl(&["rack", "check", &rack.display().to_string()]);
        check(&output, 78, &[&format!("{file}:{line}"), mend]);
        std::fs::remove_dir_all(rack).expect("removed");
    }
}

#[test]
fn a_key_file_that_others_may_read_or_that_holds_no_key_stops_the_start_and_is_not_repeated() {
    use std::os::unix::fs::PermissionsExt as _;
    let lab = Lab::start();
    let key = lab.path().join("intake/node.key");
    let whole = std::fs::read_to_string(&key).expect("the key");
    kill_hard(lab.pid("intake"));
    let start = || {
        Command::new(program("cofferd-intake"))
            .arg("--config")
            .arg(lab.path().join("intake/node.toml"))
            .output()
            .expect("it runs")
    };
    let mode = |bits| {
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(bits)).expect("changed");
    };
    mode(0o644);
    let secret = whole.lines().nth(1).expect("a line of the key");
    let readable = start();
    check(&readable, 78, &["ND-010", "node.key", "0644", "chmod 0600"]);
    assert!(!said(&readable).contains(secret));
    mode(0o600);
    std::fs::write(&key, "no key at all\n").expect("written");
    let empty = start();
    check(&empty, 78, &["ND-010", "node.key"]);
    assert!(!said(&empty).contains("no key at all"));
    std::fs::write(&key, whole).expect("restored");
    let _running = lab.restart("intake");
    assert!(lab.serves());
}

#[test]
fn a_keyring_that_others_may_read_or_that_is_damaged_seals_and_opens_nothing() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().expect("a directory");
    let path = |name: &str| dir.path().join(name).display().to_string();
    std::fs::write(path("plain"), "a record about a person").expect("written");
    check(&cofferctl(&["key", "new", &path("ring")]), 0, &[]);
    check(&cofferctl(&["key", "new", &path("ring")]), 78, &["ring"]);
    let seal = || {
        cofferctl(&[
            "seal",
            "--keyring",
            &path("ring"),
            &path("plain"),
            "-o",
            &path("sealed"),
        ])
    };
    let whole = std::fs::read_to_string(path("ring")).expect("a ring");
    let readable = std::fs::Permissions::from_mode(0o640);
    std::fs::set_permissions(path("ring"), readable).expect("changed");
    check(&seal(), 78, &["SE-", "0640"]);
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(path("ring"), private).expect("changed");
    for (damaged, echo) in [("", "no such"), ("AAAA-not-a-key\n", "AAAA-not-a-key")] {
        std::fs::write(path("ring"), damaged).expect("written");
        let refused = seal();
        check(&refused, 78, &["SE-"]);
        assert!(!said(&refused).contains(echo));
    }
    assert!(!dir.path().join("sealed").exists());
    std::fs::write(path("ring"), whole).expect("restored");
    check(&seal(), 0, &[]);
}

#[test]
fn a_truncated_sealed_object_gives_out_nothing_and_says_where_it_ends() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = |name: &str| dir.path().join(name).display().to_string();
    let plain: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    std::fs::write(path("plain"), &plain).expect("written");
    check(&cofferctl(&["key", "new", &path("ring")]), 0, &[]);
    let sealed = ["seal", "--keyring", &path("ring"), &path("plain"), "-o"];
    check(
        &cofferctl(&[&sealed[..], &[&path("sealed")]].concat()),
        0,
        &[],
    );
    let whole = std::fs::read(path("sealed")).expect("sealed");
    let cuts = [
        (0, "CL-050"),
        (10, "CL-050"),
        (whole.len() / 2, "SE-"),
        (whole.len() - 1, "SE-"),
    ];
    for (kept, code) in cuts {
        std::fs::write(path("cut"), &whole[..kept]).expect("written");
        let opened = cofferctl(&[
            "unseal",
            "--keyring",
            &path("ring"),
            &path("cut"),
            "-o",
            &path("out"),
        ]);
        check(&opened, 65, &[code, &path("cut")]);
        assert!(!dir.path().join("out").exists(), "{kept} bytes were kept");
    }
}

#[test]
fn an_object_damaged_on_storages_disk_is_refused_and_the_others_are_served() {
    let lab = Lab::start();
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("note").display().to_string();
    std::fs::write(&file, vec![7; 40_000]).expect("written");
    for name in ["files/whole", "files/cut"] {
        check(&lab.run(&["put", &file, name]), 0, &[]);
    }
    let state = lab.path().join("storage");
    let newest = crate::stage::files_below(&state)
        .into_iter()
        .filter(|path| {
            path.metadata()
                .is_ok_and(|metadata| (40_000..60_000).contains(&metadata.len()))
        })
        .max_by_key(|path| path.metadata().and_then(|m| m.modified()).expect("a time"))
        .expect("the object's file");
    let sealed = std::fs::read(&newest).expect("sealed");
    std::fs::write(&newest, &sealed[..sealed.len() - 100]).expect("cut");
    let got = lab.run(&["get", "files/cut", "-o", &format!("{file}.out")]);
    assert!(!got.status.success(), "{}", said(&got));
    assert!(!said(&got).contains("panicked"));
    assert!(!Path::new(&format!("{file}.out")).exists());
    check(
        &lab.run(&["get", "files/whole", "-o", &format!("{file}.all")]),
        0,
        &[],
    );
    assert_eq!(
        std::fs::read(format!("{file}.all")).expect("read").len(),
        40_000
    );
}

#[test]
fn a_malformed_event_a_wrong_answer_and_an_oversized_record_leave_nothing_behind() {
    let lab = Lab::start();
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("records").display().to_string();
    let submit = |kind: &str, name: &str, text: &str| {
        std::fs::write(&file, text).expect("written");
        lab.run(&["submit", kind, name, &file])
    };
    check(
        &submit("stream", "events", "{\"a\":1"),
        65,
        &["CL-043", "line 1"],
    );
    check(&submit("stream", "events", "[1,2]"), 65, &["IN-010"]);
    check(
        &submit("stream", "evnets", "{\"a\":1}"),
        65,
        &["IN-001", "events"],
    );
    let wrong = "{\"respondent\":\"r\",\"school\":\"Elm\",\"grade\":5,\"q1\":6,\"q2\":1,\"q3\":1}";
    check(
        &submit("survey", "climate", wrong),
        65,
        &["IN-020", "/q1", "maximum"],
    );
    let record = format!("{{\"a\":\"{}\"}}", "x".repeat(70_000));
    check(&submit("stream", "events", &record), 65, &["IN-012"]);
    let body = format!("{{\"a\":\"{}\"}}", "x".repeat(1 << 21));
    let oversized = submit("stream", "events", &body);
    assert!(!oversized.status.success(), "{}", said(&oversized));
    // Twelve, because analytics shows no group below ten.
    check(
        &submit("stream", "events", &"{\"a\":1}\n".repeat(12)),
        0,
        &[],
    );
    assert_eq!(lab.counts(12), Ok(()));
}

#[test]
fn a_second_lab_in_the_same_directory_changes_nothing_in_the_first() {
    let lab = Lab::start();
    let again = cofferctl(&[
        "lab",
        "up",
        "--detach",
        "--dir",
        &lab.text(),
        "--base-port",
        &free_ports().to_string(),
    ]);
    check(&again, 78, &["LAB-001", "not empty"]);
    assert!(lab.serves());
}

#[test]
fn a_zone_whose_port_is_taken_names_it_and_asks_to_be_tried_again() {
    let lab = Lab::start();
    kill_hard(lab.pid("storage"));
    let address = lab.zone("storage")["address"].clone();
    let address = address.as_str().expect("an address");
    let taken = std::net::TcpListener::bind(address).expect("its port");
    let start = Command::new(program("cofferd-storage"))
        .arg("--config")
        .arg(lab.path().join("storage/node.toml"))
        .output()
        .expect("it runs");
    check(&start, 75, &["LK-", address]);
    drop(taken);
    let _running: Running = lab.restart("storage");
    assert!(lab.serves());
}

#[test]
fn a_client_without_a_certificate_or_with_another_zones_is_refused_with_a_reason() {
    let lab = Lab::start();
    let broken = cofferctl(&["lab", "break", "wrong-zone", "--dir", &lab.text()]);
    check(&broken, 0, &["refused"]);
    assert!(lab.serves());
}

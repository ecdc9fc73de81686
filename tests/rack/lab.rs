//! `lab up`: the rack as tools meet it.

use std::net::TcpListener;
use std::process::Command;

use crate::stage::{Lab, cofferctl, free_ports, said};

#[test]
fn what_is_put_comes_back_and_is_listed() {
    let lab = Lab::start();
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("note");
    std::fs::write(&file, b"hello rack").expect("written");
    let put = lab.run(&["put", &file.display().to_string(), "files/a b/ü+%.txt"]);
    assert!(put.status.success(), "{}", said(&put));
    let got = lab.run(&["get", "files/a b/ü+%.txt"]);
    assert_eq!(got.stdout, b"hello rack");
    let listed = lab.run(&["ls", "files"]);
    assert!(said(&listed).contains("a b/ü+%.txt"), "{}", said(&listed));
    let missing = lab.run(&["get", "files/none"]);
    assert_eq!(missing.status.code(), Some(65), "{}", said(&missing));
}

#[test]
fn two_labs_run_side_by_side_and_each_is_its_own() {
    let (one, two) = (Lab::start(), Lab::start());
    for lab in [&one, &two] {
        let status = lab.run(&["status"]);
        assert!(
            said(&status).starts_with("4 of 4 zones serve (E0)"),
            "{}",
            said(&status)
        );
    }
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("note");
    std::fs::write(&file, b"only in one").expect("written");
    assert!(
        one.run(&["put", &file.display().to_string(), "files/x"])
            .status
            .success()
    );
    assert!(!two.run(&["get", "files/x"]).status.success());
}

#[test]
fn every_trail_is_verified_by_the_tool_and_a_foreign_key_is_not_trusted() {
    let lab = Lab::start();
    let dir = tempfile::tempdir().expect("a directory");
    let file = lab.file();
    for zone in file["zones"].as_array().expect("zones") {
        let trust = dir.path().join("trust");
        std::fs::write(&trust, zone["trail-key"].as_str().expect("a key")).expect("written");
        let trail = zone["trail"].as_str().expect("a path");
        let verified = cofferctl(&[
            "audit",
            "verify",
            trail,
            "--trust",
            &trust.display().to_string(),
        ]);
        assert!(verified.status.success(), "{}", said(&verified));
        let other = file["zones"].as_array().expect("zones").iter();
        let foreign = other
            .map(|zone| zone["trail-key"].as_str().expect("a key"))
            .find(|key| *key != zone["trail-key"])
            .expect("another key");
        std::fs::write(&trust, foreign).expect("written");
        let refused = cofferctl(&[
            "audit",
            "verify",
            trail,
            "--trust",
            &trust.display().to_string(),
        ]);
        assert_eq!(refused.status.code(), Some(65), "{}", said(&refused));
    }
}

#[test]
fn a_zone_on_a_forbidden_chassis_loses_its_lease_and_the_others_go_on() {
    let lab = Lab::start();
    let broken = cofferctl(&["lab", "break", "colocate", "--dir", &lab.text()]);
    assert!(broken.status.success(), "{}", said(&broken));
    let mut text = String::new();
    for _ in 0..2000 {
        text = said(&lab.run(&["status"]));
        if text.contains("HW-211") {
            break;
        }
    }
    assert!(text.starts_with("3 of 4 zones serve"), "{text}");
    assert!(
        text.contains("HW-211") && text.contains("hwprofile.toml"),
        "{text}"
    );
}

#[test]
fn a_taken_port_is_named_and_nothing_is_left() {
    let dir = tempfile::tempdir().expect("a directory");
    let base = free_ports();
    let _taken = TcpListener::bind(("127.0.0.1", base + 2)).expect("a port");
    let lab = dir.path().join("lab");
    let up = cofferctl(&[
        "lab",
        "up",
        "--dir",
        &lab.display().to_string(),
        "--base-port",
        &base.to_string(),
    ]);
    assert_eq!(up.status.code(), Some(75), "{}", said(&up));
    assert!(said(&up).contains("LAB-002") && said(&up).contains(&(base + 2).to_string()));
    assert!(!lab.exists());
}

#[test]
fn a_zone_without_a_manifest_it_trusts_does_not_start() {
    let lab = Lab::start();
    let flows = lab.path().join("rack/flows.toml");
    let text = std::fs::read_to_string(&flows).expect("flows");
    std::fs::write(&flows, format!("{text}\n# changed after it was signed\n")).expect("written");
    let run = Command::new(crate::stage::program("cofferd-analytics"))
        .arg("--config")
        .arg(lab.path().join("analytics/node.toml"))
        .output()
        .expect("it runs");
    assert_eq!(run.status.code(), Some(78), "{}", said(&run));
    assert!(said(&run).contains("RK-2"), "{}", said(&run));
    std::fs::write(&flows, text).expect("restored");
}

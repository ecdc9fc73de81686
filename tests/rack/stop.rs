//! How programs stop: each of the three polite signals, within ten seconds, with nothing left behind.

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::stage::{
    Lab, Running, cofferctl, files_below, free_ports, gone, kill_hard, program, said, signal,
    within,
};

/// What a zone promises (DESIGN.md §7): up to ten seconds for what runs, then a cut; and a little for the machine.
const STOP: Duration = Duration::from_secs(11);

#[test]
fn each_zone_stops_by_each_polite_signal_and_leaves_its_port_free_and_its_trail_whole() {
    let lab = Lab::start();
    let mut running = Vec::new();
    for kind in ["analytics", "storage", "intake", "keeper"] {
        kill_hard(lab.pid(kind));
        for name in ["INT", "QUIT", "TERM"] {
            let mut zone = lab.restart(kind);
            assert!(lab.serves(), "{kind}: {}", said(&lab.run(&["status"])));
            signal(zone.id(), name);
            let ended = zone.end_within(STOP);
            assert!(
                ended.is_some_and(|status| status.success()),
                "{kind} on SIG{name}: {ended:?}"
            );
            let address = lab.zone(kind)["address"].as_str().map(str::to_owned);
            let free = TcpListener::bind(address.expect("an address"));
            assert!(free.is_ok(), "{kind} on SIG{name}: {free:?}");
            stopped_cleanly(&lab, kind, name);
        }
        // The next zone's rounds need this one.
        running.push(lab.restart(kind));
        assert!(lab.serves(), "{kind}");
    }
}

/// The last thing a zone's trail tells is that it stopped, and no half-written file lies about.
fn stopped_cleanly(lab: &Lab, kind: &str, name: &str) {
    let state = lab.path().join(kind);
    let trail = state.join("trail").display().to_string();
    let shown = said(&cofferctl(&["audit", "show", &trail]));
    let last = shown.lines().last().unwrap_or_default();
    assert!(last.contains("node.stop"), "{kind} on SIG{name}: {last}");
    for path in files_below(&state) {
        let unfinished = path
            .extension()
            .is_some_and(|extension| extension == "tmp" || extension == "part");
        assert!(!unfinished, "{kind} on SIG{name} left {}", path.display());
    }
}

#[test]
fn a_lab_in_the_foreground_stops_by_sigint_and_leaves_no_process() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("lab");
    let child = Command::new(program("cofferctl"))
        .args([
            "lab",
            "up",
            "--base-port",
            &free_ports().to_string(),
            "--dir",
        ])
        .arg(&path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the tool starts");
    let mut holder = Running::new(child);
    let up = within(Duration::from_secs(60), || path.join("lab.pid").exists());
    assert!(up, "the lab came up");
    let text = std::fs::read_to_string(path.join("lab.json")).expect("lab.json");
    let file: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let pids: Vec<u32> = file["zones"]
        .as_array()
        .expect("zones")
        .iter()
        .map(|zone| u32::try_from(zone["pid"].as_u64().expect("a pid")).expect("a pid"))
        .collect();
    assert!(holder.runs());
    assert_eq!(pids.iter().filter(|pid| gone(**pid)).count(), 0);
    signal(holder.id(), "INT");
    let ended = holder.end_within(STOP + STOP);
    assert!(ended.is_some_and(|status| status.success()), "{ended:?}");
    for pid in pids {
        assert!(gone(pid), "process {pid} is left");
    }
}

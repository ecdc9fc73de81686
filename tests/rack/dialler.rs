//! A zone whose process has no network at all: its listener is passed to it, its connections come from the dialler.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::stage::{Lab, Running, kill_hard, program, said, skipped, within};

/// Records of one round.
const SOME: usize = 12;

/// Whether this machine lets a test have a network namespace, and passes sockets.
fn may_pass_sockets() -> bool {
    let works = |command: &mut Command| {
        command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    works(Command::new("unshare").args(["--user", "--map-root-user", "--net", "true"]))
        && works(Command::new("systemd-socket-activate").arg("--version"))
}

fn dialler(lab: &Lab) -> Running {
    let state = lab.path().join("intake");
    let socket = state.join("dial.sock");
    // One that was killed leaves its socket behind; the service manager removes it (RemoveOnStop=).
    drop(std::fs::remove_file(&socket));
    let child = Command::new(program("cofferd-dial"))
        .arg("--config")
        .arg(state.join("node.toml"))
        .arg("--socket")
        .arg(&socket)
        .arg("--until-stdin-closes")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the dialler starts");
    assert!(within(Duration::from_secs(20), || socket.exists()));
    Running::new(child)
}

/// Intake in a network namespace that holds nothing, with its listener passed in from outside.
fn intake_without_a_network(lab: &Lab) -> Running {
    let address = lab.zone("intake")["address"].as_str().map(str::to_owned);
    let state = lab.path().join("intake");
    let log = lab.log("intake");
    let child = Command::new("systemd-socket-activate")
        .args(["--listen", &address.expect("an address")])
        .args(["unshare", "--user", "--map-root-user", "--net"])
        .arg(program("cofferd-intake"))
        .arg("--config")
        .arg(state.join("node.toml"))
        .arg("--until-stdin-closes")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("it starts");
    Running::new(child)
}

/// Submits as many records as a query shows: smaller counts are suppressed.
fn submit_some(lab: &Lab) {
    for number in 0..SOME {
        submit(lab, number);
    }
}

fn submit(lab: &Lab, number: usize) {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("record");
    std::fs::write(&file, format!("{{\"n\":{number}}}")).expect("written");
    let file = file.display().to_string();
    let arguments = [
        "submit",
        "--patience-seconds",
        "60",
        "stream",
        "events",
        &file,
    ];
    let submitted = lab.run(&arguments);
    assert!(submitted.status.success(), "{}", said(&submitted));
}

#[test]
fn a_zone_without_a_network_serves_through_its_passed_listener_and_its_dialler() {
    if !may_pass_sockets() {
        skipped("no network namespace or no systemd-socket-activate here, so no zone was cut off");
        return;
    }
    let lab = Lab::start();
    kill_hard(lab.pid("intake"));
    let config = lab.path().join("intake/node.toml");
    let text = std::fs::read_to_string(&config).expect("its configuration");
    let text = text.replace("state =", "dialler = \"dial.sock\"\nstate =");
    std::fs::write(&config, text).expect("changed");
    let first = dialler(&lab);
    let mut intake = intake_without_a_network(&lab);
    submit_some(&lab);
    let links = std::fs::read_to_string(format!("/proc/{}/net/dev", intake.id()));
    let links = links.expect("its adapters");
    assert_eq!(
        links.lines().count(),
        3,
        "two lines of heading and lo: {links}"
    );
    assert_eq!(lab.counts(SOME), Ok(()));

    // Connections outlive their dialler; a new one needs a new one. What is acknowledged meanwhile is kept.
    drop(first);
    kill_hard(lab.pid("storage"));
    let _storage = lab.restart("storage");
    submit_some(&lab);
    let log = lab.path().join("log/intake.log");
    let told = within(Duration::from_secs(60), || {
        std::fs::read_to_string(&log).is_ok_and(|log| log.contains("LK-505"))
    });
    assert!(told, "{}", std::fs::read_to_string(&log).expect("a log"));
    let _second = dialler(&lab);
    assert_eq!(lab.counts(2 * SOME), Ok(()));
    intake.close();
    assert!(intake.end_within(Duration::from_secs(15)).is_some());
}

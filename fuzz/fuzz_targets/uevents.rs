//! The kernel's events about devices, and the watch that follows them: whatever is sent, the whole machine is looked at in time and
//! a verdict stands.
#![no_main]

use std::time::Duration;

use cofferdam_hwprofile::drift::{Action, COALESCE, Drift, Event, Finding, Wake};
use libfuzzer_sys::fuzz_target;

const PERIOD: Duration = Duration::from_secs(60);

fuzz_target!(|bytes: &[u8]| {
    let mut watch = Watch {
        drift: Drift::new(PERIOD, 0),
        runs: false,
        unanswered: false,
    };
    let mut at = 0;
    for datagram in bytes.split(|byte| *byte == b'\n') {
        at += u64::try_from(datagram.len()).expect("a length");
        watch.unanswered = true;
        watch.tell(Event::Wake(Wake::read(datagram)), at);
        // A look takes no time here, and another may be due at once.
        while watch.runs {
            watch.runs = false;
            let changes = Vec::new();
            watch.tell(Event::Looked(Finding::Keeps { changes }), at);
        }
    }
    let due = at + u64::try_from(COALESCE.as_millis()).expect("short");
    watch.tell(Event::Tick, due);
    assert!(!watch.unanswered, "what was heard is looked at in time");
});

struct Watch {
    drift: Drift,
    runs: bool,
    /// Whether something was heard that no look has answered.
    unanswered: bool,
}

impl Watch {
    fn tell(&mut self, event: Event, at: u64) {
        for action in self.drift.on(event, at) {
            match action {
                Action::Rescan(_) => {
                    assert!(!self.runs, "no look while a look runs");
                    self.runs = true;
                    self.unanswered = false;
                }
                Action::WakeAt(next) => assert!(next > at || self.runs, "no wait for the past"),
                other => panic!("a message decides nothing: {other:?}"),
            }
        }
    }
}

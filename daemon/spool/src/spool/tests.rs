//! The spool as its users meet it, through handles: settings and clocks of its specifications.

mod durability;
mod opening;
mod putting;
mod taking;

use super::*;
use crate::engine::rig::{CONTEXT, TestKeys, payload, tag};
use crate::medium::simulated::SimulatedDisk;
use crate::producer::Put;
use crate::refusal::ConsumeError;
use std::path::Path;
use std::time::Duration;

fn settings(dir: &Path) -> SpoolSettings {
    SpoolSettings {
        wait: Duration::from_secs(20),
        segment_age: Duration::from_hours(1),
        ..SpoolSettings::new(dir.to_path_buf(), "in1", CONTEXT)
    }
}

/// On a simulated disk, with a deadline a test can wait for.
fn brief() -> SpoolSettings {
    SpoolSettings {
        wait: Duration::from_millis(700),
        ..settings(Path::new("/spool"))
    }
}

fn noon() -> Clock {
    Arc::new(|| 1_764_000_000_000)
}

/// Opens again and again until the last owner's thread let go of the directory.
fn open_after(settings: &SpoolSettings, keys: &Arc<TestKeys>) -> (Producer, Consumer, Recovery) {
    loop {
        match open(settings.clone(), Arc::<TestKeys>::clone(keys), noon()) {
            Err(OpenError {
                kind: OpenErrorKind::Owned,
                ..
            }) => std::thread::yield_now(),
            other => return other.expect("the spool opens"),
        }
    }
}

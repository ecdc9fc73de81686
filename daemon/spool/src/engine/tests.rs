//! The engine, driven step by step on a disk that fails on demand: the steps that several of its
//! specifications take.

mod crashes;
mod delivery;
mod failures;
mod histories;
mod segments;

use super::rig::{Rig, settings, tag};
use crate::consumer::Fate;
use crate::medium::simulated::{EIO, ENOSPC, Fault};
use crate::position::Number;
use crate::producer::Put;
use crate::refusal::PutError;
use cofferdam_seal::Tag;
use std::path::PathBuf;

fn tags(range: std::ops::Range<u8>) -> Vec<Tag> {
    range.map(tag).collect()
}

fn codes(answers: &[Result<Put, PutError>]) -> Vec<&'static str> {
    answers
        .iter()
        .map(|answer| answer.as_ref().map_or_else(PutError::code, |_| "ok"))
        .collect()
}

/// A life of a spool, with everything in it; goes on as far as the disk lets it.
fn script(rig: &mut Rig, mut after_each: impl FnMut(&mut Rig)) {
    let steps: [fn(&mut Rig); 10] = [
        |rig| drop(rig.put(&tags(0..3))),
        |rig| drop(rig.put(&tags(2..9))),
        |rig| drop(rig.deliver()),
        |rig| drop(rig.engine().flush()),
        |rig| drop(rig.put(&tags(8..12))),
        refuse,
        refuse,
        |rig| drop(rig.engine().flush()),
        refuse,
        |rig| drop(rig.put(&tags(12..16))),
    ];
    for step in steps {
        if rig.disk.is_dead() {
            return;
        }
        step(rig);
        after_each(rig);
    }
}

fn refuse(rig: &mut Rig) {
    let before = rig.engine().depth().segments;
    let buried = rig.refuse_head() == Some(Fate::DeadLettered);
    assert_eq!(rig.engine().depth().segments, before - u64::from(buried));
}

fn drain(rig: &mut Rig) {
    rig.engine().flush().unwrap();
    while rig.deliver().is_some() {}
    assert_eq!(rig.engine().depth().segments, 0);
}

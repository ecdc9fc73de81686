//! The records of one commit, and how each of them will be answered.
//! Never answers before it is told how the commit ended.

use super::{Answer, Pending};
use crate::position::{Number, Position};
use crate::producer::Put;
use crate::refusal::{DiskError, PutError};
use crate::segment::OpenSegment;
use cofferdam_seal::Tag;
use std::collections::BTreeMap;

/// The records of one commit, and how each will be answered.
#[derive(Default)]
pub(super) struct Run {
    /// The records sealed in this run, by tag.
    pub(super) stored: BTreeMap<Tag, u64>,
    answers: Vec<(Answer, Outcome)>,
    number: Option<Number>,
}

enum Outcome {
    /// Sealed in this run.
    Stored(u64),
    /// The same tag was sealed in this run: answered with it, whatever becomes of it.
    Repeat(u64),
    /// Decided already.
    Settled(Result<Put, PutError>),
}

impl Run {
    pub(super) fn len(&self) -> usize {
        self.answers.len()
    }

    /// Seals the record, unless its tag is known.
    pub(super) fn add(
        &mut self,
        pending: Pending,
        open: &mut OpenSegment,
        known: Option<Position>,
    ) {
        let Pending {
            tag,
            payload,
            answer,
        } = pending;
        self.number = Some(open.number);
        let outcome = if let Some(place) = known {
            Outcome::Settled(Ok(Put::Duplicate(place)))
        } else if let Some(record) = self.stored.get(&tag) {
            Outcome::Repeat(*record)
        } else {
            match open.seal(&tag, &payload) {
                Ok(record) => {
                    self.stored.insert(tag, record);
                    Outcome::Stored(record)
                }
                Err(what) => Outcome::Settled(Err(PutError::Unsealed { what })),
            }
        };
        self.answers.push((answer, outcome));
    }

    /// Answers every record, now that the fate of the run is durable.
    pub(super) fn settle(self, outcome: Result<(), DiskError>) {
        let Some(number) = self.number else { return };
        let outcome = outcome.map_err(PutError::Disk);
        for (answer, how) in self.answers {
            let at = |record| outcome.clone().map(|()| number.position(record));
            answer(match how {
                Outcome::Stored(record) => at(record).map(Put::Stored),
                Outcome::Repeat(record) => at(record).map(Put::Duplicate),
                Outcome::Settled(answer) => answer,
            });
        }
    }
}

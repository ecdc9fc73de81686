//! Layout `Records`: logs sealed for one context, closed or torn, that its specifications read.

mod scanning;
mod sealing;
mod tampering;

use proptest::prelude::*;

use super::{HEAD_LEN, Torn, scan};
use crate::frames::wide;
use crate::{
    Ending, FernetKey, HEADER_LEN, Header, ObjectId, OpenErrorKind, RecordOpener, RecordSealer,
    Tag, WrappedKey,
};

const CREATED: u64 = 1_700_000_000;

struct Fixture {
    key: FernetKey,
    wrapped: WrappedKey,
}

impl Fixture {
    fn new() -> Self {
        let [zone, key] = std::array::from_fn(|_| FernetKey::generate().unwrap());
        let wrapped = WrappedKey::seal(&zone, &key, CREATED).unwrap();
        Self { key, wrapped }
    }

    fn begin(&self, id: u8, context: &[u8]) -> (RecordSealer, Vec<u8>) {
        RecordSealer::new(
            &self.key,
            &self.wrapped,
            ObjectId([id; 16]),
            CREATED,
            context,
        )
    }

    /// A closed log, and where each of its frames begins and the log ends.
    fn log(&self, payloads: &[&[u8]]) -> (Vec<u8>, Vec<usize>) {
        let (mut sealer, mut log) = self.begin(1, b"events");
        let mut starts = Vec::new();
        for (number, payload) in (0..).zip(payloads) {
            starts.push(log.len());
            assert_eq!(
                sealer.seal(&[number; 16], payload, &mut log).unwrap(),
                u64::from(number)
            );
        }
        starts.push(log.len());
        sealer.finish(&mut log);
        starts.push(log.len());
        (log, starts)
    }

    fn open(&self, log: &[u8]) -> Result<(Vec<Vec<u8>>, Ending), OpenErrorKind> {
        let header = Header::parse(log).map_err(OpenErrorKind::Header)?;
        let mut opener =
            RecordOpener::new(&header, &self.key, b"events").map_err(|error| error.kind)?;
        let mut rest = &log[HEADER_LEN..];
        let mut plains = Vec::new();
        while let Some(record) = opener.next(&mut rest).map_err(|error| error.kind)? {
            assert_eq!(record.sequence, wide(plains.len()));
            plains.push(record.plain.to_vec());
        }
        let ending = opener.end(rest).map_err(|error| error.kind)?;
        Ok((plains, ending))
    }

    /// Refused by the opener, or at most an honest beginning of the log that is not called closed.
    fn refuses(&self, log: &[u8], what: &str) {
        if let Ok((_, ending)) = self.open(log) {
            panic!("{what} was read as {ending:?}");
        }
    }
}

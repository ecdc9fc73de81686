//! A TPM that answers from tables, and the bytes of its answers.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

pub(super) const MANUFACTURER: u32 = 0x105;
pub(super) const NV_BUFFER_MAX: u32 = 0x12c;
/// Attributes of an index as the TCG's profile has them: read by the owner or with its own empty
/// password, not counted, written.
pub(super) const READABLE: u32 = 1 << 17 | 1 << 18 | 1 << 25 | 1 << 29;
/// Attributes of an endorsement key.
pub(super) const ENDORSES: u32 = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 16 | 1 << 17;

/// A TPM that answers from tables.
#[derive(Default)]
pub(super) struct FakeTpm {
    pub(super) properties: BTreeMap<u32, u32>,
    /// Attributes and content by index.
    pub(super) indexes: BTreeMap<u32, (u32, Vec<u8>)>,
    /// Public areas by handle.
    pub(super) keys: BTreeMap<u32, Vec<u8>>,
    /// Answers that are given first, whatever is asked.
    pub(super) first: Vec<Vec<u8>>,
    /// Codes of refusals by the code of the command.
    pub(super) refuses: BTreeMap<u32, u32>,
    /// How many handles one list holds.
    pub(super) page: usize,
    /// How many bytes one read of the answer gives.
    pub(super) portion: usize,
    /// The commands, as they came.
    pub(super) asked: Vec<Vec<u8>>,
    pending: Vec<u8>,
}

impl FakeTpm {
    pub(super) fn new() -> Self {
        Self {
            properties: BTreeMap::from([
                (MANUFACTURER, u32::from_be_bytes(*b"STM ")),
                (NV_BUFFER_MAX, 1024),
            ]),
            page: 64,
            portion: 4096,
            ..Self::default()
        }
    }

    /// A certificate over a key of one byte repeated, in a place.
    pub(super) fn certified(mut self, place: u32, byte: u8) -> Self {
        let content = certificate(&[byte; 65]);
        self.indexes.insert(place, (READABLE, content));
        self
    }

    /// How many reads of content were asked for.
    pub(super) fn reads(&self) -> usize {
        let is_read = |command: &&Vec<u8>| command[6..10] == [0, 0, 1, 0x4e];
        self.asked.iter().filter(is_read).count()
    }

    /// A whole command, after the answer before it was read.
    fn hear(&mut self, command: &[u8]) {
        assert_eq!(usize::try_from(long(command, 2)).unwrap(), command.len());
        assert!(self.pending.is_empty(), "an answer was not read");
        self.pending = if self.first.is_empty() {
            self.answer(command)
        } else {
            self.first.remove(0)
        };
        self.asked.push(command.to_vec());
    }

    fn answer(&self, command: &[u8]) -> Vec<u8> {
        let code = long(command, 6);
        if let Some(refusal) = self.refuses.get(&code) {
            return refused(*refusal);
        }
        match code {
            0x17a if long(command, 10) == 6 => {
                let from = long(command, 14);
                let found = self.properties.range(from..).take(1);
                let found: Vec<[u32; 2]> = found.map(|(key, value)| [*key, *value]).collect();
                done(&capability(6, 0, &found))
            }
            0x17a => {
                let from = long(command, 14);
                let all = self.indexes.keys().chain(self.keys.keys());
                let mut all: Vec<u32> = all
                    .copied()
                    .filter(|handle| *handle >= from && handle >> 24 == from >> 24)
                    .collect();
                all.sort_unstable();
                let more = u8::from(all.len() > self.page);
                all.truncate(self.page);
                let found: Vec<[u32; 1]> = all.into_iter().map(|handle| [handle]).collect();
                done(&capability(1, more, &found))
            }
            0x169 => {
                let index = long(command, 10);
                let (attributes, content) = &self.indexes[&index];
                done(&index_public(index, *attributes, content.len()))
            }
            0x14e => {
                let (_, content) = &self.indexes[&long(command, 14)];
                let length = usize::from(short(command, 31));
                let offset = usize::from(short(command, 33));
                done_in_session(&sized(&content[offset..offset + length]))
            }
            0x173 => {
                let area = &self.keys[&long(command, 10)];
                done(&[sized(area), sized(&[0; 34]), sized(&[0; 34])].concat())
            }
            other => panic!("command {other:#x}"),
        }
    }
}

impl Write for &mut FakeTpm {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.hear(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for &mut FakeTpm {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.pending.len().min(buf.len()).min(self.portion);
        let rest = self.pending.split_off(count);
        buf[..count].copy_from_slice(&self.pending);
        self.pending = rest;
        Ok(count)
    }
}

fn long(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn short(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes(bytes[at..at + 2].try_into().unwrap())
}

pub(super) fn sized(bytes: &[u8]) -> Vec<u8> {
    let mut all = u16::try_from(bytes.len()).unwrap().to_be_bytes().to_vec();
    all.extend(bytes);
    all
}

fn whole(tag: u16, code: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(10 + body.len()).unwrap();
    let mut all = tag.to_be_bytes().to_vec();
    all.extend([length.to_be_bytes(), code.to_be_bytes()].concat());
    all.extend(body);
    all
}

pub(super) fn done(body: &[u8]) -> Vec<u8> {
    whole(0x8001, 0, body)
}

pub(super) fn done_in_session(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    whole(
        0x8002,
        0,
        &[&length[..], body, &[0, 0, 1, 0, 0][..]].concat(),
    )
}

pub(super) fn refused(code: u32) -> Vec<u8> {
    whole(0x8001, code, &[])
}

pub(super) fn capability<const N: usize>(what: u32, more: u8, entries: &[[u32; N]]) -> Vec<u8> {
    let mut body = vec![more];
    let count = u32::try_from(entries.len()).unwrap();
    body.extend([what.to_be_bytes(), count.to_be_bytes()].concat());
    body.extend(entries.concat().into_iter().flat_map(u32::to_be_bytes));
    body
}

pub(super) fn index_public(index: u32, attributes: u32, length: usize) -> Vec<u8> {
    let mut public = index.to_be_bytes().to_vec();
    public.extend(0x000b_u16.to_be_bytes());
    public.extend(attributes.to_be_bytes());
    public.extend(sized(&[]));
    public.extend(u16::try_from(length).unwrap().to_be_bytes());
    [sized(&public), sized(&[0; 34])].concat()
}

/// A public area of RSA, with its attributes.
pub(super) fn rsa(attributes: u32, modulus: &[u8], exponent: u32) -> Vec<u8> {
    let mut area = beginning(1, attributes);
    area.extend([8, 0]);
    area.extend(exponent.to_be_bytes());
    area.extend(sized(modulus));
    area
}

/// A public area of a curve.
pub(super) fn ecc(attributes: u32, curve: u8, (x, y): (&[u8], &[u8])) -> Vec<u8> {
    let mut area = beginning(0x23, attributes);
    area.extend([0, curve, 0, 0x10]);
    area.extend([sized(x), sized(y)].concat());
    area
}

/// Kind, name algorithm, attributes, policy, AES 128 CFB, no scheme.
fn beginning(kind: u8, attributes: u32) -> Vec<u8> {
    let mut area = vec![0, kind, 0, 0x0b];
    area.extend(attributes.to_be_bytes());
    area.extend(sized(&[7; 32]));
    area.extend([0, 6, 0, 128, 0, 0x43, 0, 0x10]);
    area
}

/// A certificate as far as it is read: everything around the key is of no account.
pub(super) fn certificate(bits: &[u8]) -> Vec<u8> {
    certificate_with(&[0x0c, 1, b'a'], bits)
}

/// The same, issued by another and with another algorithm's name around the key.
pub(super) fn certificate_with(other: &[u8], bits: &[u8]) -> Vec<u8> {
    let sequence = |parts: &[Vec<u8>]| tagged(0x30, &parts.concat());
    let any = || sequence(&[other.to_vec()]);
    let key = sequence(&[any(), tagged(3, &[&[0], bits].concat())]);
    let version = tagged(0xa0, &tagged(2, &[2]));
    let signed = sequence(&[
        version,
        tagged(2, &[1; 9]),
        any(),
        any(),
        any(),
        any(),
        key,
        tagged(0xa3, &[0; 200]),
    ]);
    sequence(&[signed, any(), tagged(3, &[0; 72])])
}

pub(super) fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let [.., high, low] = length.to_be_bytes();
    let mut all = match length {
        0..=0x7f => vec![tag, low],
        0x80..=0xff => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    all.extend(content);
    all
}

//! Who lost what, in the keeper's words. Grows newer only: a standing with a lower number is not
//! taken over.

use cofferdam_hwprofile::Refusal;
use serde_json::Value;

use crate::wire::{self, Object};
use crate::{Code, Epoch, PeerId, WireError, WireErrorKind};

/// The most revocations of a standing; past ones are left out once the certificates they speak of
/// have ended.
pub const REVOCATIONS_LIMIT: usize = 512;
/// The longest serial number, in hexadecimal digits (RFC 5280: 20 bytes).
const SERIAL_LIMIT_DIGITS: usize = 40;

const STANDING: &str = "standing";
const REVOCATION: &str = "standing's revocation";

/// What the keeper knows of everybody's leases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Rises with every change.
    pub sequence: u64,
    /// The manifest that the keeper judges by.
    pub epoch: Epoch,
    /// Whose certificates no longer count.
    pub revoked: Vec<Revocation>,
}

/// One loss.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// Who lost.
    pub peer: PeerId,
    /// Which certificate, by its serial number in lowercase hexadecimal without leading zeros.
    /// `None`: every one that was issued to this peer until `at`, renewals included.
    pub serial: Option<String>,
    /// Why.
    pub why: Refusal,
    /// When, in Unix seconds.
    pub at: u64,
}

/// The question that is asked of a list of revocations.
#[derive(Debug, Clone, Copy)]
pub struct Revocations<'r>(pub &'r [Revocation]);

impl<'r> Revocations<'r> {
    /// The revocation that speaks about this certificate of this peer, if one does. `issued` is
    /// when the certificate was issued, in Unix seconds.
    #[must_use]
    pub fn covering(&self, peer: &PeerId, serial: &str, issued: u64) -> Option<&'r Revocation> {
        self.0.iter().find(|revocation| {
            revocation.peer == *peer
                && match &revocation.serial {
                    Some(revoked) => revoked == serial,
                    None => issued <= revocation.at,
                }
        })
    }
}

impl Standing {
    /// Nothing lost yet.
    #[must_use]
    pub const fn new(epoch: Epoch) -> Self {
        Self {
            sequence: 0,
            epoch,
            revoked: Vec::new(),
        }
    }

    /// Whether `next` may take this standing's place. The same again is no news and no fault: it
    /// may.
    ///
    /// # Errors
    /// If it is older.
    #[expect(clippy::result_large_err, reason = "a refusal is rare and read once")]
    pub fn admits(&self, next: &Self) -> Result<(), Refusal> {
        if next.sequence >= self.sequence && next.epoch >= self.epoch {
            return Ok(());
        }
        let refusal = Refusal::new(
            Code::SequenceLower.as_str(),
            "the keeper's news are older than what is known, so they are not taken over",
            Code::SequenceLower.entry().mend,
        );
        Err(refusal.read(format!(
            "sequence {} of epoch {} after sequence {} of epoch {}",
            next.sequence, next.epoch, self.sequence, self.epoch
        )))
    }

    /// The question that is asked of it.
    #[must_use]
    pub fn revocations(&self) -> Revocations<'_> {
        Revocations(&self.revoked)
    }

    /// The message.
    #[must_use]
    pub fn to_json(&self) -> Value {
        wire::message([
            ("sequence", Value::from(self.sequence)),
            ("epoch", Value::from(self.epoch.number())),
            (
                "revoked",
                self.revoked.iter().map(Revocation::to_json).collect(),
            ),
        ])
    }

    /// Reads the message.
    ///
    /// # Errors
    /// If it is of another version, not well formed, or beyond its bounds.
    pub fn from_json(value: &Value) -> Result<Self, WireError> {
        let object = Object::versioned(STANDING, value, &["sequence", "epoch", "revoked"])?;
        let revoked = object.list("revoked", REVOCATIONS_LIMIT)?;
        Ok(Self {
            sequence: object.number("sequence")?,
            epoch: object.epoch("epoch")?,
            revoked: revoked
                .iter()
                .map(Revocation::from_json)
                .collect::<Result<_, _>>()?,
        })
    }

    /// Reads the message from bytes, no more than [`super::ANSWER_LIMIT_BYTES`].
    ///
    /// # Errors
    /// As [`Standing::from_json`].
    pub fn from_slice(bytes: &[u8]) -> Result<Self, WireError> {
        Self::from_json(&wire::from_slice(
            STANDING,
            bytes,
            super::ANSWER_LIMIT_BYTES,
        )?)
    }
}

impl Revocation {
    fn to_json(&self) -> Value {
        wire::object([
            ("zone", Value::from(self.peer.zone.as_str())),
            ("node", Value::from(self.peer.node.as_str())),
            (
                "serial",
                self.serial.as_deref().map_or(Value::Null, Value::from),
            ),
            ("why", self.why.to_json()),
            ("at", Value::from(self.at)),
        ])
    }

    fn from_json(value: &Value) -> Result<Self, WireError> {
        let object = Object::part(REVOCATION, value, &["zone", "node", "serial", "why", "at"])?;
        let serial = object
            .nullable("serial")?
            .map(|_| read_serial(&object))
            .transpose()?;
        let why = Refusal::from_json(object.value("why")?);
        Ok(Self {
            peer: PeerId {
                zone: object.parsed("zone", "the name of a zone")?,
                node: object.parsed("node", "the name of a node")?,
            },
            serial,
            why: why.ok_or_else(|| object.error(WireErrorKind::Malformed("why", "a refusal")))?,
            at: object.number("at")?,
        })
    }
}

fn read_serial(object: &Object<'_>) -> Result<String, WireError> {
    let text = object.text("serial", SERIAL_LIMIT_DIGITS)?;
    let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if !text.is_empty() && !text.starts_with('0') && text.bytes().all(digit) {
        return Ok(text.to_owned());
    }
    let what = "lowercase hexadecimal without leading zeros";
    Err(object.error(WireErrorKind::Malformed("serial", what)))
}

//! Owns the form of catalogue changes inside the sealed journal: one JSON object a group of changes
//! that became durable together.
//!
//! It must never be seen outside the journal: it holds object keys in the clear.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{BucketName, Change, Layout, ObjectKey, ObjectMeta, Piece};
use cofferdam_seal::ObjectId;

/// The version written.
const VERSION: u32 = 1;

/// Why a journal record cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Not the JSON of a group.
    #[error("not a catalogue record")]
    Syntax(#[source] serde_json::Error),
    /// Written by a later release.
    #[error("catalogue record of version {0}, this release reads up to {VERSION}")]
    Version(u32),
    /// A name or an identity inside breaks its rules.
    #[error("catalogue record with an unusable {0}")]
    Value(&'static str),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    v: u32,
    changes: Vec<Line>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "do")]
enum Line {
    CreateBucket {
        bucket: String,
        at: u64,
    },
    DeleteBucket {
        bucket: String,
    },
    Put {
        bucket: String,
        key: String,
        object: Box<Object>,
    },
    Delete {
        bucket: String,
        key: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Object {
    pieces: Vec<PieceLine>,
    etag: String,
    at: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    user: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    sums: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PieceLine {
    file: String,
    sealed: String,
    layout: LayoutLine,
    size: u64,
    stored: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum LayoutLine {
    Frames,
    Records,
}

/// Writes a group of changes.
///
/// # Panics
/// Never: a group is maps with text keys, numbers and texts, and those always serialise.
#[must_use]
pub fn encode<'a>(changes: impl IntoIterator<Item = &'a Change>) -> Vec<u8> {
    let group = Group {
        v: VERSION,
        changes: changes.into_iter().map(line).collect(),
    };
    serde_json::to_vec(&group).expect("maps with text keys always serialise")
}

/// Reads a group of changes.
///
/// # Errors
/// [`RecordError`] when the record is not one of ours.
pub fn decode(bytes: &[u8]) -> Result<Vec<Change>, RecordError> {
    let group: Group = serde_json::from_slice(bytes).map_err(RecordError::Syntax)?;
    if group.v != VERSION {
        return Err(RecordError::Version(group.v));
    }
    group.changes.into_iter().map(change).collect()
}

fn line(change: &Change) -> Line {
    match change {
        Change::CreateBucket { bucket, at_ms } => Line::CreateBucket {
            bucket: bucket.as_str().to_owned(),
            at: *at_ms,
        },
        Change::DeleteBucket { bucket } => Line::DeleteBucket {
            bucket: bucket.as_str().to_owned(),
        },
        Change::Put { bucket, key, meta } => Line::Put {
            bucket: bucket.as_str().to_owned(),
            key: key.as_str().to_owned(),
            object: Box::new(Object {
                pieces: meta.pieces.iter().map(piece_line).collect(),
                etag: meta.etag.clone(),
                at: meta.modified_ms,
                headers: meta.headers.clone(),
                user: meta.user.clone(),
                sums: meta.checksums.clone(),
            }),
        },
        Change::Delete { bucket, key } => Line::Delete {
            bucket: bucket.as_str().to_owned(),
            key: key.as_str().to_owned(),
        },
    }
}

fn piece_line(piece: &Piece) -> PieceLine {
    PieceLine {
        file: hex(piece.file),
        sealed: hex(piece.sealed),
        layout: match piece.layout {
            Layout::Frames => LayoutLine::Frames,
            Layout::Records => LayoutLine::Records,
        },
        size: piece.size,
        stored: piece.stored,
    }
}

fn change(line: Line) -> Result<Change, RecordError> {
    let bucket = |text: &str| BucketName::parse(text).ok_or(RecordError::Value("bucket"));
    let key = |text: &str| ObjectKey::parse(text).ok_or(RecordError::Value("key"));
    Ok(match line {
        Line::CreateBucket { bucket: name, at } => Change::CreateBucket {
            bucket: bucket(&name)?,
            at_ms: at,
        },
        Line::DeleteBucket { bucket: name } => Change::DeleteBucket {
            bucket: bucket(&name)?,
        },
        Line::Put {
            bucket: name,
            key: text,
            object,
        } => Change::Put {
            bucket: bucket(&name)?,
            key: key(&text)?,
            meta: Box::new(meta(*object)?),
        },
        Line::Delete {
            bucket: name,
            key: text,
        } => Change::Delete {
            bucket: bucket(&name)?,
            key: key(&text)?,
        },
    })
}

fn meta(object: Object) -> Result<ObjectMeta, RecordError> {
    let pieces = object
        .pieces
        .iter()
        .map(piece)
        .collect::<Result<Vec<_>, _>>()?;
    let size = pieces
        .iter()
        .try_fold(0_u64, |sum, piece| sum.checked_add(piece.size))
        .ok_or(RecordError::Value("size"))?;
    Ok(ObjectMeta {
        pieces,
        size,
        etag: object.etag,
        modified_ms: object.at,
        headers: object.headers,
        user: object.user,
        checksums: object.sums,
    })
}

fn piece(line: &PieceLine) -> Result<Piece, RecordError> {
    Ok(Piece {
        file: parse_hex(&line.file).ok_or(RecordError::Value("file name"))?,
        sealed: parse_hex(&line.sealed).ok_or(RecordError::Value("object identity"))?,
        layout: match line.layout {
            LayoutLine::Frames => Layout::Frames,
            LayoutLine::Records => Layout::Records,
        },
        size: line.size,
        stored: line.stored,
    })
}

/// The 32 hexadecimal digits of an identity.
#[must_use]
pub fn hex(id: ObjectId) -> String {
    crate::digest::hex(&id.0)
}

/// Reads what [`hex`] wrote, and nothing else.
#[must_use]
pub fn parse_hex(text: &str) -> Option<ObjectId> {
    let bytes = text.as_bytes();
    let mut id = [0_u8; 16];
    if bytes.len() != 32 {
        return None;
    }
    for (slot, pair) in id.iter_mut().zip(bytes.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *slot = nibble(*high)? << 4 | nibble(*low)?;
    }
    Some(ObjectId(id))
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

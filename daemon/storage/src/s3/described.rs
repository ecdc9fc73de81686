//! Owns what a client says of an object beside its content: the headers and metadata that are kept
//! with it, and the condition under which it is written. Pure.

use std::collections::BTreeMap;

use http::HeaderMap;
use s3s::dto::ETagCondition;

use super::front::content_encoding;
use super::put::Kind;
use crate::catalogue::{Condition, ObjectMeta, Piece};
use crate::code::Code;
use crate::digest::hex;
use crate::fault::Fault;
use crate::segment::{PAYLOAD_TYPE, SEGMENT_TYPE};
use crate::upload::Written;

/// The most bytes of headers and metadata kept with an object.
const METADATA_LIMIT_BYTES: usize = 8 << 10;

/// What a client says of an object.
#[derive(Debug, Default)]
pub(super) struct Described {
    headers: BTreeMap<String, String>,
    user: BTreeMap<String, String>,
}

/// The headers that are kept and given back.
const KEPT: [&str; 5] = [
    "content-type",
    "cache-control",
    "content-disposition",
    "content-language",
    "expires",
];

impl Described {
    /// Reads them.
    ///
    /// # Errors
    /// [`Code::ArgumentInvalid`] when they are too large or no text.
    pub(super) fn read(
        headers: &HeaderMap,
        metadata: Option<s3s::dto::Metadata>,
    ) -> Result<Self, Fault> {
        let mut described = Self::default();
        for name in KEPT {
            let Some(value) = headers.get(name) else {
                continue;
            };
            let value = value.to_str().map_err(|_no_text| {
                Fault::new(Code::ArgumentInvalid, format!("{name} is no ASCII"))
            })?;
            described.headers.insert(name.to_owned(), value.to_owned());
        }
        if let Some(encoding) = content_encoding(headers) {
            described
                .headers
                .insert("content-encoding".to_owned(), encoding);
        }
        described.user = metadata.unwrap_or_default().into_iter().collect();
        let kept = described.headers.iter().chain(&described.user);
        let size: usize = kept.map(|(name, value)| name.len() + value.len()).sum();
        if size > METADATA_LIMIT_BYTES {
            let seen = format!("{size} bytes of metadata, {METADATA_LIMIT_BYTES} are kept");
            return Err(Fault::new(Code::ArgumentInvalid, seen));
        }
        Ok(described)
    }

    pub(super) fn kind(&self) -> Kind {
        match self.headers.get("content-type") {
            Some(text) if text == SEGMENT_TYPE => Kind::Segment,
            Some(_) | None => Kind::Object,
        }
    }

    pub(super) fn into_meta(mut self, written: &Written, modified_ms: u64) -> ObjectMeta {
        let mut checksums = written.sent.sums.clone();
        if written.segment.is_some() {
            // What was sent is not what is given back, so its checksums say nothing of it.
            checksums.clear();
            self.headers
                .insert("content-type".to_owned(), PAYLOAD_TYPE.to_owned());
        }
        ObjectMeta {
            pieces: vec![written.piece.clone()],
            size: written.piece.size,
            etag: hex(&written.md5),
            modified_ms,
            headers: self.headers,
            user: self.user,
            checksums,
        }
    }

    /// The parts of an upload as one object.
    pub(super) fn into_whole(
        self,
        parts: Vec<Piece>,
        etag: String,
        modified_ms: u64,
    ) -> ObjectMeta {
        ObjectMeta {
            size: parts.iter().map(|piece| piece.size).sum(),
            pieces: parts,
            etag,
            modified_ms,
            headers: self.headers,
            user: self.user,
            checksums: BTreeMap::new(),
        }
    }
}

/// The condition of a write.
///
/// # Errors
/// [`Code::OptionAbsent`] for a combination that no client sends.
pub(super) fn condition(
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> Result<Condition, Fault> {
    match (if_match, if_none_match) {
        (None, None) => Ok(Condition::Always),
        (None, Some(ETagCondition::Any)) => Ok(Condition::Absent),
        (Some(ETagCondition::Any), None) => Ok(Condition::Present),
        (Some(ETagCondition::ETag(etag)), None) => Ok(Condition::Etag(etag.value().to_owned())),
        (None, Some(ETagCondition::ETag(_))) => Err(Fault::new(
            Code::OptionAbsent,
            "If-None-Match other than * on a write",
        )),
        (Some(_), Some(_)) => Err(Fault::new(
            Code::OptionAbsent,
            "If-Match and If-None-Match together on a write",
        )),
    }
}

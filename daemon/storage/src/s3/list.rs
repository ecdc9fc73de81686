//! Owns the listings: of buckets, of objects in both versions, and of the versions of a store that
//! keeps one. What is a place in a list and how a key is escaped is decided here.
//!
//! s3s leaves escaping to us: a key goes out percent-encoded wherever `encoding-type=url` asks,
//! with a plus sign never standing for a space.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cofferdam_rack::Verb;
use cofferdam_trail::Event;
use s3s::dto::{
    Bucket as BucketDto, CommonPrefix, ETag, EncodingType, ListBucketsInput, ListBucketsOutput,
    ListObjectVersionsInput, ListObjectVersionsOutput, ListObjectsInput, ListObjectsOutput,
    ListObjectsV2Input, ListObjectsV2Output, Object, ObjectStorageClass, ObjectVersion,
    ObjectVersionStorageClass, Owner,
};
use s3s::{S3Request, S3Response, S3Result};

use super::witness::Act;
use super::{Gateway, REGION, bucket_name, calling, number, timestamp};
use crate::catalogue::page::{After, Entry, PAGE_LIMIT, Page, Query, page};
use crate::catalogue::{Conflict, ObjectKey, ObjectMeta};
use crate::code::Code;
use crate::fault::Fault;

/// The one version of an object in a store without versions.
const NULL_VERSION: &str = "null";

impl Gateway {
    pub(super) async fn buckets(
        &self,
        request: S3Request<ListBucketsInput>,
    ) -> S3Result<S3Response<ListBucketsOutput>> {
        let calling = calling(&request)?;
        self.witness()
            .intend(Act::new(Event::RecordList, &calling, None))
            .await?;
        let prefix = request.input.prefix.clone().unwrap_or_default();
        let buckets = self.store().view(|catalogue| {
            catalogue
                .buckets()
                .iter()
                .filter(|(name, _)| name.as_str().starts_with(&prefix))
                .filter(|(name, _)| calling.0.authorize(Verb::List, Some(name.as_str())).is_ok())
                .map(|(name, bucket)| BucketDto {
                    bucket_region: Some(REGION.to_owned()),
                    creation_date: Some(timestamp(bucket.created_ms())),
                    name: Some(name.as_str().to_owned()),
                })
                .collect()
        });
        Ok(S3Response::new(ListBucketsOutput {
            buckets: Some(buckets),
            continuation_token: None,
            owner: Some(owner()),
            prefix: request.input.prefix,
        }))
    }

    pub(super) async fn objects_v1(
        &self,
        request: S3Request<ListObjectsInput>,
    ) -> S3Result<S3Response<ListObjectsOutput>> {
        let input = &request.input;
        let form = Form::read(input.encoding_type.as_ref())?;
        let marker = input.marker.clone().unwrap_or_default();
        let query = query(
            input.prefix.as_deref(),
            input.delimiter.as_deref(),
            input.max_keys,
        )?;
        let after = After::marker(&marker, &query.prefix, query.delimiter.as_deref());
        let listed = self
            .listed(&request, &input.bucket, Query { after, ..query }, form)
            .await?;
        let next = listed.next.as_ref().map(|after| form.text(place(after)));
        Ok(S3Response::new(ListObjectsOutput {
            name: Some(input.bucket.clone()),
            prefix: Some(form.text(input.prefix.as_deref().unwrap_or(""))),
            marker: Some(form.text(&marker)),
            max_keys: Some(max_keys(input.max_keys)),
            is_truncated: Some(next.is_some()),
            contents: Some(listed.objects),
            common_prefixes: Some(listed.prefixes),
            delimiter: input.delimiter.as_deref().map(|text| form.text(text)),
            next_marker: next,
            encoding_type: input.encoding_type.clone(),
            request_charged: None,
        }))
    }

    pub(super) async fn objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = &request.input;
        let form = Form::read(input.encoding_type.as_ref())?;
        let query = query(
            input.prefix.as_deref(),
            input.delimiter.as_deref(),
            input.max_keys,
        )?;
        let after = match (&input.continuation_token, &input.start_after) {
            (Some(token), _) => read_token(token)?,
            (None, Some(start)) => After::marker(start, &query.prefix, query.delimiter.as_deref()),
            (None, None) => After::Start,
        };
        let listed = self
            .listed(&request, &input.bucket, Query { after, ..query }, form)
            .await?;
        let count = listed.objects.len() + listed.prefixes.len();
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket.clone()),
            prefix: Some(form.text(input.prefix.as_deref().unwrap_or(""))),
            max_keys: Some(max_keys(input.max_keys)),
            key_count: Some(i32::try_from(count).unwrap_or(i32::MAX)),
            continuation_token: input.continuation_token.clone(),
            is_truncated: Some(listed.next.is_some()),
            next_continuation_token: listed.next.as_ref().map(token),
            contents: Some(listed.objects),
            common_prefixes: Some(listed.prefixes),
            delimiter: input.delimiter.as_deref().map(|text| form.text(text)),
            encoding_type: input.encoding_type.clone(),
            start_after: input.start_after.as_deref().map(|text| form.text(text)),
            request_charged: None,
        }))
    }

    pub(super) async fn versions(
        &self,
        request: S3Request<ListObjectVersionsInput>,
    ) -> S3Result<S3Response<ListObjectVersionsOutput>> {
        let input = &request.input;
        let form = Form::read(input.encoding_type.as_ref())?;
        let marker = input.key_marker.clone().unwrap_or_default();
        let query = query(
            input.prefix.as_deref(),
            input.delimiter.as_deref(),
            input.max_keys,
        )?;
        let after = After::marker(&marker, &query.prefix, query.delimiter.as_deref());
        let listed = self
            .listed(&request, &input.bucket, Query { after, ..query }, form)
            .await?;
        let next = listed.next.as_ref().map(|after| form.text(place(after)));
        Ok(S3Response::new(ListObjectVersionsOutput {
            common_prefixes: Some(listed.prefixes),
            delete_markers: None,
            delimiter: input.delimiter.as_deref().map(|text| form.text(text)),
            encoding_type: input.encoding_type.clone(),
            is_truncated: Some(next.is_some()),
            key_marker: Some(form.text(&marker)),
            max_keys: Some(max_keys(input.max_keys)),
            name: Some(input.bucket.clone()),
            next_version_id_marker: next.as_ref().map(|_| NULL_VERSION.to_owned()),
            next_key_marker: next,
            prefix: Some(form.text(input.prefix.as_deref().unwrap_or(""))),
            request_charged: None,
            version_id_marker: input.version_id_marker.clone(),
            versions: Some(listed.objects.into_iter().map(version).collect()),
        }))
    }

    async fn listed<T>(
        &self,
        request: &S3Request<T>,
        bucket: &str,
        query: Query,
        form: Form,
    ) -> Result<Listed, Fault> {
        let calling = calling(request)?;
        let bucket = bucket_name(bucket)?;
        self.store()
            .view(|catalogue| catalogue.bucket(&bucket).map(|_| ()))?;
        self.witness()
            .intend(Act::new(Event::RecordList, &calling, Some(&bucket)))
            .await?;
        let listed = self.store().view(|catalogue| {
            let found = page(catalogue.bucket(&bucket)?, &query);
            Ok::<_, Conflict>(Listed::of(found, form))
        })?;
        Ok(listed)
    }
}

/// A page in the words of the protocol.
struct Listed {
    objects: Vec<Object>,
    prefixes: Vec<CommonPrefix>,
    next: Option<After>,
}

impl Listed {
    fn of(page: Page<'_>, form: Form) -> Self {
        let mut listed = Self {
            objects: Vec::new(),
            prefixes: Vec::new(),
            next: page.next,
        };
        for entry in page.entries {
            match entry {
                Entry::Object(key, meta) => listed.objects.push(object(key, meta, form)),
                Entry::Prefix(prefix) => {
                    listed.prefixes.push(CommonPrefix {
                        prefix: Some(form.text(prefix)),
                    });
                }
            }
        }
        listed
    }
}

fn object(key: &ObjectKey, meta: &ObjectMeta, form: Form) -> Object {
    Object {
        e_tag: Some(ETag::Strong(meta.etag.clone())),
        key: Some(form.text(key.as_str())),
        last_modified: Some(timestamp(meta.modified_ms)),
        owner: Some(owner()),
        size: Some(number(meta.size)),
        storage_class: Some(ObjectStorageClass::from_static(
            ObjectStorageClass::STANDARD,
        )),
        ..Object::default()
    }
}

fn version(object: Object) -> ObjectVersion {
    ObjectVersion {
        e_tag: object.e_tag,
        is_latest: Some(true),
        key: object.key,
        last_modified: object.last_modified,
        owner: object.owner,
        size: object.size,
        storage_class: Some(ObjectVersionStorageClass::from_static(
            ObjectVersionStorageClass::STANDARD,
        )),
        version_id: Some(NULL_VERSION.to_owned()),
        ..ObjectVersion::default()
    }
}

fn owner() -> Owner {
    Owner {
        display_name: Some("cofferdam".to_owned()),
        id: Some("cofferdam".to_owned()),
    }
}

/// How text goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Plain,
    Url,
}

impl Form {
    fn read(asked: Option<&EncodingType>) -> Result<Self, Fault> {
        match asked.map(EncodingType::as_str) {
            None | Some("") => Ok(Form::Plain),
            Some(EncodingType::URL) => Ok(Form::Url),
            Some(_) => Err(Fault::new(
                Code::ArgumentInvalid,
                "encoding-type is not url",
            )),
        }
    }

    fn text(self, text: &str) -> String {
        match self {
            Form::Plain => text.to_owned(),
            Form::Url => escape(text),
        }
    }
}

/// Percent-encodes every byte but the unreserved and the slash.
fn escape(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes()
        .fold(String::with_capacity(text.len()), |mut out, byte| {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                    out.push(char::from(byte));
                }
                _ => write!(out, "%{byte:02X}").expect("writing to a String cannot fail"),
            }
            out
        })
}

fn query(
    prefix: Option<&str>,
    delimiter: Option<&str>,
    max_keys: Option<i32>,
) -> Result<Query, Fault> {
    let max = match max_keys {
        None => PAGE_LIMIT,
        Some(count) => usize::try_from(count)
            .map_err(|_negative| Fault::new(Code::ArgumentInvalid, format!("max-keys {count}")))?,
    };
    Ok(Query {
        prefix: prefix.unwrap_or("").to_owned(),
        delimiter: delimiter.filter(|text| !text.is_empty()).map(str::to_owned),
        after: After::Start,
        max,
    })
}

fn max_keys(asked: Option<i32>) -> i32 {
    let limit = i32::try_from(PAGE_LIMIT).unwrap_or(i32::MAX);
    asked.map_or(limit, |count| count.min(limit))
}

fn place(after: &After) -> &str {
    match after {
        After::Start => "",
        After::Key(text) | After::Prefix(text) => text,
    }
}

/// A place in a list as an opaque token.
fn token(after: &After) -> String {
    let kind = match after {
        After::Start => "s",
        After::Key(_) => "k",
        After::Prefix(_) => "p",
    };
    URL_SAFE_NO_PAD.encode(format!("{kind}{}", place(after)))
}

fn read_token(token: &str) -> Result<After, Fault> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    let after = text
        .as_deref()
        .and_then(|text| match text.split_at_checked(1)? {
            ("s", "") => Some(After::Start),
            ("k", key) => Some(After::Key(key.to_owned())),
            ("p", prefix) => Some(After::Prefix(prefix.to_owned())),
            _ => None,
        });
    after.ok_or_else(|| Fault::new(Code::ArgumentInvalid, "continuation-token is none of ours"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaping_leaves_only_the_unreserved_and_the_slash() {
        assert_eq!(escape("a b+c%&#?é//."), "a%20b%2Bc%25%26%23%3F%C3%A9//.");
        assert_eq!(escape("AZaz09-_.~/"), "AZaz09-_.~/");
    }

    #[test]
    fn a_token_comes_back_as_the_place_it_was_made_of() {
        let places = [
            After::Start,
            After::Key("a/é".to_owned()),
            After::Prefix("a b/".to_owned()),
        ];
        for after in places {
            assert_eq!(read_token(&token(&after)).unwrap(), after);
        }
        for bad in ["", "!", "eg", "c3g"] {
            assert!(read_token(bad).is_err(), "{bad}");
        }
    }
}

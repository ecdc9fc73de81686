//! Owns listing: one page of a bucket by prefix, delimiter and place to go on from. Pure.
//!
//! It must never encode for a protocol: keys come out as they went in.

use std::ops::Bound;

use super::{Bucket, ObjectKey, ObjectMeta};

/// The most entries a page holds.
pub const PAGE_LIMIT: usize = 1000;

/// What to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// Only keys that begin so.
    pub prefix: String,
    /// Keys that hold it behind the prefix are rolled up to their part up to and with it.
    pub delimiter: Option<String>,
    /// Where the page begins.
    pub after: After,
    /// The most entries wanted; [`PAGE_LIMIT`] caps it.
    pub max: usize,
}

/// Where a page begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum After {
    /// At the beginning.
    #[default]
    Start,
    /// Behind this key.
    Key(String),
    /// Behind every key that begins so.
    Prefix(String),
}

/// One line of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry<'a> {
    /// An object.
    Object(&'a ObjectKey, &'a ObjectMeta),
    /// A rolled-up prefix.
    Prefix(&'a str),
}

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<'a> {
    /// Its lines, in byte order.
    pub entries: Vec<Entry<'a>>,
    /// Where the next page begins; [`None`] when this is the last.
    pub next: Option<After>,
}

impl After {
    /// Where a client's own marker points: a marker that is itself a rolled-up prefix stands for
    /// all that is below it, any other for the one key.
    #[must_use]
    pub fn marker(marker: &str, prefix: &str, delimiter: Option<&str>) -> Self {
        if marker.is_empty() {
            return After::Start;
        }
        match rolled_up(marker, prefix, delimiter) {
            Some(rolled) if rolled.len() == marker.len() => After::Prefix(marker.to_owned()),
            _ => After::Key(marker.to_owned()),
        }
    }
}

/// Lists one page of `bucket`.
#[must_use]
pub fn page<'a>(bucket: &'a Bucket, query: &Query) -> Page<'a> {
    let max = query.max.min(PAGE_LIMIT);
    let mut found = Page {
        entries: Vec::new(),
        next: None,
    };
    if max == 0 {
        return found;
    }
    let mut last = After::Start;
    let mut from = lower_bound(query);
    while let Some((key, meta)) = first_from(bucket, &from) {
        if !key.as_str().starts_with(&query.prefix) {
            break;
        }
        if found.entries.len() == max {
            found.next = Some(last);
            break;
        }
        let prefix = rolled_up(key.as_str(), &query.prefix, query.delimiter.as_deref());
        if let Some(prefix) = prefix {
            from = behind_prefix(prefix);
            last = After::Prefix(prefix.to_owned());
            found.entries.push(Entry::Prefix(prefix));
        } else {
            from = Bound::Excluded(key.as_str().as_bytes().to_vec());
            last = After::Key(key.as_str().to_owned());
            found.entries.push(Entry::Object(key, meta));
        }
    }
    found
}

fn first_from<'a>(
    bucket: &'a Bucket,
    from: &Bound<Vec<u8>>,
) -> Option<(&'a ObjectKey, &'a ObjectMeta)> {
    let lower = from.as_ref().map(Vec::as_slice);
    bucket
        .objects
        .range::<[u8], _>((lower, Bound::Unbounded))
        .next()
}

fn lower_bound(query: &Query) -> Bound<Vec<u8>> {
    let prefix = query.prefix.as_bytes();
    match &query.after {
        After::Key(key) if key.as_bytes() >= prefix => Bound::Excluded(key.as_bytes().to_vec()),
        After::Prefix(rolled) if rolled.as_bytes() >= prefix => behind_prefix(rolled),
        After::Start | After::Key(_) | After::Prefix(_) => Bound::Included(prefix.to_vec()),
    }
}

/// The first place behind every key that begins with `prefix`.
fn behind_prefix(prefix: &str) -> Bound<Vec<u8>> {
    let mut bytes = prefix.as_bytes().to_vec();
    // No byte of UTF-8 is 0xff, so the last one can always be counted up.
    match bytes.last_mut() {
        Some(last) => *last = last.saturating_add(1),
        None => return Bound::Unbounded,
    }
    Bound::Included(bytes)
}

fn rolled_up<'a>(key: &'a str, prefix: &str, delimiter: Option<&str>) -> Option<&'a str> {
    let delimiter = delimiter.filter(|text| !text.is_empty())?;
    let rest = key.strip_prefix(prefix)?;
    let at = rest.find(delimiter)?;
    key.get(..prefix.len() + at + delimiter.len())
}

//! The listing of a bucket as storage writes it: one page of a `ListBucketResult` (S3, version 2).
//!
//! Pure: bytes in, entries out. Must never follow an entity or a document type, and never take a
//! page that is not what the protocol says.

use quick_xml::Reader;
use quick_xml::events::Event;

use crate::objects::ObjectEntry;

/// Entries one page may have; storage gives a thousand.
const ENTRIES: usize = 10_000;

/// One page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The objects, in the order of their keys.
    pub entries: Vec<ObjectEntry>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
}

/// Why a page cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListingFault {
    /// Not XML, or XML with a document type.
    #[error("the listing is not plain XML")]
    NotXml,
    /// Not a listing.
    #[error("the listing has no ListBucketResult")]
    NotListing,
    /// An entry without key, tag or size.
    #[error("entry {at} of the listing lacks its {what}")]
    Incomplete {
        /// The entry's number on its page, from zero.
        at: usize,
        /// What is missing or unreadable.
        what: &'static str,
    },
    /// More pages are said to follow, but not where.
    #[error("the listing is cut short and does not say where it goes on")]
    NoContinuation,
    /// More entries than a page has.
    #[error("more than {ENTRIES} entries on one page")]
    TooMany,
}

/// Reads one page.
///
/// # Errors
/// If it is not a complete page of a listing.
pub fn read_page(xml: &[u8]) -> Result<Page, ListingFault> {
    let text = std::str::from_utf8(xml).map_err(|_not_utf8| ListingFault::NotXml)?;
    let mut reader = Reader::from_str(text);
    let mut draft = Draft::default();
    let mut path: Vec<String> = Vec::new();
    loop {
        match reader
            .read_event()
            .map_err(|_malformed| ListingFault::NotXml)?
        {
            Event::Start(start) => {
                let name = start.local_name();
                path.push(String::from_utf8_lossy(name.as_ref()).into_owned());
                draft.open(&path)?;
            }
            Event::End(_) => {
                draft.close(&path)?;
                path.pop();
            }
            Event::Text(text) => {
                let decoded = text.decode().map_err(|_not_text| ListingFault::NotXml)?;
                draft.text.push_str(&decoded);
            }
            Event::CData(text) => {
                let decoded = text.decode().map_err(|_not_text| ListingFault::NotXml)?;
                draft.text.push_str(&decoded);
            }
            Event::GeneralRef(entity) => draft.text.push(character(&entity)?),
            Event::Empty(_) | Event::Decl(_) | Event::Comment(_) => {}
            Event::DocType(_) | Event::PI(_) => return Err(ListingFault::NotXml),
            Event::Eof => break,
        }
    }
    draft.finish()
}

/// One of the five entities of XML, or a character by its number.
fn character(entity: &quick_xml::events::BytesRef<'_>) -> Result<char, ListingFault> {
    if let Some(character) = entity
        .resolve_char_ref()
        .map_err(|_bad| ListingFault::NotXml)?
    {
        return Ok(character);
    }
    match entity
        .decode()
        .map_err(|_not_text| ListingFault::NotXml)?
        .as_ref()
    {
        "amp" => Ok('&'),
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => Err(ListingFault::NotXml),
    }
}

#[derive(Default, PartialEq, Eq)]
enum Root {
    #[default]
    Unseen,
    Listing,
}

#[derive(Default, PartialEq, Eq)]
enum Rest {
    #[default]
    Nothing,
    MorePages,
}

#[derive(Default, PartialEq, Eq)]
enum Keys {
    #[default]
    Plain,
    PercentEncoded,
}

#[derive(Default)]
struct Draft {
    text: String,
    root: Root,
    rest: Rest,
    keys: Keys,
    next: Option<String>,
    key: Option<String>,
    etag: Option<String>,
    size: Option<u64>,
    entries: Vec<ObjectEntry>,
}

impl Draft {
    fn open(&mut self, path: &[String]) -> Result<(), ListingFault> {
        self.text.clear();
        match path {
            [root] if root == "ListBucketResult" => self.root = Root::Listing,
            [_] => return Err(ListingFault::NotListing),
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, path: &[String]) -> Result<(), ListingFault> {
        let text = std::mem::take(&mut self.text);
        let names: Vec<&str> = path.iter().skip(1).map(String::as_str).collect();
        match names.as_slice() {
            ["IsTruncated"] if text == "true" => self.rest = Rest::MorePages,
            ["EncodingType"] if text == "url" => self.keys = Keys::PercentEncoded,
            ["NextContinuationToken"] => self.next = Some(text),
            ["Contents", "Key"] => self.key = Some(text),
            ["Contents", "ETag"] => self.etag = Some(text),
            ["Contents", "Size"] => self.size = text.trim().parse().ok(),
            ["Contents"] => self.add()?,
            _ => {}
        }
        Ok(())
    }

    fn add(&mut self) -> Result<(), ListingFault> {
        let at = self.entries.len();
        if at >= ENTRIES {
            return Err(ListingFault::TooMany);
        }
        let lacks = |what| ListingFault::Incomplete { at, what };
        let key = self.key.take().ok_or_else(|| lacks("key"))?;
        let etag = self.etag.take().ok_or_else(|| lacks("entity tag"))?;
        let size = self.size.take().ok_or_else(|| lacks("size"))?;
        self.entries.push(ObjectEntry { key, etag, size });
        Ok(())
    }

    fn finish(mut self) -> Result<Page, ListingFault> {
        if self.root == Root::Unseen {
            return Err(ListingFault::NotListing);
        }

        if self.keys == Keys::PercentEncoded {
            for (at, entry) in self.entries.iter_mut().enumerate() {
                let key = unescape(&entry.key);
                entry.key = key.ok_or(ListingFault::Incomplete { at, what: "key" })?;
            }
        }
        let next = match self.rest {
            Rest::Nothing => None,
            Rest::MorePages => {
                let token = self.next.filter(|token| !token.is_empty());
                Some(token.ok_or(ListingFault::NoContinuation)?)
            }
        };
        Ok(Page {
            entries: self.entries,
            next,
        })
    }
}

/// Takes percent-encoding away; a plus sign is a plus sign.
fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: u8| {
            char::from(byte)
                .to_digit(16)
                .and_then(|d| u8::try_from(d).ok())
        };
        let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
        bytes.push(high << 4 | low);
    }
    String::from_utf8(bytes).ok()
}

/// Percent-encodes a path: everything but the unreserved characters and the slash.
#[must_use]
pub fn escape_path(text: &str) -> String {
    text.split('/').map(escape).collect::<Vec<_>>().join("/")
}

/// Percent-encodes everything but the unreserved characters.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push('%');
            escaped.push(hex_digit(byte >> 4));
            escaped.push(hex_digit(byte & 0x0f));
        }
    }
    escaped
}

fn hex_digit(half: u8) -> char {
    char::from_digit(u32::from(half), 16)
        .unwrap_or('0')
        .to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn page(inner: &str) -> Result<Page, ListingFault> {
        let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
                    <ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
        read_page(format!("{head}{inner}</ListBucketResult>").as_bytes())
    }

    fn contents(key: &str) -> String {
        format!("<Contents><Key>{key}</Key><ETag>&quot;e&quot;</ETag><Size>12</Size></Contents>")
    }

    fn entry(key: &str) -> ObjectEntry {
        ObjectEntry {
            key: key.to_owned(),
            etag: "\"e\"".to_owned(),
            size: 12,
        }
    }

    #[test]
    fn a_page_gives_its_entries_and_where_the_next_begins() {
        let more =
            "<IsTruncated>true</IsTruncated><NextContinuationToken>a+/=</NextContinuationToken>";
        let read = page(&format!(
            "<Name>b</Name>{more}{}{}",
            contents("in1/1/2"),
            contents("a")
        ));
        let entries = vec![entry("in1/1/2"), entry("a")];
        assert_eq!(
            read,
            Ok(Page {
                entries,
                next: Some("a+/=".to_owned())
            })
        );
    }

    #[test]
    fn the_last_page_has_no_next_whatever_token_it_carries() {
        let last =
            "<IsTruncated>false</IsTruncated><NextContinuationToken>x</NextContinuationToken>";
        assert_eq!(page(last), Ok(Page::default()));
    }

    #[test]
    fn a_page_that_is_cut_short_without_a_token_is_refused() {
        assert_eq!(
            page("<IsTruncated>true</IsTruncated>"),
            Err(ListingFault::NoContinuation)
        );
    }

    #[test]
    fn entities_and_percent_encoding_are_taken_away() {
        assert_eq!(
            page(&contents("a&amp;b&#x20;c")).unwrap().entries,
            [entry("a&b c")]
        );
        let url = format!(
            "<EncodingType>url</EncodingType>{}",
            contents("a%2Bb%C3%A9+c")
        );
        assert_eq!(page(&url).unwrap().entries, [entry("a+bé+c")]);
        let bad = format!("<EncodingType>url</EncodingType>{}", contents("a%2"));
        assert_eq!(
            page(&bad),
            Err(ListingFault::Incomplete { at: 0, what: "key" })
        );
    }

    #[test]
    fn an_entry_that_lacks_something_is_refused_by_its_number() {
        let broken = format!(
            "{}<Contents><Key>b</Key><ETag>e</ETag></Contents>",
            contents("a")
        );
        assert_eq!(
            page(&broken),
            Err(ListingFault::Incomplete {
                at: 1,
                what: "size"
            })
        );
        let wrong = "<Contents><Key>b</Key><ETag>e</ETag><Size>-1</Size></Contents>";
        assert_eq!(
            page(wrong),
            Err(ListingFault::Incomplete {
                at: 0,
                what: "size"
            })
        );
    }

    #[test]
    fn what_is_no_listing_is_refused() {
        assert_eq!(
            read_page(b"<Error><Code>NoSuchBucket</Code></Error>"),
            Err(ListingFault::NotListing)
        );
        assert_eq!(read_page(b""), Err(ListingFault::NotListing));
        assert_eq!(read_page(b"<ListBucketResult"), Err(ListingFault::NotXml));
        assert_eq!(read_page(b"\xff"), Err(ListingFault::NotXml));
    }

    #[test]
    fn a_document_type_and_foreign_entities_are_refused() {
        let typed = "<!DOCTYPE x [<!ENTITY e \"boom\">]><ListBucketResult></ListBucketResult>";
        assert_eq!(read_page(typed.as_bytes()), Err(ListingFault::NotXml));
        assert_eq!(page(&contents("&e;")), Err(ListingFault::NotXml));
    }

    proptest! {
        #[test]
        fn any_key_survives_escaping(key in "\\PC{0,40}") {
            prop_assert_eq!(unescape(&escape(&key)), Some(key.clone()));
            prop_assert_eq!(unescape(&escape_path(&key)), Some(key));
        }

        #[test]
        fn no_bytes_panic_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(read_page(&bytes));
        }
    }
}

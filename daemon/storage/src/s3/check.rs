//! Owns what a client announced of a body and whether the body kept it. Pure.

use std::collections::BTreeMap;

use http::HeaderMap;

use crate::code::Code;
use crate::digest::{Algorithm, Computed, parse_md5};
use crate::fault::Fault;

/// What was announced of a body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Announced {
    length: Option<u64>,
    md5: Option<[u8; 16]>,
    sums: BTreeMap<Algorithm, String>,
    trailing: Vec<Algorithm>,
}

impl Announced {
    /// Reads the headers of a request. `length` is that of the content, whatever frames it.
    ///
    /// # Errors
    /// [`Code::ContentMd5`] or [`Code::ChecksumAbsent`] for what cannot be understood.
    pub fn read(headers: &HeaderMap) -> Result<Self, Fault> {
        let mut announced = Self {
            length: content_length(headers)?,
            ..Self::default()
        };
        if let Some(text) = text(headers, "content-md5") {
            let md5 = parse_md5(text)
                .ok_or_else(|| Fault::new(Code::ArgumentInvalid, "Content-MD5 is no MD5"))?;
            announced.md5 = Some(md5);
        }
        for (name, value) in headers {
            if !is_sum(name.as_str()) {
                continue;
            }
            let algorithm =
                Algorithm::of_header(name.as_str()).ok_or_else(|| unknown(name.as_str()))?;
            let value = value.to_str().map_err(|_no_text| unknown(name.as_str()))?;
            announced.sums.insert(algorithm, value.to_owned());
        }
        for name in text(headers, "x-amz-trailer")
            .into_iter()
            .flat_map(|list| list.split(','))
        {
            let name = name.trim().to_ascii_lowercase();
            match Algorithm::of_header(&name) {
                Some(algorithm) => announced.trailing.push(algorithm),
                None if is_sum(&name) => return Err(unknown(&name)),
                None => {}
            }
        }
        Ok(announced)
    }

    /// Reads the headers of a request whose body is a list and that speaks of an object's content
    /// only in its checksums.
    ///
    /// # Errors
    /// [`Code::ChecksumAbsent`] for what cannot be understood.
    pub fn of_whole(headers: &HeaderMap) -> Result<Self, Fault> {
        let mut announced = Self::read(headers)?;
        announced.length = None;
        announced.md5 = None;
        // A checksum of checksums, `…-3`, was compared part by part.
        announced.sums.retain(|_, sum| !sum.contains('-'));
        announced.trailing.clear();
        Ok(announced)
    }

    /// The length of the content, where it was announced.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// The checksums to compute while the body streams by.
    #[must_use]
    pub fn wanted(&self) -> Vec<Algorithm> {
        self.sums
            .keys()
            .copied()
            .chain(self.trailing.iter().copied())
            .collect()
    }

    /// Whether the body was what was announced.
    ///
    /// # Errors
    /// [`Code::BodyLength`], [`Code::ContentMd5`], [`Code::Checksum`], [`Code::ChecksumAbsent`].
    pub fn verify(
        &self,
        length: u64,
        computed: &Computed,
        trailers: Option<&HeaderMap>,
    ) -> Result<(), Fault> {
        if let Some(announced) = self.length
            && announced != length
        {
            let seen = format!("{announced} bytes announced, {length} came");
            return Err(Fault::new(Code::BodyLength, seen));
        }
        if self.md5.is_some_and(|md5| md5 != computed.md5) {
            return Err(Fault::new(
                Code::ContentMd5,
                "the MD5 of what arrived is another",
            ));
        }
        for (algorithm, value) in &self.sums {
            compare(*algorithm, value, computed)?;
        }
        for algorithm in &self.trailing {
            let name = format!("x-amz-checksum-{}", algorithm.as_str());
            let value = trailers
                .and_then(|trailers| text(trailers, &name))
                .ok_or_else(|| Fault::new(Code::ChecksumAbsent, format!("{name} did not come")))?;
            compare(*algorithm, value, computed)?;
        }
        Ok(())
    }
}

fn compare(algorithm: Algorithm, announced: &str, computed: &Computed) -> Result<(), Fault> {
    if computed
        .sums
        .get(algorithm.as_str())
        .is_some_and(|sum| sum == announced.trim())
    {
        return Ok(());
    }
    let seen = format!("the {} of what arrived is another", algorithm.as_str());
    Err(Fault::new(Code::Checksum, seen))
}

fn is_sum(name: &str) -> bool {
    // These three say how, not what.
    name.starts_with("x-amz-checksum-")
        && !matches!(
            name,
            "x-amz-checksum-algorithm" | "x-amz-checksum-mode" | "x-amz-checksum-type"
        )
}

fn unknown(name: &str) -> Fault {
    Fault::new(Code::ChecksumAbsent, format!("{name} is not understood"))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn content_length(headers: &HeaderMap) -> Result<Option<u64>, Fault> {
    let name = ["x-amz-decoded-content-length", "content-length"]
        .into_iter()
        .find(|name| headers.contains_key(*name));
    let Some(name) = name else { return Ok(None) };
    match text(headers, name).and_then(|text| text.trim().parse().ok()) {
        Some(length) => Ok(Some(length)),
        None => Err(Fault::new(
            Code::ArgumentInvalid,
            format!("{name} is no number"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digests;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    fn check(
        announced: &[(&'static str, &'static str)],
        trailers: Option<&[(&'static str, &'static str)]>,
        body: &[u8],
    ) -> Result<(), Code> {
        let announced = Announced::read(&headers(announced)).map_err(|fault| fault.code())?;
        let mut digests = Digests::new(&announced.wanted());
        digests.update(body);
        let trailers = trailers.map(headers);
        let length = body.iter().map(|_| 1_u64).sum();
        announced
            .verify(length, &digests.finish(), trailers.as_ref())
            .map_err(|fault| fault.code())
    }

    const MD5: (&str, &str) = ("content-md5", "XrY7u+Ae7tCTyyK7j1rNww==");
    const CRC32: (&str, &str) = ("x-amz-checksum-crc32", "DUoRhQ==");
    const TRAILER: (&str, &str) = ("x-amz-trailer", "x-amz-checksum-crc32");
    const BODY: &[u8] = b"hello world";

    #[test]
    fn a_body_that_keeps_what_was_announced_is_taken() {
        assert_eq!(check(&[], None, BODY), Ok(()));
        assert_eq!(
            check(&[MD5, CRC32, ("content-length", "11")], None, BODY),
            Ok(())
        );
        assert_eq!(check(&[TRAILER], Some(&[CRC32]), BODY), Ok(()));
        let chunked = [
            ("content-length", "99"),
            ("x-amz-decoded-content-length", "11"),
        ];
        assert_eq!(check(&chunked, None, BODY), Ok(()));
    }

    #[test]
    fn a_body_that_breaks_one_announcement_is_refused() {
        assert_eq!(check(&[MD5], None, b"hello World"), Err(Code::ContentMd5));
        assert_eq!(check(&[CRC32], None, b"hello World"), Err(Code::Checksum));
        assert_eq!(
            check(&[TRAILER], Some(&[CRC32]), b"hello World"),
            Err(Code::Checksum)
        );
        assert_eq!(
            check(&[TRAILER], Some(&[]), BODY),
            Err(Code::ChecksumAbsent)
        );
        assert_eq!(check(&[TRAILER], None, BODY), Err(Code::ChecksumAbsent));
        assert_eq!(
            check(&[("content-length", "12")], None, BODY),
            Err(Code::BodyLength)
        );
        assert_eq!(
            check(&[("content-md5", "abc")], None, BODY),
            Err(Code::ArgumentInvalid)
        );
        assert_eq!(
            check(&[("x-amz-checksum-xxh3", "abc")], None, BODY),
            Err(Code::ChecksumAbsent)
        );
        let unknown = ("x-amz-trailer", "x-amz-checksum-xxh3");
        assert_eq!(check(&[unknown], None, BODY), Err(Code::ChecksumAbsent));
    }
}

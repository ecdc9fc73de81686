//! `cofferctl put`, `get`, `ls`: objects of a rack's storage by hand.

use std::path::Path;

use cofferdam_hwprofile::Refusal;
use cofferdam_hwprofile::refusal::one_line;
use cofferdam_node::Exit;
use http::{Method, StatusCode};
use serde_json::json;

use super::output::{Kept, Readers, write_output};
use super::stream::output_failed;
use crate::cli::RackArguments;
use crate::reach::{self, Answer, Reach};
use crate::verdict::{Failure, Outcome, Verdict};

pub(crate) fn put(file: &Path, target: &str, rack: &RackArguments) -> Outcome {
    let bytes = read_file(file)?;
    let (bucket, key) = split(target)?;
    let reach = Reach::open(&rack.directory)?;
    let length = bytes.len();
    let request = reach::request(Method::PUT, &object_path(bucket, key), bytes)?;
    let answer = reach::runtime()?.block_on(reach.ask("storage", request))?;
    done(
        &answer,
        &format!("stored: {length} bytes as {target}, sealed"),
        &reach,
    )
}

pub(crate) fn get(source: &str, output: Option<&Path>, rack: &RackArguments) -> Outcome {
    let (bucket, key) = split(source)?;
    let reach = Reach::open(&rack.directory)?;
    let request = reach::request(Method::GET, &object_path(bucket, key), "")?;
    let answer = reach::runtime()?.block_on(reach.ask("storage", request))?;
    if !answer.status.is_success() {
        return Err(answer.failure());
    }
    write_output(output, Readers::Owner, &Kept::default(), |out| {
        out.write_all(&answer.bytes)
            .map_err(|error| output_failed(&error))
    })?;
    let bytes = answer.bytes.len();
    let verdict = match output {
        Some(path) => {
            let line = format!("fetched: {bytes} bytes into {}", path.display());
            Verdict::yes(with_grade(&line, &reach))
        }
        None => Verdict::silent(with_grade(&format!("fetched: {bytes} bytes"), &reach)),
    };
    Ok(verdict.value(json!({ "bytes": bytes })))
}

pub(crate) fn list(target: &str, rack: &RackArguments) -> Outcome {
    let (bucket, prefix) = target.split_once('/').unwrap_or((target, ""));
    let reach = Reach::open(&rack.directory)?;
    let runtime = reach::runtime()?;
    let mut found: Vec<(String, u64)> = Vec::new();
    let mut after = String::new();
    loop {
        let path = format!(
            "/{}?list-type=2&encoding-type=url&prefix={}&start-after={}",
            encode(bucket, Slashes::Escaped),
            encode(prefix, Slashes::Escaped),
            encode(&after, Slashes::Escaped)
        );
        let answer =
            runtime.block_on(reach.ask("storage", reach::request(Method::GET, &path, "")?))?;
        if !answer.status.is_success() {
            return Err(answer.failure());
        }
        let text = String::from_utf8_lossy(&answer.bytes).into_owned();
        let page = contents(&text);
        let more = text.contains("<IsTruncated>true</IsTruncated>");
        let Some((last, _)) = page.last() else { break };
        after.clone_from(last);
        found.extend(page);
        if !more {
            break;
        }
    }
    let lines: Vec<String> = found
        .iter()
        .map(|(key, size)| format!("{size:>12}  {}", one_line(key)))
        .collect();
    Ok(Verdict::yes(with_grade(
        &format!("{} objects in {target}", found.len()),
        &reach,
    ))
    .body(lines.join("\n"))
    .value(
        found
            .iter()
            .map(|(key, size)| json!({ "key": key, "size": size }))
            .collect(),
    ))
}

/// Stores an object only where there is none of that name.
pub(crate) async fn put_conditionally(
    reach: &Reach,
    path: &str,
    bytes: &[u8],
) -> Result<Answer, Failure> {
    let mut request = reach::request(Method::PUT, path, bytes.to_vec())?;
    request.headers_mut().insert(
        http::header::IF_NONE_MATCH,
        http::HeaderValue::from_static("*"),
    );
    reach.ask("storage", request).await
}

/// The path of an object: every byte of its key that is not plain is escaped, slashes stay.
pub(crate) fn object_path(bucket: &str, key: &str) -> String {
    format!(
        "/{}/{}",
        encode(bucket, Slashes::Escaped),
        encode(key, Slashes::Stay)
    )
}

/// What becomes of the slashes of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slashes {
    Stay,
    Escaped,
}

/// RFC 3986, section 2.1; what S3 signs is escaped the same way.
fn encode(text: &str, slashes: Slashes) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            b'/' if slashes == Slashes::Stay => "/".to_owned(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let escaped = (*first == b'%')
            .then(|| tail.get(..2))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escaped {
            Some(byte) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(if *first == b'+' { b' ' } else { *first });
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Keys and sizes of a listing; keys are escaped, so no character of XML stands in them.
fn contents(text: &str) -> Vec<(String, u64)> {
    let inside = |part: &str, name: &str| {
        let (_, rest) = part.split_once(&format!("<{name}>"))?;
        Some(rest.split_once(&format!("</{name}>"))?.0.to_owned())
    };
    text.split("<Contents>")
        .skip(1)
        .filter_map(|part| {
            Some((
                decode(&inside(part, "Key")?),
                inside(part, "Size")?.parse().ok()?,
            ))
        })
        .collect()
}

fn done(answer: &Answer, line: &str, reach: &Reach) -> Outcome {
    if answer.status == StatusCode::OK {
        let etag = answer
            .headers
            .get(http::header::ETAG)
            .and_then(|value| value.to_str().ok());
        Ok(Verdict::yes(with_grade(line, reach)).value(json!({ "etag": etag })))
    } else {
        Err(answer.failure())
    }
}

fn with_grade(line: &str, reach: &Reach) -> String {
    format!("{line} ({})", reach.file().grade)
}

fn split(target: &str) -> Result<(&str, &str), Failure> {
    match target.split_once('/') {
        Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() => Ok((bucket, key)),
        _ => {
            let refusal = Refusal::new(
                "CL-040",
                "an object is named by its bucket and key, so nothing was asked",
                "write BUCKET/KEY: files/report.pdf",
            )
            .read(target);
            Err(Failure::new(Exit::Usage, refusal))
        }
    }
}

pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| file_failed(path, &error))
}

pub(crate) fn file_failed(path: &Path, error: &std::io::Error) -> Failure {
    let refusal = Refusal::new(
        "CL-041",
        "a file on this machine could not be read or written",
        "look at its name, its owner and the free space",
    )
    .read(format!("{}: {error}", path.display()));
    Failure::new(Exit::Data, refusal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_escaped_but_for_their_slashes() {
        assert_eq!(
            object_path("files", "a b/é+.txt"),
            "/files/a%20b/%C3%A9%2B.txt"
        );
    }

    #[test]
    fn a_listing_is_read_back_as_it_was_written() {
        let key = "a b/é+ %&.txt";
        let xml = format!(
            "<Contents><Key>{}</Key><Size>7</Size></Contents>",
            encode(key, Slashes::Stay)
        );
        assert_eq!(contents(&xml), [(key.to_owned(), 7)]);
    }

    #[test]
    fn an_object_without_bucket_or_key_is_refused() {
        for target in ["files", "files/", "/key", ""] {
            assert!(split(target).is_err(), "{target}");
        }
    }
}

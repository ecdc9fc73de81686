//! Owns the way into the protocol: looks at the head of a request before s3s does, refuses what
//! s3s would take and we do not, and makes the body safe to hand on.
//!
//! It must never read a body.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, Request, Response, header};
use s3s::service::S3Service;

use super::chunked::{self, Trailers};
use super::{REGION, answer};
use crate::code::Code;
use crate::fault::Fault;
use crate::seam::Caller;

/// The service behind the front.
#[derive(Debug, Clone)]
pub struct Front(S3Service);

/// The caller of a request, carried along with it.
#[derive(Debug, Clone)]
pub struct Calling(pub Arc<dyn Caller>);

/// How a request is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Signing {
    None,
    /// Version 4, with its scope `<key>/<date>/<region>/<service>/aws4_request`.
    V4(String),
    V2,
    Other,
}

impl Front {
    /// Puts the front before `service`.
    #[must_use]
    pub fn new(service: S3Service) -> Self {
        Self(service)
    }

    /// Answers one request of `caller`.
    pub async fn call(
        &self,
        caller: Arc<dyn Caller>,
        mut request: Request<s3s::Body>,
    ) -> Response<s3s::Body> {
        let signing = match admit(&request) {
            Ok(signing) => signing,
            Err(fault) => return respond(&fault),
        };
        let framed = is_framed(request.headers());
        if framed && signing == Signing::None {
            let trailers = Trailers::default();
            request.extensions_mut().insert(trailers.clone());
            unframe(request.headers_mut());
            request = request.map(|body| chunked::content(body, trailers));
        } else if framed {
            request = request.map(chunked::bounded);
        }
        request.extensions_mut().insert(Calling(caller));
        match self.0.call(request).await {
            Ok(response) => response,
            Err(error) => {
                let cause: Box<dyn std::error::Error + Send + Sync> = error.into();
                respond(&Fault::new(Code::DiskFault, cause.to_string()))
            }
        }
    }
}

/// The answer of a request that went no further.
fn respond(fault: &Fault) -> Response<s3s::Body> {
    answer::error(fault)
        .to_http_response()
        .unwrap_or_else(|_unserialisable| {
            let mut response = Response::new(s3s::Body::empty());
            *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
            response
        })
}

/// Refuses by the head what is refused whatever the body.
fn admit<B>(request: &Request<B>) -> Result<Signing, Fault> {
    if request.method() == Method::POST && starts_with(request, header::CONTENT_TYPE, FORM) {
        return Err(Fault::new(
            Code::OperationAbsent,
            "PostObject, the upload of a form",
        ));
    }
    let signing = signing(request);
    match &signing {
        Signing::V2 => Err(Fault::new(
            Code::SignatureVersion,
            "a signature of version 2",
        )),
        Signing::Other => Err(Fault::new(
            Code::SignatureVersion,
            "an Authorization that is no AWS4-HMAC-SHA256",
        )),
        // Framing that is not part of what was signed cannot be told from content.
        Signing::V4(_) if is_framed(request.headers()) && !is_streaming(request.headers()) => {
            Err(Fault::new(
                Code::OptionAbsent,
                "aws-chunked without a streaming signature",
            ))
        }
        Signing::V4(scope) => in_scope(scope).map(|()| signing),
        Signing::None => Ok(signing),
    }
}

const FORM: &str = "multipart/form-data";

fn signing<B>(request: &Request<B>) -> Signing {
    if let Some(value) = request.headers().get(header::AUTHORIZATION) {
        let text = value.to_str().unwrap_or("");
        return match text.strip_prefix("AWS4-HMAC-SHA256") {
            Some(rest) => Signing::V4(credential(rest)),
            None if text.starts_with("AWS ") => Signing::V2,
            None => Signing::Other,
        };
    }
    let mut found = Signing::None;
    for pair in request.uri().query().unwrap_or("").split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match decoded(name).as_str() {
            "Signature" | "AWSAccessKeyId" => return Signing::V2,
            "X-Amz-Credential" => found = Signing::V4(decoded(value)),
            "X-Amz-Signature" if found == Signing::None => found = Signing::V4(String::new()),
            _ => {}
        }
    }
    found
}

/// Undoes percent-encoding, as far as it is one.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let digits = behind
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = behind.get(2..).unwrap_or(&[]);
            }
            _ => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn credential(fields: &str) -> String {
    fields
        .split(',')
        .find_map(|field| field.trim().strip_prefix("Credential="))
        .unwrap_or("")
        .to_owned()
}

fn in_scope(scope: &str) -> Result<(), Fault> {
    let parts: Vec<&str> = scope.rsplit('/').collect();
    match parts.as_slice() {
        ["aws4_request", "s3", REGION, ..] => Ok(()),
        ["aws4_request", service, region, ..] => {
            let seen = format!("region {region:?}, service {service:?}");
            Err(Fault::new(Code::SignatureScope, seen))
        }
        _ => Err(Fault::new(Code::SignatureScope, "no credential scope")),
    }
}

fn starts_with<B>(request: &Request<B>, name: header::HeaderName, word: &str) -> bool {
    request
        .headers()
        .get(name)
        .and_then(|value| value.as_bytes().get(..word.len()))
        .is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
}

const CONTENT_SHA256: &str = "x-amz-content-sha256";
const DECODED_LENGTH: &str = "x-amz-decoded-content-length";

/// Whether the body is in `aws-chunked` framing.
fn is_framed(headers: &HeaderMap) -> bool {
    is_streaming(headers)
        || encodings(headers).any(|encoding| encoding.eq_ignore_ascii_case("aws-chunked"))
}

/// Whether a signature covers the framing.
fn is_streaming(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_SHA256)
        .is_some_and(|value| value.as_bytes().starts_with(b"STREAMING-"))
}

fn encodings(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|encoding| !encoding.is_empty())
}

/// Makes the headers say what is true of the content without its framing.
fn unframe(headers: &mut HeaderMap) {
    match headers.get(DECODED_LENGTH).cloned() {
        Some(length) => headers.insert(header::CONTENT_LENGTH, length),
        None => headers.remove(header::CONTENT_LENGTH),
    };
    headers.remove(CONTENT_SHA256);
    headers.remove(DECODED_LENGTH);
    match content_encoding(headers).and_then(|text| HeaderValue::from_str(&text).ok()) {
        Some(rest) => headers.insert(header::CONTENT_ENCODING, rest),
        None => headers.remove(header::CONTENT_ENCODING),
    };
}

/// The content encodings but for the framing of the transfer.
#[must_use]
pub fn content_encoding(headers: &HeaderMap) -> Option<String> {
    let rest: Vec<&str> = encodings(headers)
        .filter(|encoding| !encoding.eq_ignore_ascii_case("aws-chunked"))
        .collect();
    (!rest.is_empty()).then(|| rest.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(request: http::request::Builder) -> Request<()> {
        request.body(()).unwrap()
    }

    fn verdict(request: http::request::Builder) -> Result<Signing, Code> {
        admit(&built(request)).map_err(|fault| fault.code())
    }

    fn authorized(value: &str) -> Result<Signing, Code> {
        verdict(
            Request::builder()
                .uri("/files/a")
                .header("authorization", value),
        )
    }

    #[test]
    fn a_signature_of_version_4_in_our_region_is_let_through() {
        let scope = "key/20260101/cofferdam/s3/aws4_request";
        let value = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
        assert_eq!(authorized(&value), Ok(Signing::V4(scope.to_owned())));
        let presigned = "/files/a?X-Amz-Credential=key%2F20260101%2Fcofferdam%2Fs3%2Faws4_request";
        assert_eq!(
            verdict(Request::builder().uri(presigned)),
            Ok(Signing::V4(scope.to_owned()))
        );
        assert_eq!(
            verdict(Request::builder().uri("/files/a?list-type=2")),
            Ok(Signing::None)
        );
    }

    #[test]
    fn every_other_signature_is_refused() {
        let v2 = Request::builder().uri("/files/a?AWSAccessKeyId=key&Signature=abc&Expires=1");
        assert_eq!(verdict(v2), Err(Code::SignatureVersion));
        assert_eq!(authorized("AWS key:signature"), Err(Code::SignatureVersion));
        assert_eq!(authorized("Bearer token"), Err(Code::SignatureVersion));
        for scope in ["20260101/us-east-1/s3", "20260101/cofferdam/sts", "nothing"] {
            let value =
                format!("AWS4-HMAC-SHA256 Credential=key/{scope}/aws4_request, Signature=0");
            assert_eq!(authorized(&value), Err(Code::SignatureScope), "{scope}");
        }
        let bare = Request::builder().uri("/files/a?X-Amz-Signature=0");
        assert_eq!(verdict(bare), Err(Code::SignatureScope));
        let hidden = Request::builder().uri("/files/a?X-Amz%2DSignature=0");
        assert_eq!(verdict(hidden), Err(Code::SignatureScope));
        let framed = Request::builder()
            .uri("/files/a?X-Amz-Credential=k%2Fd%2Fcofferdam%2Fs3%2Faws4_request")
            .header("content-encoding", "aws-chunked");
        assert_eq!(verdict(framed), Err(Code::OptionAbsent));
        let form = Request::builder()
            .method("POST")
            .uri("/files")
            .header("content-type", "Multipart/Form-Data; boundary=x");
        assert_eq!(verdict(form), Err(Code::OperationAbsent));
    }

    #[test]
    fn the_headers_of_an_unframed_body_speak_of_its_content() {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::CONTENT_ENCODING,
            HeaderValue::from_static("gzip, aws-chunked"),
        );
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("99"));
        headers.insert(DECODED_LENGTH, HeaderValue::from_static("11"));
        assert!(is_framed(&headers));
        unframe(&mut headers);
        assert!(!is_framed(&headers));
        assert_eq!(headers[header::CONTENT_ENCODING], "gzip");
        assert_eq!(headers[header::CONTENT_LENGTH], "11");
    }
}

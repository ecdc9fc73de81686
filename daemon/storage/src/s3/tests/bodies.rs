//! Bodies: what was announced must be what came, in every framing that clients use.

use std::sync::atomic::Ordering;

use http::StatusCode;

use super::signer::{Signer, sha256};
use crate::rig::{Rig, request};

const TRAILER: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";

/// What boto3 sends over TLS.
fn framed(content: &str, trailer: &str) -> String {
    format!("{:x}\r\n{content}\r\n0\r\n{trailer}\r\n\r\n", content.len())
}

const HEADERS: [(&str, &str); 4] = [
    ("content-encoding", "aws-chunked"),
    ("x-amz-decoded-content-length", "11"),
    ("x-amz-trailer", "x-amz-checksum-crc32"),
    ("x-amz-sdk-checksum-algorithm", "CRC32"),
];
const CRC32: &str = "x-amz-checksum-crc32:DUoRhQ==";

#[tokio::test]
async fn a_signed_trailer_that_holds_is_taken_and_the_framing_is_not_stored() {
    let rig = Rig::new().await;
    let body = framed("hello world", CRC32);
    let put = Signer::app().signed("PUT", "/files/a", &HEADERS, TRAILER, body);
    let answer = rig.call(put).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.headers["x-amz-checksum-crc32"], "DUoRhQ==");
    let got = rig
        .send("GET", "/files/a", &[("x-amz-checksum-mode", "ENABLED")], "")
        .await;
    assert_eq!(got.text(), "hello world");
    assert_eq!(got.headers["x-amz-checksum-crc32"], "DUoRhQ==");
    assert_eq!(got.headers["etag"], "\"5eb63bbbe01eeed093cb22bb8f5acdc3\"");
    assert!(!got.headers.contains_key("content-encoding"));
    let part = [("x-amz-checksum-mode", "ENABLED"), ("range", "bytes=0-3")];
    let part = rig.send("GET", "/files/a", &part, "").await;
    assert!(!part.headers.contains_key("x-amz-checksum-crc32"));
}

#[tokio::test]
async fn a_signed_trailer_that_does_not_hold_is_refused_and_nothing_is_kept() {
    let rig = Rig::new().await;
    let cases = [
        (framed("hello World", CRC32), "ST-202"),
        (
            framed("hello world", "x-amz-checksum-crc32:AAAAAA=="),
            "ST-202",
        ),
        (framed("hello world", "x-other:1"), "ST-203"),
        (format!("{:x}\r\nhello world\r\n0\r\n\r\n", 11), "ST-203"),
        (framed("hello worl", CRC32), "ST-204"),
        (format!("{:x}\r\nhello world\r\n", 11), "ST-205"),
        ("hello world".to_owned(), "ST-205"),
    ];
    for (body, code) in cases {
        let put = Signer::app().signed("PUT", "/files/a", &HEADERS, TRAILER, body);
        let signed = rig.call(put).await;
        assert_eq!(
            (signed.status, signed.code()),
            (StatusCode::BAD_REQUEST, code)
        );
        assert!(rig.files().is_empty(), "{code}");
    }
    assert_eq!(rig.get("/files/a").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_unsigned_framed_body_is_taken_apart_and_its_trailer_verified() {
    let rig = Rig::new().await;
    let body = framed("hello world", CRC32);
    let answer = rig.send("PUT", "/files/a", &HEADERS, body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(rig.get("/files/a").await.text(), "hello world");
    for (body, code) in [
        (framed("hello World", CRC32), "ST-202"),
        (framed("hello world", "x-other:1"), "ST-203"),
        (framed("hello worl", CRC32), "ST-204"),
        (format!("{:x}\r\nhello world\r\n", 11), "ST-205"),
    ] {
        let answer = rig.send("PUT", "/files/b", &HEADERS, body).await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::BAD_REQUEST, code)
        );
    }
    assert_eq!(rig.files().len(), 1);
}

#[tokio::test]
async fn header_checksums_are_verified() {
    let rig = Rig::new().await;
    let good = [
        ("content-md5", "XrY7u+Ae7tCTyyK7j1rNww=="),
        ("x-amz-checksum-crc32", "DUoRhQ=="),
        ("x-amz-checksum-crc32c", "yZRlqg=="),
        ("x-amz-checksum-sha1", "Kq5sNclPz7QV2+lfQIuc6R7oRu0="),
        (
            "x-amz-checksum-sha256",
            "uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=",
        ),
    ];
    for header in good {
        let answer = rig.send("PUT", "/files/a", &[header], "hello world").await;
        assert_eq!(
            answer.status,
            StatusCode::OK,
            "{}: {}",
            header.0,
            answer.text()
        );
        let answer = rig.send("PUT", "/files/a", &[header], "hello World").await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", header.0);
        assert!(answer.text().contains("BadDigest"), "{}", answer.text());
    }
    assert_eq!(rig.get("/files/a").await.text(), "hello world");
}

#[tokio::test]
async fn a_signed_hash_of_the_payload_is_verified() {
    let rig = Rig::new().await;
    let app = Signer::app();
    let bad = app.signed("PUT", "/files/a", &[], &sha256(b"hello"), "hellO");
    let answer = rig.call(bad).await;
    assert_eq!(
        (answer.status, answer.code()),
        (StatusCode::BAD_REQUEST, "ST-207")
    );
    assert!(rig.files().is_empty());
}

#[tokio::test]
async fn a_body_of_another_length_or_too_large_is_refused() {
    let rig = Rig::new().await;
    let short = rig
        .send(
            "PUT",
            "/files/a",
            &[("content-length", "12")],
            "hello world",
        )
        .await;
    assert_eq!(
        (short.status, short.code()),
        (StatusCode::BAD_REQUEST, "ST-204")
    );
    let announced = [("content-length", "67108865")];
    let large = rig.send("PUT", "/files/a", &announced, "hello world").await;
    assert_eq!(
        (large.status, large.code()),
        (StatusCode::BAD_REQUEST, "ST-206")
    );
    let chunked = [("transfer-encoding", "chunked")];
    let large = rig
        .send("PUT", "/files/a", &chunked, vec![0_u8; (64 << 20) + 1])
        .await;
    assert_eq!(
        (large.status, large.code()),
        (StatusCode::BAD_REQUEST, "ST-206")
    );
    assert!(rig.files().is_empty());
}

#[tokio::test]
async fn a_body_that_breaks_off_leaves_nothing() {
    use bytes::Bytes;
    use hyper::body::Frame;
    let rig = Rig::new().await;
    let pieces = [
        Ok(Frame::data(Bytes::from(vec![1_u8; 600_000]))),
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)),
    ];
    let body = http_body_util::StreamBody::new(futures::stream::iter(pieces));
    let put = request("PUT", "/files/a", &[("content-length", "900000")], "")
        .map(|_| s3s::Body::http_body(body));
    let answer = rig.call(put).await;
    assert_eq!(
        (answer.status, answer.code()),
        (StatusCode::BAD_REQUEST, "ST-205")
    );
    assert!(rig.files().is_empty());
}

/// Where to, with which headers, refused with which code.
type Case = (
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static str,
);

#[tokio::test]
async fn a_body_is_not_read_before_it_is_allowed() {
    use bytes::Bytes;
    use hyper::body::Frame;
    let rig = Rig::new().await;
    rig.put("/files/taken", "x").await;
    let unread = || {
        let never = futures::stream::poll_fn(
            |_| -> std::task::Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
                panic!("the body was read")
            },
        );
        s3s::Body::http_body(http_body_util::StreamBody::new(never))
    };
    let cases: [Case; 4] = [
        ("/absent/a", &[], "ST-303"),
        ("/files/taken", &[("if-none-match", "*")], "ST-301"),
        ("/files/taken", &[("if-match", "\"other\"")], "ST-302"),
        ("/files/a", &[("content-length", "99999999999")], "ST-206"),
    ];
    for (uri, headers, code) in cases {
        let answer = rig
            .call(request("PUT", uri, headers, "").map(|_| unread()))
            .await;
        assert_eq!(answer.code(), code);
    }
    let nobody = crate::rig::MemoryCaller::of("app", &[], &[""]);
    let answer = rig
        .call_as(
            nobody,
            request("PUT", "/files/a", &[], "").map(|_| unread()),
        )
        .await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn without_a_key_nothing_is_written_or_read() {
    let rig = Rig::new().await;
    rig.put("/files/a", "one").await;
    rig.keys.shut.store(true, Ordering::SeqCst);
    let put = rig.send("PUT", "/files/b", &[], "two").await;
    assert_eq!(
        (put.status, put.code()),
        (StatusCode::SERVICE_UNAVAILABLE, "ST-403")
    );
    let get = rig.get("/files/a").await;
    assert_eq!(
        (get.status, get.code()),
        (StatusCode::SERVICE_UNAVAILABLE, "ST-503")
    );
    assert_eq!(rig.files().len(), 1);
    assert!(
        rig.receipts
            .of(cofferdam_trail::Event::IntegrityFail)
            .is_empty()
    );
}

//! Intake's segments: verified on arrival, kept as they came, given back as payloads.

use std::sync::atomic::Ordering;

use cofferdam_rack::Verb;
use cofferdam_trail::Event;
use http::StatusCode;

use crate::digest::{Digests, hex};
use crate::rig::{Ending, MemoryCaller, Rig, request, segment};
use crate::segment::SEGMENT_TYPE;

const URI: &str = "/intake-climate/in1/0000000001/0000000007";

fn payloads(count: usize) -> Vec<Vec<u8>> {
    (0..count)
        .map(|number| format!("{{\"id\":\"{number}\",\"data\":{{\"n\":{number}}}}}\n").into_bytes())
        .collect()
}

async fn rig() -> Rig {
    let rig = Rig::new().await;
    assert_eq!(
        rig.send("PUT", "/intake-climate", &[], "").await.status,
        StatusCode::OK
    );
    rig
}

async fn send(rig: &Rig, bytes: Vec<u8>) -> crate::rig::Answer {
    let intake = MemoryCaller::of("intake", &[Verb::Append], &["intake-"]);
    let headers = [("content-type", SEGMENT_TYPE), ("if-none-match", "*")];
    rig.call_as(intake, request("PUT", URI, &headers, bytes))
        .await
}

#[tokio::test]
async fn a_segment_is_kept_as_it_came_and_read_as_its_payloads() {
    let rig = rig().await;
    let lines = payloads(5000);
    let bytes = segment(&rig.keys, "intake-climate", &lines, Ending::Closed);
    let answer = send(&rig, bytes.clone()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(std::fs::read(&rig.files()[0]).unwrap(), bytes);
    let receipt = rig.receipts.of(Event::BatchReceive).pop().unwrap();
    assert_eq!(receipt.fields["records"], 5000);
    assert_eq!(receipt.fields["closed"], true);
    assert_eq!(receipt.fields["bucket"], "intake-climate");

    let rig = rig.restart().await;
    let whole = lines.concat();
    let got = rig.get(URI).await;
    assert!(got.body == whole);
    assert_eq!(got.headers["content-type"], "application/x-ndjson");
    let mut digests = Digests::new(&[]);
    digests.update(&whole);
    assert_eq!(
        got.headers["etag"],
        format!("\"{}\"", hex(&digests.finish().md5)).as_str()
    );
    let end = whole.len();
    for (from, to) in [
        (0, 0),
        (0, end - 1),
        (33, 34),
        (100_000, 150_001),
        (end - 1, end - 1),
    ] {
        let range = format!("bytes={from}-{to}");
        let part = rig.send("GET", URI, &[("range", range.as_str())], "").await;
        assert_eq!(part.status, StatusCode::PARTIAL_CONTENT);
        assert!(part.body == whole[from..=to], "{range}");
    }
}

#[tokio::test]
async fn a_segment_delivered_twice_is_stored_once() {
    let rig = rig().await;
    let bytes = segment(&rig.keys, "intake-climate", &payloads(3), Ending::Closed);
    assert_eq!(send(&rig, bytes.clone()).await.status, StatusCode::OK);
    assert_eq!(
        send(&rig, bytes).await.status,
        StatusCode::PRECONDITION_FAILED
    );
    assert_eq!(rig.files().len(), 1);
    assert_eq!(rig.receipts.of(Event::BatchReceive).len(), 1);
}

#[tokio::test]
async fn a_segment_that_was_never_closed_is_taken_and_marked() {
    let rig = rig().await;
    let bytes = segment(&rig.keys, "intake-climate", &payloads(3), Ending::Open);
    assert_eq!(send(&rig, bytes).await.status, StatusCode::OK);
    let receipt = rig.receipts.of(Event::BatchReceive).pop().unwrap();
    assert_eq!(receipt.fields["closed"], false);
    assert_eq!(receipt.fields["records"], 3);
}

#[tokio::test]
async fn a_segment_cut_anywhere_inside_a_record_is_refused_and_nothing_is_kept() {
    let rig = rig().await;
    let one = segment(&rig.keys, "intake-climate", &payloads(1), Ending::Closed);
    let unclosed = {
        // The frame of the only record ends where the final record begins.
        let scan = cofferdam_seal::record::scan(&one).unwrap();
        assert!(scan.closed);
        one.len()
    };
    let mut taken = 0;
    for length in (0..unclosed).step_by(5) {
        let answer = send(&rig, one[..length].to_vec()).await;
        if answer.status == StatusCode::OK {
            // A cut exactly between two records cannot be told from a segment never closed.
            taken += 1;
            assert_eq!(
                rig.receipts.of(Event::BatchReceive).pop().unwrap().fields["closed"],
                false
            );
            rig.send("DELETE", URI, &[], "").await;
        } else {
            assert_eq!(answer.status, StatusCode::BAD_REQUEST);
            let expected = if length < 512 { "ST-601" } else { "ST-602" };
            assert_eq!(answer.code(), expected, "{length}");
        }
        assert!(rig.files().is_empty(), "{length}");
    }
    assert!(taken <= 2);
}

#[tokio::test]
async fn a_segment_with_any_byte_altered_is_refused_with_the_seals_own_code() {
    let rig = rig().await;
    let bytes = segment(&rig.keys, "intake-climate", &payloads(2), Ending::Closed);
    for at in (512..bytes.len()).step_by(3) {
        let mut altered = bytes.clone();
        altered[at] ^= 1;
        let answer = send(&rig, altered).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "byte {at}");
        assert!(
            ["ST-602", "ST-603"].contains(&answer.code()),
            "byte {at}: {}",
            answer.code()
        );
        if answer.code() == "ST-603" {
            assert!(answer.text().contains("SE-"), "{}", answer.text());
        }
        assert!(rig.files().is_empty());
    }
    let mut longer = bytes.clone();
    longer.extend_from_slice(b"more");
    assert_eq!(send(&rig, longer).await.code(), "ST-603");
    assert!(rig.receipts.of(Event::BatchReceive).is_empty());
}

#[tokio::test]
async fn a_segment_of_another_bucket_or_keeper_is_refused() {
    let rig = rig().await;
    let elsewhere = segment(&rig.keys, "intake-events", &payloads(2), Ending::Closed);
    assert_eq!(send(&rig, elsewhere).await.code(), "ST-603");
    let foreign = crate::rig::MemoryKeys::new();
    let foreign = segment(&foreign, "intake-climate", &payloads(2), Ending::Closed);
    assert_eq!(send(&rig, foreign).await.code(), "ST-503");
    assert_eq!(send(&rig, b"not a segment".to_vec()).await.code(), "ST-601");
    assert_eq!(send(&rig, vec![0; 5000]).await.code(), "ST-601");
    rig.keys.shut.store(true, Ordering::SeqCst);
    let own = segment(&rig.keys, "intake-climate", &payloads(2), Ending::Closed);
    let answer = send(&rig, own).await;
    assert_eq!(
        (answer.status, answer.code()),
        (StatusCode::SERVICE_UNAVAILABLE, "ST-503")
    );
    assert!(rig.files().is_empty());
}

#[tokio::test]
async fn intake_cannot_read_what_it_sent() {
    let rig = rig().await;
    let bytes = segment(&rig.keys, "intake-climate", &payloads(2), Ending::Closed);
    assert_eq!(send(&rig, bytes).await.status, StatusCode::OK);
    for (method, uri) in [
        ("GET", URI),
        ("HEAD", URI),
        ("GET", "/intake-climate"),
        ("DELETE", URI),
    ] {
        let intake = MemoryCaller::of("intake", &[Verb::Append], &["intake-"]);
        let answer = rig.call_as(intake, request(method, uri, &[], "")).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method} {uri}");
    }
}

#[tokio::test]
async fn a_stored_segment_damaged_on_disk_gives_out_nothing_of_the_damaged_record() {
    let rig = rig().await;
    let bytes = segment(&rig.keys, "intake-climate", &payloads(2), Ending::Closed);
    assert_eq!(send(&rig, bytes.clone()).await.status, StatusCode::OK);
    let file = rig.files()[0].clone();
    let mut altered = bytes.clone();
    altered[600] ^= 1;
    std::fs::write(&file, &altered).unwrap();
    let answer = rig.get(URI).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (500, "ST-501"));
    std::fs::write(&file, &bytes[..bytes.len() - 1]).unwrap();
    assert_eq!(rig.get(URI).await.code(), "ST-501");
    assert_eq!(rig.receipts.of(Event::IntegrityFail).len(), 2);
    std::fs::write(&file, &bytes).unwrap();
    assert!(rig.get(URI).await.body == payloads(2).concat());
}

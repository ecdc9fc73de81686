//! Uploads in parts.

use http::StatusCode;

use crate::rig::{Answer, Rig};

const PART: usize = 5 << 20;

fn text<'a>(xml: &'a str, name: &str) -> &'a str {
    let rest = xml.split(&format!("<{name}>")).nth(1).unwrap();
    rest.split(&format!("</{name}>")).next().unwrap()
}

async fn begin(rig: &Rig) -> String {
    let headers = [("content-type", "text/csv"), ("x-amz-meta-a", "b")];
    let answer = rig.send("POST", "/files/big?uploads", &headers, "").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    text(&answer.text(), "UploadId").to_owned()
}

async fn part(rig: &Rig, id: &str, number: usize, body: Vec<u8>) -> String {
    let answer = rig
        .send(
            "PUT",
            &format!("/files/big?partNumber={number}&uploadId={id}"),
            &[],
            body,
        )
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.headers["etag"].to_str().unwrap().to_owned()
}

async fn complete(
    rig: &Rig,
    id: &str,
    parts: &[(usize, &str)],
    headers: &[(&str, &str)],
) -> Answer {
    let list: Vec<String> = parts
        .iter()
        .map(|(number, etag)| {
            format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>")
        })
        .collect();
    let list = list.concat();
    let body = format!("<CompleteMultipartUpload>{list}</CompleteMultipartUpload>");
    rig.send("POST", &format!("/files/big?uploadId={id}"), headers, body)
        .await
}

#[tokio::test]
async fn parts_become_one_object_that_is_read_across_their_seams() {
    let rig = Rig::new().await;
    let id = begin(&rig).await;
    assert_eq!(rig.get("/files/big").await.status, StatusCode::NOT_FOUND);
    let stale = part(&rig, &id, 2, vec![9; 10]).await;
    let unused = part(&rig, &id, 7, vec![8; 10]).await;
    let two = part(&rig, &id, 2, vec![2; 1000]).await;
    let one = part(&rig, &id, 1, vec![1; PART]).await;
    assert_ne!(
        (stale.as_str(), unused.as_str()),
        (two.as_str(), one.as_str())
    );
    let listed = rig
        .get(&format!("/files/big?uploadId={id}&max-parts=2"))
        .await
        .text();
    assert_eq!(listed.matches("<Part>").count(), 2, "{listed}");
    assert_eq!(text(&listed, "IsTruncated"), "true");
    assert_eq!(text(&listed, "NextPartNumberMarker"), "2");

    let done = complete(&rig, &id, &[(1, &one), (2, &two)], &[]).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text());
    assert_eq!(rig.files().len(), 2);
    let rig = rig.restart().await;
    let got = rig.get("/files/big").await;
    let whole = [vec![1; PART], vec![2; 1000]].concat();
    assert!(got.body == whole);
    assert!(got.headers["etag"].to_str().unwrap().ends_with("-2\""));
    assert_eq!(got.headers["content-type"], "text/csv");
    assert_eq!(got.headers["x-amz-meta-a"], "b");
    let range = format!("bytes={}-{}", PART - 3, PART + 2);
    let seam = rig
        .send("GET", "/files/big", &[("range", range.as_str())], "")
        .await;
    assert_eq!(seam.body, vec![1, 1, 1, 2, 2, 2]);
    let second = rig.get("/files/big?partNumber=2").await;
    assert_eq!((second.status.as_u16(), second.body.len()), (206, 1000));
    assert_eq!(second.headers["x-amz-mp-parts-count"], "2");
    assert_eq!(rig.get("/files/big?partNumber=3").await.code(), "ST-310");
    rig.send("DELETE", "/files/big", &[], "").await;
    assert!(rig.files().is_empty());
}

#[tokio::test]
async fn an_upload_that_cannot_be_completed_as_asked_stays_to_be_mended() {
    let rig = Rig::new().await;
    let id = begin(&rig).await;
    let small = part(&rig, &id, 1, vec![1; 100]).await;
    let last = part(&rig, &id, 2, vec![2; 100]).await;
    let refused: [&[(usize, &str)]; 5] = [
        &[],
        &[(1, &small), (2, &last)],
        &[(2, &last), (1, &small)],
        &[(1, "\"other\"")],
        &[(3, &last)],
    ];
    for parts in refused {
        let answer = complete(&rig, &id, parts, &[]).await;
        assert_eq!(
            answer.status,
            StatusCode::BAD_REQUEST,
            "{parts:?}: {}",
            answer.text()
        );
    }
    let size = [("x-amz-mp-object-size", "5")];
    assert_eq!(
        complete(&rig, &id, &[(2, &last)], &size).await.code(),
        "ST-310"
    );
    assert_eq!(
        complete(&rig, &id, &[(2, &last)], &[]).await.status,
        StatusCode::OK
    );
    assert_eq!(
        complete(&rig, &id, &[(2, &last)], &[]).await.code(),
        "ST-309"
    );
    assert_eq!(rig.get("/files/big").await.body.len(), 100);
}

#[tokio::test]
async fn a_checksum_over_the_whole_is_compared_by_reading_it_back() {
    let rig = Rig::new().await;
    let id = begin(&rig).await;
    let etag = part(&rig, &id, 1, b"hello world".to_vec()).await;
    let good = [
        ("x-amz-checksum-crc32", "DUoRhQ=="),
        ("x-amz-checksum-type", "FULL_OBJECT"),
    ];
    let answer = complete(&rig, &id, &[(1, &etag)], &good).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let got = rig
        .send(
            "GET",
            "/files/big",
            &[("x-amz-checksum-mode", "ENABLED")],
            "",
        )
        .await;
    assert_eq!(got.headers["x-amz-checksum-crc32"], "DUoRhQ==");
    let id = begin(&rig).await;
    let etag = part(&rig, &id, 1, b"hello World".to_vec()).await;
    assert_eq!(
        complete(&rig, &id, &[(1, &etag)], &good).await.code(),
        "ST-202"
    );
    assert_eq!(rig.get("/files/big").await.text(), "hello world");
}

#[tokio::test]
async fn an_aborted_or_forgotten_upload_leaves_nothing() {
    let rig = Rig::new().await;
    let id = begin(&rig).await;
    part(&rig, &id, 1, vec![1; 100]).await;
    assert_eq!(rig.files().len(), 1);
    let uri = format!("/files/big?uploadId={id}");
    assert_eq!(
        rig.send("DELETE", &uri, &[], "").await.status,
        StatusCode::NO_CONTENT
    );
    assert!(rig.files().is_empty());
    assert_eq!(rig.send("DELETE", &uri, &[], "").await.code(), "ST-309");
    let late = rig
        .send("PUT", &format!("{uri}&partNumber=1"), &[], "x")
        .await;
    assert_eq!(late.code(), "ST-309");
    let other = begin(&rig).await;
    let elsewhere = format!("/files/small?uploadId={other}");
    assert_eq!(
        rig.send("DELETE", &elsewhere, &[], "").await.code(),
        "ST-309"
    );
    for number in ["0", "10001"] {
        let uri = format!("/files/big?uploadId={other}&partNumber={number}");
        assert_eq!(rig.send("PUT", &uri, &[], "x").await.code(), "ST-307");
    }
}

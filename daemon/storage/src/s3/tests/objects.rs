//! Objects: reading whole and in part, conditions, metadata, deletion, damage.

use std::io::{Seek as _, SeekFrom, Write as _};

use cofferdam_trail::Event;
use http::StatusCode;

use crate::rig::{NOW, Rig};

#[tokio::test]
async fn an_object_comes_back_with_what_was_said_of_it() {
    let rig = Rig::new().await;
    let headers = [
        ("content-type", "text/csv"),
        ("cache-control", "no-store"),
        ("content-disposition", "attachment"),
        ("content-language", "de"),
        ("content-encoding", "gzip"),
        ("expires", "Wed, 21 Oct 2026 07:28:00 GMT"),
        ("x-amz-meta-school", "Gymnasium"),
        ("x-amz-acl", "private"),
    ];
    let put = rig.send("PUT", "/files/a", &headers, "hello world").await;
    assert_eq!(put.status, StatusCode::OK);
    assert_eq!(put.headers["etag"], "\"5eb63bbbe01eeed093cb22bb8f5acdc3\"");
    let rig = rig.restart().await;
    for method in ["GET", "HEAD"] {
        let answer = rig.send(method, "/files/a", &[], "").await;
        assert_eq!(answer.status, StatusCode::OK);
        for (name, value) in headers.iter().filter(|(name, _)| *name != "x-amz-acl") {
            assert_eq!(answer.headers[*name], *value, "{method} {name}");
        }
        assert_eq!(answer.headers["content-length"], "11");
        assert_eq!(answer.headers["accept-ranges"], "bytes");
        assert_eq!(
            answer.headers["last-modified"],
            "Thu, 09 Oct 2025 08:53:20 GMT"
        );
        assert_eq!(NOW, 1_760_000_000);
        let body = if method == "GET" { "hello world" } else { "" };
        assert_eq!(answer.text(), body);
    }
    let other = rig.get("/files/a?response-content-type=text/plain").await;
    assert_eq!(other.headers["content-type"], "text/plain");
    rig.put("/files/b", "x").await;
    assert_eq!(
        rig.get("/files/b").await.headers["content-type"],
        "binary/octet-stream"
    );
}

#[tokio::test]
async fn any_range_of_an_object_of_many_frames_is_what_it_should_be() {
    let rig = Rig::new().await;
    let whole: Vec<u8> = (0..700_001_u32)
        .map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes()[0])
        .collect();
    rig.put("/files/a", whole.clone()).await;
    assert_eq!(rig.get("/files/a").await.body, whole);
    let end = whole.len();
    let cases = [
        ("bytes=0-0", 0..1),
        ("bytes=0-", 0..end),
        ("bytes=1-700000", 1..end),
        ("bytes=16383-16384", 16383..16385),
        ("bytes=262143-262144", 262_143..262_145),
        ("bytes=300000-299999999", 300_000..end),
        ("bytes=-1", end - 1..end),
        ("bytes=-700002", 0..end),
        ("bytes=700000-", end - 1..end),
    ];
    for (range, expected) in cases {
        let answer = rig.send("GET", "/files/a", &[("range", range)], "").await;
        assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT, "{range}");
        let said = format!("bytes {}-{}/{end}", expected.start, expected.end - 1);
        assert_eq!(answer.headers["content-range"], said.as_str());
        assert_eq!(
            answer.headers["content-length"],
            expected.len().to_string().as_str()
        );
        assert!(answer.body == whole[expected], "{range}");
    }
    for range in ["bytes=700001-", "bytes=-0", "bytes=900000-900001"] {
        let answer = rig.send("GET", "/files/a", &[("range", range)], "").await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (416, "ST-308"),
            "{range}"
        );
    }
}

#[tokio::test]
async fn an_empty_object_is_an_object() {
    let rig = Rig::new().await;
    rig.put("/files/empty", "").await;
    let got = rig.get("/files/empty").await;
    assert_eq!((got.status, got.body.len()), (StatusCode::OK, 0));
    assert_eq!(got.headers["etag"], "\"d41d8cd98f00b204e9800998ecf8427e\"");
    let range = rig
        .send("GET", "/files/empty", &[("range", "bytes=0-")], "")
        .await;
    assert_eq!(range.status.as_u16(), 416);
    let range = rig
        .send("GET", "/files/empty", &[("range", "bytes=-1")], "")
        .await;
    assert_eq!(range.status.as_u16(), 416);
}

#[tokio::test]
async fn conditions_are_judged_in_the_order_of_the_standard() {
    let rig = Rig::new().await;
    rig.put("/files/a", "hello world").await;
    let etag = "\"5eb63bbbe01eeed093cb22bb8f5acdc3\"";
    let (before, after) = (
        "Thu, 09 Oct 2025 08:53:19 GMT",
        "Thu, 09 Oct 2025 08:53:20 GMT",
    );
    let cases: [(&[(&str, &str)], u16); 12] = [
        (&[("if-match", etag)], 200),
        (&[("if-match", "*")], 200),
        (&[("if-match", "\"other\"")], 412),
        (&[("if-none-match", etag)], 304),
        (&[("if-none-match", "*")], 304),
        (&[("if-none-match", "\"other\"")], 200),
        (&[("if-modified-since", after)], 304),
        (&[("if-modified-since", before)], 200),
        (&[("if-unmodified-since", before)], 412),
        (&[("if-unmodified-since", after)], 200),
        (&[("if-match", etag), ("if-unmodified-since", before)], 200),
        (
            &[("if-none-match", "\"other\""), ("if-modified-since", after)],
            200,
        ),
    ];
    for (headers, status) in cases {
        for method in ["GET", "HEAD"] {
            let answer = rig.send(method, "/files/a", headers, "").await;
            assert_eq!(answer.status.as_u16(), status, "{method} {headers:?}");
            if status == 304 {
                assert_eq!(answer.headers["etag"], etag);
            }
        }
    }
}

#[tokio::test]
async fn a_conditional_write_takes_effect_only_when_its_condition_holds() {
    let rig = Rig::new().await;
    let put = async |headers: &[(&str, &str)], body: &'static str| {
        rig.send("PUT", "/files/a", headers, body)
            .await
            .status
            .as_u16()
    };
    assert_eq!(put(&[("if-match", "*")], "0").await, 404);
    assert_eq!(put(&[("if-none-match", "*")], "hello world").await, 200);
    assert_eq!(put(&[("if-none-match", "*")], "1").await, 412);
    assert_eq!(put(&[("if-match", "\"other\"")], "2").await, 412);
    assert_eq!(rig.get("/files/a").await.text(), "hello world");
    assert_eq!(
        put(&[("if-match", "\"5eb63bbbe01eeed093cb22bb8f5acdc3\"")], "3").await,
        200
    );
    assert_eq!(rig.get("/files/a").await.text(), "3");
    assert_eq!(put(&[("if-none-match", "\"3\"")], "4").await, 501);
    assert_eq!(rig.files().len(), 1);
}

#[tokio::test]
async fn what_is_not_there_is_said_to_be_not_there() {
    let rig = Rig::new().await;
    let cases = [
        ("GET", "/files/a", "ST-304", "NoSuchKey"),
        ("GET", "/absent/a", "ST-303", "NoSuchBucket"),
        ("GET", "/absent", "ST-303", "NoSuchBucket"),
        ("GET", "/absent?versions", "ST-303", "NoSuchBucket"),
        ("GET", "/absent?location", "ST-303", "NoSuchBucket"),
        ("PUT", "/absent/a", "ST-303", "NoSuchBucket"),
        ("DELETE", "/absent/a", "ST-303", "NoSuchBucket"),
        ("DELETE", "/absent", "ST-303", "NoSuchBucket"),
        ("POST", "/absent/a?uploads", "ST-303", "NoSuchBucket"),
    ];
    for (method, uri, code, name) in cases {
        let answer = rig.send(method, uri, &[], "").await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::NOT_FOUND, code),
            "{uri}"
        );
        assert!(
            answer.text().contains(&format!("<Code>{name}</Code>")),
            "{}",
            answer.text()
        );
        assert_eq!(answer.headers["content-type"], "application/xml");
    }
    let head = rig.send("HEAD", "/files/a", &[], "").await;
    assert_eq!(
        (head.status, head.code()),
        (StatusCode::NOT_FOUND, "ST-304")
    );
    assert_eq!(
        rig.send("HEAD", "/absent", &[], "").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn buckets_are_made_looked_at_and_removed() {
    let rig = Rig::new().await;
    let again = rig.send("PUT", "/files", &[], "").await;
    assert_eq!(
        (again.status, again.code()),
        (StatusCode::CONFLICT, "ST-306")
    );
    assert_eq!(
        rig.send("HEAD", "/files", &[], "").await.status,
        StatusCode::OK
    );
    assert!(
        rig.get("/files?location")
            .await
            .text()
            .contains("cofferdam")
    );
    let versioning = rig.get("/files?versioning").await.text();
    assert!(versioning.contains("VersioningConfiguration") && !versioning.contains("Enabled"));
    rig.put("/files/a", "x").await;
    let full = rig.send("DELETE", "/files", &[], "").await;
    assert_eq!((full.status, full.code()), (StatusCode::CONFLICT, "ST-305"));
    rig.send("DELETE", "/files/a", &[], "").await;
    assert_eq!(
        rig.send("DELETE", "/files", &[], "").await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        rig.send("PUT", "/F!", &[], "").await.status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn deleting_is_a_success_whether_or_not_it_was_there() {
    let rig = Rig::new().await;
    rig.put("/files/a", "one").await;
    for _ in 0..2 {
        assert_eq!(
            rig.send("DELETE", "/files/a", &[], "").await.status,
            StatusCode::NO_CONTENT
        );
        assert!(rig.files().is_empty());
    }
    rig.put("/files/a", "one").await;
    let other = rig
        .send("DELETE", "/files/a", &[("if-match", "\"other\"")], "")
        .await;
    assert_eq!(other.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(rig.get("/files/a").await.text(), "one");
}

#[tokio::test]
async fn many_objects_are_deleted_in_one_request() {
    let rig = Rig::new().await;
    for name in ["a", "b%20%26%20c", "d"] {
        rig.put(&format!("/files/{name}"), "x").await;
    }
    let list = "<Delete><Object><Key>a</Key></Object><Object><Key>b &amp; c</Key></Object>\
                <Object><Key>absent</Key></Object>\
                <Object><Key>d</Key><VersionId>7</VersionId></Object></Delete>";
    let answer = rig.send("POST", "/files?delete", &[], list).await;
    let text = answer.text();
    assert_eq!(answer.status, StatusCode::OK, "{text}");
    assert_eq!(text.matches("<Deleted>").count(), 3, "{text}");
    assert_eq!(text.matches("<Error>").count(), 1, "{text}");
    assert!(text.contains("ST-106"), "{text}");
    assert_eq!(rig.files().len(), 1);
    let quiet = "<Delete><Quiet>true</Quiet><Object><Key>d</Key></Object></Delete>";
    let answer = rig.send("POST", "/files?delete", &[], quiet).await;
    assert!(!answer.text().contains("<Deleted>"));
    assert!(rig.files().is_empty());
    let keys: Vec<String> = (0..1001)
        .map(|key| format!("<Object><Key>{key}</Key></Object>"))
        .collect();
    let keys = keys.concat();
    let many = rig
        .send(
            "POST",
            "/files?delete",
            &[],
            format!("<Delete>{keys}</Delete>"),
        )
        .await;
    assert_eq!(
        (many.status, many.code()),
        (StatusCode::BAD_REQUEST, "ST-307")
    );
}

type Damage = fn(&std::path::Path);

#[tokio::test]
async fn damage_on_disk_is_an_answer_and_on_record_and_gives_out_nothing() {
    let size = 100_000;
    let damages: [(&str, Damage); 6] = [
        ("cut", |path| open(path).set_len(50_000).unwrap()),
        ("cut to nothing", |path| open(path).set_len(0).unwrap()),
        ("longer", |path| write_at(path, SeekFrom::End(0), b"more")),
        ("header", |path| {
            write_at(path, SeekFrom::Start(40), b"????????");
        }),
        ("first frame", |path| {
            write_at(path, SeekFrom::Start(700), b"????????");
        }),
        ("gone", |path| std::fs::remove_file(path).unwrap()),
    ];
    for (what, damage) in damages {
        let rig = Rig::new().await;
        rig.put("/files/a", vec![7_u8; size]).await;
        damage(&rig.files()[0]);
        let answer = rig.get("/files/a").await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{what}");
        let code = if what == "gone" { "ST-502" } else { "ST-501" };
        assert_eq!(answer.code(), code, "{what}");
        assert!(
            !answer.body.windows(4).any(|window| window == [7; 4]),
            "{what}"
        );
        let receipts = rig.receipts.of(Event::IntegrityFail);
        assert_eq!(receipts.len(), 1, "{what}");
        assert_eq!(receipts[0].fields["code"], code);
    }
}

#[tokio::test]
async fn damage_behind_the_first_frames_breaks_the_body_off_before_it() {
    let rig = Rig::new().await;
    rig.put("/files/a", vec![7_u8; 900_000]).await;
    write_at(&rig.files()[0], SeekFrom::Start(600_000), b"????????");
    let answer = rig.get("/files/a").await;
    assert!(!answer.whole && answer.body.len() < 600_000);
    assert!(answer.body.iter().all(|byte| *byte == 7));
    assert_eq!(rig.receipts.of(Event::IntegrityFail).len(), 1);
    let before = rig
        .send("GET", "/files/a", &[("range", "bytes=0-99999")], "")
        .await;
    assert!(before.whole && before.body == vec![7_u8; 100_000]);
}

#[tokio::test]
async fn two_files_exchanged_on_disk_are_noticed() {
    let rig = Rig::new().await;
    rig.put("/files/a", "one").await;
    rig.put("/files/b", "two").await;
    let [first, second] = rig.files().try_into().unwrap();
    let aside = rig.path().join("aside");
    std::fs::rename(&first, &aside).unwrap();
    std::fs::rename(&second, &first).unwrap();
    std::fs::rename(&aside, &second).unwrap();
    for uri in ["/files/a", "/files/b"] {
        assert_eq!(rig.get(uri).await.code(), "ST-501");
    }
}

#[tokio::test]
async fn a_full_disk_is_said_and_the_store_goes_on() {
    let rig = Rig::new().await;
    rig.put("/files/a", "one").await;
    rig.store.objects().fill();
    for body in [vec![1_u8; 3], vec![1_u8; 900_000]] {
        let answer = rig.send("PUT", "/files/b", &[], body).await;
        assert_eq!(answer.status, StatusCode::INSUFFICIENT_STORAGE);
        assert!(
            answer.text().contains("<Code>InsufficientStorage</Code>"),
            "{}",
            answer.text()
        );
        assert_eq!(answer.code(), "ST-401");
    }
    assert_eq!(rig.files().len(), 1);
    assert_eq!(rig.get("/files/a").await.text(), "one");
    rig.store.objects().relieve();
    rig.put("/files/b", "two").await;
    assert_eq!(rig.get("/files/b").await.text(), "two");
}

fn open(path: &std::path::Path) -> std::fs::File {
    std::fs::OpenOptions::new().write(true).open(path).unwrap()
}

fn write_at(path: &std::path::Path, at: SeekFrom, bytes: &[u8]) {
    let mut file = open(path);
    file.seek(at).unwrap();
    file.write_all(bytes).unwrap();
}

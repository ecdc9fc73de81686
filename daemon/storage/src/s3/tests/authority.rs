//! Who may do what: certificates, grants, flows, and that every act is on record first.

use std::sync::atomic::Ordering;

use cofferdam_rack::Verb;
use cofferdam_trail::{Event, Phase, Status};
use http::StatusCode;
use time::Duration;

use super::signer::{Signer, sha256};
use crate::rig::{MemoryCaller, Rig, request};

#[tokio::test]
async fn an_unsigned_request_acts_with_the_certificate() {
    let rig = Rig::new().await;
    rig.put("/files/a", "one").await;
    assert_eq!(rig.get("/files/a").await.text(), "one");
}

#[tokio::test]
async fn a_signed_request_whose_grant_is_of_the_certificates_zone_is_served() {
    let rig = Rig::new().await;
    let app = Signer::app();
    let put = app.signed("PUT", "/files/a%20b%2Bc", &[], &sha256(b"hello"), "hello");
    assert_eq!(rig.call(put).await.status, StatusCode::OK);
    let get = app.signed("GET", "/files/a%20b%2Bc", &[], "UNSIGNED-PAYLOAD", "");
    assert_eq!(rig.call(get).await.text(), "hello");
    let list = app.signed(
        "GET",
        "/files?list-type=2&prefix=a",
        &[],
        "UNSIGNED-PAYLOAD",
        "",
    );
    assert!(rig.call(list).await.text().contains("<Key>a b+c</Key>"));
    let url = app.presigned("GET", "/files/a%20b%2Bc", 60);
    assert_eq!(rig.get(&url).await.text(), "hello");
}

#[tokio::test]
async fn each_signature_that_does_not_count_is_refused() {
    let rig = Rig::new().await;
    let app = Signer::app();
    let cases = [
        (
            Signer {
                secret: "another secret".to_owned(),
                ..app.clone()
            },
            "SignatureDoesNotMatch",
        ),
        (
            Signer {
                access_key: "nobody".to_owned(),
                ..app.clone()
            },
            "ST-103",
        ),
        (
            Signer {
                region: "us-east-1".to_owned(),
                ..app.clone()
            },
            "ST-102",
        ),
        (
            Signer {
                service: "sts".to_owned(),
                ..app.clone()
            },
            "ST-102",
        ),
        (
            Signer {
                when: app.when - Duration::hours(1),
                ..app.clone()
            },
            "RequestTimeTooSkewed",
        ),
    ];
    for (signer, code) in cases {
        let answer = rig
            .call(signer.signed("PUT", "/files/a", &[], "UNSIGNED-PAYLOAD", "x"))
            .await;
        assert!(answer.status.is_client_error(), "{code}");
        assert!(answer.text().contains(code), "{code}: {}", answer.text());
    }
    let expired = Signer {
        when: app.when - Duration::minutes(5),
        ..app.clone()
    };
    let answer = rig.get(&expired.presigned("GET", "/files/a", 60)).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let old = rig
        .get("/files/a?AWSAccessKeyId=app-key&Expires=9999999999&Signature=x")
        .await;
    assert_eq!(
        (old.status, old.code()),
        (StatusCode::BAD_REQUEST, "ST-101")
    );
    let old = rig
        .send("GET", "/files/a", &[("authorization", "AWS app-key:x")], "")
        .await;
    assert_eq!(
        (old.status, old.code()),
        (StatusCode::BAD_REQUEST, "ST-101")
    );
    assert!(rig.files().is_empty());
}

#[tokio::test]
async fn a_stolen_key_on_another_zones_certificate_is_refused_and_recorded() {
    let rig = Rig::new().await;
    let thief = MemoryCaller::of("intake", &[Verb::Append, Verb::Read], &[""]);
    let put = Signer::app().signed("PUT", "/files/a", &[], "UNSIGNED-PAYLOAD", "x");
    let answer = rig.call_as(thief, put).await;
    assert_eq!(
        (answer.status, answer.code()),
        (StatusCode::FORBIDDEN, "ST-104")
    );
    let refused = rig.receipts.of(Event::RecordRefuse);
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].fields["code"], "ST-104");
    assert_eq!(refused[0].status, Status::Refused);
}

#[tokio::test]
async fn each_operation_needs_its_verb_on_its_bucket() {
    let rig = Rig::new().await;
    rig.put("/files/a", "one").await;
    let cases = [
        ("PUT", "/files/b", Verb::Append),
        ("PUT", "/fresh", Verb::Append),
        ("POST", "/files/c?uploads", Verb::Append),
        ("GET", "/files/a", Verb::Read),
        ("HEAD", "/files/a", Verb::Read),
        ("GET", "/files", Verb::List),
        ("GET", "/files?list-type=2", Verb::List),
        ("GET", "/files?versions", Verb::List),
        ("GET", "/files?location", Verb::List),
        ("GET", "/files?versioning", Verb::List),
        ("HEAD", "/files", Verb::List),
        ("GET", "/", Verb::List),
        ("DELETE", "/files/b", Verb::Delete),
        ("DELETE", "/fresh", Verb::Delete),
    ];
    let all = [Verb::Append, Verb::Read, Verb::List, Verb::Delete];
    for (method, uri, verb) in cases {
        let others: Vec<Verb> = all.into_iter().filter(|other| *other != verb).collect();
        let before = rig.receipts.of(Event::RecordRefuse).len();
        let without = MemoryCaller::of("app", &others, &[""]);
        let answer = rig.call_as(without, request(method, uri, &[], "")).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method} {uri}");
        if method != "HEAD" {
            assert!(answer.text().contains("FL-020"), "{}", answer.text());
        }
        assert_eq!(rig.receipts.of(Event::RecordRefuse).len(), before + 1);
        if uri != "/" {
            let elsewhere = MemoryCaller::of("app", &all, &["other"]);
            let answer = rig.call_as(elsewhere, request(method, uri, &[], "")).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method} {uri}");
        }
        let with = MemoryCaller::of("app", &[verb], &[""]);
        let answer = rig.call_as(with, request(method, uri, &[], "")).await;
        assert!(
            answer.status.is_success(),
            "{method} {uri}: {}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn who_may_not_delete_an_object_may_not_write_over_it() {
    let rig = Rig::new().await;
    rig.put("/files/a", "one").await;
    let appender = || MemoryCaller::of("app", &[Verb::Append], &[""]);
    for header in [&[][..], &[("if-match", "*")]] {
        let before = rig.files().len();
        let over = request("PUT", "/files/a", header, "two");
        let answer = rig.call_as(appender(), over).await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::FORBIDDEN, "ST-312")
        );
        assert_eq!(rig.files().len(), before);
    }
    let parts = request("POST", "/files/a?uploads", &[], "");
    let refused = rig.call_as(appender(), parts).await;
    assert_eq!(refused.code(), "ST-312", "before a part is sent");
    assert_eq!(rig.get("/files/a").await.text(), "one");
    let beside = request("PUT", "/files/b", &[], "two");
    assert!(rig.call_as(appender(), beside).await.status.is_success());
    let both = MemoryCaller::of("app", &[Verb::Append, Verb::Delete], &[""]);
    let over = request("PUT", "/files/a", &[], "three");
    assert!(rig.call_as(both, over).await.status.is_success());
    assert_eq!(rig.get("/files/a").await.text(), "three");
}

#[tokio::test]
async fn buckets_that_may_not_be_listed_are_not_shown() {
    let rig = Rig::new().await;
    assert_eq!(
        rig.send("PUT", "/intake-events", &[], "").await.status,
        StatusCode::OK
    );
    let reader = MemoryCaller::of("analytics", &[Verb::List], &["intake-"]);
    let shown = rig
        .call_as(reader, request("GET", "/", &[], ""))
        .await
        .text();
    assert!(
        shown.contains("intake-events") && !shown.contains("files"),
        "{shown}"
    );
}

#[tokio::test]
async fn every_act_is_on_record_before_it_takes_effect_and_without_its_key() {
    let rig = Rig::new().await;
    rig.put("/files/maria", "one").await;
    rig.get("/files/maria").await;
    rig.get("/files").await;
    rig.send("DELETE", "/files/maria", &[], "").await;
    let events = [
        Event::RecordCreate,
        Event::RecordRead,
        Event::RecordList,
        Event::RecordDelete,
    ];
    for event in events {
        let entries = rig.receipts.of(event);
        let entry = entries.last().unwrap();
        assert_eq!(entry.phase, Phase::Intent, "{event}");
        assert_eq!(entry.fields["bucket"], "files");
        assert!(entry.fields["peer"].as_str().unwrap().contains("app"));
        assert_eq!(entry.fields["flow"], "f".repeat(32));
        if event != Event::RecordList {
            assert_eq!(entry.fields["object"].as_str().unwrap().len(), 32);
            assert_eq!(entry.fields["size"], 3);
        }
    }
    assert!(!format!("{:?}", rig.receipts.all()).contains("maria"));
}

#[tokio::test]
async fn without_a_trail_nothing_happens() {
    let rig = Rig::new().await;
    rig.put("/files/a", "one").await;
    rig.receipts.shut.store(true, Ordering::SeqCst);
    let acts = [
        ("PUT", "/files/a"),
        ("PUT", "/files/b"),
        ("PUT", "/fresh"),
        ("GET", "/files/a"),
        ("GET", "/files"),
        ("DELETE", "/files/a"),
        ("POST", "/files/b?uploads"),
    ];
    for (method, uri) in acts {
        let answer = rig.send(method, uri, &[], "").await;
        let seen = (answer.status, answer.code());
        assert_eq!(
            seen,
            (StatusCode::SERVICE_UNAVAILABLE, "ST-404"),
            "{method} {uri}"
        );
    }
    rig.receipts.shut.store(false, Ordering::SeqCst);
    assert_eq!(rig.get("/files/a").await.text(), "one");
    assert_eq!(rig.get("/files/b").await.status, StatusCode::NOT_FOUND);
    assert_eq!(rig.files().len(), 1);
}

#[tokio::test]
async fn what_is_not_offered_is_refused_by_name() {
    let rig = Rig::new().await;
    rig.put("/files/a", "one").await;
    let absent = [
        ("PUT", "/files?versioning"),
        ("GET", "/files?acl"),
        ("GET", "/files?policy"),
        ("GET", "/files/a?tagging"),
        ("PUT", "/files/a?tagging"),
        ("GET", "/files?uploads"),
    ];
    for (method, uri) in absent {
        let answer = rig.send(method, uri, &[], "").await;
        let seen = (answer.status, answer.code());
        assert_eq!(
            seen,
            (StatusCode::NOT_IMPLEMENTED, "ST-105"),
            "{method} {uri}"
        );
    }
    let copy = rig
        .send("PUT", "/files/b", &[("x-amz-copy-source", "/files/a")], "")
        .await;
    assert_eq!(
        (copy.status, copy.code()),
        (StatusCode::NOT_IMPLEMENTED, "ST-105")
    );
    let public = rig
        .send("PUT", "/files/b", &[("x-amz-acl", "public-read")], "x")
        .await;
    assert_eq!(
        (public.status, public.code()),
        (StatusCode::NOT_IMPLEMENTED, "ST-106")
    );
    let form = [("content-type", "multipart/form-data; boundary=x")];
    let form = rig.send("POST", "/files", &form, "--x--").await;
    assert_eq!(
        (form.status, form.code()),
        (StatusCode::NOT_IMPLEMENTED, "ST-105")
    );
    let version = rig.get("/files/a?versionId=7").await;
    assert_eq!(
        (version.status, version.code()),
        (StatusCode::NOT_IMPLEMENTED, "ST-106")
    );
    assert_eq!(rig.get("/files/a?versionId=null").await.text(), "one");
}

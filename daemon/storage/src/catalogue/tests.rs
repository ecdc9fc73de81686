//! The catalogue against a naive model of it.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::page::{After, Entry, Query, page};
use super::*;

pub(crate) fn meta(etag: &str) -> ObjectMeta {
    ObjectMeta {
        pieces: vec![Piece {
            file: ObjectId([7; 16]),
            sealed: ObjectId([8; 16]),
            layout: Layout::Frames,
            size: 3,
            stored: 600,
        }],
        size: 3,
        etag: etag.to_owned(),
        modified_ms: 1,
        headers: BTreeMap::from([("content-type".to_owned(), "text/plain".to_owned())]),
        user: BTreeMap::from([("name".to_owned(), "é".to_owned())]),
        checksums: BTreeMap::new(),
    }
}

fn bucket(text: &str) -> BucketName {
    BucketName::parse(text).unwrap()
}

fn key(text: &str) -> ObjectKey {
    ObjectKey::parse(text).unwrap()
}

fn put(name: &str, at: &str, etag: &str) -> Change {
    Change::Put {
        bucket: bucket(name),
        key: key(at),
        meta: Box::new(meta(etag)),
    }
}

fn holding(keys: &[&str]) -> Catalogue {
    let mut catalogue = Catalogue::default();
    catalogue.apply(Change::CreateBucket {
        bucket: bucket("files"),
        at_ms: 1,
    });
    for at in keys {
        assert_eq!(catalogue.apply(put("files", at, "1")), None);
    }
    catalogue
}

#[test]
fn each_condition_decides_by_what_is_there() {
    let catalogue = holding(&["taken"]);
    let etag = |text: &str| Condition::Etag(text.to_owned());
    let cases = [
        ("free", Condition::Always, Ok(())),
        ("free", Condition::Absent, Ok(())),
        ("free", Condition::Unclaimed, Ok(())),
        ("free", Condition::Present, Err(Conflict::KeyAbsent)),
        ("free", etag("1"), Err(Conflict::KeyAbsent)),
        ("taken", Condition::Always, Ok(())),
        ("taken", Condition::Absent, Err(Conflict::KeyExists)),
        ("taken", Condition::Unclaimed, Err(Conflict::NotReplaceable)),
        ("taken", Condition::Present, Ok(())),
        ("taken", etag("1"), Ok(())),
        ("taken", etag("2"), Err(Conflict::EtagDiffers)),
    ];
    for (at, condition, verdict) in cases {
        assert_eq!(
            catalogue.decide(&put("files", at, "9"), &condition),
            verdict,
            "{condition:?}"
        );
    }
    let elsewhere = catalogue.decide(&put("other", "a", "1"), &Condition::Always);
    assert_eq!(elsewhere, Err(Conflict::BucketAbsent));
}

#[test]
fn a_bucket_is_made_once_and_removed_only_when_it_is_empty() {
    let mut catalogue = holding(&["a"]);
    let make = Change::CreateBucket {
        bucket: bucket("files"),
        at_ms: 2,
    };
    let remove = Change::DeleteBucket {
        bucket: bucket("files"),
    };
    assert_eq!(
        catalogue.decide(&make, &Condition::Always),
        Err(Conflict::BucketExists)
    );
    assert_eq!(
        catalogue.decide(&remove, &Condition::Always),
        Err(Conflict::BucketNotEmpty)
    );
    let displaced = catalogue.apply(Change::Delete {
        bucket: bucket("files"),
        key: key("a"),
    });
    assert_eq!(displaced, Some(meta("1")));
    assert_eq!(catalogue.decide(&remove, &Condition::Always), Ok(()));
    catalogue.apply(remove.clone());
    assert_eq!(
        catalogue.decide(&remove, &Condition::Always),
        Err(Conflict::BucketAbsent)
    );
}

#[test]
fn a_key_shows_its_length_and_nothing_else() {
    let shown = format!("{:?} {:?}", put("files", "maria-lopez.txt", "1"), meta("1"));
    assert!(
        shown.contains("15 bytes") && !shown.contains("maria"),
        "{shown}"
    );
    assert!(!shown.contains('é'), "{shown}");
    assert_eq!(ObjectKey::parse(""), None);
    assert!(ObjectKey::parse(&"k".repeat(1024)).is_some());
    assert_eq!(ObjectKey::parse(&"k".repeat(1025)), None);
}

#[test]
fn a_record_of_another_release_or_shape_is_refused() {
    let good = record::encode(&[put("files", "a", "1")]);
    assert_eq!(record::decode(&good).unwrap(), [put("files", "a", "1")]);
    let text = String::from_utf8(good).unwrap();
    for (from, to) in [
        ("\"v\":1", "\"v\":2"),
        ("\"files\"", "\"Files\""),
        ("\"key\":\"a\"", "\"key\":\"\""),
        ("\"frames\"", "\"other\""),
        ("\"etag\"", "\"tag\""),
        ("07070707", "0707070g"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        assert!(record::decode(changed.as_bytes()).is_err(), "{to}");
    }
    assert!(record::decode(b"").is_err());
}

#[test]
fn a_marker_that_is_a_rolled_up_prefix_skips_all_below_it() {
    let catalogue = holding(&["a/1", "a/2", "b", "c/d/1", "c/e"]);
    let listed = |marker: &str| {
        let after = After::marker(marker, "", Some("/"));
        let query = Query {
            delimiter: Some("/".to_owned()),
            after,
            max: 9,
            ..Query::default()
        };
        names(catalogue.bucket(&bucket("files")).unwrap(), &query).0
    };
    assert_eq!(listed(""), ["a/", "b", "c/"]);
    assert_eq!(listed("a/"), ["b", "c/"]);
    assert_eq!(listed("a/1"), ["a/", "b", "c/"]);
    assert_eq!(listed("a/2"), ["b", "c/"]);
    assert_eq!(listed("c/"), Vec::<String>::new());
}

fn names(bucket: &Bucket, query: &Query) -> (Vec<String>, Option<After>) {
    let found = page(bucket, query);
    let names = found
        .entries
        .iter()
        .map(|entry| match entry {
            Entry::Object(key, _) => key.as_str().to_owned(),
            Entry::Prefix(prefix) => (*prefix).to_owned(),
        })
        .collect();
    (names, found.next)
}

fn rolled(key: &str, prefix: &str, delimiter: Option<&str>) -> String {
    let rest = key.strip_prefix(prefix).unwrap();
    match delimiter.and_then(|text| rest.split_once(text)) {
        Some((before, _)) => format!("{prefix}{before}{}", delimiter.unwrap()),
        None => key.to_owned(),
    }
}

/// What a listing is, said without any cleverness.
fn naive(keys: &[String], prefix: &str, delimiter: Option<&str>) -> Vec<String> {
    let mut found: Vec<String> = keys
        .iter()
        .filter(|key| key.starts_with(prefix))
        .map(|key| rolled(key, prefix, delimiter))
        .collect();
    found.sort();
    found.dedup();
    found
}

fn some_key() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[ab/é+ %]{1,6}").unwrap()
}

fn some_change() -> impl Strategy<Value = (Change, Condition)> {
    let name = prop_oneof![Just("aaa"), Just("bbb")];
    let condition = prop_oneof![
        Just(Condition::Always),
        Just(Condition::Absent),
        Just(Condition::Unclaimed),
        Just(Condition::Present),
        Just(Condition::Etag("1".to_owned())),
    ];
    let etag = prop_oneof![Just("1"), Just("2")];
    (0..6_u8, name, some_key(), etag, condition).prop_map(|(kind, name, at, etag, condition)| {
        let change = match kind {
            0 => Change::CreateBucket {
                bucket: bucket(name),
                at_ms: 5,
            },
            1 => Change::DeleteBucket {
                bucket: bucket(name),
            },
            2 => Change::Delete {
                bucket: bucket(name),
                key: key(&at),
            },
            _ => put(name, &at, etag),
        };
        (change, condition)
    })
}

type Model = BTreeMap<String, BTreeMap<String, String>>;

/// The same decision over plain maps.
fn model(state: &mut Model, change: &Change, condition: &Condition) -> bool {
    let (name, at) = change.place();
    let name = name.as_str().to_owned();
    match change {
        Change::CreateBucket { .. } => {
            let free = !state.contains_key(&name);
            if free {
                state.insert(name, BTreeMap::new());
            }
            free
        }
        Change::DeleteBucket { .. } => {
            let empty = state.get(&name).is_some_and(BTreeMap::is_empty);
            if empty {
                state.remove(&name);
            }
            empty
        }
        Change::Put { .. } | Change::Delete { .. } => {
            let at = at.unwrap().as_str().to_owned();
            let Some(held) = state.get_mut(&name) else {
                return false;
            };
            let there = held.get(&at).cloned();
            let holds = match condition {
                Condition::Always => true,
                Condition::Absent | Condition::Unclaimed => there.is_none(),
                Condition::Present => there.is_some(),
                Condition::Etag(etag) => there.as_ref() == Some(etag),
            };
            if holds {
                if let Change::Put { meta, .. } = change {
                    held.insert(at, meta.etag.clone());
                } else {
                    held.remove(&at);
                }
            }
            holds
        }
    }
}

fn as_model(catalogue: &Catalogue) -> Model {
    let objects = |bucket: &Bucket| {
        let each = bucket.objects().iter();
        each.map(|(key, meta)| (key.as_str().to_owned(), meta.etag.clone()))
            .collect()
    };
    let buckets = catalogue.buckets().iter();
    buckets
        .map(|(name, bucket)| (name.as_str().to_owned(), objects(bucket)))
        .collect()
}

proptest! {
    #[test]
    fn any_history_leaves_what_the_model_says_and_replays_to_the_same(
        history in proptest::collection::vec(some_change(), 0..60)
    ) {
        let (mut catalogue, mut state) = (Catalogue::default(), Model::new());
        let mut journal = Vec::new();
        for (change, condition) in history {
            let decided = catalogue.decide(&change, &condition).is_ok();
            prop_assert_eq!(decided, model(&mut state, &change, &condition));
            if decided {
                journal.push(record::encode([&change]));
                catalogue.apply(change);
            }
            prop_assert_eq!(as_model(&catalogue), state.clone());
        }
        let mut replayed = Catalogue::default();
        for change in journal.iter().flat_map(|payload| record::decode(payload).unwrap()) {
            replayed.apply(change);
        }
        prop_assert_eq!(replayed, catalogue);
    }

    #[test]
    fn pages_one_behind_the_other_are_the_whole_listing(
        keys in proptest::collection::btree_set(some_key(), 0..40),
        prefix in proptest::string::string_regex("[ab/é]{0,2}").unwrap(),
        delimiter in prop_oneof![Just(None), Just(Some("/")), Just(Some("b/"))],
        max in 1..5_usize,
    ) {
        let keys: Vec<String> = keys.into_iter().collect();
        let catalogue = holding(&keys.iter().map(String::as_str).collect::<Vec<_>>());
        let held = catalogue.bucket(&bucket("files")).unwrap();
        let mut query = Query {
            prefix: prefix.clone(),
            delimiter: delimiter.map(str::to_owned),
            after: After::Start,
            max,
        };
        let mut listed = Vec::new();
        loop {
            let (names, next) = names(held, &query);
            prop_assert!(names.len() <= max);
            listed.extend(names);
            match next {
                Some(after) => query.after = after,
                None => break,
            }
        }
        prop_assert_eq!(listed, naive(&keys, &prefix, delimiter));
    }
}

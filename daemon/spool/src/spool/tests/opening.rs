//! Opening a directory: whose it is, which settings it takes, and what of it others can read.

use super::*;

#[test]
fn a_second_owner_of_the_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let keys = Arc::new(TestKeys::new());
    let _first = open_after(&settings(dir.path()), &keys);
    let refused = open(settings(dir.path()), keys, noon()).unwrap_err();
    assert_eq!(refused.code(), "SP-003");
}

#[test]
fn a_directory_of_another_producer_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let keys = Arc::new(TestKeys::new());
    drop(open_after(&settings(dir.path()), &keys));
    let other = SpoolSettings {
        producer: "in2".to_owned(),
        ..settings(dir.path())
    };
    let refused = loop {
        let refused = open(other.clone(), Arc::<TestKeys>::clone(&keys), noon()).unwrap_err();
        if refused.code() != "SP-003" {
            break refused;
        }
    };
    assert_eq!(refused.code(), "SP-004");
    let told = std::error::Error::source(&refused).unwrap().to_string();
    assert!(
        told.contains("\"in1\"") && told.contains("\"in2\""),
        "{told}"
    );
}

#[test]
fn a_damaged_epoch_file_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    for text in [
        "",
        "cofferdam spool 1\n",
        "cofferdam spool 1\nproducer in1\nepoch +7\n",
    ] {
        std::fs::write(dir.path().join("epoch"), text).unwrap();
        let refused = open(settings(dir.path()), Arc::new(TestKeys::new()), noon()).unwrap_err();
        assert_eq!(refused.code(), "SP-004", "{text:?}");
        assert_eq!(
            std::fs::read_to_string(dir.path().join("epoch")).unwrap(),
            text
        );
    }
}

#[test]
fn a_clock_beyond_ten_digits_of_seconds_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let clock: Clock = Arc::new(|| 10_000_000_000_000);
    let refused = open(settings(dir.path()), Arc::new(TestKeys::new()), clock).unwrap_err();
    assert_eq!(refused.code(), "SP-004");
}

type Spoil = fn(&mut SpoolSettings);

#[test]
fn settings_no_spool_can_honour_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let good = settings(dir.path());
    let cases: [(Spoil, &str); 12] = [
        (|s| s.producer = String::new(), "producer"),
        (|s| s.producer = "In1".to_owned(), "producer"),
        (|s| s.producer = "a/b".to_owned(), "producer"),
        (|s| s.producer = "a".repeat(65), "producer"),
        (|s| s.segment_bytes = 0, "segment-bytes"),
        (|s| s.segment_bytes = 2 << 30, "segment-bytes"),
        (|s| s.segment_records = 0, "segment-records"),
        (|s| s.segment_records = 2 << 20, "segment-records"),
        (|s| s.segment_age = Duration::ZERO, "segment-age"),
        (|s| s.wait = Duration::ZERO, "wait"),
        (|s| s.attempts = 0, "attempts"),
        (|s| s.capacity_bytes = 5, "capacity-bytes"),
    ];
    for (spoil, name) in cases {
        let mut broken = good.clone();
        spoil(&mut broken);
        let refused = open(broken, Arc::new(TestKeys::new()), noon()).unwrap_err();
        assert_eq!(refused.code(), "SP-001");
        let told = std::error::Error::source(&refused).unwrap().to_string();
        assert!(told.contains(name), "{told}");
    }
    assert!(!dir.path().join("epoch").exists());
}

#[test]
fn a_file_that_is_not_ours_is_told_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let foreign = dir.path().join("segments").join("notes.txt");
    std::fs::create_dir_all(dir.path().join("segments")).unwrap();
    std::fs::write(&foreign, "not ours").unwrap();
    let (_, _, recovery) = open_after(&settings(dir.path()), &Arc::new(TestKeys::new()));
    assert_eq!(recovery.foreign, std::slice::from_ref(&foreign));
    assert!(foreign.exists());
}

#[test]
fn files_of_a_spool_are_readable_by_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let spool = dir.path().join("spool");
    let _handles = open_after(&settings(&spool), &Arc::new(TestKeys::new()));
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&spool), 0o700);
    for name in ["epoch", "seen", "lock"] {
        assert_eq!(mode(&spool.join(name)), 0o600, "{name}");
    }
}

#[test]
fn handles_show_no_secret_when_they_are_debugged() {
    let dir = tempfile::tempdir().unwrap();
    let (producer, consumer, _) = open_after(&settings(dir.path()), &Arc::new(TestKeys::new()));
    let shown = format!("{producer:?} {consumer:?}");
    assert!(
        shown.contains("capacity_bytes") && !shown.to_lowercase().contains("key"),
        "{shown}"
    );
}

//! Rotation of files: what is exchanged, what stays, what is refused, and what an interruption leaves.

use std::fs;
use std::os::unix::fs::symlink;

use super::*;
use crate::vectors::{open_wholly, plaintext};
use crate::{FernetKey, ObjectId, RecordOpener, RecordSealer, Sealer, WrappedKey};

const LENGTH: usize = 40_000;

/// A directory with one object under the old key, and the rings around it.
struct Fixture {
    directory: tempfile::TempDir,
    old: Keyring,
    both: Keyring,
    new: Keyring,
    key: FernetKey,
    wrapped: WrappedKey,
}

impl Fixture {
    fn new() -> Self {
        let [old, new, key] = std::array::from_fn(|_| FernetKey::generate().unwrap());
        let wrapped = WrappedKey::seal(&old, &key, 7).unwrap();
        let fixture = Self {
            directory: tempfile::tempdir().unwrap(),
            both: Keyring::from_keys(vec![new.duplicate(), old.duplicate()]).unwrap(),
            old: Keyring::from_keys(vec![old]).unwrap(),
            new: Keyring::from_keys(vec![new]).unwrap(),
            key,
            wrapped,
        };
        let (mut sealer, mut sealed) = Sealer::new(
            &fixture.key,
            &fixture.wrapped,
            ObjectId([3; 16]),
            7,
            b"files",
        );
        sealer.update(&plaintext(LENGTH), &mut sealed);
        sealer.finish(&mut sealed);
        fs::write(fixture.object(), sealed).unwrap();
        fs::set_permissions(fixture.object(), Permissions::from_mode(0o640)).unwrap();
        fixture
    }

    fn object(&self) -> PathBuf {
        self.directory.path().join("object")
    }

    fn check(&self, path: &Path, code: &str) {
        let before = fs::read(self.object()).unwrap();
        let error = rewrap_file(path, &self.both).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert_eq!(fs::read(self.object()).unwrap(), before);
        assert!(!unfinished(path).unwrap().exists());
    }

    fn log(&self, closed: &str) -> PathBuf {
        let (mut writer, mut log) =
            RecordSealer::new(&self.key, &self.wrapped, ObjectId([4; 16]), 7, b"files");
        writer.seal(&[1; 16], b"a record", &mut log).unwrap();
        if closed == "closed" {
            writer.finish(&mut log);
        }
        let path = self.directory.path().join(closed);
        fs::write(&path, log).unwrap();
        path
    }
}

#[test]
fn a_rotated_object_opens_under_the_new_key_alone_and_its_frames_are_the_same() {
    let fixture = Fixture::new();
    let path = fixture.object();
    let before = (fs::read(&path).unwrap(), fs::metadata(&path).unwrap());
    assert_eq!(rewrap_file(&path, &fixture.both).unwrap(), Rewrapped::Moved);
    let after = (fs::read(&path).unwrap(), fs::metadata(&path).unwrap());
    assert_eq!(after.0[HEADER_LEN..], before.0[HEADER_LEN..]);
    assert_eq!(after.0[..72], before.0[..72]);
    assert_eq!(after.1.mode(), before.1.mode());
    assert_eq!(after.1.modified().unwrap(), before.1.modified().unwrap());
    let opened = open_wholly(&after.0, &fixture.new, b"files").unwrap();
    assert_eq!(opened, plaintext(LENGTH));
    assert_eq!(
        open_wholly(&after.0, &fixture.old, b"files").unwrap_err(),
        "SE-211"
    );
}

#[test]
fn rotating_again_touches_nothing() {
    let fixture = Fixture::new();
    let path = fixture.object();
    rewrap_file(&path, &fixture.both).unwrap();
    let inode = fs::metadata(&path).unwrap().ino();
    let again = rewrap_file(&path, &fixture.both).unwrap();
    assert_eq!(again, Rewrapped::Already);
    assert_eq!(fs::metadata(&path).unwrap().ino(), inode);
}

#[test]
fn what_an_interruption_left_is_cleared_away_and_the_rotation_goes_on() {
    let fixture = Fixture::new();
    let path = fixture.object();
    let copy = unfinished(&path).unwrap();
    // Killed while copying: half a copy lies beside the untouched object.
    fs::write(&copy, &fs::read(&path).unwrap()[..9000]).unwrap();
    assert_eq!(rewrap_file(&path, &fixture.both).unwrap(), Rewrapped::Moved);
    assert!(!copy.exists());
    // Killed after the exchange: nothing is left to do but the clearing.
    fs::write(&copy, b"half").unwrap();
    assert_eq!(
        rewrap_file(&path, &fixture.both).unwrap(),
        Rewrapped::Already
    );
    assert!(!copy.exists());
}

#[test]
fn a_ring_that_does_not_open_the_object_changes_nothing() {
    let fixture = Fixture::new();
    let before = fs::read(fixture.object()).unwrap();
    let error = rewrap_file(&fixture.object(), &fixture.new).unwrap_err();
    assert_eq!(error.code(), "SE-211");
    assert_eq!(fs::read(fixture.object()).unwrap(), before);
}

#[test]
fn links_and_what_is_no_object_are_refused() {
    let fixture = Fixture::new();
    let at = |name: &str| fixture.directory.path().join(name);
    symlink(fixture.object(), at("symbolic")).unwrap();
    fixture.check(&at("symbolic"), "SE-310");
    fixture.check(fixture.directory.path(), "SE-310");
    fs::write(at("short"), b"\x89COFFER\n").unwrap();
    fixture.check(&at("short"), "SE-301");
    fs::write(at("other"), [b'x'; 600]).unwrap();
    fixture.check(&at("other"), "SE-302");
    fixture.check(&at("absent"), "SE-313");
    fs::hard_link(fixture.object(), at("hard")).unwrap();
    fixture.check(&at("hard"), "SE-310");
    fixture.check(&fixture.object(), "SE-310");
}

#[test]
fn an_object_that_another_rotation_holds_is_left_alone() {
    let fixture = Fixture::new();
    let held = File::open(fixture.object()).unwrap();
    held.lock().unwrap();
    fixture.check(&fixture.object(), "SE-311");
    held.unlock().unwrap();
    assert!(rewrap_file(&fixture.object(), &fixture.both).is_ok());
}

#[test]
fn an_object_that_was_replaced_or_removed_while_it_was_copied_stays_so() {
    let fixture = Fixture::new();
    let path = fixture.object();
    let copy = fixture.directory.path().join("copy");
    fs::write(&copy, b"the copy").unwrap();
    let object = File::open(&path).unwrap();
    let before = object.metadata().unwrap();
    let exchanged = || exchange(&copy, &path, &object, &before);
    let newer = fixture.directory.path().join("newer");
    fs::write(&newer, b"a newer object").unwrap();
    fs::rename(&newer, &path).unwrap();
    assert!(matches!(exchanged(), Err(RewrapErrorKind::Busy)));
    assert_eq!(fs::read(&path).unwrap(), b"a newer object");
    fs::remove_file(&path).unwrap();
    assert!(matches!(exchanged(), Err(RewrapErrorKind::Busy)));
    assert!(!path.exists());
}

#[test]
fn an_upload_that_is_not_finished_is_left_to_its_writer() {
    let fixture = Fixture::new();
    let upload = fixture.directory.path().join("0123.part");
    fs::copy(fixture.object(), &upload).unwrap();
    let before = fs::metadata(&upload).unwrap().ino();
    fixture.check(&upload, "SE-311");
    assert_eq!(fs::metadata(&upload).unwrap().ino(), before);
}

#[test]
fn a_closed_log_is_rotated_and_an_open_one_refused() {
    let fixture = Fixture::new();
    let closed = fixture.log("closed");
    assert_eq!(
        rewrap_file(&closed, &fixture.both).unwrap(),
        Rewrapped::Moved
    );
    let log = fs::read(&closed).unwrap();
    let header = Header::parse(&log).unwrap();
    let key = header.wrapped().open(&fixture.new).unwrap();
    let mut opener = RecordOpener::new(&header, &key, b"files").unwrap();
    let mut rest = &log[HEADER_LEN..];
    let record = opener.next(&mut rest).unwrap().unwrap();
    assert_eq!(record.plain.as_slice(), b"a record");
    assert!(opener.next(&mut rest).unwrap().is_none());

    fixture.check(&fixture.log("open"), "SE-312");
    let empty = fixture.directory.path().join("empty");
    let (_, header) = RecordSealer::new(&fixture.key, &fixture.wrapped, ObjectId([5; 16]), 7, b"");
    fs::write(&empty, header).unwrap();
    fixture.check(&empty, "SE-312");
}

//! The ring as a file: who may read it, what it may hold, and that no refusal repeats a word of it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn write(directory: &Path, content: &[u8], mode: u32) -> PathBuf {
    let path = directory.join("ring");
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    path
}

fn check(content: &[u8], mode: u32, code: &str) -> KeyringError {
    let directory = tempfile::tempdir().unwrap();
    let error = Keyring::read(&write(directory.path(), content, mode)).unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    error
}

fn key_text() -> String {
    FernetKey::generate().unwrap().to_text().to_string()
}

#[test]
fn a_created_ring_is_private_and_reads_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fernet.key");
    let made = Keyring::create(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
    let content = fs::read_to_string(&path).unwrap();
    assert_eq!(content, format!("{}\n", *made.primary().to_text()));
    let read = Keyring::read(&path).unwrap();
    assert_eq!(*read.primary().to_text(), *made.primary().to_text());
}

#[test]
fn a_ring_is_never_created_over_anything() {
    let directory = tempfile::tempdir().unwrap();
    let path = write(directory.path(), b"precious", 0o600);
    assert_eq!(Keyring::create(&path).unwrap_err().code(), "SE-115");
    assert_eq!(fs::read(&path).unwrap(), b"precious");
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(directory.path().join("nowhere"), &link).unwrap();
    assert_eq!(Keyring::create(&link).unwrap_err().code(), "SE-115");
}

#[test]
fn a_ring_in_a_directory_that_is_not_there_is_not_created() {
    let directory = tempfile::tempdir().unwrap();
    let error = Keyring::create(&directory.path().join("no/ring")).unwrap_err();
    assert_eq!(error.code(), "SE-110");
    assert!(error.to_string().contains("no/ring"));
}

#[test]
fn every_bit_of_group_or_others_refuses_the_ring() {
    let content = format!("{}\n", key_text());
    for mode in [
        0o640, 0o604, 0o644, 0o660, 0o602, 0o620, 0o610, 0o601, 0o444,
    ] {
        let error = check(content.as_bytes(), mode, "SE-111");
        assert!(
            error.to_string().contains(&format!("{mode:04o}")),
            "{error}"
        );
    }
    let directory = tempfile::tempdir().unwrap();
    for mode in [0o600, 0o400] {
        let path = write(directory.path(), content.as_bytes(), mode);
        assert!(Keyring::read(&path).is_ok());
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn a_credential_may_show_an_access_list_but_never_be_open_to_all() {
    let directory = tempfile::tempdir().unwrap();
    let content = format!("{}\n", key_text());
    let path = write(directory.path(), content.as_bytes(), 0o440);
    let metadata = fs::metadata(&path).unwrap();
    let by_root = (metadata.uid(), metadata.gid()) == (0, 0);
    assert_eq!(Keyring::read_credential(&path).is_ok(), by_root);
    fs::set_permissions(&path, Permissions::from_mode(0o444)).unwrap();
    assert_eq!(
        Keyring::read_credential(&path).unwrap_err().code(),
        "SE-111"
    );
    fs::set_permissions(&path, Permissions::from_mode(0o460)).unwrap();
    assert_eq!(
        Keyring::read_credential(&path).unwrap_err().code(),
        "SE-111"
    );
    fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
    assert!(Keyring::read_credential(&path).is_ok());
}

#[test]
fn an_empty_ring_is_refused() {
    for content in ["", "\n", " \n\r\n\t\n"] {
        check(content.as_bytes(), 0o600, "SE-113");
    }
}

#[test]
fn a_damaged_line_is_named_by_number_and_not_repeated() {
    let [a, b] = [key_text(), key_text()];
    let spoiled = b.replacen(|c: char| c.is_ascii_alphanumeric(), "!", 1);
    for (content, line) in [
        (format!("{a}\n\n{spoiled}\n"), 3),
        (format!("{a}\n{}\n", &b[..43]), 2),
        (format!("# retired\n{a}\n"), 1),
        (format!("{a}{b}\n"), 1),
    ] {
        let error = check(content.as_bytes(), 0o600, "SE-114");
        assert!(
            error.to_string().contains(&format!("line {line} ")),
            "{error}"
        );
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(&a[8..20]) && !shown.contains(&b[8..20]));
    }
    let mut binary = format!("{a}\n").into_bytes();
    binary.extend([0xff, 0xfe, b'\n']);
    let error = check(&binary, 0o600, "SE-114");
    assert!(error.to_string().contains("line 2 "), "{error}");
}

#[test]
fn line_ends_and_blank_lines_do_not_matter_but_order_does() {
    let [a, b] = [key_text(), key_text()];
    for content in [format!("{a}\n{b}"), format!("\r\n {a} \r\n\r\n{b}\r\n")] {
        let ring = Keyring::from_text(&content).unwrap();
        assert_eq!(ring.count(), 2);
        assert_eq!(*ring.primary().to_text(), a);
    }
}

#[test]
fn a_ring_beyond_its_limits_is_refused() {
    let line = format!("{}\n", key_text());
    assert_eq!(
        Keyring::from_text(&line.repeat(KEY_LIMIT)).unwrap().count(),
        KEY_LIMIT
    );
    check(line.repeat(KEY_LIMIT + 1).as_bytes(), 0o600, "SE-117");
    check("\n".repeat(FILE_LIMIT + 1).as_bytes(), 0o600, "SE-117");
    check("\n".repeat(FILE_LIMIT).as_bytes(), 0o600, "SE-113");
    let many = (0..=KEY_LIMIT)
        .map(|_| FernetKey::generate().unwrap())
        .collect();
    assert_eq!(Keyring::from_keys(many).unwrap_err().code(), "SE-117");
    assert_eq!(Keyring::from_keys(Vec::new()).unwrap_err().code(), "SE-113");
}

#[test]
fn a_key_in_place_of_a_path_is_refused_and_not_repeated() {
    let [a, b] = [key_text(), key_text()];
    for given in [
        a.clone(),
        a.trim_end_matches('=').replace('/', "_"),
        format!("{a}\n"),
        format!("{a},{b}"),
        format!("'{a}'"),
    ] {
        for error in [
            Keyring::read(Path::new(&given)).unwrap_err(),
            Keyring::read_credential(Path::new(&given)).unwrap_err(),
            Keyring::create(Path::new(&given)).unwrap_err(),
        ] {
            assert_eq!(error.code(), "SE-112");
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains(&a[4..12]) && !shown.contains(&b[4..12]));
        }
    }
}

#[test]
fn a_long_path_is_not_taken_for_a_key() {
    let path = format!("/{}/{}", "a".repeat(20), "b".repeat(21));
    assert_eq!(path.len(), 43);
    assert_eq!(
        Keyring::read(Path::new(&path)).unwrap_err().code(),
        "SE-110"
    );
}

#[test]
fn what_is_not_a_regular_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(
        Keyring::read(directory.path()).unwrap_err().code(),
        "SE-116"
    );
    assert_eq!(
        Keyring::read(Path::new("/dev/null")).unwrap_err().code(),
        "SE-116"
    );
    let absent = directory.path().join("absent");
    assert_eq!(Keyring::read(&absent).unwrap_err().code(), "SE-110");
}

//! A directory read as a manifest: whole and signed, or refused with every fault that can be told.

use super::*;

#[test]
fn a_signed_rack_is_loaded_whole() {
    let (dir, operator) = (rack(), key("op1"));
    let signed = sign(&dir, 7, &[&operator]).unwrap();
    let manifest = load(&dir, &operators(&[&operator], 1)).unwrap();
    assert_eq!(
        (manifest.domain.as_str(), manifest.epoch),
        ("lab.internal", epoch(7))
    );
    assert_eq!(manifest.digest, signed.digest);
    assert_eq!(manifest.signed_by, ["op1"]);
    assert_eq!(manifest.policy.site(), "lab");
    assert_eq!(manifest.elevation.places().count(), 4);
    assert_eq!(manifest.flows.clients().count(), 1);
}

#[test]
fn the_digest_is_that_of_the_signed_text() {
    let (dir, operator) = (rack(), key("op1"));
    let signed = sign(&dir, 1, &[&operator]).unwrap();
    let text = note(&dir);
    let (body, _) = text.rsplit_once("\n\n").unwrap();
    assert_eq!(
        statement::sha256(format!("{body}\n").as_bytes()),
        signed.digest
    );
}

#[test]
fn a_rack_that_nobody_signed_is_refused() {
    let operator = key("op1");
    let said = check(
        load(&rack(), &operators(&[&operator], 1)),
        &[Code::NoteMissing],
    );
    assert!(said.contains("cofferctl rack sign"), "{said}");
}

#[test]
fn every_changed_file_is_named_and_none_is_parsed() {
    let (dir, operator) = (rack(), key("op1"));
    sign(&dir, 1, &[&operator]).unwrap();
    edit(&dir, flows::FILE, |text| format!("{text}# more\n"));
    let said = check(
        load(&dir, &operators(&[&operator], 1)),
        &[Code::FileChanged],
    );
    assert!(said.contains("flows.toml: sha256:"), "{said}");
    edit(&dir, POLICY_FILE, |_| "not even toml".to_owned());
    check(
        load(&dir, &operators(&[&operator], 1)),
        &[Code::FileChanged, Code::FileChanged],
    );
}

#[test]
fn missing_files_are_all_named() {
    let (dir, operator) = (rack(), key("op1"));
    fs::remove_file(dir.path().join(flows::FILE)).unwrap();
    fs::remove_file(dir.path().join(elevation::FILE)).unwrap();
    let found = load(&dir, &operators(&[&operator], 1));
    let said = check(found, &[Code::Unreadable, Code::Unreadable]);
    assert!(
        said.contains("elevation.toml") && said.contains("flows.toml"),
        "{said}"
    );
}

#[test]
fn a_directory_in_place_of_a_file_a_huge_file_and_bytes_that_are_no_text_are_refused() {
    let dir = rack();
    let path = dir.path().join(flows::FILE);
    fs::write(&path, [b'#', 0xff]).unwrap();
    check(Manifest::check(dir.path()), &[Code::TooLarge]);
    fs::write(&path, vec![b'#'; crate::document::FILE_LIMIT_BYTES + 1]).unwrap();
    check(Manifest::check(dir.path()), &[Code::TooLarge]);
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    check(Manifest::check(dir.path()), &[Code::Unreadable]);
}

#[test]
fn faults_of_flows_and_elevation_are_told_together() {
    let dir = rack();
    edit(&dir, flows::FILE, |text| {
        text.replace("\"key-open\"", "\"key-opne\"")
    });
    edit(&dir, elevation::FILE, |text| {
        text.replace("position   = 11", "position   = 43")
    });
    let said = Manifest::check(dir.path()).unwrap_err().to_string();
    assert!(said.contains("FL-002") && said.contains("RK-041"), "{said}");
}

#[test]
fn faults_of_the_policy_come_first_and_alone() {
    let dir = rack();
    edit(&dir, POLICY_FILE, |text| {
        text.replace("exposure = \"public\"", "exposure = \"publik\"")
    });
    edit(&dir, flows::FILE, |_| "nonsense".to_owned());
    let faults = Manifest::check(dir.path()).unwrap_err();
    assert!(
        faults
            .refusals()
            .iter()
            .all(|fault| fault.code.starts_with("HW-0")),
        "{faults}"
    );
}

#[test]
fn a_placeholder_that_nobody_filled_is_no_manifest() {
    let dir = rack();
    for (name, text) in LAB {
        fs::write(dir.path().join(name), text).unwrap();
    }
    assert!(Manifest::check(dir.path()).is_err());
}

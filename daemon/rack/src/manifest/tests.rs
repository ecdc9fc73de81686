//! Tests of the manifest as a whole: signed, changed, rolled back.

use std::fs;

use cofferdam_trail::VerifierKey;
use tempfile::TempDir;

use super::*;

const LAB: [(&str, &str); 3] = [
    (
        POLICY_FILE,
        include_str!("../../../cofferctl/lab/hwprofile.toml"),
    ),
    (
        elevation::FILE,
        include_str!("../../../cofferctl/lab/elevation.toml"),
    ),
    (
        flows::FILE,
        include_str!("../../../cofferctl/lab/flows.toml"),
    ),
];

/// The pin of a party of the lab: any digest, another for each.
fn pin(party: u8) -> KeyPin {
    KeyPin([party; 32])
}

/// A directory with the lab's three files, their placeholders filled.
fn rack() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in LAB {
        let parties = ["kp1", "st1", "in1", "an1", "app"];
        let filled = parties
            .iter()
            .zip(1..)
            .fold(text.to_owned(), |text, (party, number)| {
                text.replace(&format!("{{{{key:{party}}}}}"), &pin(number).to_string())
            });
        assert!(!filled.contains("\"{{key"), "{name}");
        fs::write(dir.path().join(name), filled).unwrap();
    }
    dir
}

fn key(name: &str) -> SignerKey {
    SignerKey::generate(name).unwrap()
}

fn operators(keys: &[&SignerKey], threshold: u32) -> Operators {
    Operators {
        keys: keys.iter().map(|key| key.verifier_key()).collect(),
        threshold,
    }
}

fn domain() -> RackDomain {
    "lab.internal".parse().unwrap()
}

fn epoch(number: u64) -> Epoch {
    Epoch::new(number).unwrap()
}

fn sign(dir: &TempDir, number: u64, keys: &[&SignerKey]) -> Result<Signed, Faults> {
    Manifest::sign(dir.path(), &domain(), epoch(number), keys)
}

fn note(dir: &TempDir) -> String {
    fs::read_to_string(dir.path().join(NOTE_FILE)).unwrap()
}

/// Expects exactly these codes. Gives all that was said.
fn check<T: std::fmt::Debug>(result: Result<T, Faults>, expect: &[Code]) -> String {
    let faults = result.unwrap_err();
    let codes: Vec<&str> = faults
        .refusals()
        .iter()
        .map(|fault| fault.code.as_str())
        .collect();
    let expect: Vec<&str> = expect.iter().map(|code| code.as_str()).collect();
    assert_eq!(codes, expect, "{faults}");
    faults.to_string()
}

fn load(dir: &TempDir, operators: &Operators) -> Result<Manifest, Faults> {
    Manifest::load(dir.path(), operators)
}

/// Changes one file of the rack.
fn edit(dir: &TempDir, name: &str, change: impl Fn(String) -> String) {
    let path = dir.path().join(name);
    fs::write(&path, change(fs::read_to_string(&path).unwrap())).unwrap();
}

mod loading {
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
}

mod signatures {
    use super::*;

    #[test]
    fn enough_operators_are_enough_and_one_fewer_is_not() {
        let (dir, keys) = (rack(), [key("op1"), key("op2"), key("op3")]);
        let three = [&keys[0], &keys[1], &keys[2]];
        sign(&dir, 1, &[three[0]]).unwrap();
        let said = check(
            load(&dir, &operators(&three, 2)),
            &[Code::SignaturesMissing],
        );
        assert!(
            said.contains("signed by 1 of 3 operators, 2 are needed"),
            "{said}"
        );
        assert!(
            said.contains("not signed by op2+") && said.contains("not signed by op3+"),
            "{said}"
        );
        let signed = sign(&dir, 1, &[three[2]]).unwrap();
        assert_eq!(signed.signers.len(), 2);
        let manifest = load(&dir, &operators(&three, 2)).unwrap();
        assert_eq!(manifest.signed_by.len(), 2);
        check(
            load(&dir, &operators(&three, 3)),
            &[Code::SignaturesMissing],
        );
    }

    #[test]
    fn one_operator_who_signs_twice_is_one_operator() {
        let (dir, first, second) = (rack(), key("op1"), key("op2"));
        sign(&dir, 1, &[&first]).unwrap();
        sign(&dir, 1, &[&first]).unwrap();
        assert_eq!(note(&dir).matches("op1 ").count(), 1);
        // By hand, too: the same line twice.
        let line = note(&dir).lines().last().unwrap().to_owned();
        edit(&dir, NOTE_FILE, |text| format!("{text}{line}\n"));
        check(
            load(&dir, &operators(&[&first, &second], 2)),
            &[Code::SignaturesMissing],
        );
    }

    #[test]
    fn an_unknown_operator_counts_for_nothing_and_is_named() {
        let (dir, known, stranger) = (rack(), key("op1"), key("eve"));
        sign(&dir, 1, &[&stranger]).unwrap();
        let said = check(
            load(&dir, &operators(&[&known], 1)),
            &[Code::OperatorUnknown],
        );
        assert!(said.contains("eve+"), "{said}");
        sign(&dir, 1, &[&known]).unwrap();
        let manifest = load(&dir, &operators(&[&known], 1)).unwrap();
        assert_eq!(manifest.signed_by, ["op1"]);
    }

    #[test]
    fn another_key_under_an_operators_name_is_a_stranger() {
        let (dir, known, impostor) = (rack(), key("op1"), key("op1"));
        sign(&dir, 1, &[&impostor]).unwrap();
        let said = check(
            load(&dir, &operators(&[&known], 1)),
            &[Code::OperatorUnknown],
        );
        assert!(said.contains(&impostor.verifier_key().short()), "{said}");
    }

    #[test]
    fn a_note_whose_text_was_changed_is_tampering() {
        let (dir, operator) = (rack(), key("op1"));
        sign(&dir, 1, &[&operator]).unwrap();
        edit(&dir, NOTE_FILE, |text| text.replace("epoch 1", "epoch 2"));
        let said = check(
            load(&dir, &operators(&[&operator], 1)),
            &[Code::SignatureFalse],
        );
        assert!(said.contains("op1"), "{said}");
    }

    #[test]
    fn what_is_no_note_or_a_note_of_something_else_is_refused() {
        let (dir, operator) = (rack(), key("op1"));
        for bad in ["", "manifest", "a\n\nb\n", "a\n\n\u{2014} op1 AAAA"] {
            fs::write(dir.path().join(NOTE_FILE), bad).unwrap();
            check(
                load(&dir, &operators(&[&operator], 1)),
                &[Code::NoteMalformed],
            );
        }
        let other = cofferdam_trail::note::sign("lab.internal/keeper\n1\nAAAA\n", &[&operator]);
        fs::write(dir.path().join(NOTE_FILE), other).unwrap();
        check(
            load(&dir, &operators(&[&operator], 1)),
            &[Code::NoteMalformed],
        );
    }

    #[test]
    fn operators_who_cannot_decide_are_refused() {
        let (dir, operator) = (rack(), key("op1"));
        sign(&dir, 1, &[&operator]).unwrap();
        check(
            load(&dir, &operators(&[&operator], 0)),
            &[Code::OperatorsUnfit],
        );
        check(
            load(&dir, &operators(&[&operator], 2)),
            &[Code::OperatorsUnfit],
        );
        check(load(&dir, &operators(&[], 1)), &[Code::OperatorsUnfit]);
        check(
            load(&dir, &operators(&[&operator, &operator], 2)),
            &[Code::OperatorsUnfit],
        );
    }

    #[test]
    fn one_key_under_two_names_is_one_operator() {
        let operator = key("op1");
        // The hash belongs to the name, so the second name's key is made as any tool would make it.
        let renamed = renamed(&operator.verifier_key(), "op2");
        let both = Operators {
            keys: vec![operator.verifier_key(), renamed],
            threshold: 2,
        };
        let dir = rack();
        sign(&dir, 1, &[&operator]).unwrap();
        check(load(&dir, &both), &[Code::OperatorsUnfit]);
    }

    /// The same public key under another name: `<name>+<first four bytes of SHA-256(name, newline,
    /// key)>+<key>`.
    fn renamed(key: &VerifierKey, name: &str) -> VerifierKey {
        use base64::Engine as _;
        let text = key.to_string();
        let material = text.splitn(3, '+').nth(2).unwrap();
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(material)
            .unwrap();
        let hash = statement::sha256(&[name.as_bytes(), b"\n", &bytes].concat());
        let hash = u32::from_be_bytes(*hash.first_chunk().unwrap());
        format!("{name}+{hash:08x}+{material}").parse().unwrap()
    }
}

mod signing {
    use super::*;

    #[test]
    fn a_rack_with_a_fault_is_not_signed() {
        let (dir, operator) = (rack(), key("op1"));
        edit(&dir, flows::FILE, |text| {
            text.replace("\"lease\"", "\"laese\"")
        });
        assert!(sign(&dir, 1, &[&operator]).is_err());
        assert!(!dir.path().join(NOTE_FILE).exists());
    }

    #[test]
    fn no_key_signs_nothing() {
        let dir = rack();
        check(sign(&dir, 1, &[]), &[Code::SignaturesMissing]);
        assert!(!dir.path().join(NOTE_FILE).exists());
    }

    #[test]
    fn the_epoch_only_rises_and_the_former_note_stands() {
        let (dir, operator) = (rack(), key("op1"));
        sign(&dir, 5, &[&operator]).unwrap();
        let before = note(&dir);
        check(sign(&dir, 4, &[&operator]), &[Code::EpochLower]);
        edit(&dir, flows::FILE, |text| format!("{text}# changed\n"));
        check(sign(&dir, 5, &[&operator]), &[Code::EpochReused]);
        assert_eq!(note(&dir), before);
        sign(&dir, 6, &[&operator]).unwrap();
        assert_eq!(
            load(&dir, &operators(&[&operator], 1)).unwrap().epoch,
            epoch(6)
        );
    }

    #[test]
    fn a_new_epoch_keeps_no_signature_of_the_former() {
        let (dir, first, second) = (rack(), key("op1"), key("op2"));
        sign(&dir, 1, &[&first, &second]).unwrap();
        let signed = sign(&dir, 2, &[&first]).unwrap();
        assert_eq!(signed.signers, [first.verifier_key().short()]);
        check(
            load(&dir, &operators(&[&first, &second], 2)),
            &[Code::SignaturesMissing],
        );
    }

    #[test]
    fn a_file_that_is_no_note_is_not_overwritten() {
        let (dir, operator) = (rack(), key("op1"));
        fs::write(dir.path().join(NOTE_FILE), "my shopping list\n").unwrap();
        check(sign(&dir, 1, &[&operator]), &[Code::NoteMalformed]);
        assert_eq!(note(&dir), "my shopping list\n");
    }

    #[test]
    fn nothing_but_the_note_is_left_behind() {
        let (dir, operator) = (rack(), key("op1"));
        sign(&dir, 1, &[&operator]).unwrap();
        let mut names: Vec<_> = fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(
            names,
            ["elevation.toml", "flows.toml", "hwprofile.toml", "manifest"]
        );
    }

    #[test]
    fn a_note_that_cannot_be_written_is_told() {
        let (dir, operator) = (rack(), key("op1"));
        // A directory in the place of the draft stops every user, the superuser too.
        fs::create_dir(dir.path().join(".manifest.new")).unwrap();
        check(sign(&dir, 1, &[&operator]), &[Code::NoteUnwritten]);
        assert!(!dir.path().join(NOTE_FILE).exists());
    }
}

mod following {
    use super::*;

    #[test]
    fn a_manifest_follows_an_older_one_and_itself() {
        let (dir, operator) = (rack(), key("op1"));
        sign(&dir, 5, &[&operator]).unwrap();
        let manifest = load(&dir, &operators(&[&operator], 1)).unwrap();
        assert_eq!(manifest.follows(epoch(4), &[0; 32]), Ok(()));
        assert_eq!(manifest.follows(epoch(5), &manifest.digest), Ok(()));
    }

    #[test]
    fn a_rollback_and_a_second_manifest_of_one_epoch_have_codes_of_their_own() {
        let (dir, operator) = (rack(), key("op1"));
        sign(&dir, 5, &[&operator]).unwrap();
        let manifest = load(&dir, &operators(&[&operator], 1)).unwrap();
        let code = |refused: Result<(), Refusal>| refused.unwrap_err().code;
        assert_eq!(
            code(manifest.follows(epoch(6), &[0; 32])),
            Code::EpochLower.as_str()
        );
        assert_eq!(
            code(manifest.follows(epoch(6), &manifest.digest)),
            Code::EpochLower.as_str()
        );
        assert_eq!(
            code(manifest.follows(epoch(5), &[0; 32])),
            Code::EpochReused.as_str()
        );
    }
}

mod parties {
    use super::*;

    fn manifest() -> Manifest {
        let (dir, operator) = (rack(), key("op1"));
        sign(&dir, 1, &[&operator]).unwrap();
        load(&dir, &operators(&[&operator], 1)).unwrap()
    }

    fn peer(zone: &str, node: &str) -> PeerId {
        PeerId {
            zone: zone.parse().unwrap(),
            node: node.parse().unwrap(),
        }
    }

    #[test]
    fn nodes_and_clients_are_known_by_their_keys() {
        let pins = manifest().pins();
        assert_eq!(pins.len(), 5);
        assert_eq!(pins.get(pin(2).as_bytes()), Some(&peer("storage", "st1")));
        assert_eq!(pins.get(pin(5).as_bytes()), Some(&peer("app", "app")));
        assert_eq!(pins.get(pin(6).as_bytes()), None);
    }

    #[test]
    fn a_peer_is_known_in_its_own_zone_only() {
        let manifest = manifest();
        assert!(manifest.knows(&peer("storage", "st1")) && manifest.knows(&peer("app", "app")));
        for (zone, node) in [
            ("intake", "st1"),
            ("storage", "app"),
            ("app", "st1"),
            ("app", "ap"),
        ] {
            assert!(!manifest.knows(&peer(zone, node)), "{zone}/{node}");
        }
        assert!(manifest.client(&peer("app", "app")).is_some());
        assert!(manifest.client(&peer("storage", "st1")).is_none());
        assert_eq!(
            manifest.peer(&"in1".parse().unwrap()),
            Some(peer("intake", "in1"))
        );
        assert_eq!(manifest.peer(&"app".parse().unwrap()), None);
    }

    #[test]
    fn each_zone_has_its_trust_domain_and_each_trust_domain_its_zone() {
        let manifest = manifest();
        let domains: Vec<String> = manifest
            .trust_domains()
            .keys()
            .map(ToString::to_string)
            .collect();
        let expect = ["analytics", "app", "intake", "keeper", "storage"];
        assert_eq!(domains, expect.map(|zone| format!("{zone}.lab.internal")));
        let zone_of = |text: &str| manifest.zone_of(&text.parse().unwrap());
        assert_eq!(
            zone_of("storage.lab.internal"),
            Some("storage".parse().unwrap())
        );
        assert_eq!(zone_of("archive.lab.internal"), None);
        assert_eq!(zone_of("storage.other.internal"), None);
    }
}

mod manual {
    use super::*;

    const MANUAL: &str = include_str!("../../../../docs/manifest.md");

    /// The example under the heading of a file.
    fn example(name: &str) -> &'static str {
        let (_, section) = MANUAL.split_once(&format!("\n## {name}\n")).unwrap();
        let (_, block) = section.split_once("```toml\n").unwrap();
        block.split_once("```").unwrap().0
    }

    #[test]
    fn the_examples_are_a_manifest() {
        let (dir, operator) = (tempfile::tempdir().unwrap(), key("op-anna"));
        for name in FILES {
            fs::write(dir.path().join(name), example(name)).unwrap();
        }
        sign(&dir, 12, &[&operator]).unwrap_or_else(|faults| panic!("{faults}"));
        let manifest = load(&dir, &operators(&[&operator], 1)).unwrap();
        assert_eq!(manifest.pins().len(), 4);
        assert_eq!(manifest.flows.rules().len(), 5);
    }

    #[test]
    fn every_code_of_the_manual_exists_and_every_code_of_a_signature_stands_there() {
        let codes: Vec<&str> = crate::CODES.iter().map(|entry| entry.code).collect();
        for told in MANUAL.split("RK-").skip(1) {
            let code = format!("RK-{}", told.chars().take(3).collect::<String>());
            assert!(codes.contains(&code.as_str()), "{code}");
        }
        for code in codes {
            let told =
                code.starts_with("RK-1") || code.starts_with("RK-2") || code.starts_with("RK-04");
            assert!(!told || MANUAL.contains(code), "{code}");
        }
    }

    #[test]
    fn every_verb_stands_in_the_manual_with_those_who_answer_it() {
        for verb in crate::Verb::ALL {
            assert!(MANUAL.contains(&format!("`{verb}`")), "{verb}");
        }
    }
}

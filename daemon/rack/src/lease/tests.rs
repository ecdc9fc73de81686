//! Tests of the messages about leases and standing: round trips, versions, bounds.

use cofferdam_hwprofile::{Grade, Inventory, Refusal, RuleRef};
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use super::*;
use crate::{Code, PeerId, TrustDomain};

fn peer(zone: &str, node: &str) -> PeerId {
    PeerId {
        zone: zone.parse().unwrap(),
        node: node.parse().unwrap(),
    }
}

fn epoch(number: u64) -> Epoch {
    Epoch::new(number).unwrap()
}

fn refusal() -> Refusal {
    Refusal::new("HW-211", "they share a chassis", "move one")
        .read("token 6f3a")
        .rule(RuleRef::new(
            "hwprofile.toml",
            42,
            "separate storage, intake at chassis",
        ))
        .why("law")
}

fn standing() -> Standing {
    let loss = |node: &str, serial: Option<&str>| Revocation {
        peer: peer("intake", node),
        serial: serial.map(str::to_owned),
        why: refusal(),
        at: 1_700_000_000,
    };
    Standing {
        sequence: 4,
        epoch: epoch(2),
        revoked: vec![loss("in1", None), loss("in2", Some("1a2b"))],
    }
}

fn bundle() -> TrustBundle {
    let domain = |text: &str| text.parse::<TrustDomain>().unwrap();
    let domains = [
        (domain("keeper.lab.internal"), vec![vec![0x30, 1]]),
        (
            domain("storage.lab.internal"),
            vec![vec![0x30, 2], vec![0x30, 3]],
        ),
        (domain("app.lab.internal"), vec![]),
    ];
    TrustBundle {
        domains: domains.into(),
    }
}

fn grant() -> LeaseGrant {
    LeaseGrant {
        chain_der: vec![vec![0x30; 900], vec![0x30; 700]],
        not_after: 1_700_000_900,
        renew_after: 300,
        trust: bundle(),
        standing: standing(),
    }
}

/// Expects this code of a message that must not be read.
fn check<T: fmt::Debug>(read: Result<T, WireError>, code: Code) {
    let error = read.unwrap_err();
    assert_eq!(error.code(), code, "{error}");
}

/// The message with one part changed.
fn with(mut message: Value, key: &str, value: Value) -> Value {
    message[key] = value;
    message
}

mod request {
    use super::*;

    fn request(evidence: Option<Evidence>) -> LeaseRequest {
        LeaseRequest {
            node: "st1".parse().unwrap(),
            epoch: epoch(3),
            csr_der: vec![0x30, 0x82],
            evidence,
        }
    }

    fn evidence() -> Evidence {
        let empty = tempfile::tempdir().unwrap();
        Evidence::of(&Inventory::read(empty.path()), "test", Grade::E0Simulated)
    }

    #[test]
    fn a_request_with_and_without_evidence_reads_back() {
        for sent in [request(None), request(Some(evidence()))] {
            let bytes = sent.to_json().to_string().into_bytes();
            for read in [
                LeaseRequest::from_json(&sent.to_json()),
                LeaseRequest::from_slice(&bytes),
            ] {
                let read = read.unwrap();
                assert_eq!((read.node.as_str(), read.epoch), ("st1", epoch(3)));
                assert_eq!(read.csr_der, sent.csr_der);
                let digest =
                    |request: &LeaseRequest| request.evidence.as_ref().map(Evidence::digest);
                assert_eq!(digest(&read), digest(&sent));
            }
        }
    }

    #[test]
    fn evidence_that_is_no_evidence_is_refused_and_its_absence_must_be_said() {
        let sent = request(None).to_json();
        check(
            LeaseRequest::from_json(&with(sent.clone(), "evidence", json!({}))),
            Code::WireMalformed,
        );
        check(
            LeaseRequest::from_json(&with(sent.clone(), "evidence", json!("none"))),
            Code::WireMalformed,
        );
        let mut silent = sent;
        silent.as_object_mut().unwrap().remove("evidence");
        check(LeaseRequest::from_json(&silent), Code::WireMalformed);
    }

    #[test]
    fn a_request_out_of_shape_or_bounds_is_refused() {
        let sent = request(None).to_json();
        for (key, value, code) in [
            ("version", json!(2), Code::WireVersion),
            ("node", json!("ST1"), Code::WireMalformed),
            ("epoch", json!(0), Code::WireMalformed),
            ("epoch", json!(-1), Code::WireMalformed),
            ("epoch", json!("3"), Code::WireMalformed),
            ("csr", json!(""), Code::WireMalformed),
            ("csr", json!("AAA"), Code::WireMalformed),
            ("csr", json!([1, 2]), Code::WireMalformed),
            (
                "csr",
                json!("A".repeat(CERTIFICATE_LIMIT_BYTES * 2)),
                Code::WireBound,
            ),
            ("more", json!(1), Code::WireMalformed),
        ] {
            check(
                LeaseRequest::from_json(&with(sent.clone(), key, value)),
                code,
            );
        }
        check(
            LeaseRequest::from_slice(&vec![b' '; REQUEST_LIMIT_BYTES + 1]),
            Code::WireBound,
        );
    }

    #[test]
    fn a_request_prints_neither_its_evidence_nor_its_key() {
        let printed = format!("{:?}", request(Some(evidence())));
        assert!(
            printed.contains("csr_der: 2") && printed.contains("E0"),
            "{printed}"
        );
        assert!(printed.len() < 200, "{printed}");
    }
}

mod grant {
    use super::*;

    #[test]
    fn a_grant_reads_back() {
        let sent = grant();
        assert_eq!(LeaseGrant::from_json(&sent.to_json()), Ok(sent.clone()));
        assert_eq!(
            LeaseGrant::from_slice(sent.to_json().to_string().as_bytes()),
            Ok(sent)
        );
    }

    #[test]
    fn a_grant_out_of_shape_or_bounds_is_refused() {
        let sent = grant().to_json();
        let long = wire::base64(&vec![0; CERTIFICATE_LIMIT_BYTES + 1]);
        for (key, value, code) in [
            ("version", json!("1"), Code::WireVersion),
            ("chain", json!([]), Code::WireMalformed),
            ("chain", json!(["AAAA", ""]), Code::WireMalformed),
            (
                "chain",
                json!(["AAAA", "AAAA", "AAAA", "AAAA", "AAAA"]),
                Code::WireBound,
            ),
            ("chain", json!([long]), Code::WireBound),
            ("not-after", json!(-5), Code::WireMalformed),
            ("not-after", json!(1.5), Code::WireMalformed),
            (
                "renew-after",
                json!(u64::from(u32::MAX) + 1),
                Code::WireMalformed,
            ),
            ("trust", json!({}), Code::WireMalformed),
            (
                "trust",
                with(bundle().to_json(), "version", json!(2)),
                Code::WireVersion,
            ),
            (
                "standing",
                with(standing().to_json(), "version", json!(2)),
                Code::WireVersion,
            ),
            ("not_after", json!(1), Code::WireMalformed),
        ] {
            check(LeaseGrant::from_json(&with(sent.clone(), key, value)), code);
        }
    }
}

mod trust {
    use super::*;

    #[test]
    fn a_zone_has_its_own_roots_and_nobody_elses() {
        let bundle = bundle();
        let roots = |text: &str| bundle.roots(&text.parse().unwrap()).to_vec();
        assert_eq!(
            roots("storage.lab.internal"),
            [vec![0x30, 2], vec![0x30, 3]]
        );
        assert_eq!(roots("keeper.lab.internal"), [vec![0x30, 1]]);
        assert!(roots("app.lab.internal").is_empty());
        assert!(roots("intake.lab.internal").is_empty());
        assert!(roots("storage.other.internal").is_empty());
    }

    #[test]
    fn a_trust_domain_given_twice_is_refused() {
        let entry = json!({"domain": "a.lab", "roots": ["AAAA"]});
        check(
            TrustBundle::from_json(&json!({"version": 1, "domains": [entry, entry]})),
            Code::WireMalformed,
        );
        assert!(TrustBundle::from_json(&json!({"version": 1, "domains": [entry]})).is_ok());
    }

    #[test]
    fn a_bundle_out_of_shape_or_bounds_is_refused() {
        let read =
            |entry: Value| TrustBundle::from_json(&json!({"version": 1, "domains": [entry]}));
        check(
            read(json!({"domain": "storage", "roots": []})),
            Code::WireMalformed,
        );
        check(
            read(json!({"domain": "Storage.lab", "roots": []})),
            Code::WireMalformed,
        );
        check(read(json!({"domain": "a.lab"})), Code::WireMalformed);
        check(
            read(json!({"domain": "a.lab", "roots": [], "x": 1})),
            Code::WireMalformed,
        );
        check(
            read(json!({"domain": "a.lab", "roots": ["AAAA", "AAAA", "AAAA", "AAAA", "AAAA"]})),
            Code::WireBound,
        );
        let many: Vec<_> = (0..129)
            .map(|n| json!({"domain": format!("z{n}.lab"), "roots": []}))
            .collect();
        check(
            TrustBundle::from_json(&json!({"version": 1, "domains": many})),
            Code::WireBound,
        );
    }
}

mod standings {
    use super::*;

    #[test]
    fn a_standing_reads_back_with_its_reasons() {
        for sent in [standing(), Standing::new(epoch(1))] {
            assert_eq!(Standing::from_json(&sent.to_json()), Ok(sent.clone()));
            assert_eq!(
                Standing::from_slice(sent.to_json().to_string().as_bytes()),
                Ok(sent)
            );
        }
    }

    #[test]
    fn a_serial_number_has_one_form() {
        for bad in ["", "0a", "1A", "xyz", "1 ", &"1".repeat(41)] {
            let mut sent = standing();
            sent.revoked[1].serial = Some((*bad).to_owned());
            assert!(Standing::from_json(&sent.to_json()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_standing_out_of_shape_or_bounds_is_refused() {
        let sent = standing().to_json();
        let loss = sent["revoked"][0].clone();
        check(
            Standing::from_json(&with(sent.clone(), "sequence", json!(-1))),
            Code::WireMalformed,
        );
        check(
            Standing::from_json(&with(sent.clone(), "epoch", json!(0))),
            Code::WireMalformed,
        );
        let many = vec![loss.clone(); REVOCATIONS_LIMIT + 1];
        check(
            Standing::from_json(&with(sent.clone(), "revoked", json!(many))),
            Code::WireBound,
        );
        for (key, value) in [
            ("why", json!("because")),
            ("zone", json!("")),
            ("at", json!(null)),
            ("x", json!(1)),
        ] {
            let changed = json!([with(loss.clone(), key, value)]);
            check(
                Standing::from_json(&with(sent.clone(), "revoked", changed)),
                Code::WireMalformed,
            );
        }
    }

    #[test]
    fn a_revocation_by_serial_covers_that_certificate_alone() {
        let standing = standing();
        let covered = |node: &str, serial: &str, issued| {
            standing
                .revocations()
                .covering(&peer("intake", node), serial, issued)
                .is_some()
        };
        assert!(covered("in2", "1a2b", 0) && covered("in2", "1a2b", u64::MAX));
        assert!(!covered("in2", "1a2c", 0));
        assert!(!covered("in3", "1a2b", 0));
    }

    #[test]
    fn a_revocation_by_name_covers_renewals_until_then_and_no_later_lease() {
        let standing = standing();
        let covered = |zone: &str, issued| {
            standing
                .revocations()
                .covering(&peer(zone, "in1"), "77", issued)
                .is_some()
        };
        assert!(covered("intake", 0) && covered("intake", 1_700_000_000));
        assert!(!covered("intake", 1_700_000_001));
        assert!(!covered("storage", 0));
    }

    #[test]
    fn news_are_taken_over_and_older_ones_are_refused() {
        let at = |sequence, number| Standing {
            sequence,
            epoch: epoch(number),
            revoked: vec![],
        };
        assert!(at(4, 2).admits(&at(5, 2)).is_ok());
        assert!(at(4, 2).admits(&at(4, 2)).is_ok());
        assert!(at(4, 2).admits(&at(5, 3)).is_ok());
        for older in [at(3, 2), at(5, 1), at(3, 3)] {
            let refusal = at(4, 2).admits(&older).unwrap_err();
            assert_eq!(refusal.code, Code::SequenceLower.as_str());
        }
    }
}

proptest! {
    #[test]
    fn every_grant_reads_back(
        chain in vec(vec(0_u8.., 1..60), 1..=CHAIN_LIMIT),
        not_after in 0_u64.., renew_after in 0_u32.., sequence in 0_u64.., number in 1_u64..,
        zones in btree_map("[a-z][a-z0-9-]{0,9}", vec(vec(0_u8.., 1..9), 0..=4), 0..6),
        losses in vec(
            ("[a-z][a-z0-9-]{0,9}", of("[1-9a-f][0-9a-f]{0,39}"), 0_u64.., "\\PC{0,40}"), 0..6
        ),
    ) {
        let domains = zones
            .into_iter()
            .map(|(zone, roots)| (format!("{zone}.lab.internal").parse().unwrap(), roots))
            .collect();
        let revoked = losses
            .into_iter()
            .map(|(node, serial, at, text)| Revocation {
                peer: peer("intake", &node),
                serial,
                why: Refusal::new("HW-211", text.clone(), text),
                at,
            })
            .collect();
        let grant = LeaseGrant {
            chain_der: chain,
            not_after,
            renew_after,
            trust: TrustBundle { domains },
            standing: Standing { sequence, epoch: epoch(number), revoked },
        };
        prop_assert_eq!(LeaseGrant::from_json(&grant.to_json()), Ok(grant.clone()));
        prop_assert_eq!(LeaseGrant::from_slice(grant.to_json().to_string().as_bytes()), Ok(grant));
    }

    #[test]
    fn random_bytes_never_panic(bytes in vec(0_u8.., 0..200)) {
        prop_assert!(LeaseRequest::from_slice(&bytes).is_err());
        prop_assert!(LeaseGrant::from_slice(&bytes).is_err());
        prop_assert!(Standing::from_slice(&bytes).is_err());
    }

    #[test]
    fn a_message_with_one_part_replaced_never_panics(
        part in 0..6_usize,
        junk in select(vec!["null", "[]", "{}", "\"x\"", "-1", "1e300", "[[]]", "{\"version\":1}"]),
    ) {
        let keys = ["version", "chain", "not-after", "renew-after", "trust", "standing"];
        let junk = junk.parse().unwrap();
        let read = LeaseGrant::from_json(&with(grant().to_json(), keys[part], junk));
        prop_assert!(read.is_err());
    }
}

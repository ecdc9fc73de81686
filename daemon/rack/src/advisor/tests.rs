//! Tests of the advisor: the table of exact answers over the shipped descriptions, each criterion
//! alone, and that nothing missing ever combines.

use proptest::prelude::*;

use super::*;

const POLICY: &str = include_str!("../../../../docs/examples/services/hwprofile.toml");
const SERVICES: &str = include_str!("../../../../docs/examples/services/services.toml");

fn policy() -> Policy {
    Policy::parse("hwprofile.toml", POLICY).unwrap_or_else(|faults| panic!("{faults}"))
}

fn services(changes: &[(&str, &str)]) -> Services {
    let mut text = SERVICES.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    Services::parse("services.toml", &text, &policy()).unwrap_or_else(|faults| panic!("{faults}"))
}

fn advised(changes: &[(&str, &str)], a: &str, b: &str) -> (Advice, Option<Refusal>) {
    let services = services(changes);
    let (a, b) = (services.service(a).unwrap(), services.service(b).unwrap());
    let advice = advise(&policy(), &services, a, b);
    let refusal = advice.refusal(a, b);
    let turned = advise(&policy(), &services, b, a);
    assert_eq!(
        advice.verdict, turned.verdict,
        "the order of the two says nothing"
    );
    (advice, refusal)
}

/// The verdict, and the criteria that fail.
fn check(changes: &[(&str, &str)], a: &str, b: &str, expect: (Verdict, &[&str])) -> String {
    let (advice, refusal) = advised(changes, a, b);
    let failing: Vec<&str> = advice
        .findings
        .iter()
        .filter(|finding| matches!(finding.answer, Answer::Fails(_)))
        .map(|finding| finding.criterion.as_str())
        .collect();
    assert_eq!((advice.verdict, failing.as_slice()), expect, "{advice:#?}");
    refusal.map_or(String::new(), |refusal| refusal.to_string())
}

/// ETL moved to a release train of its own.
const OTHER_TRAIN: (&str, &str) = (
    "crates       = [\"figures\", \"importers\"]\nmaintenance  = { owner = \"records-team\", train = \"2026.4\"",
    "crates       = [\"figures\", \"importers\"]\nmaintenance  = { owner = \"records-team\", train = \"2026.9\"",
);

mod table {
    use super::*;

    #[test]
    fn reporting_and_etl_are_combined_on_one_train() {
        check(&[], "reporting", "etl", (Verdict::Combine, &[]));
    }

    #[test]
    fn reporting_and_etl_on_two_trains_stay_apart_and_it_says_what_would_make_it_possible() {
        let said = check(
            &[OTHER_TRAIN],
            "reporting",
            "etl",
            (Verdict::Separate, &["A5"]),
        );
        assert!(said.starts_with("RK-415"), "{said}");
        let wanted = "would become possible if both were on one release train";
        assert!(said.contains(wanted), "{said}");
    }

    #[test]
    fn reporting_and_analytics_stay_apart_for_the_dedicated_processors_and_for_scaling() {
        let failing: &[&str] = &["A1", "A3", "A4", "A5"];
        let said = check(&[], "reporting", "analytics", (Verdict::Separate, failing));
        assert!(said.contains("these are hardened and gpu"), "{said}");
        assert!(said.contains("analytics: scales_alone = true"), "{said}");
    }

    #[test]
    fn authz_and_the_compliance_log_stay_apart_by_the_rule_that_the_message_quotes() {
        let said = check(&[], "authz", "compliance-log", (Verdict::Separate, &["A1"]));
        assert!(said.starts_with("RK-411"), "{said}");
        assert!(said.contains("separate ledger, access at host"), "{said}");
        assert!(said.contains("the log must survive"), "{said}");
        assert!(said.contains("hwprofile.toml:"), "{said}");
    }

    #[test]
    fn intake_and_file_storage_stay_apart_by_the_constitution() {
        let said = check(
            &[],
            "intake",
            "file-storage",
            (Verdict::Separate, &["A1", "A4", "A5"]),
        );
        assert!(said.contains("rule      constitution"), "{said}");
    }

    #[test]
    fn intake_and_etl_stay_apart_for_exposure() {
        let (advice, refusal) = advised(&[], "intake", "etl");
        assert_eq!(advice.verdict, Verdict::Separate);
        assert_eq!(advice.findings[0].answer, Answer::Fails(Change::Final));
        let said = refusal.unwrap().to_string();
        assert!(said.contains("exposure public"), "{said}");
        assert_eq!(advice.possible(), None, "a veto is final");
    }
}

mod criteria {
    use super::*;

    #[test]
    fn a1_is_final_whatever_else_is_missing() {
        let bare = (
            "scales_alone = false\ncrates       = [\"tokens\", \"audit-leaf\"]",
            "",
        );
        check(
            &[bare],
            "authz",
            "compliance-log",
            (Verdict::Separate, &["A1"]),
        );
    }

    #[test]
    fn a2_a_common_database_alone_is_no_reason() {
        let alone = (
            "\"queue:figures\"]\nschedule     = \"20:00",
            "\"queue:other\"]\nschedule     = \"20:00",
        );
        let said = check(&[alone], "reporting", "etl", (Verdict::Separate, &["A2"]));
        assert!(
            said.starts_with("RK-412") && said.contains("database:records"),
            "{said}"
        );
    }

    #[test]
    fn a3_peaks_that_meet_stay_below_the_limit() {
        let always = (
            "schedule     = \"20:00-05:00\"",
            "schedule     = \"always\"",
        );
        check(&[always], "reporting", "etl", (Verdict::Combine, &[]));
        let more = (
            "peak_percent = 25 }\ndisk_io = { level = \"medium\", peak_percent = 25",
            "peak_percent = 36 }\ndisk_io = { level = \"medium\", peak_percent = 25",
        );
        let said = check(
            &[always, more],
            "reporting",
            "etl",
            (Verdict::Separate, &["A3"]),
        );
        assert!(
            said.contains("70 % of the node together instead of 71 %"),
            "{said}"
        );
        // In turn, each may have the whole node.
        check(&[more], "reporting", "etl", (Verdict::Combine, &[]));
    }

    #[test]
    fn a4_one_that_must_grow_alone_parts_them() {
        let alone = (
            "schedule     = \"20:00-05:00\"\nscales_alone = false",
            "schedule     = \"20:00-05:00\"\nscales_alone = true",
        );
        let said = check(&[alone], "reporting", "etl", (Verdict::Separate, &["A4"]));
        assert!(
            said.contains("possible if etl needed not scale on its own"),
            "{said}"
        );
    }

    #[test]
    fn a5_asks_for_owner_train_window_and_code() {
        let code = ("[\"figures\", \"importers\"]", "[\"importers\"]");
        let said = check(&[code], "reporting", "etl", (Verdict::Separate, &["A5"]));
        assert!(said.contains("they shared code"), "{said}");
    }

    #[test]
    fn windows_through_midnight_meet_what_they_meet() {
        let daily = |a: u16, b: u16| Schedule::Daily(a * 60, b * 60);
        assert!(daily(20, 5).overlaps(daily(4, 6)));
        assert!(!daily(20, 5).overlaps(daily(5, 20)));
        assert!(daily(20, 5).overlaps(daily(23, 1)));
        assert!(daily(22, 2).overlaps(daily(23, 3)));
        assert!(Schedule::Always.overlaps(daily(1, 2)));
    }

    #[test]
    fn every_input_is_told_with_its_file_and_line() {
        let (advice, _) = advised(&[], "reporting", "etl");
        for finding in &advice.findings {
            assert!(finding.inputs.len() >= 2, "{finding:?}");
            for input in &finding.inputs {
                let (file, rest) = input.split_once(':').unwrap();
                assert!(
                    ["services.toml", "hwprofile.toml"].contains(&file),
                    "{input}"
                );
                let digits = rest.split(' ').next().unwrap();
                assert!(digits.parse::<usize>().unwrap() > 0, "{input}");
            }
        }
    }
}

mod missing {
    use super::*;

    /// One line of etl's description at a time, by what it begins with.
    #[test]
    fn whatever_is_missing_makes_it_undecided_and_is_named() {
        let (_, rest) = SERVICES.split_once("[service.etl]").unwrap();
        let (block, _) = rest.split_once("# Questions over groups").unwrap();
        let lines: Vec<&str> = block.lines().filter(|line| line.contains(" = ")).collect();
        assert_eq!(lines.len(), 11);
        for line in lines {
            let key = line.split_whitespace().next().unwrap();
            let text = SERVICES.replace(block, &block.replace(line, ""));
            let services = Services::parse("services.toml", &text, &policy()).unwrap();
            let (a, b) = (
                services.service("etl").unwrap(),
                services.service("reporting").unwrap(),
            );
            let advice = advise(&policy(), &services, a, b);
            assert_eq!(advice.verdict, Verdict::Undecided, "{line}");
            let refusal = advice.refusal(a, b).unwrap();
            assert_eq!(refusal.code, "RK-410");
            assert!(
                refusal.fix.contains("service.etl.") && refusal.fix.contains(key),
                "{refusal}"
            );
        }
    }

    #[test]
    fn an_unknown_service_is_told_with_the_one_that_was_meant() {
        let refusal = services(&[]).service("reportign").unwrap_err();
        assert_eq!(refusal.code, "RK-401");
        assert_eq!(refusal.fix, "did you mean reporting?");
    }
}

mod shape {
    use super::*;

    #[test]
    fn what_is_not_in_the_schema_is_refused_with_its_line() {
        for (line, code, says) in [
            ("zoen = \"etl\"", "RK-002", "did you mean zone?"),
            ("zone = \"etll\"", "RK-005", "did you mean \"etl\"?"),
            ("shares = [\"records\"]", "RK-005", "write kind:name"),
            ("schedule = \"night\"", "RK-005", "22:00-04:30"),
            ("schedule = \"24:00-01:00\"", "RK-005", "22:00-04:30"),
            ("schedule = \"05:00-05:00\"", "RK-005", "22:00-04:30"),
            ("scales_alone = \"no\"", "RK-004", "true or false"),
            ("resources = { ram = {} }", "RK-002", "ram"),
            (
                "resources = { cpu = { level = \"hgih\", peak_percent = 1 } }",
                "RK-005",
                "high",
            ),
            (
                "resources = { cpu = { level = \"high\", peak_percent = 101 } }",
                "RK-005",
                "0 to 100",
            ),
            ("maintenance = { owner = \"a\" }", "RK-003", "train"),
        ] {
            let text = format!("version = 1\n[service.x]\n{line}\n");
            let faults = Services::parse("s", &text, &policy()).unwrap_err();
            let first = &faults.refusals()[0];
            assert_eq!(first.code, code, "{line}: {first}");
            assert!(first.to_string().contains(says), "{line}: {first}");
            assert_eq!(first.rule.as_ref().unwrap().line, 3, "{line}");
        }
    }
}

proptest! {
    #[test]
    fn random_text_never_panics(noise in "\\PC{0,80}", lines in proptest::collection::vec(
        "\\[service\\.[ab]\\]|(zone|schedule|shares|crates) = (\"[a-z0-9:-]{0,9}\"|\\[\"[a-z:]{0,6}\"\\])\
         |scales_alone = (true|3)|resources = \\{ cpu = \\{ level = \"low\" \\} \\}", 0..8,
    )) {
        let policy = policy();
        prop_assert!(Services::parse("s", &noise, &policy).is_err());
        let text = format!("version = 1\n{}", lines.join("\n"));
        if let Err(faults) = Services::parse("s", &text, &policy) {
            for refusal in faults.refusals() {
                prop_assert!(crate::CODES.iter().any(|entry| entry.code == refusal.code));
            }
        }
    }
}

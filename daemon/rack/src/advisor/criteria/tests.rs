//! Tests of what each criterion shows of what it read, also where an input is missing.

use cofferdam_hwprofile::Policy;

use super::*;

const POLICY: &str = include_str!("../../../../../docs/examples/services/hwprofile.toml");
const SERVICES: &str = include_str!("../../../../../docs/examples/services/services.toml");

/// The description of etl alone.
fn etl() -> &'static str {
    let (_, rest) = SERVICES.split_once("[service.etl]").unwrap();
    rest.split_once("# Questions over groups").unwrap().0
}

/// The advice on etl and reporting, with one text of etl replaced.
fn advised(from: &str, to: &str) -> Advice {
    assert!(etl().contains(from), "{from}");
    let text = SERVICES.replace(etl(), &etl().replacen(from, to, 1));
    let policy =
        Policy::parse("hwprofile.toml", POLICY).unwrap_or_else(|faults| panic!("{faults}"));
    let services = Services::parse("services.toml", &text, &policy).unwrap();
    let (a, b) = (services.service("etl"), services.service("reporting"));
    advise(&policy, &services, a.unwrap(), b.unwrap())
}

fn of(advice: &Advice, criterion: Criterion) -> &Finding {
    let mut findings = advice.findings.iter();
    findings.find(|found| found.criterion == criterion).unwrap()
}

#[test]
fn a5_cites_the_crates_of_both_and_where_each_stands() {
    let advice = advised("\n", "\n");
    let inputs = &of(&advice, Criterion::Maintenance).inputs;
    for (name, crates) in [
        ("etl", "figures, importers"),
        ("reporting", "figures, letters"),
    ] {
        let line = inputs
            .iter()
            .find(|line| line.contains(&format!("{name}: crates {crates}")));
        assert!(
            line.is_some_and(|line| line.starts_with("services.toml:")),
            "{inputs:?}"
        );
    }
}

#[test]
fn a5_shows_where_the_patches_come_from_and_asks_for_one_source() {
    let advice = advised("debian-security", "vendor-portal");
    let finding = of(&advice, Criterion::Maintenance);
    assert!(
        finding
            .inputs
            .iter()
            .any(|line| line.contains("patches vendor-portal"))
    );
    let Answer::Fails(Change::Possible(change)) = &finding.answer else {
        panic!("{finding:?}");
    };
    assert_eq!(change, "both took their patches from one source");
}

#[test]
fn what_was_read_is_shown_where_another_input_is_missing() {
    for (line, criterion, shown) in [
        (
            "zone         = \"etl\"\n",
            Criterion::Security,
            "zone reporting: exposure",
        ),
        (
            "shares       = [\"database:records\", \"queue:figures\"]\n",
            Criterion::Shared,
            "reporting: shares",
        ),
        (
            "schedule     = \"20:00-05:00\"\n",
            Criterion::Resources,
            "reporting: works",
        ),
        (
            "scales_alone = false\n",
            Criterion::Scaling,
            "reporting: scales_alone",
        ),
        (
            "crates       = [\"figures\", \"importers\"]\n",
            Criterion::Maintenance,
            "etl: owner records-team",
        ),
    ] {
        let advice = advised(line, "");
        let finding = of(&advice, criterion);
        assert!(
            matches!(finding.answer, Answer::Missing(_)),
            "{line}: {finding:?}"
        );
        let told = finding.inputs.iter().any(|input| input.contains(shown));
        assert!(told, "{line}: {:?}", finding.inputs);
    }
}

#[test]
fn a2_the_description_of_a_database_is_no_more_than_the_database() {
    let text = SERVICES.replace("queue:figures", "schema:figures");
    let policy =
        Policy::parse("hwprofile.toml", POLICY).unwrap_or_else(|faults| panic!("{faults}"));
    let services = Services::parse("services.toml", &text, &policy).unwrap();
    let (a, b) = (services.service("etl"), services.service("reporting"));
    let advice = advise(&policy, &services, a.unwrap(), b.unwrap());
    let finding = of(&advice, Criterion::Shared);
    assert!(finding.inputs[0].contains("database:records, schema:figures"));
    assert!(matches!(finding.answer, Answer::Fails(_)), "{finding:?}");
}

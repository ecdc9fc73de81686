//! Tests of what services may share: a closed list, because a synonym of a database would count as
//! something else.

use cofferdam_hwprofile::Policy;

use super::super::{Services, SharedKind};

const POLICY: &str = include_str!("../../../../../docs/examples/services/hwprofile.toml");

fn read(shared: &str) -> Result<Services, String> {
    let policy = Policy::parse("hwprofile.toml", POLICY).map_err(|faults| faults.to_string())?;
    let text = format!("version = 1\n[service.x]\nshares = [\"{shared}\"]\n");
    Services::parse("services.toml", &text, &policy).map_err(|faults| faults.to_string())
}

#[test]
fn each_kind_of_the_list_is_read_back() {
    for kind in SharedKind::WORDS {
        let services = read(&format!("{kind}:records")).unwrap();
        let shares = services.service("x").unwrap().shares.clone().unwrap();
        let told: Vec<String> = shares.value.iter().map(ToString::to_string).collect();
        assert_eq!(told, [format!("{kind}:records")]);
    }
}

#[test]
fn another_word_for_a_database_is_refused_with_the_word() {
    for word in [
        "db",
        "postgres",
        "postgresql",
        "mysql",
        "mariadb",
        "sqlite",
        "sql",
        "oracle",
        "mongodb",
        "redis",
        "datastore",
        "DB",
        "dbms",
        "databse",
        "databases",
        "table",
    ] {
        let said = read(&format!("{word}:records")).unwrap_err();
        assert!(said.starts_with("RK-005"), "{word}: {said}");
        assert!(said.contains("write database:records"), "{word}: {said}");
    }
}

#[test]
fn a_misspelt_kind_is_refused_with_the_one_that_was_meant_and_a_strange_one_with_the_list() {
    let said = read("qeue:figures").unwrap_err();
    assert!(said.contains("did you mean queue:figures?"), "{said}");
    let said = read("teapot:blue").unwrap_err();
    assert!(said.contains("database, queue"), "{said}");
    let said = read("Queue:figures").unwrap_err();
    assert!(said.contains("did you mean queue:figures?"), "{said}");
}

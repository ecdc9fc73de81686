//! The tables of codes as the manual page `docs/CODES.md` and as `systemd/cofferdam.catalog`, the
//! journal's catalogue. Both files are made here and kept in the tree; tests hold them equal.

use std::collections::BTreeMap;

use cofferdam_hwprofile::CodeEntry;
use cofferdam_trail::Event;

use crate::code;

/// What each family of codes is about.
const FAMILIES: &[(&str, &str)] = &[
    ("AN", "Analytics"),
    ("CL", "The tool"),
    ("DL", "The dialler"),
    ("FL", "Flows"),
    ("HW", "Hardware, its policy and its verdict"),
    ("ID", "Identities"),
    ("IN", "Intake"),
    ("KP", "The keeper"),
    ("LAB", "The lab"),
    ("LK", "Connections"),
    ("ND", "Every zone's program"),
    ("RK", "The rack: manifest, elevation, advice"),
    ("SE", "Keys and sealed objects"),
    ("SP", "The durable queue"),
    ("ST", "Storage"),
    ("TR", "The trail"),
];

/// The part of a code before its number.
fn family(entry: &CodeEntry) -> &'static str {
    entry
        .code
        .rsplit_once('-')
        .map_or(entry.code, |(family, _)| family)
}

fn by_family() -> BTreeMap<&'static str, Vec<&'static CodeEntry>> {
    let mut families: BTreeMap<&str, Vec<&CodeEntry>> = BTreeMap::new();
    for entry in code::all() {
        families.entry(family(entry)).or_default().push(entry);
    }
    families
}

/// The manual page.
#[must_use]
pub fn manual() -> String {
    let mut text = String::from(
        "# Codes\n\n\
         Every refusal and every warning carries one of these codes. `cofferctl explain CODE` prints an entry,\n\
         `journalctl MESSAGE_ID=...` finds its messages. A code keeps its meaning for ever.\n\n\
         This page is made from the programs' own tables: `cofferctl explain --all --format markdown`.\n",
    );
    for (family, entries) in by_family() {
        let about = FAMILIES.iter().find(|(known, _)| *known == family);
        let about = about.map_or("", |(_, about)| *about);
        text.push_str(&["\n## ", family, ": ", about, "\n"].concat());
        for entry in entries {
            let parts = [
                "\n### ",
                entry.code,
                ": ",
                entry.title,
                "\n\n",
                &plain(entry.meaning),
                "\n\n*Mend:* ",
                &plain(entry.mend),
                "\n\n`MESSAGE_ID=",
                &entry.message_id(),
                "` `code=\"",
                &entry.metric_label(),
                "\"`\n",
            ];
            text.push_str(&parts.concat());
        }
    }
    text
}

/// Words that Markdown would take for something else.
fn plain(text: &str) -> String {
    text.replace('*', "\\*")
        .replace('<', "\\<")
        .replace('[', "\\[")
}

/// The journal's catalogue: every event of the trail and every code.
#[must_use]
pub fn catalogue() -> String {
    let mut text = String::from(
        "# The journal's catalogue of Cofferdam: journalctl -x shows these texts below the messages.\n\
         # Made by `cofferctl explain --all --format catalog`; the identifiers are for ever.\n",
    );
    for event in Event::ALL {
        let parts = [
            "\n-- ",
            &event.message_id_text(),
            "\nSubject: ",
            event.as_str(),
            "\nDefined-By: Cofferdam\nDocumentation: man:cofferctl(1)\n\n",
            event.meaning(),
            "\n",
        ];
        text.push_str(&parts.concat());
    }
    for entry in code::all() {
        let parts = [
            "\n-- ",
            &entry.message_id(),
            "\nSubject: ",
            entry.code,
            ": ",
            entry.title,
            "\nDefined-By: Cofferdam\nDocumentation: man:cofferctl(1)\n\n",
            entry.meaning,
            "\n\nTo mend it: ",
            entry.mend,
            "\n",
        ];
        text.push_str(&parts.concat());
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const MANUAL: &str = include_str!("../../../docs/CODES.md");
    const CATALOGUE: &str = include_str!("../../../systemd/cofferdam.catalog");

    #[test]
    fn the_manual_page_is_the_one_that_the_tables_make() {
        let told = "write it anew: cofferctl explain --all --format markdown > docs/CODES.md";
        assert!(MANUAL == manual(), "{told}");
    }

    #[test]
    fn the_journals_catalogue_is_the_one_that_the_tables_make() {
        let told =
            "write it anew: cofferctl explain --all --format catalog > systemd/cofferdam.catalog";
        assert!(CATALOGUE == catalogue(), "{told}");
    }

    #[test]
    fn enum_manual_catalogue_and_metric_labels_name_the_same_codes() {
        let tables: BTreeSet<&str> = code::all().map(|entry| entry.code).collect();
        let mut enums: BTreeSet<&str> = BTreeSet::new();
        enums.extend(
            cofferdam_hwprofile::Code::ALL
                .iter()
                .map(|code| code.as_str()),
        );
        enums.extend(cofferdam_rack::Code::ALL.iter().map(|code| code.as_str()));
        assert!(enums.is_subset(&tables), "{:?}", enums.difference(&tables));
        let headed = |line: &'static str| line.strip_prefix("### ")?.split_once(':');
        let manual: BTreeSet<&str> = MANUAL
            .lines()
            .filter_map(headed)
            .map(|(code, _)| code)
            .collect();
        assert_eq!(manual, tables);
        let subject = |line: &'static str| line.strip_prefix("Subject: ")?.split_once(": ");
        let journal: BTreeSet<&str> = CATALOGUE
            .lines()
            .filter_map(subject)
            .map(|(code, _)| code)
            .collect();
        assert_eq!(journal, tables);
        let labels: BTreeSet<String> = code::all().map(CodeEntry::metric_label).collect();
        let spelt = |label: &String| label.to_ascii_uppercase().replace('_', "-");
        let back: BTreeSet<String> = labels.iter().map(spelt).collect();
        assert_eq!(back, tables.iter().map(|code| (*code).to_owned()).collect());
    }

    #[test]
    fn no_two_messages_share_an_identifier() {
        let mut ids = BTreeSet::new();
        for id in CATALOGUE
            .lines()
            .filter_map(|line| line.strip_prefix("-- "))
        {
            assert!(
                id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
                "{id}"
            );
            assert!(ids.insert(id), "{id} stands twice");
        }
        assert_eq!(ids.len(), Event::ALL.len() + code::all().count());
    }

    #[test]
    fn every_family_says_what_it_is_about() {
        let families: Vec<&str> = by_family().into_keys().collect();
        let told: Vec<&str> = FAMILIES.iter().map(|(family, _)| *family).collect();
        assert_eq!(families, told);
    }
}

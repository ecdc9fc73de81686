//! The lab's sample records about people who do not exist: survey answers, events, files. The same every time, made in memory and
//! never written plain.

use serde_json::{Value, json};

/// Given names of people who do not exist.
const GIVEN: [&str; 20] = [
    "Ana", "Bela", "Chidi", "Dilan", "Edda", "Farid", "Greta", "Hana", "Ivo", "Jale", "Kofi",
    "Lena", "Milo", "Nadia", "Oren", "Pia", "Quirin", "Rosa", "Samir", "Tove",
];

/// Family names long and odd enough that finding one in a file means that a record leaked.
const FAMILY: [&str; 25] = [
    "Aldersquith",
    "Brackenfell",
    "Cottershaw",
    "Dunmarrow",
    "Eskelwyn",
    "Farrowgate",
    "Grimsthwaite",
    "Hollowmere",
    "Inglestrand",
    "Jarrowfeld",
    "Kestrelby",
    "Lorringham",
    "Marchbanquet",
    "Netherwick",
    "Ollerenshaw",
    "Pendlebrook",
    "Quillfeather",
    "Rothsdale",
    "Skelmerton",
    "Thornquist",
    "Underhollen",
    "Varleyhurst",
    "Whinstanley",
    "Yarrowcliff",
    "Zellermark",
];

/// Schools and how many of a thousand pupils each has; two are too small to be shown.
const SCHOOLS: [(&str, u32); 10] = [
    ("Ash Lane", 171),
    ("Birch Hill", 148),
    ("Cedar Row", 131),
    ("Elm Court", 118),
    ("Fir Bank", 107),
    ("Hazel End", 98),
    ("Maple Yard", 91),
    ("Oak Street", 124),
    ("Rowan Edge", 8),
    ("Willow Quay", 4),
];

/// The seed of everything here.
const SEED: u64 = 0x5eed_0f42_c0ff_e123;

/// SplitMix64 (Steele, Lea, Flood 2014): small, known, the same everywhere.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        let bound = u64::try_from(choices.len()).unwrap_or(1);
        let index = usize::try_from(self.below(bound)).unwrap_or(0);
        choices.get(index).expect("the index is below the length")
    }

    fn name(&mut self) -> String {
        format!("{} {}", self.pick(&GIVEN), self.pick(&FAMILY))
    }
}

/// The names that must be found nowhere on disk.
#[must_use]
pub fn family_names() -> &'static [&'static str] {
    &FAMILY
}

/// `count` answers to the survey `climate`.
#[must_use]
pub fn survey_answers(count: usize) -> Vec<Value> {
    let mut numbers = Numbers(SEED);
    let schools: Vec<&str> = SCHOOLS
        .iter()
        .flat_map(|(school, pupils)| {
            std::iter::repeat_n(*school, usize::try_from(*pupils).unwrap_or(0))
        })
        .collect();
    (0..count)
        .map(|index| {
            let school = schools
                .get(index % schools.len())
                .copied()
                .unwrap_or("Ash Lane");
            json!({
                "respondent": numbers.name(),
                "school": school,
                "grade": 5 + numbers.below(8),
                "q1": 1 + numbers.below(5),
                "q2": 1 + numbers.below(5),
                "q3": 1 + numbers.below(5),
                "comment": format!("asked by {}", numbers.name()),
            })
        })
        .collect()
}

/// `count` events of the stream `events`.
#[must_use]
pub fn stream_events(count: usize) -> Vec<Value> {
    let mut numbers = Numbers(SEED ^ 1);
    (0..count)
        .map(|_| {
            json!({
                "reader": format!("door-{}", 1 + numbers.below(12)),
                "badge-of": numbers.name(),
                "action": numbers.pick(&["enter", "leave", "denied"]),
                "held_ms": 200 + numbers.below(4000),
            })
        })
        .collect()
}

/// A file for the object store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleFile {
    /// Its key, a name of a person in it as people do.
    pub key: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A handful of files around the sizes where frames begin and end.
#[must_use]
pub fn files() -> Vec<SampleFile> {
    let mut numbers = Numbers(SEED ^ 2);
    [0_usize, 1, 16_383, 16_384, 16_385, 100_000]
        .into_iter()
        .map(|size| {
            let who = numbers.name();
            let line = format!("Record of {who}: grade {}.\n", 5 + numbers.below(8));
            let bytes = line.bytes().cycle().take(size).collect();
            SampleFile {
                key: format!("records/{who}/report {size}.txt"),
                bytes,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_the_same_every_time() {
        assert_eq!(survey_answers(50), survey_answers(50));
        assert_eq!(stream_events(50), stream_events(50));
        assert_eq!(files(), files());
    }

    #[test]
    fn a_thousand_answers_leave_two_schools_below_ten() {
        let answers = survey_answers(1000);
        let count = |school: &str| answers.iter().filter(|a| a["school"] == school).count();
        let small = SCHOOLS
            .iter()
            .filter(|(school, _)| count(school) < 10)
            .count();
        assert_eq!(small, 2);
        assert_eq!(SCHOOLS.iter().map(|(_, pupils)| pupils).sum::<u32>(), 1000);
    }

    #[test]
    fn every_record_names_somebody() {
        let named = |text: String| family_names().iter().any(|name| text.contains(name));
        assert!(
            survey_answers(100)
                .iter()
                .all(|answer| named(answer.to_string()))
        );
        assert!(
            stream_events(100)
                .iter()
                .all(|event| named(event.to_string()))
        );
        assert!(files().iter().all(|file| named(file.key.clone())));
    }
}

//! How a zone is told apart: a letter, a pattern and a colour, each of which is enough alone where
//! there are few zones.
//!
//! The colours are those of Okabe and Ito, which people with any common colour blindness can tell
//! apart; red is kept for faults.

use std::collections::{BTreeMap, BTreeSet};

use cofferdam_hwprofile::ZoneName;

/// How many patterns there are.
pub(super) const PATTERNS: usize = 8;

/// A colour of a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Colour {
    /// For the letter's field and the pattern.
    pub(super) strong: &'static str,
    /// For the ground below the pattern.
    pub(super) tint: &'static str,
    /// For the letter on the strong colour.
    pub(super) ink: &'static str,
    /// Its number among the 256 of a terminal.
    pub(super) terminal: u8,
}

const COLOURS: [Colour; 7] = [
    Colour {
        strong: "#0072b2",
        tint: "#e3eff7",
        ink: "#ffffff",
        terminal: 32,
    },
    Colour {
        strong: "#e69f00",
        tint: "#fdf3df",
        ink: "#1d2733",
        terminal: 214,
    },
    Colour {
        strong: "#009e73",
        tint: "#e0f3ed",
        ink: "#ffffff",
        terminal: 36,
    },
    Colour {
        strong: "#cc79a7",
        tint: "#f8ecf3",
        ink: "#1d2733",
        terminal: 175,
    },
    Colour {
        strong: "#56b4e9",
        tint: "#e9f5fc",
        ink: "#1d2733",
        terminal: 117,
    },
    Colour {
        strong: "#d8c800",
        tint: "#fbf9dd",
        ink: "#1d2733",
        terminal: 184,
    },
    Colour {
        strong: "#5d6673",
        tint: "#eceef1",
        ink: "#ffffff",
        terminal: 245,
    },
];

/// What fills a zone's devices in text.
const FILLS: [char; PATTERNS] = ['░', '╱', '·', '╲', '═', '┼', '▒', '│'];

/// How one zone is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    /// Its place among the zones, counted from 0: of no other zone, ever.
    pub(super) number: usize,
    /// Its letter, of no other zone while there are letters.
    pub(super) letter: char,
    /// Its pattern, counted from 0.
    pub(super) pattern: usize,
    /// Its colour.
    pub(super) colour: Colour,
}

impl Mark {
    /// What fills its devices in text.
    pub(super) fn fill(self) -> char {
        FILLS.get(self.pattern).copied().unwrap_or('░')
    }
}

/// Gives each zone its mark. A letter of its own name, if one is left.
pub(super) fn marks<'z>(zones: impl Iterator<Item = &'z ZoneName>) -> BTreeMap<&'z ZoneName, Mark> {
    let mut taken = BTreeSet::new();
    let mut marks = BTreeMap::new();
    for (index, zone) in zones.enumerate() {
        let own = zone.as_str().chars().filter(char::is_ascii_lowercase);
        let mut letters = own
            .map(|letter| letter.to_ascii_uppercase())
            .chain('A'..='Z')
            .chain('0'..='9')
            .chain('a'..='z');
        let letter = letters
            .find(|letter| !taken.contains(letter))
            .unwrap_or('?');
        taken.insert(letter);
        let colour = COLOURS.iter().copied().cycle().nth(index % COLOURS.len());
        let mark = Mark {
            number: index,
            letter,
            pattern: index % PATTERNS,
            colour: colour.expect("a cycle over a list that is not empty has no end"),
        };
        marks.insert(zone, mark);
    }
    marks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_have_letters_of_their_own_and_no_pair_of_pattern_and_colour_twice() {
        let names: Vec<ZoneName> = (0..30)
            .map(|n| format!("zone-{n}").parse().unwrap())
            .collect();
        let marks = marks(names.iter());
        let letters: BTreeSet<char> = marks.values().map(|mark| mark.letter).collect();
        let looks: BTreeSet<_> = marks
            .values()
            .map(|mark| (mark.pattern, mark.colour.strong))
            .collect();
        assert_eq!((letters.len(), looks.len()), (30, 30));
    }

    #[test]
    fn a_zone_has_a_letter_of_its_name_where_one_is_left() {
        let names = ["analytics", "archive", "storage"].map(|name| name.parse().unwrap());
        let marks = marks(names.iter());
        let letters: String = marks.values().map(|mark| mark.letter).collect();
        assert_eq!(letters, "ARS");
    }
}

//! Texts that firmware ships in place of a value.
//!
//! Patterns first, and a list only of phrases that people wrote. A placeholder must never count as
//! a witness: two machines that show the same one would seem to be one, and two that show different
//! ones would seem to be apart.

/// Texts shorter than this name too few machines to tell two apart.
const SHORTEST_NAME: usize = 4;

/// How many characters may stand beside a run, such as the letters before it, that make nothing of
/// their own.
const LONGEST_REST: usize = 4;
/// The shortest run of digits or letters one after another that no factory counts up to.
const SHORTEST_SEQUENCE: usize = 8;
/// The shortest run inside a sequence: `1234567890` and then `ABCDEF`.
const SHORTEST_PART: usize = 4;
/// The longest block that is written again and again.
const LONGEST_BLOCK: usize = 4;

/// Phrases that name nothing wherever they stand in a text.
const PHRASES: &[&str] = &[
    "to be filled",
    "filled by o.e.m",
    "filled by oem",
    "default string",
    "serial number",
    "system serial",
    "board serial",
    "chassis serial",
    "baseboard serial",
    "product name",
    "system manufacturer",
    "system version",
    "asset tag",
    "asset-",
    "assettag",
    "not specified",
    "not available",
    "not applicable",
    "not present",
    "not settable",
    "not defined",
    "unnamed",
    "placeholder",
    "no serial",
    "to be defined",
    "aaaabbbbcccc",
];

/// Words that name nothing when they are the whole text.
const WORDS: &[&str] = &[
    "none",
    "null",
    "n/a",
    "na",
    "nil",
    "unknown",
    "unspecified",
    "undefined",
    "empty",
    "default",
    "invalid",
    "oem",
    "o.e.m.",
    "o.e.m",
    "tbd",
    "tba",
    "blank",
    "void",
    "test",
    "serial",
    "chassis",
    "board",
    "system",
    "error",
    "unavailable",
    "missing",
    "other",
    "sample",
    "dummy",
    "generic",
    "string",
    "type1",
    "serialnumber",
    "default_string",
];

/// Whether a text names nothing.
#[must_use]
pub fn is_placeholder(text: &str) -> bool {
    let text = crate::identifier::normalise(text);
    let significant: Vec<char> = text.chars().filter(char::is_ascii_alphanumeric).collect();
    significant.len() < SHORTEST_NAME
        || WORDS.contains(&text.trim_matches(|c: char| !c.is_ascii_alphanumeric() && c != '.'))
        || PHRASES.iter().any(|phrase| text.contains(phrase))
        || denies(&text)
        || is_one_character(&significant)
        || is_sequence(&significant)
        || is_counted_up(&significant)
        || is_filled_up(&significant)
        || is_one_block(&significant)
}

/// Whether a text that describes something, such as a model, describes nothing. Unlike a name, a
/// description may be short: `HP`, `A1`.
#[must_use]
pub fn says_nothing(text: &str) -> bool {
    let text = crate::identifier::normalise(text);
    let significant: Vec<char> = text.chars().filter(char::is_ascii_alphanumeric).collect();
    match significant.as_slice() {
        [] => text.is_ascii(),
        [only] => *only == '0',
        [_, _] | [_, _, _] => WORDS.contains(&text.as_str()) || is_one_character(&significant),
        _ => is_placeholder(&text),
    }
}

/// `0000`, `FFFF-FFFF`, `........`.
fn is_one_character(significant: &[char]) -> bool {
    significant
        .windows(2)
        .all(|pair| matches!(pair, [a, b] if a == b))
}

/// `0123456789`, `1234567890`, `abcdef`, `987654321`: every step is one, round the end of the
/// digits or the letters.
fn is_sequence(significant: &[char]) -> bool {
    let steps = |up: bool| {
        significant.windows(2).all(|pair| match pair {
            [a, b] if up => follows(*a, *b),
            [a, b] => follows(*b, *a),
            _ => false,
        })
    };
    steps(true) || steps(false)
}

/// `not provided`, `no value`: a denial in words.
fn denies(text: &str) -> bool {
    let said = text.strip_prefix("not ").or(text.strip_prefix("no "));
    said.is_some_and(|said| said.chars().all(|c| c.is_ascii_alphabetic() || c == ' '))
}

/// The longest run in which each pair of neighbours satisfies a test, and how many characters stand
/// in runs of a length.
fn runs(text: &[char], part: usize, joined: impl Fn(char, char) -> bool) -> (usize, usize) {
    let (mut longest, mut inside, mut run) = (0, 0, 1);
    let mut end = |run: usize| {
        longest = longest.max(run);
        inside += if run >= part { run } else { 0 };
    };
    for pair in text.windows(2) {
        if matches!(pair, [a, b] if joined(*a, *b)) {
            run += 1;
        } else {
            end(run);
            run = 1;
        }
    }
    end(run);
    (longest, inside)
}

/// `MB-1234567890`, `1234567890ABCDEF`: hardly more than a sequence, or several of them.
fn is_counted_up(significant: &[char]) -> bool {
    let counts = |up: bool| {
        let joined = |a, b| if up { follows(a, b) } else { follows(b, a) };
        let (longest, inside) = runs(significant, SHORTEST_PART, joined);
        longest >= SHORTEST_SEQUENCE && significant.len() - inside <= LONGEST_REST
    };
    counts(true) || counts(false)
}

/// `00000000000000000001`: one character again and again, and hardly anything else. The shorter the
/// run, the less may stand beside it: real numbers begin with zeros.
fn is_filled_up(significant: &[char]) -> bool {
    let (longest, _) = runs(significant, 1, |a, b| a == b);
    let rest = significant.len() - longest;
    (longest >= 12 && rest <= LONGEST_REST) || (longest >= 8 && rest <= 2)
}

/// `12341234`, `ABABABAB`: one short block again and again.
fn is_one_block(significant: &[char]) -> bool {
    let again = |length: &usize| {
        let later = significant.iter().skip(*length);
        significant.iter().zip(later).all(|(a, b)| a == b)
    };
    significant.len() >= 2 * LONGEST_BLOCK && (1..=LONGEST_BLOCK).any(|length| again(&length))
}

/// Whether `b` comes right after `a`; `9` is followed by `0` or, in hexadecimal, by `a`.
fn follows(a: char, b: char) -> bool {
    match (a, b) {
        ('9', '0' | 'a') | ('z', 'a') | ('f', '0') => true,
        ('9' | 'z', _) => false,
        (a, b) => u32::from(a).checked_add(1) == Some(u32::from(b)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_firmware_ships_is_told_from_what_a_factory_writes() {
        for bad in [
            "",
            "   ",
            "0",
            "123",
            "None",
            "NONE",
            " none ",
            "N/A",
            "To Be Filled By O.E.M.",
            "To be filled by O.E.M.",
            "Default string",
            "System Serial Number",
            "Not Specified",
            "0123456789",
            "1234567890",
            "123456789",
            "0000000000",
            "xxxxxxxx",
            "FFFFFFFF",
            "........",
            "Not Settable",
            "Not Present",
            "Chassis Serial Number",
            "Base Board Serial Number",
            "No Asset Tag",
            "Unknown",
            "OEM",
            "UnnamedRack",
            "AAAABBBBCCCC1",
            "0123456789ABCDEF",
            "9876543210",
            "empty",
            "System Product Name",
            "\n\n",
            "-----------",
        ] {
            assert!(is_placeholder(bad), "{bad:?}");
        }
        for good in [
            "7XK2Q23",
            "D5S0R8000105",
            "196231220000153",
            ".7N62AI2.GRTCL6944100GP.",
            "11WLK93",
            "ENCL-7421-0001",
            "CZ3102ABCD",
            "S4881",
            "b4:96:91:00:00:02",
            "eui.36525430529000570025384500000001",
            "9abd",
        ] {
            assert!(!is_placeholder(good), "{good:?}");
        }
    }

    #[test]
    fn what_a_person_types_to_fill_a_field_is_told_from_a_number_of_a_series() {
        for bad in [
            "MB-1234567890",
            "SSN12345678901234567",
            "1234567890ABCDEF",
            "ABCDEF1234567890",
            "SN-87654321",
            "00000000000000000001",
            "PN000000000000",
            "0000000001",
            "Not Provided",
            "NOT SET",
            "No value",
            "1234-1234-1234",
            "ABABABAB",
        ] {
            assert!(is_placeholder(bad), "{bad:?}");
        }
        for good in [
            "NZ1234567",
            "CN0123456789ABZQ77X1",
            "000000000000000100a0752340e5c6a1",
            "00000000AB12",
            "A100000001",
            "Notre-77412",
            "No 7741288",
            "XY12341299",
        ] {
            assert!(!is_placeholder(good), "{good:?}");
        }
    }

    #[test]
    fn a_short_description_describes_and_a_phrase_does_not() {
        for good in [
            "HP",
            "A1",
            "R1",
            "IBM",
            "7",
            "X11DPH-T",
            "PowerEdge R6515",
            "戴尔",
        ] {
            assert!(!says_nothing(good), "{good:?}");
        }
        for bad in [
            "",
            " ",
            "0",
            "000",
            "xx",
            "N/A",
            "None",
            "System Product Name",
            "...",
        ] {
            assert!(says_nothing(bad), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_judged_without_a_panic(text in "\\PC*") {
            let _verdict = is_placeholder(&text);
        }

        #[test]
        fn blanks_around_a_text_change_nothing(text in "[ -~]{0,24}") {
            prop_assert_eq!(is_placeholder(&text), is_placeholder(&format!("  {text}\n")));
        }
    }
}

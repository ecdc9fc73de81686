//! The nearest word to a misspelt one. Owns the measure of nearness; must never decide anything but
//! a suggestion.

/// Words longer than this are not compared, in characters.
const WORD_LIMIT_CHARS: usize = 64;

/// The nearest of `words` that a person may have meant, if one is near.
pub(crate) fn nearest<'w>(seen: &str, words: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    let allowed = (seen.chars().count() / 3).max(1);
    words
        .into_iter()
        .map(|word| (distance(seen, word), word))
        .filter(|(steps, word)| *steps <= allowed && *steps < word.chars().count())
        .min()
        .map(|(_, word)| word)
}

/// How many letters must be changed, added, dropped or swapped with a neighbour (optimal string
/// alignment).
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.to_lowercase().chars().collect();
    let b: Vec<char> = b.to_lowercase().chars().collect();
    if a.len() > WORD_LIMIT_CHARS || b.len() > WORD_LIMIT_CHARS {
        return a.len().max(b.len());
    }
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    let mut last_a = None;
    for (row, letter_a) in a.iter().enumerate() {
        let mut line = vec![row.saturating_add(1)];
        let mut last_b = None;
        for (column, letter_b) in b.iter().enumerate() {
            let at =
                |cells: &[usize], index: usize| cells.get(index).copied().unwrap_or(usize::MAX);
            let right = column.saturating_add(1);
            let swapped = column
                .checked_sub(1)
                .filter(|_| last_a == Some(*letter_b) && last_b == Some(*letter_a));
            let steps = [
                at(&above, column).saturating_add(usize::from(letter_a != letter_b)),
                at(&above, right).saturating_add(1),
                at(&line, column).saturating_add(1),
                swapped.map_or(usize::MAX, |index| at(&before, index).saturating_add(1)),
            ];
            line.push(steps.into_iter().min().unwrap_or(usize::MAX));
            last_b = Some(*letter_b);
        }
        before = std::mem::replace(&mut above, line);
        last_a = Some(*letter_a);
    }
    above.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_slip_of_the_finger_finds_its_word() {
        let words = ["append", "read", "list", "key-new", "key-open"];
        for (seen, meant) in [
            ("apend", Some("append")),
            ("raed", Some("read")),
            ("lst", Some("list")),
            ("key_new", Some("key-new")),
            ("READ", Some("read")),
            ("write", None),
            ("", None),
        ] {
            assert_eq!(nearest(seen, words), meant, "{seen:?}");
        }
    }

    #[test]
    fn a_short_word_is_not_suggested_for_another_short_word() {
        assert_eq!(nearest("x", ["y"]), None);
        assert_eq!(nearest("ab", ["a"]), None);
    }

    #[test]
    fn two_neighbours_swapped_are_one_step() {
        assert_eq!(distance("intkae", "intake"), 1);
        assert_eq!(distance("same", "same"), 0);
        assert_eq!(distance("", "abc"), 3);
    }

    proptest! {
        #[test]
        fn distance_is_symmetric_and_bounded(a in ".{0,80}", b in ".{0,80}") {
            let steps = distance(&a, &b);
            prop_assert_eq!(steps, distance(&b, &a));
            let longest = a.to_lowercase().chars().count().max(b.to_lowercase().chars().count());
            prop_assert!(steps <= longest);
        }
    }
}

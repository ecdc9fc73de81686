//! The nearest word to a misspelt one. Suggests only what is near: a wrong suggestion is worse than
//! none.

/// The longest word that is compared, in characters.
const WORD_LIMIT: usize = 48;

/// The word among `known` that was probably meant.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = fold(word);
    let allowed = word.len().div_ceil(3).max(1);
    known
        .into_iter()
        .map(|candidate| (distance(&word, &fold(candidate)), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// The word itself where it is known, or else the one that was probably meant.
pub(super) fn meant<'a>(
    word: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Option<&'a str> {
    let exact = known.clone().find(|candidate| *candidate == word);
    exact.or_else(|| nearest(word, known))
}

/// Capitals, hyphens and underscores are what people mix up first.
fn fold(word: &str) -> Vec<char> {
    let folded = word.chars().map(|c| {
        if c == '-' {
            '_'
        } else {
            c.to_ascii_lowercase()
        }
    });
    folded.take(WORD_LIMIT).collect()
}

/// The fewest insertions, removals, exchanges and swaps of neighbours that make one word of the
/// other.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, to) in b.iter().enumerate() {
            let cost = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(usize::MAX / 2);
            let mut best = (cost(&last, j) + usize::from(from != to))
                .min(cost(&last, j + 1) + 1)
                .min(cost(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(to) && b.get(j - 1) == Some(from);
            if swapped {
                best = best.min(cost(&before_last, j - 1) + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_understood() {
        let known = ["platform", "exposure", "because", "on_unproven", "data"];
        for (word, meant) in [
            ("plattform", "platform"),
            ("exposrue", "exposure"),
            ("On-Unproven", "on_unproven"),
            ("becuase", "because"),
            ("dat", "data"),
        ] {
            assert_eq!(nearest(word, known), Some(meant), "{word}");
        }
    }

    #[test]
    fn a_stranger_is_not() {
        for word in ["colour", "x", "zzzzzzzz", ""] {
            assert_eq!(
                nearest(word, ["platform", "exposure", "because"]),
                None,
                "{word}"
            );
        }
    }

    #[test]
    fn a_swap_of_neighbours_is_one_slip() {
        let chars = |word: &str| word.chars().collect::<Vec<_>>();
        assert_eq!(distance(&chars("intkae"), &chars("intake")), 1);
        assert_eq!(distance(&chars(""), &chars("abc")), 3);
        assert_eq!(distance(&chars("same"), &chars("same")), 0);
    }
}

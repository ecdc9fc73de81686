//! Which buckets a flow speaks about: one segment of a bucket's letters, `*` standing for any run
//! of them.
//!
//! Owns the pattern and its matching. A pattern never reaches across a `/`, and has no other sign
//! with a meaning.

use std::fmt;
use std::str::FromStr;

/// The longest pattern and the longest bucket name, in bytes.
const LIMIT_BYTES: usize = 63;

/// A pattern of bucket names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BucketGlob(String);

/// Why a text is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "read the bucket pattern: expected one segment of a-z, 0-9, dots and hyphens with * for any \
     run of those, 63 bytes at most"
)]
pub struct GlobError {
    suggestion: Option<String>,
}

impl GlobError {
    /// The nearest pattern, where there is one.
    #[must_use]
    pub fn suggestion(&self) -> Option<&str> {
        self.suggestion.as_deref()
    }
}

impl BucketGlob {
    /// The pattern as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the pattern speaks about this bucket. A text that is no bucket name matches nothing.
    #[must_use]
    pub fn matches(&self, bucket: &str) -> bool {
        (1..=LIMIT_BYTES).contains(&bucket.len())
            && bucket.bytes().all(is_letter)
            && covers(self.0.as_bytes(), bucket.as_bytes())
    }

    /// Whether this pattern speaks about every bucket that `other` speaks about. True is certain;
    /// false may be caution.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        covers(self.0.as_bytes(), other.0.as_bytes())
    }
}

const fn is_letter(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'.' || byte == b'-'
}

/// Matches with one point of return, so that the work is at most the product of both lengths. A `*`
/// within `text` is an ordinary byte that only a `*` of the pattern takes.
fn covers(mut pattern: &[u8], mut text: &[u8]) -> bool {
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        match (pattern.split_first(), text.split_first()) {
            (Some((b'*', rest)), _) => {
                retry = Some((rest, text));
                pattern = rest;
            }
            (Some((wanted, rest)), Some((found, left))) if wanted == found => {
                (pattern, text) = (rest, left);
            }
            (None, None) => return true,
            (Some(_) | None, _) => {
                let Some((after_star, from)) = retry else {
                    return false;
                };
                let Some((_, left)) = from.split_first() else {
                    return false;
                };
                retry = Some((after_star, left));
                (pattern, text) = (after_star, left);
            }
        }
    }
}

impl FromStr for BucketGlob {
    type Err = GlobError;

    fn from_str(text: &str) -> Result<Self, GlobError> {
        if is_pattern(text) {
            return Ok(Self(text.to_owned()));
        }
        Err(GlobError {
            suggestion: repaired(text),
        })
    }
}

fn is_pattern(text: &str) -> bool {
    (1..=LIMIT_BYTES).contains(&text.len())
        && text.bytes().all(|byte| is_letter(byte) || byte == b'*')
        && !text.contains("**")
}

/// What was probably meant: lower case, `-` where another joint stood, one `*` where several or a
/// `?` stood.
fn repaired(text: &str) -> Option<String> {
    let mut out = String::new();
    for letter in text
        .trim_matches('/')
        .chars()
        .take(LIMIT_BYTES.saturating_add(1))
    {
        let letter = match letter.to_ascii_lowercase() {
            '/' | '_' | ' ' | ':' => '-',
            '?' => '*',
            other => other,
        };
        if !(letter == '*' && out.ends_with('*')) {
            out.push(letter);
        }
    }
    is_pattern(&out).then_some(out)
}

impl fmt::Display for BucketGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn glob(text: &str) -> BucketGlob {
        text.parse().unwrap()
    }

    /// The meaning, written as plainly as it can be.
    fn means(pattern: &[u8], text: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (0..=text.len()).any(|skip| means(rest, &text[skip..])),
            Some((letter, rest)) => text.first() == Some(letter) && means(rest, &text[1..]),
        }
    }

    #[test]
    fn a_name_without_a_star_speaks_about_itself_alone() {
        assert!(glob("files").matches("files"));
        for other in ["file", "filess", "afiles", "files-", ""] {
            assert!(!glob("files").matches(other), "{other:?}");
        }
    }

    #[test]
    fn a_star_stands_for_any_run_also_for_none() {
        for bucket in ["intake-", "intake-events", "intake-a.b-c"] {
            assert!(glob("intake-*").matches(bucket), "{bucket:?}");
        }
        for bucket in ["intake", "xintake-events", "Intake-events"] {
            assert!(!glob("intake-*").matches(bucket), "{bucket:?}");
        }
        assert!(glob("a*b*c").matches("a-b-b-c"));
        assert!(!glob("a*b*c").matches("a-b-b-cd"));
    }

    #[test]
    fn a_star_never_crosses_a_slash() {
        for bucket in ["intake-a/b", "intake-/", "/", "a/b"] {
            assert!(!glob("intake-*").matches(bucket), "{bucket:?}");
            assert!(!glob("*").matches(bucket), "{bucket:?}");
        }
    }

    #[test]
    fn what_is_no_bucket_name_matches_nothing_not_even_a_star() {
        let long = "a".repeat(64);
        for bucket in ["", "A", "a_b", "a b", "*", "a*", "ä", "a\0", long.as_str()] {
            assert!(!glob("*").matches(bucket), "{bucket:?}");
        }
    }

    #[test]
    fn a_wrong_pattern_is_refused_with_what_was_probably_meant() {
        let long = "a".repeat(64);
        for (bad, meant) in [
            ("intake/*", Some("intake-*")),
            ("intake-**", Some("intake-*")),
            ("Intake-*", Some("intake-*")),
            ("intake_events", Some("intake-events")),
            ("intake-?", Some("intake-*")),
            ("/files/", Some("files")),
            ("[ab]", None),
            ("", None),
            ("/", None),
            ("f\u{e4}lle", None),
            (long.as_str(), None),
        ] {
            let error = bad.parse::<BucketGlob>().unwrap_err();
            assert_eq!(error.suggestion(), meant, "{bad:?}");
        }
    }

    #[test]
    fn a_wider_pattern_covers_a_narrower_one_and_never_the_reverse() {
        assert!(glob("*").covers(&glob("intake-*")));
        assert!(glob("intake-*").covers(&glob("intake-*")));
        assert!(glob("intake-*").covers(&glob("intake-e*s")));
        assert!(!glob("intake-*").covers(&glob("*")));
        assert!(!glob("files").covers(&glob("file*")));
    }

    proptest! {
        #[test]
        fn matching_agrees_with_its_plain_meaning(
            pattern in "[ab*]{1,8}", bucket in "[ab/]{0,10}"
        ) {
            if let Ok(glob) = pattern.parse::<BucketGlob>() {
                let plain = !bucket.is_empty() && !bucket.contains('/')
                    && means(pattern.as_bytes(), bucket.as_bytes());
                prop_assert_eq!(glob.matches(&bucket), plain);
            }
        }

        #[test]
        fn a_covered_pattern_matches_nothing_that_the_wider_does_not(
            wide in "[ab*]{1,6}", narrow in "[ab*]{1,6}", bucket in "[ab]{1,8}"
        ) {
            let parse = |text: &str| text.parse::<BucketGlob>();
            if let (Ok(wide), Ok(narrow)) = (parse(&wide), parse(&narrow))
                && wide.covers(&narrow) && narrow.matches(&bucket)
            {
                prop_assert!(wide.matches(&bucket));
            }
        }

        #[test]
        fn random_text_never_panics_and_a_suggestion_is_itself_a_pattern(text in ".{0,80}") {
            match text.parse::<BucketGlob>() {
                Ok(glob) => prop_assert_eq!(glob.to_string(), text),
                Err(error) => {
                    if let Some(meant) = error.suggestion() {
                        prop_assert!(meant.parse::<BucketGlob>().is_ok());
                    }
                }
            }
        }
    }
}

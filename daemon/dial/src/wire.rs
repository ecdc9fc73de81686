//! What a zone and its dialler say to each other: one line with an address, one answer. Pure; the descriptor that goes with a good
//! answer travels beside these bytes (`SCM_RIGHTS`, unix(7)).

use std::net::SocketAddr;

/// The longest line that asks: an IPv6 address with scope and port, and room to spare.
pub(crate) const REQUEST_LIMIT: usize = 80;
/// The longest answer; what the kernel said of a failed connection is cut to it.
pub(crate) const ANSWER_LIMIT: usize = 512;

/// What the dialler answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The connection comes with these bytes.
    Connected,
    /// The address is not on the list.
    Denied,
    /// Nobody could be reached there; why.
    Unreachable(String),
}

/// The line that asks for a connection.
pub(crate) fn request(address: SocketAddr) -> String {
    format!("{address}\n")
}

/// Reads such a line, without its end.
pub(crate) fn read_request(line: &[u8]) -> Option<SocketAddr> {
    std::str::from_utf8(line).ok()?.parse().ok()
}

impl Answer {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut text = match self {
            Self::Connected => "+".to_owned(),
            Self::Denied => "-denied".to_owned(),
            Self::Unreachable(why) => format!("-unreachable {why}"),
        };
        let end = text
            .char_indices()
            .map(|(at, letter)| at.saturating_add(letter.len_utf8()))
            .take_while(|end| *end <= ANSWER_LIMIT)
            .last();
        text.truncate(end.unwrap_or(0));
        text.into_bytes()
    }

    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        match std::str::from_utf8(bytes).ok()? {
            "+" => Some(Self::Connected),
            "-denied" => Some(Self::Denied),
            text => text
                .strip_prefix("-unreachable ")
                .map(|why| Self::Unreachable(why.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_address_of_either_family_arrives_as_it_was_asked_for() {
        for text in ["192.0.2.7:7540", "[2001:db8::7]:7540", "[fe80::1%3]:1"] {
            let address: SocketAddr = text.parse().expect("an address");
            let line = request(address);
            assert!(line.len() <= REQUEST_LIMIT);
            let line = line.strip_suffix('\n').expect("a line");
            assert_eq!(read_request(line.as_bytes()), Some(address));
        }
    }

    #[test]
    fn what_is_no_address_asks_for_nothing() {
        for text in [
            "",
            "keeper:7540",
            "192.0.2.7",
            " 192.0.2.7:1",
            "192.0.2.7:1\r",
        ] {
            assert_eq!(read_request(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(read_request(b"\xff"), None);
    }

    #[test]
    fn an_answer_without_meaning_is_none() {
        for text in ["", "-", "++", "+ ", "-denied ", "-unreachable"] {
            assert_eq!(Answer::read(text.as_bytes()), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn every_answer_is_bounded_and_reads_back_as_far_as_it_went(why in ".{0,600}") {
            let bytes = Answer::Unreachable(why.clone()).to_bytes();
            prop_assert!(bytes.len() <= ANSWER_LIMIT);
            let Some(Answer::Unreachable(read)) = Answer::read(&bytes) else {
                return Err(TestCaseError::fail("it reads back"));
            };
            prop_assert!(why.starts_with(&read));
            prop_assert!(read == why || bytes.len() > ANSWER_LIMIT - 4);
        }

        #[test]
        fn any_bytes_are_an_answer_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Some(answer) = Answer::read(&bytes) {
                prop_assert_eq!(answer.to_bytes(), bytes);
            }
        }
    }
}

//! What the kernel answers when it is asked for its network links (rtnetlink(7)).
//!
//! Owns the request's bytes and the reading of the answer's. It opens no socket, and must never
//! read behind the length that a message or an attribute claims.

use std::collections::BTreeMap;

/// The length of a message's header, of a link's, of an attribute's.
const MESSAGE_HEADER: usize = 16;
const LINK_HEADER: usize = 16;
const ATTRIBUTE_HEADER: usize = 4;
/// Message types.
const ERROR: u16 = 2;
const DONE: u16 = 3;
const NEW_LINK: u16 = 16;
const GET_LINK: u16 = 18;
/// Flags of a request: a request, for all there are.
const REQUEST_ALL: u16 = 0x0301;
/// The flag that says that links changed while they were listed.
const INTERRUPTED: u16 = 0x0010;
/// Attributes of a link: its name, and the address it was made with.
const NAME: u16 = 3;
const PERMANENT_ADDRESS: u16 = 54;
/// The bits of an attribute's type that say how it is written.
const TYPE_MASK: u16 = 0x3fff;
/// The most links that are taken.
const LINK_LIMIT: usize = 4096;

/// The permanent addresses that the kernel told, by the name of the link. A link without one, such
/// as a bridge, has an empty address.
pub type Addresses = BTreeMap<String, Vec<u8>>;

/// How far an answer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// More is to come.
    More,
    /// This was all.
    Done,
}

/// Why an answer cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// A length that cannot be.
    #[error("read the kernel's links: a message is malformed")]
    Malformed,
    /// Links changed meanwhile, so the list may be neither old nor new.
    #[error("read the kernel's links: they changed meanwhile")]
    Interrupted,
    /// The kernel refused: the error number of the operating system.
    #[error("read the kernel's links: error {0}")]
    Refused(i32),
    /// More links than are taken.
    #[error("read the kernel's links: more than {LINK_LIMIT}")]
    TooMany,
}

/// Asks for every link.
#[must_use]
pub fn request() -> Vec<u8> {
    let mut bytes = vec![32, 0, 0, 0];
    bytes.extend(GET_LINK.to_ne_bytes());
    bytes.extend(REQUEST_ALL.to_ne_bytes());
    bytes.extend(1_u32.to_ne_bytes());
    bytes.extend([0; 4 + LINK_HEADER]);
    if let Some(length) = bytes.first_chunk_mut::<4>() {
        *length = 32_u32.to_ne_bytes();
    }
    bytes
}

/// Takes one datagram of the answer.
///
/// # Errors
/// Why the answer cannot be used; what was taken so far must be thrown away then.
pub fn take(datagram: &[u8], addresses: &mut Addresses) -> Result<Progress, AnswerError> {
    let mut rest = datagram;
    while !rest.is_empty() {
        let length = number(rest, 0).ok_or(AnswerError::Malformed)?;
        let length = usize::try_from(u32::from_ne_bytes(length));
        let length = length.unwrap_or(usize::MAX);
        if length < MESSAGE_HEADER {
            return Err(AnswerError::Malformed);
        }
        let message = rest.get(..length).ok_or(AnswerError::Malformed)?;
        let kind = number(message, 4).map_or(0, u16::from_ne_bytes);
        let flags = number(message, 6).map_or(0, u16::from_ne_bytes);
        if flags & INTERRUPTED != 0 {
            return Err(AnswerError::Interrupted);
        }
        match kind {
            DONE => return ended(message),
            ERROR => {
                let code = number(message, MESSAGE_HEADER).map_or(0, i32::from_ne_bytes);
                return Err(AnswerError::Refused(code.saturating_neg()));
            }
            NEW_LINK => link(message, addresses)?,
            _ => {}
        }
        rest = rest.get(aligned(length)..).unwrap_or_default();
    }
    Ok(Progress::More)
}

/// The last message carries the error that the list ended with: zero where it is whole. A kernel
/// that tells none left the list unfinished.
fn ended(message: &[u8]) -> Result<Progress, AnswerError> {
    match number(message, MESSAGE_HEADER).map(i32::from_ne_bytes) {
        Some(0) => Ok(Progress::Done),
        Some(code) => Err(AnswerError::Refused(code.saturating_neg())),
        None => Err(AnswerError::Malformed),
    }
}

fn link(message: &[u8], addresses: &mut Addresses) -> Result<(), AnswerError> {
    let attributes = message.get(MESSAGE_HEADER + LINK_HEADER..);
    let mut rest = attributes.ok_or(AnswerError::Malformed)?;
    let mut name = None;
    let mut address = Vec::new();
    while rest.len() >= ATTRIBUTE_HEADER {
        let length = number(rest, 0).map_or(0, u16::from_ne_bytes);
        let kind = number(rest, 2).map_or(0, u16::from_ne_bytes) & TYPE_MASK;
        let content = rest.get(ATTRIBUTE_HEADER..usize::from(length));
        let content = content.ok_or(AnswerError::Malformed)?;
        match kind {
            NAME => {
                let text = content.split(|byte| *byte == 0).next().unwrap_or_default();
                name = Some(String::from_utf8_lossy(text).into_owned());
            }
            PERMANENT_ADDRESS => address = content.to_vec(),
            _ => {}
        }
        rest = rest.get(aligned(usize::from(length))..).unwrap_or_default();
    }
    let name = name.ok_or(AnswerError::Malformed)?;
    if addresses.len() == LINK_LIMIT && !addresses.contains_key(&name) {
        return Err(AnswerError::TooMany);
    }
    addresses.insert(name, address);
    Ok(())
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk::<N>().copied()
}

/// Messages and attributes begin at multiples of four bytes.
const fn aligned(length: usize) -> usize {
    length.saturating_add(3) & !3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(kind: u16, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len() + 4).unwrap();
        let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
        bytes.extend(content);
        bytes.resize(aligned(bytes.len()), 0);
        bytes
    }

    fn message(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + MESSAGE_HEADER).unwrap();
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend([0; 8]);
        bytes.extend(body);
        bytes
    }

    fn new_link(name: &str, address: Option<[u8; 6]>) -> Vec<u8> {
        let mut body = vec![0; LINK_HEADER];
        body.extend(attribute(NAME, format!("{name}\0").as_bytes()));
        body.extend(attribute(1, &[2, 2, 2, 2, 2, 2]));
        if let Some(address) = address {
            body.extend(attribute(PERMANENT_ADDRESS, &address));
        }
        message(NEW_LINK, 2, &body)
    }

    #[test]
    fn a_permanent_address_is_told_from_the_one_in_use() {
        let mut datagram = new_link("eth0", Some([0xb4, 0x96, 0x91, 0, 0, 2]));
        datagram.extend(new_link("br0", None));
        let mut found = Addresses::new();
        assert_eq!(take(&datagram, &mut found), Ok(Progress::More));
        assert_eq!(
            take(&message(DONE, 2, &[0; 4]), &mut found),
            Ok(Progress::Done)
        );
        assert_eq!(found["eth0"], [0xb4, 0x96, 0x91, 0, 0, 2]);
        assert!(found["br0"].is_empty());
    }

    #[test]
    fn an_answer_that_cannot_be_used_says_why() {
        let mut found = Addresses::new();
        let refused = message(ERROR, 0, &(-1_i32).to_ne_bytes());
        assert_eq!(take(&refused, &mut found), Err(AnswerError::Refused(1)));
        let interrupted = message(NEW_LINK, INTERRUPTED, &[0; 16]);
        assert_eq!(
            take(&interrupted, &mut found),
            Err(AnswerError::Interrupted)
        );
        let nameless = message(NEW_LINK, 2, &[0; 16]);
        assert_eq!(take(&nameless, &mut found), Err(AnswerError::Malformed));
        let whole = new_link("eth0", Some([2; 6]));
        for cut in 1..whole.len() {
            assert!(take(&whole[..cut], &mut found).is_err(), "{cut}");
        }
        assert!(found.is_empty());
    }

    #[test]
    fn a_list_that_ended_in_an_error_is_refused_and_one_that_ended_well_is_taken() {
        let mut found = Addresses::new();
        let ended = |code: i32| message(DONE, 2, &code.to_ne_bytes());
        assert_eq!(take(&ended(0), &mut found), Ok(Progress::Done));
        for (code, errno) in [(-12, 12), (-90, 90), (i32::MIN, i32::MAX), (7, -7)] {
            let refused = Err(AnswerError::Refused(errno));
            assert_eq!(take(&ended(code), &mut found), refused, "{code}");
        }
        for cut in 0..4 {
            let cut = message(DONE, 2, &[0; 4][..cut]);
            assert_eq!(take(&cut, &mut found), Err(AnswerError::Malformed));
        }
        let mut after_links = new_link("eth0", Some([2; 6]));
        after_links.extend(ended(-12));
        let refused = Err(AnswerError::Refused(12));
        assert_eq!(take(&after_links, &mut found), refused);
    }

    #[test]
    fn links_without_end_are_refused() {
        let mut found = Addresses::new();
        for number in 0..LINK_LIMIT {
            take(&new_link(&format!("veth{number}"), None), &mut found).unwrap();
        }
        let more = take(&new_link("one-more", None), &mut found);
        assert_eq!(more, Err(AnswerError::TooMany));
        assert!(take(&new_link("veth0", None), &mut found).is_ok());
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_lead_to_a_panic(bytes: Vec<u8>) {
            let _progress = take(&bytes, &mut Addresses::new());
        }
    }
}

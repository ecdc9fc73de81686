//! The bytes of the commands. None of them changes anything in the TPM.

/// A command without a session, and one with.
pub(super) const NO_SESSIONS: u16 = 0x8001;
pub(super) const SESSIONS: u16 = 0x8002;
/// The length of a header: tag, length of the whole, code.
pub(super) const HEADER: usize = 10;

/// Codes of commands.
const NV_READ: u32 = 0x0000_014e;
const NV_READ_PUBLIC: u32 = 0x0000_0169;
const READ_PUBLIC: u32 = 0x0000_0173;
const GET_CAPABILITY: u32 = 0x0000_017a;
/// The session of an empty password, and its attributes.
const PASSWORD_SESSION: u32 = 0x4000_0009;
const CONTINUE_SESSION: u8 = 1;
/// The length of such a session: handle, empty nonce, attributes, empty password.
const PASSWORD_LENGTH: u32 = 9;

/// What can be asked for in lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Capability {
    /// Handles, from one on.
    Handles,
    /// Fixed and variable properties, from one on.
    Properties,
}

impl Capability {
    pub(super) const fn code(self) -> u32 {
        match self {
            Self::Handles => 1,
            Self::Properties => 6,
        }
    }
}

/// `TPM2_GetCapability`.
pub(super) fn capability(what: Capability, from: u32, count: u32) -> Vec<u8> {
    command(
        (NO_SESSIONS, GET_CAPABILITY),
        &[what.code(), from, count].map(u32::to_be_bytes).concat(),
    )
}

/// `TPM2_ReadPublic`.
pub(super) fn read_public(handle: u32) -> Vec<u8> {
    command((NO_SESSIONS, READ_PUBLIC), &handle.to_be_bytes())
}

/// `TPM2_NV_ReadPublic`.
pub(super) fn nv_read_public(index: u32) -> Vec<u8> {
    command((NO_SESSIONS, NV_READ_PUBLIC), &index.to_be_bytes())
}

/// `TPM2_NV_Read` with the empty password of an authority.
pub(super) fn nv_read(authority: u32, index: u32, (offset, length): (u16, u16)) -> Vec<u8> {
    let mut body = [authority, index, PASSWORD_LENGTH, PASSWORD_SESSION]
        .map(u32::to_be_bytes)
        .concat();
    body.extend([0, 0, CONTINUE_SESSION, 0, 0]);
    body.extend(length.to_be_bytes());
    body.extend(offset.to_be_bytes());
    command((SESSIONS, NV_READ), &body)
}

fn command((tag, code): (u16, u32), body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(HEADER + body.len()).expect("a command of a few dozen bytes");
    let mut bytes = tag.to_be_bytes().to_vec();
    bytes.extend(length.to_be_bytes());
    bytes.extend(code.to_be_bytes());
    bytes.extend(body);
    bytes
}

//! The one door to randomness. Must never be replaced by a generator that lives in this process:
//! the kernel's survives a fork and a restored snapshot, ours would not.

use ring::rand::{SecureRandom as _, SystemRandom};

use crate::codes::{Code, coded};

/// The kernel gave no randomness. Nothing was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("get random bytes from the kernel")]
pub struct RandomError;

impl RandomError {
    #[expect(
        clippy::unused_self,
        reason = "the shape that every error of this crate has"
    )]
    pub(crate) fn reason(self) -> Code {
        Code::RandomnessUnavailable
    }
}

coded!(RandomError);

/// Fills a buffer with random bytes.
pub(crate) fn fill(buffer: &mut [u8]) -> Result<(), RandomError> {
    SystemRandom::new()
        .fill(buffer)
        .map_err(|ring::error::Unspecified| RandomError)
}

/// One random block: an initialisation vector, an object id, a tag.
pub(crate) fn block() -> Result<[u8; 16], RandomError> {
    let mut block = [0; 16];
    fill(&mut block)?;
    Ok(block)
}

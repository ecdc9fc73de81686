//! Where the key of the next segment comes from.
//! Never keeps a key: it belongs to the segment it was taken for and ends with it.

use cofferdam_seal::{FernetKey, WrappedKey};
use std::error::Error;
use std::sync::Arc;

/// Gives one fresh data key, plain and wrapped, for each segment.
///
/// Called on a thread of its own, so it may block; it must bound its own wait, because a put that
/// needs the key is answered only after it returns.
pub trait KeySource: Send + Sync + 'static {
    /// A key that was never given before.
    ///
    /// # Errors
    /// [`KeySourceError`] when no key is to be had; the records that waited for it are refused.
    fn next(&self) -> Result<(FernetKey, WrappedKey), KeySourceError>;
}

/// No key could be had.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{what}")]
pub struct KeySourceError {
    what: String,
    #[source]
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

impl KeySourceError {
    /// An error that says what was asked and what answered.
    #[must_use]
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            cause: None,
        }
    }

    /// The same with its cause.
    #[must_use]
    pub fn with_cause(mut self, cause: impl Error + Send + Sync + 'static) -> Self {
        self.cause = Some(Arc::new(cause));
        self
    }

    /// What was asked and what answered.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }
}

//! The process environment, read once. Only what the service manager passes is read; configuration never comes from here.

/// What the service manager says through the environment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    /// The socket for `sd_notify(3)`.
    pub(crate) notify_socket: Option<String>,
}

impl Environment {
    /// Reads it.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one door through which the environment is read"
    )]
    pub(crate) fn read() -> Self {
        Self {
            notify_socket: std::env::var("NOTIFY_SOCKET").ok(),
        }
    }
}

//! What the environment says about keyrings. The one place where the tool reads a variable; must never look at the value, which
//! may be a key by mistake: `seal` refuses that without repeating it.

use std::path::PathBuf;

use cofferdam_seal::KeyringSources;

/// The sources of a keyring, in the words of systemd and of the Django field of old.
pub(crate) fn keyring_sources() -> KeyringSources {
    let path = |name: &str| std::env::var_os(name).map(PathBuf::from);
    KeyringSources {
        credentials: path("CREDENTIALS_DIRECTORY"),
        key_file: path("FERNET_KEY"),
        key_directory: path("field_key_dir"),
    }
}

//! Mutual TLS between zones: listeners, dialers and the life of a connection.

//! Every bound of a listener and a dialer, named, with its unit. Owns no behaviour.

use std::time::Duration;

/// The bounds of one listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once. At the cap we stop accepting: the next client waits in the backlog.
    pub max_connections: usize,
    /// Connections at once from one peer; more are refused with LK-305.
    pub max_per_peer: usize,
    /// From the accept to the end of the handshake.
    pub handshake: Duration,
    /// How long the trail may take to make the admission durable.
    pub receipt: Duration,
    /// From the first byte of a request to the end of its head.
    pub header: Duration,
    /// How long a connection without a running request is kept.
    pub idle: Duration,
    /// What a running request gets at a stop, and at the deadline of its connection.
    pub drain: Duration,
    /// What a running request gets when its right ends at once: revocation, a lost lease, a flow
    /// taken away.
    pub cut: Duration,
    /// Bytes of one request's head.
    pub max_head_bytes: usize,
    /// HTTP/2 requests at once on one connection.
    pub max_streams: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 1024,
            max_per_peer: 256,
            handshake: Duration::from_secs(5),
            receipt: Duration::from_secs(10),
            header: Duration::from_secs(10),
            idle: Duration::from_secs(90),
            drain: Duration::from_secs(10),
            cut: Duration::from_millis(500),
            max_head_bytes: 32 * 1024,
            max_streams: 64,
        }
    }
}

/// The bounds of a dialer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialLimits {
    /// From the first SYN to an open socket.
    pub connect: Duration,
    /// From the open socket to the end of the handshake.
    pub handshake: Duration,
    /// Speak HTTP/2 where the peer does.
    pub http2: bool,
}

impl Default for DialLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            handshake: Duration::from_secs(5),
            http2: false,
        }
    }
}

//! The durable, bounded, sealed queue between a producer and a consumer that may be gone.

//! Storage: sealed objects behind the S3 protocol.

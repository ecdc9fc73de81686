//! Intake: streams and surveys in, first analysis, forward. Cannot read its own past.

//! The tool of installers, operators and auditors.

//! Analytics: SQL over what it may read, small cells suppressed.

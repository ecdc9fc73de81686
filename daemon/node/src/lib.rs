//! What every zone program shares: configuration, boot order, lease, keys, notify, shutdown.

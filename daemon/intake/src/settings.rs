//! The table `[intake]` of `node.toml`. Closed: an unknown key is an error. Bounds are named here with their units.

use serde::Deserialize;

/// The smallest group whose numbers a summary may show, whatever the settings say.
pub const MIN_GROUP_FLOOR: u64 = 3;

/// What the installer decides.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct IntakeSettings {
    /// The streams that are taken.
    #[serde(default)]
    pub streams: Vec<String>,
    /// The surveys that are taken; `surveys/<name>.json` in the state holds each one's JSON Schema.
    #[serde(default)]
    pub surveys: Vec<String>,
    /// After how many seconds an open segment is closed and forwarded.
    #[serde(default = "default_segment_seconds")]
    pub segment_seconds: u64,
    /// After how many records.
    #[serde(default = "default_segment_records")]
    pub segment_records: u64,
    /// How many bytes each queue may hold before producers wait.
    #[serde(default = "default_capacity_bytes")]
    pub capacity_bytes: u64,
    /// The largest body of a request.
    #[serde(default = "default_body_limit_bytes")]
    pub body_limit_bytes: u64,
    /// How long the window of a summary is open.
    #[serde(default = "default_window_seconds")]
    pub window_seconds: u64,
    /// The smallest group whose numbers a summary shows.
    #[serde(default = "default_min_group")]
    pub min_group: u64,
}

fn default_segment_seconds() -> u64 {
    5
}

fn default_segment_records() -> u64 {
    4096
}

fn default_capacity_bytes() -> u64 {
    1 << 30
}

fn default_body_limit_bytes() -> u64 {
    1 << 20
}

fn default_window_seconds() -> u64 {
    300
}

fn default_min_group() -> u64 {
    10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_stand_where_nothing_is_written() {
        let settings: IntakeSettings = toml::from_str("streams = [\"events\"]").expect("settings");
        assert_eq!(settings.body_limit_bytes, 1_048_576);
        assert_eq!(settings.min_group, 10);
    }

    #[test]
    fn an_unknown_key_is_an_error() {
        assert!(toml::from_str::<IntakeSettings>("stream = [\"events\"]").is_err());
    }
}

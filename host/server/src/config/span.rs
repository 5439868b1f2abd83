//! A length of time as people write it: `90s`, `15m`, `1h 30m`.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

/// A length of time, of zero or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl Span {
    /// Whole seconds, rounded down.
    pub const fn seconds(self) -> u64 {
        self.0.as_secs()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::SignedDuration::try_from(self.0) {
            Ok(duration) => write!(formatter, "{duration:#}"),
            Err(_) => write!(formatter, "{} s", self.0.as_secs()),
        }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer).ok();
        let parsed = text.and_then(|text| text.parse::<jiff::SignedDuration>().ok());
        let length = parsed.and_then(|duration| Duration::try_from(duration).ok());
        length.map(Self).ok_or_else(|| {
            serde::de::Error::custom("a length of time is wanted, such as `90s` or `15m`")
        })
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A length of time, such as `90s`, `15m` or `1h 30m`.",
            "examples": ["15m"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_as_people_write_them() {
        let read = |text: &str| serde_json::from_str::<Span>(&format!("\"{text}\""));
        assert_eq!(read("90s").unwrap(), Span(Duration::from_secs(90)));
        assert_eq!(read("1h 30m").unwrap().seconds(), 5400);
        assert_eq!(read("250ms").unwrap().0.as_millis(), 250);
        for text in ["", "15", "-5m", "x"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}

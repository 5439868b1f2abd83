//! Moments of the document: an offset date-time of TOML, or its text.

use jiff::Timestamp;

use crate::diagnostic::Sink;
use crate::fields::Placed;
use crate::rule::Rule;
use crate::tree::{Node, Value};

/// Seconds since 1970 of an RFC 3339 text with an offset; rounded down.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let timestamp: Timestamp = text.trim().parse().ok()?;
    u64::try_from(timestamp.as_second()).ok()
}

/// Reads the moment at `node`, in seconds since 1970.
pub(crate) fn read(node: &Node, sink: &mut Sink) -> Option<Placed<u64>> {
    let text = match &node.value {
        Value::Datetime(text) | Value::Text(text) => text,
        Value::Null | Value::Boolean(_) | Value::Number(_) | Value::List(_) | Value::Table(_) => {
            return crate::fields::mistyped(node, "a date-time with its offset", sink);
        }
    };
    let Some(seconds) = parse(text) else {
        sink.error(Rule::Value, &node.place, format!("`{text}` is no moment"))
            .expected("a date and time with an offset, such as `2027-06-30T00:00:00Z`")
            .hint("a time without an offset is another moment in every zone");
        return None;
    };
    Some(Placed::new(seconds, &node.place))
}

/// A moment, in seconds since 1970, as RFC 3339 in UTC; the bare number past what that
/// can write.
pub fn words(seconds: u64) -> String {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .map_or_else(|| seconds.to_string(), |timestamp| timestamp.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_needs_its_offset() {
        assert_eq!(parse("1970-01-01T01:00:01+01:00"), Some(1));
        assert_eq!(
            parse("2027-06-30T00:00:00Z").map(words).unwrap(),
            "2027-06-30T00:00:00Z"
        );
        for text in [
            "2027-06-30T00:00:00",
            "2027-06-30",
            "1969-12-31T00:00:00Z",
            "x",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}

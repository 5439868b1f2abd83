//! Durations of the document: `90s`, `15m`, `2h`, `1d`.

use crate::diagnostic::Sink;
use crate::fields::{Placed, text};
use crate::rule::Rule;
use crate::tree::{Node, Value};

/// The longest duration that a document can name: ten years, in seconds.
const LONGEST: u64 = 10 * 365 * 86_400;

/// Whole seconds of a text such as `15m`; none where it is no duration or zero.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let unit = match text.chars().next_back()? {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    let digits = text.get(..text.len() - 1)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds = digits.parse::<u64>().ok()?.checked_mul(unit)?;
    (1..=LONGEST).contains(&seconds).then_some(seconds)
}

/// Reads the duration at `node`, in seconds.
pub(crate) fn read(node: &Node, sink: &mut Sink) -> Option<Placed<u64>> {
    if let Value::Number(number) = &node.value {
        let seconds = number.parse().ok().filter(|seconds| *seconds > 0);
        let such = words(seconds.unwrap_or(600));
        sink.error(Rule::Type, &node.place, "a number does not fit here")
            .expected(format!(
                "expected a duration with its unit, such as \"{such}\""
            ));
        return None;
    }
    let text = text(node, sink)?;
    let seconds = parse(&text.value);
    if seconds.is_none() {
        sink.error(
            Rule::Value,
            &text.place,
            format!("`{}` is no duration", text.value),
        )
        .expected("a whole number and `s`, `m`, `h` or `d`, such as `15m`");
    }
    Some(Placed::new(seconds?, &text.place))
}

/// Seconds as a document would say them.
pub(crate) fn words(seconds: u64) -> String {
    for (unit, letter) in [(86_400, 'd'), (3600, 'h'), (60, 'm')] {
        if seconds >= unit && seconds.is_multiple_of(unit) {
            return format!("{}{letter}", seconds / unit);
        }
    }
    format!("{seconds}s")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_duration_reads_back_from_its_words(seconds in 1..=LONGEST) {
            prop_assert_eq!(parse(&words(seconds)), Some(seconds));
        }

        #[test]
        fn nothing_but_digits_and_a_unit_is_a_duration(text in "[ +0-9a-zé.-]{0,4}[smhdw]?") {
            let seconds_of = |unit| match unit {
                's' => 1,
                'm' => 60,
                'h' => 3600,
                _ => 86_400,
            };
            let unit = text.chars().next_back().unwrap_or('?');
            let digits = text.strip_suffix(['s', 'm', 'h', 'd']).unwrap_or("-");
            let plain = digits.chars().all(|one| one.is_ascii_digit());
            let seconds = digits.parse().unwrap_or(0) * seconds_of(unit);
            let expected = (plain && (1..=LONGEST).contains(&seconds)).then_some(seconds);
            prop_assert_eq!(parse(&text), expected, "{}", text);
        }
    }

    #[test]
    fn durations_are_whole_numbers_with_a_unit() {
        for (text, seconds) in [("90s", 90), ("15m", 900), ("2h", 7200), ("1d", 86_400)] {
            assert_eq!(parse(text), Some(seconds));
            assert_eq!(parse(&words(seconds)), Some(seconds));
        }
        for text in [
            "",
            "m",
            "15",
            "-1m",
            "1.5h",
            "15 m",
            "0s",
            "1w",
            "٣m",
            "+5m",
            "9999999999999999999d",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}

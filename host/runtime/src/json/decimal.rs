//! Whole seconds of a decimal number, exactly: no float on the way.

/// A JSON number cut at its decimal point.
struct Cut {
    negative: bool,
    /// The magnitude with its fraction dropped.
    whole: i64,
    /// Whether what was dropped was not zero.
    fraction: bool,
}

/// The largest integer that is not above `number`, a JSON number's text.
///
/// `None` where that does not fit 64 bits.
pub(crate) fn floor(number: &str) -> Option<i64> {
    let cut = cut(number)?;
    match (cut.negative, cut.fraction) {
        (false, _) => Some(cut.whole),
        (true, false) => cut.whole.checked_neg(),
        (true, true) => cut.whole.checked_neg()?.checked_sub(1),
    }
}

/// The smallest integer that is not below `number`, a JSON number's text.
///
/// `None` where that does not fit 64 bits.
pub(crate) fn ceil(number: &str) -> Option<i64> {
    let cut = cut(number)?;
    match (cut.negative, cut.fraction) {
        (true, _) => cut.whole.checked_neg(),
        (false, false) => Some(cut.whole),
        (false, true) => cut.whole.checked_add(1),
    }
}

fn cut(number: &str) -> Option<Cut> {
    let (negative, number) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number),
    };
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (integral, fractional) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits = integral
        .bytes()
        .chain(fractional.bytes())
        .map(|digit| i64::from(digit - b'0'));

    let zeros = digits.clone().take_while(|digit| *digit == 0).count();
    if digits.clone().all(|digit| digit == 0) {
        return Some(Cut {
            negative,
            whole: 0,
            fraction: false,
        });
    }
    // How many of the digits, counted from the first, stand before the point.
    let point = i64::try_from(integral.len())
        .ok()?
        .saturating_add(read_exponent(exponent));
    let significant = point.saturating_sub(i64::try_from(zeros).ok()?);
    if significant > 19 {
        return None; // 10^19 is past 64 bits, so never loop over a huge exponent
    }
    let mut whole = 0_i64;
    for _ in 0..point.max(0) {
        whole = whole
            .checked_mul(10)?
            .checked_add(digits.next().unwrap_or(0))?;
    }
    Some(Cut {
        negative,
        whole,
        fraction: digits.any(|digit| digit != 0),
    })
}

/// The exponent, saturated: past 64 bits its sign is all that matters.
fn read_exponent(text: &str) -> i64 {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let magnitude = digits.bytes().fold(0_i64, |sum, digit| {
        sum.saturating_mul(10)
            .saturating_add(i64::from(digit - b'0'))
    });
    if negative { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_themselves() {
        for (text, value) in [
            ("0", 0),
            ("-0", 0),
            ("7", 7),
            ("-7", -7),
            ("9223372036854775807", i64::MAX),
        ] {
            assert_eq!(
                (floor(text), ceil(text)),
                (Some(value), Some(value)),
                "{text}"
            );
        }
    }

    #[test]
    fn fractions_round_to_their_own_side() {
        for (text, down, up) in [
            ("1.5", 1, 2),
            ("-1.5", -2, -1),
            ("0.001", 0, 1),
            ("-0.001", -1, 0),
            ("1.000", 1, 1),
            ("1.0000000000000000000000000000001", 1, 2),
            ("1e3", 1000, 1000),
            ("1.2345e3", 1234, 1235),
            ("12345e-2", 123, 124),
            ("1e-400000000000000000000000", 0, 1),
            ("0e999999999999999999999999", 0, 0),
            ("0.0000000000000000000000000000015e30", 1, 2),
            (
                "1700000000.999999999999999999999",
                1_700_000_000,
                1_700_000_001,
            ),
        ] {
            assert_eq!((floor(text), ceil(text)), (Some(down), Some(up)), "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_64_bits_is_refused() {
        for text in [
            "9223372036854775808",
            "1e19",
            "1e400",
            "-1e400",
            "1e9999999999999999999999",
        ] {
            assert_eq!((floor(text), ceil(text)), (None, None), "{text}");
        }
        assert_eq!(ceil("9223372036854775807.5"), None);
    }

    #[test]
    fn a_long_run_of_zeros_costs_its_own_length() {
        let text = format!("0.{}1e10001", "0".repeat(10_000));
        assert_eq!(floor(&text), Some(1));
        assert_eq!(floor(&format!("1{}e-10000", "0".repeat(10_000))), Some(1));
    }
}

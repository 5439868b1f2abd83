//! Exact comparison of JSON numbers, as decimals and never as floats.

use core::cmp::Ordering;

/// A text that is no JSON number (RFC 8259 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotADecimal;

impl core::fmt::Display for NotADecimal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the text is not a JSON number")
    }
}

impl std::error::Error for NotADecimal {}

/// A JSON number by its exact value: `1.50`, `15e-1` and `1.5` are equal.
///
/// Borrowed from its text; of any length, and with an exponent of any size.
#[derive(Clone, Copy, Debug)]
pub struct Decimal<'a> {
    negative: bool,
    /// The digits before and after the point, as one sequence of two pieces.
    whole: &'a [u8],
    fraction: &'a [u8],
    /// Where the point stands, counted in digits from the first significant
    /// one: the value is 0.d₁d₂… × 10^magnitude. `None` for zero.
    magnitude: Option<i64>,
}

impl<'a> Decimal<'a> {
    /// Reads a number by RFC 8259's grammar.
    ///
    /// # Errors
    /// [`NotADecimal`] where the text is anything else.
    pub fn parse(text: &'a str) -> Result<Self, NotADecimal> {
        let bytes = text.as_bytes();
        let (negative, bytes) = match bytes {
            [b'-', rest @ ..] => (true, rest),
            _ => (false, bytes),
        };
        let (whole, rest) = digits(bytes);
        if whole.is_empty() || (whole.len() > 1 && whole.first() == Some(&b'0')) {
            return Err(NotADecimal);
        }
        let (fraction, rest) = match rest {
            [b'.', after @ ..] => match digits(after) {
                ([], _) => return Err(NotADecimal),
                found => found,
            },
            _ => (&[][..], rest),
        };
        let exponent = match rest {
            [] => 0,
            [b'e' | b'E', after @ ..] => exponent(after)?,
            _ => return Err(NotADecimal),
        };
        Ok(Self::new(negative, whole, fraction, exponent))
    }

    fn new(negative: bool, whole: &'a [u8], fraction: &'a [u8], exponent: i64) -> Self {
        let zeros = whole
            .iter()
            .chain(fraction)
            .take_while(|digit| **digit == b'0')
            .count();
        let magnitude = (zeros < whole.len() + fraction.len())
            .then(|| exponent.saturating_add(distance(whole.len(), zeros)));
        Self {
            negative,
            whole,
            fraction,
            magnitude,
        }
    }

    fn significant(&self) -> impl Iterator<Item = u8> {
        self.whole
            .iter()
            .chain(self.fraction)
            .copied()
            .skip_while(|digit| *digit == b'0')
    }

    fn compare_absolute(&self, other: &Self) -> Ordering {
        self.magnitude.cmp(&other.magnitude).then_with(|| {
            let (mut left, mut right) = (self.significant(), other.significant());
            loop {
                match (left.next(), right.next()) {
                    (None, None) => return Ordering::Equal,
                    (a, b) => match a.unwrap_or(b'0').cmp(&b.unwrap_or(b'0')) {
                        Ordering::Equal => {}
                        unequal @ (Ordering::Less | Ordering::Greater) => return unequal,
                    },
                }
            }
        })
    }

    /// Compares by value.
    pub fn compare(&self, other: &Self) -> Ordering {
        let negative = |number: &Self| number.negative && number.magnitude.is_some();
        match (negative(self), negative(other)) {
            (false, false) => self.compare_absolute(other),
            (true, true) => other.compare_absolute(self),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

/// `left` − `right` for two lengths in memory.
fn distance(left: usize, right: usize) -> i64 {
    // A slice is never longer than isize::MAX, so neither cast can wrap.
    i64::try_from(left).unwrap_or(i64::MAX) - i64::try_from(right).unwrap_or(i64::MAX)
}

fn digits(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(bytes.len());
    bytes.split_at_checked(end).unwrap_or((bytes, &[]))
}

/// An exponent after its `e`; one past the range saturates, which keeps the
/// order among numbers that a token can carry.
fn exponent(bytes: &[u8]) -> Result<i64, NotADecimal> {
    let (negative, bytes) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, bytes),
    };
    let (found, []) = digits(bytes) else {
        return Err(NotADecimal);
    };
    if found.is_empty() {
        return Err(NotADecimal);
    }
    // Half the range, so that adding a length can't overflow either.
    let size = found.iter().fold(0_i64, |sum, digit| {
        sum.saturating_mul(10)
            .saturating_add(i64::from(digit - b'0'))
            .min(i64::MAX / 2)
    });
    Ok(if negative { -size } else { size })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(left: &str, right: &str) -> Ordering {
        Decimal::parse(left)
            .unwrap()
            .compare(&Decimal::parse(right).unwrap())
    }

    #[test]
    fn numbers_compare_by_value_however_they_are_spelt() {
        for (left, right) in [
            ("1.50", "15e-1"),
            ("0", "-0.0e7"),
            ("100", "1E2"),
            ("0.001", "1e-3"),
        ] {
            assert_eq!(compare(left, right), Ordering::Equal, "{left} {right}");
        }
    }

    #[test]
    fn numbers_past_what_a_float_can_tell_apart_are_told_apart() {
        assert_eq!(
            compare("9007199254740993", "9007199254740992"),
            Ordering::Greater
        );
        assert_eq!(compare("1e400", "1e399"), Ordering::Greater);
        assert_eq!(compare("-1e400", "0"), Ordering::Less);
        assert_eq!(compare("-2", "-1"), Ordering::Less);
        assert_eq!(
            compare("1e99999999999999999999", "9e99999999"),
            Ordering::Greater
        );
    }

    #[test]
    fn what_is_no_json_number_is_refused() {
        for text in [
            "", "-", "01", "1.", ".5", "+1", "1e", "1e+", "0x1", "1 ", "NaN",
        ] {
            assert!(Decimal::parse(text).is_err(), "{text}");
        }
    }
}

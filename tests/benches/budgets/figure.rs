//! A number of a report, in hundredths.

use std::fmt;

use serde_json::Value;

/// A ratio, or a number of milliseconds or mebibytes; exact to a hundredth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Figure(u64);

impl Figure {
    /// So many hundredths.
    pub(crate) const fn hundredths(hundredths: u64) -> Self {
        Self(hundredths)
    }

    /// How many times `over` goes into `of`.
    pub(crate) fn ratio(of: u64, over: u64) -> Self {
        let over = over.max(1);
        Self((of * 100 + over / 2) / over)
    }

    /// Nanoseconds, in milliseconds.
    pub(crate) fn milliseconds(nanoseconds: u64) -> Self {
        Self::ratio(nanoseconds, 1_000_000)
    }

    /// Kibibytes, in mebibytes.
    pub(crate) fn mebibytes(kibibytes: u64) -> Self {
        Self::ratio(kibibytes, 1024)
    }

    pub(crate) fn json(self) -> Value {
        let plain = format!("{}.{:02}", self.0 / 100, self.0 % 100);
        let number = plain.parse::<f64>();
        number.map_or(Value::Null, Value::from)
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{:02}", grouped(self.0 / 100), self.0 % 100)
    }
}

/// A number with its thousands apart.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

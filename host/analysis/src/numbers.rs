//! Sets of numbers: what bounds and equalities make of all decimals.

use std::cmp::Ordering;
use std::rc::Rc;

use claimbound_language::engine::Decimal;

use crate::budget::{Budget, Exceeded};

/// A set of numbers, by exact value: whatever a JSON number can say.
///
/// INVARIANT: cuts are in order and no two are the same, so that one set is
/// written in one way but for how its numbers are spelt.
#[derive(Clone, Debug, Default)]
pub struct Numbers {
    /// Whether the least numbers are in it.
    begins_in: bool,
    /// Where it begins and ends in turn; weekly hours have thousands.
    cuts: Rc<[Cut]>,
}

/// A place between numbers: just before a number, or just after it.
#[derive(Clone, Debug)]
struct Cut {
    /// A JSON number's text.
    number: String,
    side: Side,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Before,
    After,
}

/// A text that is no JSON number (RFC 8259 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotANumber;

impl Cut {
    fn new(number: &str, side: Side) -> Result<Self, NotANumber> {
        decimal(number).ok_or(NotANumber)?;
        Ok(Self {
            number: number.to_owned(),
            side,
        })
    }

    fn order(&self, other: &Self) -> Ordering {
        compare(&self.number, &other.number).then(self.side.cmp(&other.side))
    }
}

impl Numbers {
    /// No number.
    pub fn none() -> Self {
        Self::default()
    }

    /// Every number.
    pub fn all() -> Self {
        Self {
            begins_in: true,
            cuts: Rc::default(),
        }
    }

    /// Zero and all above it.
    pub(crate) fn natural() -> Self {
        let zero = Cut {
            number: "0".to_owned(),
            side: Side::Before,
        };
        Self {
            begins_in: false,
            cuts: Rc::new([zero]),
        }
    }

    /// This number alone, a JSON number's text.
    ///
    /// # Errors
    /// [`NotANumber`].
    pub fn one(number: &str) -> Result<Self, NotANumber> {
        Ok(Self {
            begins_in: false,
            cuts: Rc::new([
                Cut::new(number, Side::Before)?,
                Cut::new(number, Side::After)?,
            ]),
        })
    }

    /// This number and all above it.
    ///
    /// # Errors
    /// [`NotANumber`].
    pub fn at_least(number: &str) -> Result<Self, NotANumber> {
        Ok(Self {
            begins_in: false,
            cuts: Rc::new([Cut::new(number, Side::Before)?]),
        })
    }

    /// This number and all below it.
    ///
    /// # Errors
    /// [`NotANumber`].
    pub fn at_most(number: &str) -> Result<Self, NotANumber> {
        Ok(Self {
            begins_in: true,
            cuts: Rc::new([Cut::new(number, Side::After)?]),
        })
    }

    /// From the first until the second of each pair, in order, none touching the
    /// next: the first inclusive, the second exclusive.
    pub(crate) fn within(pairs: impl IntoIterator<Item = (u64, u64)>) -> Self {
        let cut = |number: u64| Cut {
            number: number.to_string(),
            side: Side::Before,
        };
        let cuts = pairs
            .into_iter()
            .flat_map(|(from, until)| [cut(from), cut(until)]);
        Self {
            begins_in: false,
            cuts: cuts.collect(),
        }
    }

    /// The numbers of both.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn and(&self, other: &Self, budget: &Budget) -> Result<Self, Exceeded> {
        self.with(other, |one, other| one && other, budget)
    }

    /// The numbers of either.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn or(&self, other: &Self, budget: &Budget) -> Result<Self, Exceeded> {
        self.with(other, |one, other| one || other, budget)
    }

    /// The numbers of this one that are not of the other.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn minus(&self, other: &Self, budget: &Budget) -> Result<Self, Exceeded> {
        self.with(other, |one, other| one && !other, budget)
    }

    fn with(
        &self,
        other: &Self,
        accepts: impl Fn(bool, bool) -> bool,
        budget: &Budget,
    ) -> Result<Self, Exceeded> {
        let steps = self.cuts.len().saturating_add(other.cuts.len());
        budget.take(u64::try_from(steps).unwrap_or(u64::MAX))?;
        let (mut one, mut two) = (self.begins_in, other.begins_in);
        let begins_in = accepts(one, two);
        let (mut ours, mut theirs) = (self.cuts.iter().peekable(), other.cuts.iter().peekable());
        let (mut cuts, mut is_in) = (Vec::new(), begins_in);
        loop {
            let order = match (ours.peek(), theirs.peek()) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(own), Some(their)) => own.order(their),
            };
            let (mut cut, mut next) = (None, None);
            if order.is_le() {
                cut = ours.next();
                one = !one;
            }
            if order.is_ge() {
                next = theirs.next();
                two = !two;
            }
            if accepts(one, two) != is_in {
                is_in = !is_in;
                cuts.extend(cut.or(next).cloned());
            }
        }
        Ok(Self {
            begins_in,
            cuts: cuts.into(),
        })
    }

    /// Whether there is no number in it.
    pub fn is_empty(&self) -> bool {
        !self.begins_in && self.cuts.is_empty()
    }

    /// The whole numbers from zero on, as far as 64 bits hold them, that are in it
    /// where the one before is not, or the other way round; in order. Bounds
    /// that are no whole numbers are left out.
    pub(crate) fn turns(&self) -> impl Iterator<Item = u64> + '_ {
        self.cuts.iter().filter_map(|cut| {
            let number: u64 = cut.number.parse().ok()?;
            match cut.side {
                Side::Before => Some(number),
                Side::After => number.checked_add(1),
            }
        })
    }

    /// Whether a number is in it, a JSON number's text; none is that is not one.
    pub fn contains(&self, number: &str) -> bool {
        decimal(number).is_some() && self.holds(number)
    }

    /// Whether a number is in it that can be compared.
    fn holds(&self, number: &str) -> bool {
        let passed = self.cuts.partition_point(|cut| {
            let order = compare(&cut.number, number);
            order.is_lt() || order.is_eq() && cut.side == Side::Before
        });
        self.begins_in ^ (passed % 2 == 1)
    }

    /// The least whole number of it that is not below `from`, as far as its bounds
    /// are whole numbers, too.
    pub(crate) fn least(&self, from: u64) -> Option<u64> {
        let at = self.cuts.iter().filter_map(|cut| cut.number.parse().ok());
        let next = at.clone().filter_map(|at: u64| at.checked_add(1));
        let near = at.chain(next).filter(|number| *number > from);
        let near = near.chain([from]);
        near.filter(|number| self.holds(&number.to_string())).min()
    }

    /// A number of it, the plainest that is found; none where it is empty.
    pub fn example(&self) -> Option<String> {
        let usual = ["1", "0", "100", "-1"].map(str::to_owned);
        let at = self.cuts.iter().map(|cut| cut.number.clone());
        let next = self.cuts.iter().flat_map(|cut| neighbours(&cut.number));
        let mut near = usual.into_iter().chain(at).chain(next);
        near.find(|number| self.holds(number))
            .or_else(|| self.between())
    }

    /// A number strictly between two cuts, where neither they nor what is next
    /// to them are in the set.
    fn between(&self) -> Option<String> {
        // Far enough behind the point, what is added to a number is smaller than
        // any distance to the next cut.
        let longest = self.cuts.iter().map(|cut| cut.number.len()).max()?;
        let tenths = self.cuts.iter().filter_map(|cut| tenth(&cut.number));
        if let Some(found) = tenths.into_iter().find(|number| self.holds(number)) {
            return Some(found);
        }
        let mut zeros = 1;
        while zeros < longest.saturating_mul(2).saturating_add(2) {
            let near = self.cuts.iter().flat_map(|cut| beyond(&cut.number, zeros));
            if let Some(found) = near.into_iter().find(|number| self.holds(number)) {
                return Some(found);
            }
            zeros = zeros.saturating_mul(2);
        }
        None
    }
}

/// The whole numbers next to one that is not too large to be counted with.
fn neighbours(number: &str) -> Vec<String> {
    let Ok(number) = number.parse::<i64>() else {
        return Vec::new();
    };
    let near = [number.checked_add(1), number.checked_sub(1)];
    near.into_iter()
        .flatten()
        .map(|near| near.to_string())
        .collect()
}

/// A tenth of a number: nearer to zero than whatever bounds it there.
fn tenth(number: &str) -> Option<String> {
    let (mantissa, exponent) = parts(number);
    let exponent = exponent.map_or(Some(0), |exponent| exponent.parse::<i64>().ok())?;
    Some(format!("{mantissa}e{}", exponent.checked_sub(1)?))
}

/// A number a little further from zero, in its sign; for zero, one of either.
fn beyond(number: &str, zeros: usize) -> Vec<String> {
    let (mantissa, exponent) = parts(number);
    let point = if mantissa.contains('.') { "" } else { "." };
    let exponent = exponent.map_or_else(String::new, |exponent| format!("e{exponent}"));
    let near = format!("{mantissa}{point}{}1{exponent}", "0".repeat(zeros));
    if compare(number, "0").is_ne() {
        return vec![near];
    }
    let near = near.trim_start_matches('-').to_owned();
    vec![format!("-{near}"), near]
}

/// A number's text before and after its `e`.
fn parts(number: &str) -> (&str, Option<&str>) {
    match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (number, None),
    }
}

fn decimal(number: &str) -> Option<Decimal<'_>> {
    Decimal::parse(number).ok()
}

/// INVARIANT: both were read before.
fn compare(one: &str, other: &str) -> Ordering {
    // Nearly all are seconds.
    if let (Some(one), Some(other)) = (whole(one), whole(other)) {
        return one.cmp(&other);
    }
    match (decimal(one), decimal(other)) {
        (Some(one), Some(other)) => one.compare(&other),
        (None | Some(_), None) | (None, Some(_)) => Ordering::Equal,
    }
}

/// A whole number that is not written with an exponent, a fraction or a sign, and is
/// short enough.
fn whole(number: &str) -> Option<u64> {
    number.parse().ok().filter(|_| !number.starts_with('+'))
}

impl PartialEq for Numbers {
    fn eq(&self, other: &Self) -> bool {
        let same = |(one, other): (&Cut, &Cut)| one.order(other).is_eq();
        self.begins_in == other.begins_in
            && self.cuts.len() == other.cuts.len()
            && self.cuts.iter().zip(other.cuts.iter()).all(same)
    }
}

impl Eq for Numbers {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Half steps from -3 to 3, in which every set of whole bounds shows itself.
    fn half_steps() -> Vec<(i32, String)> {
        let text = |half: i32| {
            let sign = if half < 0 { "-" } else { "" };
            format!("{sign}{}.{}", half.abs() / 2, half.abs() % 2 * 5)
        };
        (-6..=6).map(|half| (half, text(half))).collect()
    }

    /// A set, and the half steps that are in it.
    fn set() -> impl Strategy<Value = (Numbers, Vec<i32>)> {
        let bound = || (-2..=2_i32, 0..3_u8);
        let one = |(number, kind): (i32, u8)| {
            let text = number.to_string();
            let all = half_steps().into_iter().map(|(half, _)| half);
            let (set, within): (_, Vec<i32>) = match kind {
                0 => (
                    Numbers::at_least(&text),
                    all.filter(|half| *half >= number * 2).collect(),
                ),
                1 => (
                    Numbers::at_most(&text),
                    all.filter(|half| *half <= number * 2).collect(),
                ),
                _ => (
                    Numbers::one(&text),
                    all.filter(|half| *half == number * 2).collect(),
                ),
            };
            (set.unwrap(), within)
        };
        let pair = (bound(), bound(), 0..3_u8);
        pair.prop_map(move |(first, second, how)| {
            let budget = Budget::default();
            let ((a, x), (b, y)) = (one(first), one(second));
            let all = half_steps().into_iter().map(|(half, _)| half);
            let of = |in_both: fn(bool, bool) -> bool| {
                all.filter(|half| in_both(x.contains(half), y.contains(half)))
                    .collect()
            };
            match how {
                0 => (a.and(&b, &budget).unwrap(), of(|x, y| x && y)),
                1 => (a.or(&b, &budget).unwrap(), of(|x, y| x || y)),
                _ => (a.minus(&b, &budget).unwrap(), of(|x, y| x && !y)),
            }
        })
    }

    fn in_set(numbers: &Numbers) -> Vec<i32> {
        let all = half_steps().into_iter();
        let within = all.filter(|(_, text)| numbers.contains(text));
        within.map(|(half, _)| half).collect()
    }

    proptest! {
        #[test]
        fn the_algebra_is_that_of_sets((a, x) in set(), (b, y) in set()) {
            let budget = Budget::default();
            prop_assert_eq!(in_set(&a), x.clone());
            let of = |in_both: fn(bool, bool) -> bool| -> Vec<i32> {
                let all = half_steps().into_iter().map(|(half, _)| half);
                all.filter(|half| in_both(x.contains(half), y.contains(half))).collect()
            };
            prop_assert_eq!(in_set(&a.and(&b, &budget).unwrap()), of(|x, y| x && y));
            prop_assert_eq!(in_set(&a.or(&b, &budget).unwrap()), of(|x, y| x || y));
            prop_assert_eq!(in_set(&a.minus(&b, &budget).unwrap()), of(|x, y| x && !y));
            // Whole bounds between -2 and 2: half steps tell all of them apart.
            prop_assert_eq!(a == b, x == y);
            prop_assert_eq!(a.is_empty(), x.is_empty());
            match a.example() {
                None => prop_assert!(a.is_empty()),
                Some(example) => prop_assert!(a.contains(&example)),
            }
        }
    }

    #[test]
    fn numbers_are_what_they_are_worth() {
        let same = |one: &str, other: &str| Numbers::one(one) == Numbers::one(other);
        assert!(same("1.50", "15e-1") && same("0", "-0.0") && !same("1", "1.0000001"));
        assert!(Numbers::at_least("1e400").unwrap().contains("1E401"));
        for text in ["", "x", "01", "1.", "+1", "NaN", "1e"] {
            assert_eq!(Numbers::one(text), Err(NotANumber), "{text}");
            assert!(!Numbers::all().contains(text), "{text}");
        }
    }

    #[test]
    fn a_number_is_found_in_the_narrowest_gap() {
        let budget = Budget::default();
        for (low, high) in [
            ("3", "4"),
            ("-4", "-3"),
            ("-1", "0"),
            ("0", "0.0000000000000000001"),
            ("1e3", "1.0001e3"),
            ("9007199254740992", "9007199254740993"),
            ("-0.00002", "-0.00001"),
            ("0", "1e-400"),
            ("-1e-400", "-0"),
            ("1e-400", "1.1e-400"),
        ] {
            let above = Numbers::at_least(low).unwrap();
            let above = above.minus(&Numbers::one(low).unwrap(), &budget).unwrap();
            let below = Numbers::at_most(high).unwrap();
            let below = below.minus(&Numbers::one(high).unwrap(), &budget).unwrap();
            let between = above.and(&below, &budget).unwrap();
            let example = between.example().unwrap();
            assert!(between.contains(&example), "{low} {example} {high}");
        }
    }
}

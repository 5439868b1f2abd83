//! When a token is presented: it is alive, and no older than time itself.

use crate::block::Block;
use crate::budget::{Budget, Exceeded};
use crate::numbers::Numbers;
use crate::token::{USUAL_LIFETIME, USUAL_TIME};
use crate::values::Values;
use crate::variable::Variable;

/// The last second that a date of a token may name, of the year 9999.
const LAST_SECOND: u64 = 253_402_300_799;

/// How old a token is, how long it lives and when it is presented, in seconds;
/// without `iat` it has neither age nor lifetime.
struct Moment {
    issued: Option<(u64, u64)>,
    now: u64,
}

/// Settles when a token of the block is presented: issued just now, alive for some
/// minutes, on a Monday at ten, as far as the block leaves it open. Whether any
/// token that has not expired is left.
pub(super) fn settle(block: &mut Block, budget: &Budget) -> Result<bool, Exceeded> {
    let Some(moment) = Moment::of(block) else {
        return Ok(false);
    };
    let (age, lifetime) = moment.issued.unzip();
    Ok(be(block, &Variable::Now, Some(moment.now), budget)?
        && be(block, &Variable::Age, age, budget)?
        && be(block, &Variable::Lifetime, lifetime, budget)?)
}

impl Moment {
    fn of(block: &Block) -> Option<Self> {
        let asked = |variable: Variable| {
            let asked = block.set(&variable).cloned();
            asked.unwrap_or_else(|| variable.domain())
        };
        let (ages, lifetimes) = (asked(Variable::Age), asked(Variable::Lifetime));
        let times = asked(Variable::Now);
        let issued = issued(ages.numbers(), lifetimes.numbers());
        let with = issued.into_iter().find_map(|(age, lifetime)| {
            let now = presented(times.numbers(), age, lifetime)?;
            let issued = Some((age, lifetime));
            Some(Self { issued, now })
        });
        with.or_else(|| {
            let may_lack = ages.contains(None) && lifetimes.contains(None);
            let now = presented(times.numbers(), 0, 1).filter(|_| may_lack)?;
            Some(Self { issued: None, now })
        })
    }
}

/// The least age, with the lifetimes that are longer: the usual one and the least. A
/// token of no age may have been issued in the future, as clocks differ, and then
/// its lifetime is as long as it says.
fn issued(ages: &Numbers, lifetimes: &Numbers) -> Vec<(u64, u64)> {
    let Some(age) = ages.least(0) else {
        return Vec::new();
    };
    let usual = lifetimes.least(USUAL_LIFETIME);
    let usual = usual.filter(|usual| *usual == USUAL_LIFETIME && age < *usual);
    let shortest = age.checked_add(1).and_then(|from| lifetimes.least(from));
    let none = lifetimes.least(0).filter(|none| age == 0 && *none == 0);
    let all = [usual, shortest, none].into_iter().flatten();
    all.map(|lifetime| (age, lifetime)).collect()
}

/// The usual time, or the least at which a token of this age can have been issued,
/// so that its end still has a date.
fn presented(times: &Numbers, age: u64, lifetime: u64) -> Option<u64> {
    let usual = times
        .least(USUAL_TIME)
        .filter(|now| *now == USUAL_TIME && age <= *now);
    let near = [usual, times.least(age)];
    let ends = |now: u64| now.checked_sub(age)?.checked_add(lifetime.max(1));
    let has_end = |now: &u64| ends(*now).is_some_and(|end| end <= LAST_SECOND);
    near.into_iter().flatten().find(has_end)
}

/// Has a variable be this number, or absent; whether the block lets it.
fn be(
    block: &mut Block,
    variable: &Variable,
    number: Option<u64>,
    budget: &Budget,
) -> Result<bool, Exceeded> {
    let values = match number {
        None => Values::none().or_absent(),
        Some(number) => Values::of_numbers(Numbers::one(&number.to_string()).unwrap_or_default()),
    };
    block.bound(variable, &values, budget)
}

//! When weekly hours are open, as a set of seconds since 1970.

use claimbound_language::engine::Weekly;

use crate::budget::{Budget, Exceeded};
use crate::numbers::Numbers;

/// Seconds in a day of a clock on the wall.
const DAY: i64 = 86_400;

/// When a window is open.
///
/// # Errors
/// [`Exceeded`].
pub(crate) fn open(weekly: &Weekly, budget: &Budget) -> Result<Numbers, Exceeded> {
    let ends = weekly.offsets.iter().skip(1).map(|offset| offset.from);
    let spans = weekly.offsets.iter().zip(ends.chain([weekly.horizon]));
    let mut open: Vec<(u64, u64)> = Vec::new();
    for (offset, until) in spans {
        let span = (offset.from, until.min(weekly.horizon));
        add_span(weekly, span, i64::from(offset.seconds), &mut open, budget)?;
    }
    Ok(Numbers::within(open))
}

/// Adds what is open from the first until the second of `span`, in which local
/// time is so much ahead.
fn add_span(
    weekly: &Weekly,
    (from, until): (u64, u64),
    ahead: i64,
    open: &mut Vec<(u64, u64)>,
    budget: &Budget,
) -> Result<(), Exceeded> {
    let day = |at: u64| i64::try_from(at).map(|at| at.saturating_add(ahead).div_euclid(DAY));
    let (Ok(first), Ok(last)) = (day(from), day(until)) else {
        return Err(Exceeded);
    };
    let (opens, closes) = (i64::from(weekly.opens), i64::from(weekly.closes));
    // Hours across midnight belong to the day on which they open.
    let closes = if closes <= opens {
        closes + DAY
    } else {
        closes
    };
    for day in first - 1..=last {
        budget.take(1)?;
        // 1970-01-01 was a Thursday.
        let weekday = u8::try_from((day + 3).rem_euclid(7)).unwrap_or(u8::MAX);
        if !weekly.days.contains(weekday) {
            continue;
        }
        let midnight = day * DAY - ahead;
        let second = |time: i64| u64::try_from((midnight + time).max(0)).unwrap_or(0);
        let (begin, end) = (second(opens).max(from), second(closes).min(until));
        if begin >= end {
            continue;
        }
        match open.last_mut() {
            Some((_, last)) if *last >= begin => *last = (*last).max(end),
            Some(_) | None => open.push((begin, end)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::agent;
    use claimbound_language::engine::Decision;
    use claimbound_language::engine::model::Test;

    #[test]
    fn hours_are_open_when_the_component_says_so() {
        for (window, zone) in [
            (
                r#"days = ["mon", "fri"], hours = "08:00-18:00""#,
                "Europe/Berlin",
            ),
            (
                r#"days = ["sat", "sun"], hours = "22:30-02:15""#,
                "Europe/Berlin",
            ),
            (
                r#"days = ["mon", "tue", "wed"], hours = "00:00-24:00""#,
                "America/New_York",
            ),
            (r#"hours = "01:30-03:30""#, "America/New_York"),
            (r#"days = ["sun"], hours = "23:00-22:59""#, "Asia/Kathmandu"),
        ] {
            let compiled = agent(&format!(r#"window = {{ {window}, time_zone = "{zone}" }}"#));
            let conditions = compiled
                .program
                .statements
                .iter()
                .flat_map(|one| &one.conditions);
            let weekly = conditions.into_iter().find_map(|one| {
                if let Test::Weekly(weekly) = &one.test {
                    return Some(weekly);
                }
                None
            });
            let weekly = weekly.unwrap();
            let open = open(weekly, &Budget::default()).unwrap();
            let example = compiled.example("agent").unwrap();
            let issued = example.request.now;
            let is_let_in = |now: u64| {
                let mut example = example.clone();
                for (name, at) in [("iat", now), ("nbf", now), ("exp", now + 300)] {
                    example.claims.insert(name.to_owned(), at.into());
                }
                example.request.now = now;
                let verdict = compiled.decide(&example.claims, &example.key, &example.request);
                matches!(verdict.unwrap().decision, Decision::Allow { .. })
            };
            // Each quarter of an hour around the changes of clocks, a week, and
            // the edges of what is known.
            let quarters = |from: u64| (from..from + 8 * 86_400).step_by(900);
            let changes = weekly
                .offsets
                .iter()
                .rev()
                .take(3)
                .map(|one| one.from - 2 * 86_400);
            let mut moments: Vec<u64> = changes.chain([issued]).flat_map(quarters).collect();
            moments.extend(weekly.horizon - 86_400..weekly.horizon - 86_390);
            moments.extend([weekly.horizon - 1, weekly.horizon, weekly.horizon + 1]);
            let seconds = moments.iter().flat_map(|at| [at - 1, *at, at + 1]);
            for now in seconds {
                let is_open = open.contains(&now.to_string());
                assert_eq!(is_open, is_let_in(now), "{window} {zone} at {now}");
            }
        }
    }
}

//! Times and audiences: what holds of every token, and what a statement adds.

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde_json::{Map, Value};

use super::super::token::Token;

/// The last second of the year 9999.
const LAST: f64 = 253_402_300_799.0;

/// Whether registered claims are well-formed, and the token is valid now and
/// meant for the route's audience.
pub(super) fn admits(token: &Token) -> bool {
    well_formed(token).is_some_and(|(expires, issued, not_before)| {
        let now = token.request.now;
        let lifetime = expires.saturating_sub(issued.unwrap_or(now));
        let begun = |start: Option<u64>| start.is_none_or(|start| start <= now + 60);
        let audience = audiences(token);
        now < expires
            && lifetime <= 86_400
            && begun(issued)
            && begun(not_before)
            && audience.contains(&token.request.audience.as_str())
    })
}

/// `exp`, `iat` and `nbf`, where all registered claims have their types.
fn well_formed(token: &Token) -> Option<(u64, Option<u64>, Option<u64>)> {
    let claims = &token.claims;
    for name in ["iss", "sub"] {
        claims.get(name)?;
    }
    for name in ["iss", "sub", "jti"] {
        if claims
            .get(name)
            .is_some_and(|value| value.as_str().is_none_or(str::is_empty))
        {
            return None;
        }
    }
    if claims.get("cnf").is_some_and(|value| !value.is_object()) {
        return None;
    }
    if let Some(audience) = claims.get("aud") {
        let all = audiences(token);
        let count = audience.as_array().map_or(1, Vec::len);
        if all.len() != count || all.is_empty() || all.contains(&"") {
            return None;
        }
    }
    let date = |name: &str, up: bool| match claims.get(name) {
        None => Some(None),
        Some(value) => seconds(value, up).map(Some),
    };
    let (expires, issued, not_before) =
        (date("exp", false)?, date("iat", true)?, date("nbf", true)?);
    Some((expires?, issued, not_before))
}

/// The texts of `aud`.
fn audiences(token: &Token) -> Vec<&str> {
    match token.claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// A date in whole seconds.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn seconds(value: &Value, up: bool) -> Option<u64> {
    let exact = value.as_f64()?;
    let whole = if up { exact.ceil() } else { exact.floor() };
    (0.0..=LAST).contains(&whole).then_some(whole as u64)
}

/// Whether audience, lifetime, age and times of a trust statement are met.
pub(super) fn bounds(statement: &Map<String, Value>, token: &Token) -> bool {
    let now = token.request.now;
    let Some((expires, issued, _)) = well_formed(token) else {
        return false;
    };
    let audience = statement["audience"].as_str().unwrap();
    let all = audiences(token);
    let shared = statement.get("shared_audience") == Some(&Value::Bool(true));
    let since_issued = |key: &str, end: u64| match (statement.get(key), issued) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(longest), Some(issued)) => end.saturating_sub(issued) <= duration(longest),
    };
    let ends = statement.get("expires").is_none_or(|end| now < moment(end));
    let open = statement
        .get("window")
        .is_none_or(|window| is_open(window, now));
    all.contains(&audience)
        && token.request.audience == audience
        && (shared || all.len() == 1)
        && since_issued("token_lifetime", expires)
        && since_issued("max_age", now)
        && ends
        && open
}

/// For how many seconds a statement that is met grants at most; none where as long
/// as the token lasts. It is asked for every minute, and for the moments that the
/// document names, whether its own times are still met then: the hours of a window
/// and the offsets of zones begin and end with whole minutes.
pub(super) fn longest(statement: &Map<String, Value>, token: &Token) -> Option<u32> {
    let now = token.request.now;
    let (expires, ..) = well_formed(token)?;
    let window = statement.get("window");
    let named = [
        statement.get("expires"),
        window.and_then(|window| window.get("until")),
    ];
    let met = |at: &u64| {
        statement.get("expires").is_none_or(|end| *at < moment(end))
            && window.is_none_or(|window| is_open(window, *at))
    };
    let named = named.into_iter().flatten().map(moment);
    let named = named.filter(|at| (now..expires).contains(at));
    let mut moments: Vec<_> = named.collect();
    if window.is_some() {
        moments.extend((now / 60 * 60 + 60..expires).step_by(60));
    }
    moments.sort_unstable();
    let closes = moments.into_iter().find(|at| !met(at));
    let left = closes.map(|at| u32::try_from(at - now).unwrap());
    let own = statement["grant"].get("max_ttl").map(duration);
    let own = own.map(|own| u32::try_from(own).unwrap());
    left.into_iter().chain(own).min()
}

fn duration(value: &Value) -> u64 {
    let text = value.as_str().unwrap();
    let (count, unit) = text.split_at(text.len() - 1);
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => 86_400,
    };
    count.parse::<u64>().unwrap() * unit
}

fn moment(value: &Value) -> u64 {
    let moment: Timestamp = value.as_str().unwrap().parse().unwrap();
    moment.as_second().try_into().unwrap()
}

/// Whether a window is open, by the calendar and the clock of its zone.
fn is_open(window: &Value, now: u64) -> bool {
    let from = window.get("from").is_none_or(|from| moment(from) <= now);
    let until = window.get("until").is_none_or(|until| now < moment(until));
    let weekly = window.get("time_zone").is_none_or(|zone| {
        let zone = TimeZoneDatabase::bundled()
            .get(zone.as_str().unwrap())
            .unwrap();
        is_open_weekly(window, &zone, now)
    });
    from && until && weekly
}

fn is_open_weekly(window: &Value, zone: &TimeZone, now: u64) -> bool {
    // From 2020 until 2040, as the reference says.
    if !(1_577_836_800..2_208_988_800).contains(&now) {
        return false;
    }
    let here = Timestamp::from_second(now.try_into().unwrap()).unwrap();
    let here = here.to_zoned(zone.clone());
    let days = window.get("days").and_then(Value::as_array);
    let on = |date: jiff::civil::Date| {
        let names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        let day = names[usize::try_from(date.weekday().to_monday_zero_offset()).unwrap()];
        days.is_none_or(|days| days.iter().any(|one| one == day))
    };
    let clock = here.time().to_string();
    let (opens, closes) = match window.get("hours").and_then(Value::as_str) {
        Some(hours) => hours.split_once('-').unwrap(),
        None => ("00:00", "24:00"),
    };
    // Times of day are in order as texts are: 08:00, 08:00:01, 18:00.
    let (today, yesterday) = (here.date(), here.date().yesterday().unwrap());
    let (begun, over) = (clock.as_str() >= opens, clock.as_str() >= closes);
    if opens < closes {
        on(today) && begun && !over
    } else {
        on(today) && begun || on(yesterday) && !over
    }
}

//! A release train: a branch `refs/heads/release/2026-11-23` may deploy on the
//! day that it names (UTC) and on no other. No document can say this: it
//! compares a claim with the calendar.

use claimbound_sdk::{Answer, FirstUse, Grant, Manifest, Obligation, Policy, Reason, Token};

/// The repository that the train belongs to, by its immutable id.
const REPOSITORY: &str = "456789";
/// The owner of that repository, by its immutable id.
const OWNER: &str = "123456";
/// Where the branches of the train stand.
const BRANCHES: &str = "refs/heads/release/";

struct ReleaseTrain;

impl Policy for ReleaseTrain {
    fn manifest() -> Manifest {
        Manifest::new("release-train", "1.0.0")
            .claim(["ref"])
            .name("owner")
            .name("repository")
            .obligation("bind")
    }

    fn decide(token: &Token<'_>) -> Answer {
        for (kind, expected) in [("owner", OWNER), ("repository", REPOSITORY)] {
            let found = token.name(kind).and_then(|name| name.id);
            if found != Some(expected) {
                let reason = Reason::new("subject.mismatch").claim([kind, "id"]);
                return Answer::deny(reason.expected(expected).found(found));
            }
        }
        let today = Date::of(token.now()).to_string();
        let found = token.claim(["ref"]).text();
        match found.and_then(|branch| branch.strip_prefix(BRANCHES)) {
            Some(day) if day == today => {
                let bind = Obligation::Bind(FirstUse::Enrol);
                let grant = Grant::new().role("deploy").max_lifetime(600);
                Answer::allow("today's train", grant.obligation(bind))
            }
            Some(_) => {
                let reason = Reason::new("window.closed").claim(["ref"]);
                Answer::deny(reason.expected(format!("{BRANCHES}{today}")).found(found))
            }
            None => {
                let reason = Reason::new("claim.mismatch").claim(["ref"]);
                Answer::deny(reason.expected(format!("{BRANCHES}{today}")).found(found))
            }
        }
    }
}

/// A date of the Gregorian calendar.
struct Date {
    year: u64,
    month: u64,
    day: u64,
}

impl Date {
    /// The day, in UTC, of a time in seconds since 1970.
    ///
    /// Counts days from 0000-03-01, so that a leap day ends its year, and cuts
    /// them into eras of 400 years, which are all alike.
    fn of(seconds: u64) -> Self {
        let days = seconds / 86_400 + 719_468;
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * day_of_year + 2) / 153;
        let month_of_year = if month < 10 { month + 3 } else { month - 9 };
        Self {
            year: era * 400 + year_of_era + u64::from(month_of_year <= 2),
            month: month_of_year,
            day: day_of_year - (153 * month + 2) / 5 + 1,
        }
    }
}

impl std::fmt::Display for Date {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "{:04}-{:02}-{:02}",
            self.year, self.month, self.day
        )
    }
}

claimbound_sdk::export!(ReleaseTrain);

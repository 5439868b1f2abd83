//! What is granted and asked for, put in an order.

use std::collections::BTreeSet;

use claimbound_language::engine::{FirstUse, Grant, Obligation};

/// What has changed for those who are let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing.
    None,
    /// Less is granted, or more is asked for.
    Narrower,
    /// More is granted, or less is asked for.
    Wider,
    /// Some of both, or what can't be put in an order.
    Other,
}

impl Change {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::None, other) => other,
            (one, Self::None) => one,
            (one, other) if one == other => one,
            _ => Self::Other,
        }
    }

    /// By whether there is less, and whether there is more.
    fn by(less: bool, more: bool) -> Self {
        match (less, more) {
            (false, false) => Self::None,
            (true, false) => Self::Narrower,
            (false, true) => Self::Wider,
            (true, true) => Self::Other,
        }
    }

    fn reversed(self) -> Self {
        match self {
            Self::Narrower => Self::Wider,
            Self::Wider => Self::Narrower,
            Self::None | Self::Other => self,
        }
    }
}

/// From what was granted to what is; none is a denial.
pub(crate) fn change(was: Option<&Grant>, is: Option<&Grant>) -> Change {
    match (was, is) {
        (None, None) => Change::None,
        (None, Some(_)) => Change::Wider,
        (Some(_), None) => Change::Narrower,
        (Some(was), Some(is)) => listed(&was.roles, &is.roles)
            .and(listed(&was.scopes, &is.scopes))
            .and(claims(was, is))
            .and(lifetime(was, is))
            .and(obligations(was, is)),
    }
}

fn listed(was: &[String], is: &[String]) -> Change {
    let (was, is): (BTreeSet<_>, BTreeSet<_>) = (was.iter().collect(), is.iter().collect());
    Change::by(!was.is_subset(&is), !is.is_subset(&was))
}

/// Claims mean what their reader takes them for: no two are put in an order.
fn claims(was: &Grant, is: &Grant) -> Change {
    let read = |grant: &Grant| -> Option<serde_json::Value> {
        grant
            .claims
            .as_ref()
            .and_then(|text| serde_json::from_str(text).ok())
    };
    if read(was) == read(is) {
        Change::None
    } else {
        Change::Other
    }
}

/// Without a longest lifetime it is as long as the host lets it be.
fn lifetime(was: &Grant, is: &Grant) -> Change {
    let longest = |grant: &Grant| grant.max_lifetime.unwrap_or(u32::MAX);
    Change::by(longest(is) < longest(was), longest(is) > longest(was))
}

/// More that is asked for is less that is accepted.
fn obligations(was: &Grant, is: &Grant) -> Change {
    let others = |grant: &Grant| -> BTreeSet<String> {
        let all = grant.obligations.iter();
        let all = all.filter(|one| !matches!(one, Obligation::Bind(_)));
        all.map(|one| format!("{one:?}")).collect()
    };
    let (before, after) = (others(was), others(is));
    let asked = Change::by(!before.is_subset(&after), !after.is_subset(&before)).reversed();
    asked.and(binding(was, is))
}

/// How strictly names are bound to identities.
fn binding(was: &Grant, is: &Grant) -> Change {
    let strictness = |grant: &Grant| {
        let all = grant.obligations.iter();
        let all = all.map(|one| match one {
            Obligation::Bind(FirstUse::Refuse) => 2,
            Obligation::Bind(FirstUse::Enrol) => 1,
            Obligation::UseOnce | Obligation::Prove(_) | Obligation::Other { .. } => 0,
        });
        all.max().unwrap_or(0)
    };
    let (before, after) = (strictness(was), strictness(is));
    Change::by(after > before, after < before)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(roles: &[&str], max: Option<u32>, obligations: &[Obligation]) -> Grant {
        Grant {
            roles: roles.iter().map(ToString::to_string).collect(),
            scopes: Vec::new(),
            claims: None,
            max_lifetime: max,
            obligations: obligations.to_vec(),
        }
    }

    #[test]
    fn more_to_grant_is_wider_and_more_to_ask_is_narrower() {
        use Change::{Narrower, None as Same, Other, Wider};
        let once = &[Obligation::UseOnce][..];
        let enrols = &[Obligation::Bind(FirstUse::Enrol)][..];
        let refuses = &[Obligation::Bind(FirstUse::Refuse)][..];
        for (was, is, expected) in [
            (grant(&["a"], None, &[]), grant(&["a"], None, &[]), Same),
            (
                grant(&["a", "b"], None, &[]),
                grant(&["b", "a"], None, &[]),
                Same,
            ),
            (
                grant(&["a"], None, &[]),
                grant(&["a", "b"], None, &[]),
                Wider,
            ),
            (grant(&["a"], None, &[]), grant(&["b"], None, &[]), Other),
            (grant(&[], None, &[]), grant(&[], Some(60), &[]), Narrower),
            (grant(&[], Some(60), &[]), grant(&[], Some(61), &[]), Wider),
            (grant(&[], None, once), grant(&[], None, &[]), Wider),
            (grant(&[], None, once), grant(&["a"], None, &[]), Wider),
            (grant(&["a"], None, once), grant(&[], None, &[]), Other),
            (
                grant(&[], None, enrols),
                grant(&[], None, refuses),
                Narrower,
            ),
            (grant(&[], None, enrols), grant(&[], None, &[]), Wider),
            (grant(&[], None, enrols), grant(&[], None, once), Other),
        ] {
            assert_eq!(change(Some(&was), Some(&is)), expected, "{was:?} {is:?}");
            assert_eq!(change(Some(&is), Some(&was)), expected.reversed());
        }
        let some = grant(&[], None, once);
        assert_eq!(change(None, Some(&some)), Wider);
        assert_eq!(change(Some(&some), None), Narrower);
        assert_eq!(change(None, None), Same);
    }

    /// A kind of change, and a grant with less and one with more of it.
    type Ordered = (&'static str, fn(&mut Grant), fn(&mut Grant));

    #[test]
    fn each_part_of_a_grant_alone_makes_a_difference() {
        use Change::{Other, Wider};
        let prove = |method: &str| Obligation::Prove(method.to_owned());
        let other = |json: &str| Obligation::Other {
            kind: "ticket".to_owned(),
            json: json.to_owned(),
        };
        let plain = || grant(&["a"], Some(60), &[]);
        let ordered: [Ordered; 5] = [
            ("a role more", |less| less.roles.clear(), |_| ()),
            (
                "a scope more",
                |_| (),
                |more| more.scopes.push("s".to_owned()),
            ),
            ("no lifetime", |_| (), |more| more.max_lifetime = None),
            (
                "a proof less",
                |less| less.obligations.push(Obligation::Prove("dpop".to_owned())),
                |_| (),
            ),
            (
                "one of two less",
                |less| {
                    less.obligations
                        .extend([Obligation::UseOnce, Obligation::Prove("any".to_owned())]);
                },
                |more| more.obligations.push(Obligation::UseOnce),
            ),
        ];
        for (what, lessen, heighten) in ordered {
            let (mut less, mut more) = (plain(), plain());
            lessen(&mut less);
            heighten(&mut more);
            assert_eq!(change(Some(&less), Some(&more)), Wider, "{what}");
        }
        let with = |one: Obligation| grant(&["a"], Some(60), &[one]);
        for (one, another) in [
            (with(prove("dpop")), with(prove("any"))),
            (with(other("{}")), with(other("{\"a\":1}"))),
            (with(other("{}")), with(Obligation::UseOnce)),
        ] {
            assert_eq!(
                change(Some(&one), Some(&another)),
                Other,
                "{one:?} {another:?}"
            );
        }
        let claims = |json: &str| Grant {
            claims: Some(json.to_owned()),
            ..plain()
        };
        assert_eq!(change(Some(&plain()), Some(&claims("{\"a\":1}"))), Other);
        assert_eq!(
            change(Some(&claims("{\"a\":1}")), Some(&claims("{\"a\":2}"))),
            Other
        );
    }
}

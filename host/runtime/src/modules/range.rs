//! Ranges of versions that hold none.
//!
//! Each part of a range, such as `>=1.2` of `>=1.2, <2`, holds the versions between
//! two triples of major, minor and patch; parts that no triple is in together hold
//! no version together. A triple is counted in where a pre-release of it alone may
//! be: what is called empty is empty, and not everything that is empty is found.

use semver::{Comparator, Op, VersionReq};

/// Major, minor and patch.
type Triple = (u64, u64, u64);

const LOWEST: Triple = (0, 0, 0);
const HIGHEST: Triple = (u64::MAX, u64::MAX, u64::MAX);

/// Whether it is certain that no version is in a range, as for `^1, ^4`: a range
/// that a configuration had better not have. Not every empty range is found.
pub fn is_empty(range: &VersionReq) -> bool {
    // Pre-releases are in a range only where a part names one of the same triple.
    let is_of_releases = range.comparators.iter().all(|part| part.pre.is_empty());
    let bounds = |part| bounds(part, is_of_releases);
    let Some(bounds) = range
        .comparators
        .iter()
        .map(bounds)
        .collect::<Option<Vec<_>>>()
    else {
        return true;
    };
    let lowest = bounds.iter().map(|(lowest, _)| *lowest).max();
    let highest = bounds.iter().map(|(_, highest)| *highest).min();
    lowest
        .zip(highest)
        .is_some_and(|(lowest, highest)| lowest > highest)
}

/// The lowest and the highest triple that a part may hold; none where it holds
/// none.
fn bounds(part: &Comparator, is_of_releases: bool) -> Option<(Triple, Triple)> {
    let (lowest, highest) = (lowest(part), highest(part));
    Some(match part.op {
        Op::Exact | Op::Wildcard => (lowest, highest),
        // A later pre-release, and the release itself, are greater than a
        // pre-release.
        Op::Greater if part.pre.is_empty() => (after(highest)?, HIGHEST),
        Op::Greater | Op::GreaterEq => (lowest, HIGHEST),
        Op::Less if is_of_releases || part.patch.is_none() => (LOWEST, before(lowest)?),
        Op::Less | Op::LessEq => (LOWEST, highest),
        Op::Tilde => (lowest, tilde(part)),
        Op::Caret => (lowest, caret(part)),
        // What Cargo may come to write.
        _ => (LOWEST, HIGHEST),
    })
}

/// The triple that is written, what is left out being lowest.
fn lowest(part: &Comparator) -> Triple {
    (part.major, part.minor.unwrap_or(0), part.patch.unwrap_or(0))
}

/// The triple that is written, what is left out being highest.
fn highest(part: &Comparator) -> Triple {
    let minor = part.minor.unwrap_or(u64::MAX);
    (part.major, minor, part.patch.unwrap_or(u64::MAX))
}

fn tilde(part: &Comparator) -> Triple {
    (part.major, part.minor.unwrap_or(u64::MAX), u64::MAX)
}

/// The highest triple with the same first number that is not zero.
fn caret(part: &Comparator) -> Triple {
    match (part.major, part.minor, part.patch) {
        (0, Some(0), Some(patch)) => (0, 0, patch),
        (0, Some(minor), _) => (0, minor, u64::MAX),
        (major, _, _) => (major, u64::MAX, u64::MAX),
    }
}

fn after((major, minor, patch): Triple) -> Option<Triple> {
    let patch = patch.checked_add(1).map(|patch| (major, minor, patch));
    let minor = || minor.checked_add(1).map(|minor| (major, minor, 0));
    let major = || major.checked_add(1).map(|major| (major, 0, 0));
    patch.or_else(minor).or_else(major)
}

fn before((major, minor, patch): Triple) -> Option<Triple> {
    let patch = patch.checked_sub(1).map(|patch| (major, minor, patch));
    let minor = || minor.checked_sub(1).map(|minor| (major, minor, u64::MAX));
    let major = || {
        major
            .checked_sub(1)
            .map(|major| (major, u64::MAX, u64::MAX))
    };
    patch.or_else(minor).or_else(major)
}

#[cfg(test)]
mod tests {
    use semver::Version;

    use super::*;

    fn range(text: &str) -> VersionReq {
        VersionReq::parse(text).unwrap()
    }

    #[test]
    fn a_range_that_holds_no_version_is_told_from_one_that_does() {
        for text in [
            "^1, ^4",
            ">2, <1",
            ">=2, <2",
            "<0",
            "<0.0.0",
            "=1.2.3, =1.2.4",
            "~1.2, ~1.3",
            ">1.2, <1.3",
            "^0.1, ^0.2",
            "1.*, 2.*",
            ">1, <2",
            "^0.0.3, >0.0.3",
            "<=1.2, >1.2",
            ">18446744073709551615",
            ">2.0.0-rc.1, <1",
        ] {
            assert!(is_empty(&range(text)), "{text}");
        }
        for text in [
            "*",
            "^1.4",
            ">=1.2.3, <2",
            ">1.2.3, <1.2.5",
            "<=1.2, >=1.2",
            "^0",
            "~1",
            "=1",
            "<1",
            ">=1.0.0-a, <1.0.0",
            ">1.0.0-a, <1.0.0-c",
            "=1.0.0-rc.1",
            "^1, >1.9, <1.11",
        ] {
            assert!(!is_empty(&range(text)), "{text}");
        }
    }

    /// Numbers that ranges turn on: few, so that parts meet.
    const NUMBERS: [u64; 5] = [0, 1, 2, u64::MAX - 1, u64::MAX];
    const PRE: [&str; 4] = ["", "-0", "-b", "-b.1"];

    /// Every part with these numbers, in each way that one is written.
    fn parts() -> Vec<String> {
        let mut triples = Vec::new();
        for major in NUMBERS {
            triples.push(format!("{major}"));
            for minor in NUMBERS {
                triples.push(format!("{major}.{minor}"));
                let patches = NUMBERS.iter();
                let patches = patches.flat_map(|patch| PRE.map(|pre| format!("{patch}{pre}")));
                triples.extend(patches.map(|patch| format!("{major}.{minor}.{patch}")));
            }
        }
        let signs = ["=", ">", ">=", "<", "<=", "~", "^"];
        let signed = |triple: &String| signs.map(|sign| format!("{sign}{triple}"));
        let mut parts: Vec<_> = triples.iter().flat_map(signed).collect();
        parts.extend(NUMBERS.map(|major| format!("{major}.*")));
        parts
    }

    fn versions() -> Vec<Version> {
        let numbers = || [0, 1, 2, 3, u64::MAX - 1, u64::MAX].into_iter();
        let mut versions = Vec::new();
        for major in numbers() {
            for minor in numbers() {
                for patch in numbers() {
                    let pres = ["", "-0", "-a", "-b", "-b.1", "-c"];
                    let one = |pre: &str| format!("{major}.{minor}.{patch}{pre}");
                    versions.extend(pres.map(|pre| Version::parse(&one(pre)).unwrap()));
                }
            }
        }
        versions
    }

    /// Numbers that look random and are the same each time.
    fn draws() -> impl Iterator<Item = usize> {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        std::iter::from_fn(move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state >> 33).ok()
        })
    }

    #[test]
    fn nothing_is_in_a_range_that_is_called_empty() {
        let (parts, versions) = (parts(), versions());
        let mut random = draws();
        let mut part = || parts[random.next().unwrap() % parts.len()].clone();
        let mut refused = 0;
        for round in 0..6000 {
            let mut text = part();
            for _ in 0..round % 3 {
                text = format!("{text}, {}", part());
            }
            let range = range(&text);
            if is_empty(&range) {
                refused += 1;
                let found = versions.iter().find(|version| range.matches(version));
                assert_eq!(found, None, "{text}");
            }
        }
        assert!((600..5400).contains(&refused), "{refused}");
    }

    #[test]
    fn each_part_alone_is_called_empty_only_where_nothing_is_in_it() {
        let versions = versions();
        for text in parts() {
            let range = range(&text);
            let found = versions.iter().any(|version| range.matches(version));
            assert!(!(found && is_empty(&range)), "{text}");
        }
    }
}

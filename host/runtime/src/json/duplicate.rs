//! Names that an object has twice (RFC 7493 §2.3), found in a bounded time.

/// An object with more members than this has its names sorted; with fewer,
/// each is compared with those before it, which costs less.
const FEW: usize = 48;

/// The first of `count` names that repeats an earlier one, by its position.
pub(super) fn find<'t>(count: usize, name: impl Fn(usize) -> &'t str) -> Option<usize> {
    if count <= FEW {
        among_few(count, name)
    } else {
        among_many(count, name)
    }
}

fn among_few<'t>(count: usize, name: impl Fn(usize) -> &'t str) -> Option<usize> {
    let mut seen = [0; FEW];
    for position in 0..count {
        let print = fingerprint(name(position));
        let (before, rest) = seen.split_at_mut_checked(position)?;
        let alike = before.contains(&print);
        if alike && (0..position).any(|earlier| name(earlier) == name(position)) {
            return Some(position);
        }
        *rest.first_mut()? = print;
    }
    None
}

fn among_many<'t>(count: usize, name: impl Fn(usize) -> &'t str) -> Option<usize> {
    let mut positions: Vec<usize> = (0..count).collect();
    positions.sort_unstable_by(|one, other| name(*one).cmp(name(*other)).then(one.cmp(other)));
    let repeats = positions.windows(2).filter_map(|pair| match pair {
        [one, other] if name(*one) == name(*other) => Some(*other),
        _ => None,
    });
    repeats.min()
}

/// A number that equal names share and most others don't: it spares comparing
/// them, and whoever makes names collide gains no more than that comparison.
fn fingerprint(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let ends = match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        (Some(first), Some(last)) => {
            u64::from_le_bytes(*first) ^ u64::from_le_bytes(*last).rotate_left(29)
        }
        (_, _) => bytes
            .iter()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
    };
    ends ^ (bytes.len() as u64) << 56
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plainly(names: &[String]) -> Option<usize> {
        (0..names.len()).find(|position| names[..*position].contains(&names[*position]))
    }

    #[test]
    fn names_with_one_fingerprint_are_still_told_apart() {
        let names = ["abcdefgh-1-abcdefgh", "abcdefgh-2-abcdefgh"];
        assert_eq!(fingerprint(names[0]), fingerprint(names[1]));
        assert_eq!(find(2, |position| names[position]), None);
    }

    proptest! {
        #[test]
        fn few_and_many_find_what_a_plain_search_finds(names in prop::collection::vec("[ab]{0,5}", 0..80)) {
            prop_assert_eq!(find(names.len(), |position| &names[position]), plainly(&names));
        }

        #[test]
        fn long_names_too(names in prop::collection::vec("x{8}[ab]{1,3}y{8}", 0..12)) {
            prop_assert_eq!(find(names.len(), |position| &names[position]), plainly(&names));
        }
    }
}

//! What anybody can provoke is logged sparingly: a flood of it would fill disks,
//! and hide what else is there.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Most lines of a kind in a minute.
const MOST: u64 = 4;

/// Counts lines by kind.
#[derive(Debug, Default)]
pub(crate) struct Sparing(Mutex<BTreeMap<&'static str, Minute>>);

#[derive(Clone, Copy, Debug, Default)]
struct Minute {
    /// In seconds since 1970.
    began: u64,
    lines: u64,
    left_out: u64,
}

impl Sparing {
    /// Whether one more line of that kind is written now, in seconds since 1970:
    /// how many were left out since the last, or none where it is left out too.
    pub(crate) fn line(&self, kind: &'static str, now: u64) -> Option<u64> {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = kinds.entry(kind).or_default();
        // A clock that was set back begins another minute too.
        if now.checked_sub(minute.began).is_none_or(|age| age >= 60) {
            minute.began = now;
            minute.lines = 0;
        }
        if minute.lines >= MOST {
            minute.left_out = minute.left_out.saturating_add(1);
            return None;
        }
        minute.lines += 1;
        Some(std::mem::take(&mut minute.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_a_kind_is_counted_and_no_other_kind_suffers() {
        let sparing = Sparing::default();
        let written = (0..100).filter_map(|_| sparing.line("a", 1000)).count();
        assert_eq!(written, 4);
        assert_eq!(sparing.line("b", 1000), Some(0));
        assert_eq!(sparing.line("a", 1059), None);
        assert_eq!(sparing.line("a", 1060), Some(97));
        assert_eq!(sparing.line("a", 1060), Some(0));
        assert_eq!(sparing.line("a", 10), Some(0), "the clock was set back");
    }
}

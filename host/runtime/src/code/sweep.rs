//! What keeps the folder small: the oldest files go, and nothing but our own.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::entry::ENDING;

/// The most entries of a folder: a thousand policies for two engines.
const MOST_FILES: usize = 2_048;
/// The most bytes of them: half a megabyte each.
const MOST_BYTES: u128 = 1 << 30;
/// The most names that one sweep looks at, whoever put them there.
const MOST_NAMES: usize = 16_384;
/// When a file that was never renamed belongs to nobody any more: writing one
/// takes well under a second.
const ABANDONED: Duration = Duration::from_hours(1);
/// What ends the name of a file that is yet to be renamed.
const UNFINISHED: &str = ".unfinished";
/// Hexadecimal digits of a SHA-256 digest, and of what makes a name unique.
const DIGEST: usize = 64;
const UNIQUE: usize = 16;

/// The name under which an entry is written before it takes its own.
pub(super) fn leftover(name: &str, unique: u64) -> String {
    format!("{name}.{unique:016x}{UNFINISHED}")
}

/// What a file of ours is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Entry,
    Leftover,
}

impl Kind {
    fn of(name: &str) -> Option<Self> {
        let is_hexadecimal = |text: &str, length| {
            text.len() == length && text.bytes().all(|byte| b"0123456789abcdef".contains(&byte))
        };
        let (digest, rest) = name.split_once(ENDING)?;
        if !is_hexadecimal(digest, DIGEST) {
            return None;
        }
        if rest.is_empty() {
            return Some(Self::Entry);
        }
        let unique = rest.strip_prefix('.')?.strip_suffix(UNFINISHED)?;
        is_hexadecimal(unique, UNIQUE).then_some(Self::Leftover)
    }
}

/// A file of ours.
struct Ours {
    path: PathBuf,
    kind: Kind,
    modified: SystemTime,
    bytes: u64,
}

/// Takes away abandoned leftovers and, oldest first, what is too much; never
/// `newest`. What can't be taken away stays: the next sweep tries again.
pub(super) fn sweep(folder: &Path, newest: &str, now: SystemTime) {
    let newest = folder.join(newest);
    let mut kept = Vec::new();
    for file in ours(folder) {
        let age = now.duration_since(file.modified).unwrap_or_default();
        if file.kind == Kind::Leftover && age > ABANDONED {
            let _ = fs::remove_file(&file.path);
        } else if file.path != newest {
            kept.push(file);
        }
    }
    let own = fs::symlink_metadata(&newest).map_or(0, |metadata| metadata.len());
    for path in surplus(kept, own) {
        let _ = fs::remove_file(path);
    }
}

fn ours(folder: &Path) -> impl Iterator<Item = Ours> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.take(MOST_NAMES).flatten().filter_map(|entry| {
        let kind = Kind::of(entry.file_name().to_str()?)?;
        // Of a link, the link itself.
        let metadata = entry.metadata().ok()?;
        metadata.is_file().then_some(())?;
        Some(Ours {
            path: entry.path(),
            kind,
            modified: metadata.modified().ok()?,
            bytes: metadata.len(),
        })
    })
}

/// The oldest of `files` that have to go for the rest to be few and small
/// enough, one more file of `own` bytes counted in.
fn surplus(mut files: Vec<Ours>, own: u64) -> impl Iterator<Item = PathBuf> {
    files.sort_by_key(|file| file.modified);
    let mut count = files.len().saturating_add(1);
    // As wide as lengths that somebody made up.
    let mut bytes: u128 = files.iter().map(|file| u128::from(file.bytes)).sum();
    bytes += u128::from(own);
    files.into_iter().map_while(move |file| {
        if count <= MOST_FILES && bytes <= MOST_BYTES {
            return None;
        }
        count -= 1;
        bytes = bytes.saturating_sub(file.bytes.into());
        Some(file.path)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_our_own_names_is_ours() {
        let entry = format!("{}{ENDING}", "0a".repeat(32));
        assert_eq!(Kind::of(&entry), Some(Kind::Entry));
        assert_eq!(Kind::of(&leftover(&entry, u64::MAX)), Some(Kind::Leftover));
        for other in [
            String::new(),
            ENDING.to_owned(),
            "0a".repeat(32),
            format!("{}{ENDING}", "0A".repeat(32)),
            format!("{}{ENDING}", "0a".repeat(31)),
            format!("{entry}.bak"),
            format!("{entry}.0123{UNFINISHED}"),
            format!("{entry}.{}{UNFINISHED}", "é".repeat(8)),
            format!("{entry}{ENDING}"),
        ] {
            assert_eq!(Kind::of(&other), None, "{other}");
        }
    }

    fn files(bytes: impl IntoIterator<Item = u64>) -> Vec<Ours> {
        let file = |(age, bytes): (usize, u64)| Ours {
            path: age.to_string().into(),
            kind: Kind::Entry,
            modified: SystemTime::UNIX_EPOCH - Duration::from_secs(age as u64),
            bytes,
        };
        bytes.into_iter().enumerate().map(file).collect()
    }

    #[test]
    fn the_oldest_go_first_and_no_more_than_have_to() {
        let names = |files, own| -> Vec<String> {
            let surplus = surplus(files, own);
            surplus.map(|path| path.display().to_string()).collect()
        };
        assert!(names(files(vec![1; MOST_FILES - 1]), 1).is_empty());
        assert_eq!(
            names(files(vec![1; MOST_FILES + 1]), 1),
            [MOST_FILES.to_string(), (MOST_FILES - 1).to_string()]
        );
        let half = 1 << 29;
        assert!(names(files([half, half]), 0).is_empty());
        assert_eq!(names(files([half, half]), 1), ["1"]);
        assert_eq!(names(files([u64::MAX, u64::MAX]), 1), ["1", "0"]);
    }
}

//! A disk that loses power: what of a process's writes is still there.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use super::dice::Dice;

/// How much of what nothing had synced is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// All of it.
    Everything,
    /// Any of it: a write may be there though an earlier one is not.
    Some,
    /// Nothing: the process was killed, the machine went on.
    Nothing,
}

/// The files of a folder, as a process sees them and as they would survive.
pub(super) struct Disk {
    folder: PathBuf,
    files: Vec<File>,
    seen: BTreeMap<PathBuf, usize>,
    kept: BTreeMap<PathBuf, usize>,
}

/// A file by whatever name.
#[derive(Default)]
struct File {
    kept: Vec<u8>,
    pending: Vec<Change>,
}

enum Change {
    Write(usize, Vec<u8>),
    Size(usize),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(at, new) => {
                let end = at + new.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[*at..end].copy_from_slice(new);
            }
            Self::Size(size) => bytes.resize(*size, 0),
        }
    }
}

impl Disk {
    /// A folder whose files are all safe.
    pub(super) fn of(folder: &Path) -> Self {
        let mut disk = Self {
            folder: folder.to_owned(),
            files: Vec::new(),
            seen: BTreeMap::new(),
            kept: BTreeMap::new(),
        };
        disk.take_folder(folder);
        disk
    }

    fn take_folder(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.take_folder(&path);
            } else if !is_shared_memory(&path) {
                self.files.push(File {
                    kept: fs::read(&path).unwrap(),
                    pending: Vec::new(),
                });
                self.seen.insert(path.clone(), self.files.len() - 1);
                self.kept.insert(path, self.files.len() - 1);
            }
        }
    }

    /// Goes through what the file layer noted. A last note that was cut short
    /// was never acted upon.
    pub(super) fn replay(&mut self, journal: &[u8]) {
        let mut notes = Notes(journal);
        while let Some(()) = self.step(&mut notes) {}
    }

    fn step(&mut self, notes: &mut Notes<'_>) -> Option<()> {
        let kind = notes.take(1)?[0];
        let path = notes.path()?;
        match kind {
            b'C' => {
                self.files.push(File::default());
                self.seen.insert(path, self.files.len() - 1);
            }
            b'W' => {
                let at = notes.number()?;
                let bytes = notes.bytes()?.to_vec();
                self.file(&path).pending.push(Change::Write(at, bytes));
            }
            b'T' => {
                let size = notes.number()?;
                self.file(&path).pending.push(Change::Size(size));
            }
            b'R' => {
                let to = notes.path()?;
                let file = self.seen.remove(&path).unwrap();
                self.seen.insert(to, file);
            }
            b'U' => {
                self.seen.remove(&path);
            }
            b'S' if path == self.folder || path.is_dir() => self.kept = self.seen.clone(),
            b'S' => {
                let file = self.file(&path);
                for change in std::mem::take(&mut file.pending) {
                    change.apply(&mut file.kept);
                }
            }
            other => panic!("a note of kind {other}"),
        }
        Some(())
    }

    fn file(&mut self, path: &Path) -> &mut File {
        let file = self.seen[path];
        &mut self.files[file]
    }

    /// Leaves the folder as it would be found after the cut.
    pub(super) fn cut(&self, how: Cut, dice: &mut Dice) {
        let names = match how {
            Cut::Everything => &self.kept,
            Cut::Some if dice.one_in(2) => &self.kept,
            Cut::Some | Cut::Nothing => &self.seen,
        };
        remove_files(&self.folder);
        let mut written: HashMap<&Path, Vec<u8>> = HashMap::new();
        for (path, file) in names {
            let file = &self.files[*file];
            let mut bytes = file.kept.clone();
            for change in &file.pending {
                let survives = match how {
                    Cut::Everything => false,
                    Cut::Some => dice.one_in(2),
                    Cut::Nothing => true,
                };
                if survives {
                    change.apply(&mut bytes);
                }
            }
            written.insert(path, bytes);
        }
        for (path, bytes) in written {
            fs::write(path, bytes).unwrap();
        }
    }
}

fn is_shared_memory(path: &Path) -> bool {
    path.to_string_lossy().ends_with("-shm")
}

fn remove_files(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            remove_files(&path);
        } else {
            fs::remove_file(path).unwrap();
        }
    }
}

/// Notes that have not been read yet.
struct Notes<'a>(&'a [u8]);

impl<'a> Notes<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn length(&mut self) -> Option<usize> {
        let bytes = self.take(4)?.try_into().unwrap();
        usize::try_from(u32::from_ne_bytes(bytes)).ok()
    }

    fn number(&mut self) -> Option<usize> {
        let bytes = self.take(8)?.try_into().unwrap();
        usize::try_from(u64::from_ne_bytes(bytes)).ok()
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.length()?;
        self.take(length)
    }

    fn path(&mut self) -> Option<PathBuf> {
        let text = std::str::from_utf8(self.bytes()?).unwrap();
        Some(PathBuf::from(text))
    }
}

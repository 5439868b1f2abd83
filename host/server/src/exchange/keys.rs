//! The keys that access tokens are signed by: on disk, published, and changed
//! as time goes by.
//!
//! A key is a file of its own, written once. When it begins to sign stands in
//! it; everything else follows from the time and from the other keys: before it
//! signs it is published, so that whoever checks has fetched it; it signs until
//! the next one does; then it stays published until every token that it signed
//! has ended. So a process that is killed at any moment leaves a set that can be
//! used, and every process that shares the folder sees the same one.

mod folder;
mod key;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use serde_json::{Value, json};

use crate::config::{Rotation, SigningAlgorithm, Span};
use folder::{Folder, Lock};
use key::SigningKey;

/// The longest lifetime that an access token may have, in seconds: 24 hours.
pub const MOST_LIFETIME: u64 = 24 * 3600;
/// For how long a key stays published after it signed last, in seconds: the
/// longest lifetime of a token, and an hour for clocks that differ and for
/// processes that have not looked into the folder since.
const KEPT: u64 = MOST_LIFETIME + 3600;
/// How long a key signs, in seconds, unless it is said: 30 days.
const EVERY: u64 = 30 * 24 * 3600;
/// How long a key is published before it signs, in seconds, unless it is said:
/// a day.
const AHEAD: u64 = 24 * 3600;
/// The shortest time that a key may sign, in seconds: below it the set would
/// grow past what whoever checks reads.
const LEAST_EVERY: u64 = 3600;
/// The shortest time that a key may be published ahead, in seconds.
const LEAST_AHEAD: u64 = 300;
/// The longest time for which whoever checks may keep the set, in seconds.
const MOST_AGE: u64 = 3600;

/// Why the keys can't be used, or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// The disk refuses.
    #[error("`{}` can't be used: {cause}", path.display())]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// Somebody else could read or change it.
    #[error("`{}` {fault}", path.display())]
    Unsafe {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// A file holds no key of this program, or another than its name says.
    #[error("the signing key `{id}` can't be read")]
    Malformed {
        /// The key's id, by the file's name.
        id: String,
    },
    /// The folder holds too many keys.
    #[error("`{}` holds more than {most} keys", folder.display())]
    TooMany {
        /// The folder.
        folder: PathBuf,
        /// The most that are read.
        most: usize,
    },
    /// The folder held keys and has none any more; those in memory stay.
    #[error("every signing key has vanished from its folder; those in memory are still used")]
    Vanished,
    /// There is no such key.
    #[error("there is no signing key `{id}`")]
    Unknown {
        /// The id.
        id: String,
    },
    /// It is the key that signs.
    #[error("the signing key `{id}` is the one that signs; replace it")]
    Signs {
        /// The id.
        id: String,
    },
    /// The system gives no random numbers, or no key.
    #[error("the system can't make a key or a signature")]
    Random,
}

/// When keys change, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Schedule {
    every: u64,
    ahead: u64,
}

impl Schedule {
    /// The schedule that the configuration says.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn new(rotation: Rotation) -> Result<Self, String> {
        let every = rotation.every.map_or(EVERY, Span::seconds);
        let ahead = rotation.ahead.map_or(AHEAD.min(every / 2), Span::seconds);
        if every < LEAST_EVERY {
            Err(format!("a key signs for at least {LEAST_EVERY} s"))
        } else if ahead < LEAST_AHEAD {
            Err(format!("a key is published at least {LEAST_AHEAD} s ahead"))
        } else if ahead > every / 2 {
            Err("a key is published ahead for at most half the time that it signs".into())
        } else {
            Ok(Self { every, ahead })
        }
    }
}

/// What a key is for, at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Published, and about to sign.
    Next,
    /// The one that signs.
    Signing,
    /// Published while tokens that it signed may be around.
    Retired,
}

/// A key as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyState {
    /// Its `kid`.
    pub id: String,
    /// What it signs by.
    pub algorithm: SigningAlgorithm,
    /// From when on it signs or signed, in seconds since 1970.
    pub signs_from: u64,
    /// What it is for.
    pub stage: Stage,
}

/// The signing keys of one folder. Any number of processes may share it.
///
/// What stands in the folder counts: a key whose file is taken away is neither
/// used nor published from the next [`tick`](Self::tick) on. Where all of them
/// are gone at once, or the folder can't be read, the disk is at fault: keys in
/// memory stay in use and the tick fails.
#[derive(Debug)]
pub struct SigningKeys {
    folder: Folder,
    algorithm: SigningAlgorithm,
    schedule: Schedule,
    /// Ordered by when they sign; never empty.
    keys: ArcSwap<Vec<Arc<SigningKey>>>,
    /// Held while keys are taken up, so that none of an older reading of the
    /// folder comes back.
    turning: Mutex<()>,
}

impl SigningKeys {
    /// Opens the folder, which is made where it is absent, as is the first key;
    /// waits for another process that is changing it.
    ///
    /// # Errors
    /// Where the folder or a file is not this user's alone, can't be read or
    /// holds something else.
    pub fn open(
        folder: &Path,
        algorithm: SigningAlgorithm,
        rotation: Rotation,
        now: u64,
    ) -> Result<Self, KeysError> {
        let schedule = Schedule::new(rotation).map_err(|fault| KeysError::Unsafe {
            path: folder.to_owned(),
            fault: format!("has no usable rotation: {fault}"),
        })?;
        let folder = Folder::open(folder)?;
        let this = Self {
            folder,
            algorithm,
            schedule,
            keys: ArcSwap::default(),
            turning: Mutex::default(),
        };
        let lock = this.folder.lock()?;
        this.turn(&lock, now)?;
        Ok(this)
    }

    /// Looks at a folder as [`open`](Self::open) would, and makes and changes
    /// nothing. One that is absent would be made.
    ///
    /// # Errors
    /// As for `open`.
    pub fn look(folder: &Path) -> Result<(), KeysError> {
        let Some(folder) = Folder::there(folder)? else {
            return Ok(());
        };
        for file in folder.read()? {
            SigningKey::read(&file.id, &file.text)?;
        }
        Ok(())
    }

    /// Takes up what others changed, makes the next key when it is time, and
    /// takes away keys whose tokens have all ended. To be called at least every
    /// few minutes; a call too many changes nothing.
    ///
    /// # Errors
    /// Where the folder can't be used; the keys in memory stay in use.
    pub fn tick(&self, now: u64) -> Result<(), KeysError> {
        let _turning = self.turning();
        match self.folder.try_lock()? {
            Some(lock) => self.turn(&lock, now),
            // Somebody else is at it.
            None => self.take_up().map(drop),
        }
    }

    /// Makes a key that takes over as soon as whoever checks can know of it;
    /// nothing where one is already waiting.
    ///
    /// # Errors
    /// As [`tick`](Self::tick).
    pub fn rotate(&self, now: u64) -> Result<(), KeysError> {
        let _turning = self.turning();
        let lock = self.folder.lock()?;
        let keys = self.take_up()?;
        let newest = self.newest(&keys, now);
        if newest.is_none_or(|newest| newest.signs_from() <= now) {
            self.add(&lock, &keys, now.saturating_add(self.schedule.ahead))?;
        }
        self.turn(&lock, now)
    }

    /// Makes a key that signs at once, and takes away the one that signed until
    /// now: for a key that somebody else may know. Every token of the old key
    /// fails from when its checker fetches the set again; until then tokens of
    /// the new key may fail too.
    ///
    /// # Errors
    /// As [`tick`](Self::tick).
    pub fn replace(&self, now: u64) -> Result<(), KeysError> {
        let _turning = self.turning();
        let lock = self.folder.lock()?;
        let keys = self.take_up()?;
        let old = signing(&keys, now).map(|key| key.id().to_owned());
        self.add(&lock, &keys, now)?;
        if let Some(old) = old {
            self.folder.remove(&lock, &old)?;
        }
        self.turn(&lock, now)
    }

    /// Takes away a key that does not sign: a retired one that somebody else
    /// may know, or the next one.
    ///
    /// # Errors
    /// Where there is no such key, or it is the one that signs.
    pub fn remove(&self, id: &str, now: u64) -> Result<(), KeysError> {
        let _turning = self.turning();
        let lock = self.folder.lock()?;
        let keys = self.take_up()?;
        if !keys.iter().any(|key| key.id() == id) {
            return Err(KeysError::Unknown { id: id.to_owned() });
        }
        if signing(&keys, now).is_some_and(|key| key.id() == id) {
            return Err(KeysError::Signs { id: id.to_owned() });
        }
        self.folder.remove(&lock, id)?;
        self.turn(&lock, now)
    }

    /// Every key, in the order in which they sign.
    pub fn states(&self, now: u64) -> Vec<KeyState> {
        let keys = self.keys.load();
        let current = signing(&keys, now).map(|key| key.id());
        let state = |key: &Arc<SigningKey>| KeyState {
            id: key.id().to_owned(),
            algorithm: key.algorithm(),
            signs_from: key.signs_from(),
            stage: match current {
                Some(id) if id == key.id() => Stage::Signing,
                Some(_) | None if key.signs_from() > now => Stage::Next,
                Some(_) | None => Stage::Retired,
            },
        };
        keys.iter().map(state).collect()
    }

    /// The published key set (RFC 7517 §5).
    pub fn jwks(&self) -> Value {
        let keys: Vec<_> = self.keys.load().iter().map(|key| key.jwk()).collect();
        json!({ "keys": keys })
    }

    /// For how long whoever checks may keep the published set, in seconds.
    pub fn jwks_max_age(&self) -> u64 {
        MOST_AGE.min(self.schedule.ahead / 2)
    }

    /// An access token of these claims, a JSON object, by the key that signs
    /// now.
    pub(super) fn sign(&self, claims: &str, now: u64) -> Result<String, KeysError> {
        let keys = self.keys.load();
        signing(&keys, now).ok_or(KeysError::Vanished)?.sign(claims)
    }

    /// What is guarded is on disk, and whole also after a panic.
    fn turning(&self) -> MutexGuard<'_, ()> {
        self.turning.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings folder and memory to what the time asks for. Every step leaves a
    /// set that can be used, and the same call goes on from there.
    fn turn(&self, lock: &Lock, now: u64) -> Result<(), KeysError> {
        self.folder.sweep(lock)?;
        let keys = self.take_up()?;
        let soonest = now.saturating_add(self.schedule.ahead);
        match self.newest(&keys, now) {
            None => self.add(lock, &keys, now)?,
            Some(newest) => {
                let waits = newest.signs_from() > now;
                let due = newest.signs_from().saturating_add(self.schedule.every) <= soonest;
                let other = newest.algorithm() != self.algorithm;
                if !waits && (due || other) {
                    self.add(lock, &keys, soonest)?;
                }
            }
        }
        for (key, next) in keys.iter().zip(keys.iter().skip(1)) {
            if next.signs_from().saturating_add(KEPT) <= now {
                self.folder.remove(lock, key.id())?;
            }
        }
        self.take_up().map(drop)
    }

    /// The key that signs last, now or soon. One of a later time was made by a
    /// clock that has gone back since, and must not hold up the change of keys.
    fn newest<'a>(&self, keys: &'a [Arc<SigningKey>], now: u64) -> Option<&'a Arc<SigningKey>> {
        let horizon = now.saturating_add(self.schedule.every);
        keys.iter().rev().find(|key| key.signs_from() <= horizon)
    }

    /// Makes a key beside these.
    fn add(&self, lock: &Lock, keys: &[Arc<SigningKey>], from: u64) -> Result<(), KeysError> {
        if keys.len() >= folder::MOST {
            return Err(self.folder.too_many());
        }
        let key = SigningKey::fresh(self.algorithm, from)?;
        self.folder.add(lock, key.id(), &key.written()?)
    }

    /// Reads the folder into memory.
    fn take_up(&self) -> Result<Arc<Vec<Arc<SigningKey>>>, KeysError> {
        let known = self.keys.load_full();
        let mut keys = Vec::new();
        for file in self.folder.read()? {
            let same = known.iter().find(|key| key.id() == file.id);
            keys.push(match same {
                // A key's file is written once.
                Some(key) => Arc::clone(key),
                None => Arc::new(SigningKey::read(&file.id, &file.text)?),
            });
        }
        // INVARIANT: the key that signs is the last one whose time has come.
        keys.sort_by(|a, b| (a.signs_from(), a.id()).cmp(&(b.signs_from(), b.id())));
        if keys.is_empty() && !known.is_empty() {
            return Err(KeysError::Vanished);
        }
        let keys = Arc::new(keys);
        self.keys.store(Arc::clone(&keys));
        Ok(keys)
    }
}

/// The key that signs: the last one whose time has come. By a clock that went
/// back there may be none such, and then it is the first.
fn signing(keys: &[Arc<SigningKey>], now: u64) -> Option<&Arc<SigningKey>> {
    let due = keys.iter().rev().find(|key| key.signs_from() <= now);
    due.or_else(|| keys.first())
}

/// So many random bytes, as base64url.
pub(super) fn random<const BYTES: usize>() -> Result<String, KeysError> {
    use base64::Engine as _;

    let mut bytes = [0; BYTES];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| KeysError::Random)?;
    Ok(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests;

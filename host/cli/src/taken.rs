//! What is taken of a store: a version, and by whose word.

use claimbound::clock;
use claimbound::modules::{Authority, Listed, ModuleId, Published, Release};

use crate::input::Source;
use crate::operator::now;
use crate::store::Opened;
use crate::trusted;

/// What was taken, and by whose word.
pub(crate) struct Taken {
    pub(crate) published: Published,
    /// None where nothing was verified.
    pub(crate) word: Option<Word>,
}

/// Whose word it was taken by.
pub(crate) struct Word {
    /// The keys that signed it.
    pub(crate) signers: Vec<String>,
    /// The edition of the index that lists it, where the store has an index.
    pub(crate) edition: Option<u64>,
    /// Why the index yanks it, of one that was taken all the same.
    pub(crate) yanked: Option<String>,
}

/// Whether a version that the index yanks is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Yanked {
    /// It is not: it would be used.
    Refused,
    /// It is, and the answer says so: it is looked at and not used.
    LookedAt,
}

/// What an edition of the index says of a version.
struct Entry {
    edition: u64,
    listed: Listed,
}

/// Takes a version: by these keys, what they vouch for, or why they don't; by
/// none, whatever is there.
///
/// # Errors
/// Where the store gives no answer, or a key can't be read.
pub(crate) fn take(
    store: &Opened,
    id: &ModuleId,
    keys: &[Source],
    yanked: Yanked,
) -> anyhow::Result<Result<Taken, String>> {
    if keys.is_empty() {
        let published = store.fetch(id, None)?;
        return Ok(Ok(Taken {
            published,
            word: None,
        }));
    }
    let authority = trusted::authority(keys, id.name())?;
    verified(store, id, &authority, yanked)
}

/// What the keys vouch for, or why they don't.
fn verified(
    store: &Opened,
    id: &ModuleId,
    authority: &Authority,
    yanked: Yanked,
) -> anyhow::Result<Result<Taken, String>> {
    let mut entry = match entry(store, id, authority)? {
        Ok(entry) => entry,
        Err(why) => return Ok(Err(why)),
    };
    let passed = match yanked {
        Yanked::Refused => None,
        Yanked::LookedAt => entry.as_mut().and_then(|entry| entry.listed.yanked.take()),
    };
    let listed = entry.as_ref().map(|entry| &entry.listed);
    let promised = listed.map(|listed| &listed.digest);
    let published = store.fetch(id, promised)?;
    let release = authority.release(id, listed, published);
    Ok(match release {
        Ok(release) => Ok(Taken {
            published: release.counted().clone(),
            word: Some(Word {
                signers: signers(&release),
                edition: entry.map(|entry| entry.edition),
                yanked: passed,
            }),
        }),
        Err(why) => Err(trusted::told_of_release(authority, &why)),
    })
}

pub(crate) fn signers(release: &Release) -> Vec<String> {
    let signers = release.signers().iter();
    signers.map(|one| one.key.clone()).collect()
}

/// What the index says of a version, where the store has one.
fn entry(
    store: &Opened,
    id: &ModuleId,
    authority: &Authority,
) -> anyhow::Result<Result<Option<Entry>, String>> {
    let Some(signed) = store.wait(store.store().index(id.name()))? else {
        return Ok(Ok(None));
    };
    let index = match authority.index(&signed, id.name()) {
        Ok(index) => index.into_document(),
        Err(why) => {
            let why = authority.explain(&why);
            return Ok(Err(format!("the index is not trusted: {why}")));
        }
    };
    if index.is_expired_at(now()) {
        let expired = clock::date(index.expires());
        return Ok(Err(format!(
            "edition {} of the index expired at {expired}",
            index.serial()
        )));
    }
    Ok(match index.listed(id.version()) {
        Some(listed) => Ok(Some(Entry {
            edition: index.serial(),
            listed: listed.clone(),
        })),
        None => Err(format!(
            "the index does not list version `{}`",
            id.version()
        )),
    })
}

impl Word {
    /// What the index says of it.
    pub(crate) fn index(&self) -> String {
        match (self.edition, &self.yanked) {
            (Some(edition), Some(why)) => format!("edition {edition} yanks it: {why}"),
            (Some(edition), None) => format!("edition {edition} lists it"),
            (None, _) => "the store has none: nothing says whether it was yanked".to_owned(),
        }
    }
}

//! The next edition of an index: made from what a store holds, signed, published.

use anyhow::{Context as _, anyhow};
use claimbound::clock;
use claimbound::modules::{
    Authority, Form, Index, Listed, ModuleId, ModuleName, Refused, Signed, SigningKey, Untrusted,
    Version, parse_version,
};
use serde_json::json;

use crate::console::{Console, Status, note};
use crate::input::Source;
use crate::operator::now;
use crate::page::{Ink, Page};
use crate::store::{self, Opened};
use crate::{signatures, time, trusted};

/// For how many seconds an edition may hold without a word: 90 days. Nothing else
/// bounds for how long a store can hide that a version was yanked.
const LONG: u64 = 90 * 24 * 60 * 60;

/// What an edition needs.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Arguments {
    /// The private key to sign by: PEM, P-256 or Ed25519; a file, `-`, or `env:NAME`.
    #[arg(long, value_name = "KEY")]
    key: Source,

    /// For how long the edition holds, such as `7d`.
    #[arg(long, value_name = "DURATION", value_parser = time::parse_duration)]
    expires: u64,

    /// A public key that may have signed modules, or the edition before, besides
    /// the private key's own; can be given more than once.
    #[arg(long, value_name = "PUB")]
    trust: Vec<Source>,
}

/// A version that the edition yanks.
pub(crate) struct Yank<'a> {
    pub(crate) version: &'a Version,
    pub(crate) reason: &'a str,
}

/// What an edition is made from.
struct Making<'a> {
    store: &'a Opened,
    name: &'a ModuleName,
    authority: Authority,
}

pub(crate) fn version(text: &str) -> anyhow::Result<Version> {
    Ok(parse_version(text)?)
}

/// Makes an edition, signs and publishes it.
pub(crate) fn publish(
    place: &store::Arguments,
    name: &ModuleName,
    arguments: &Arguments,
    yank: Option<Yank<'_>>,
    console: Console,
) -> anyhow::Result<Status> {
    let key = signatures::signing_key(&arguments.key)?;
    let store = place.open()?;
    let making = Making {
        store: &store,
        name,
        authority: authority(arguments, &key, name)?,
    };
    let before = making.before()?;
    let mut versions = making.versions(before.as_ref())?;
    if let Some(yank) = yank {
        mark(name, &mut versions, &yank)?;
    }
    let serial = before.map_or(1, |before| before.serial() + 1);
    let at = now();
    let expires = at.saturating_add(arguments.expires);
    let index = Index::new(name.clone(), serial, at, expires, versions)?;
    let document = index.to_bytes();
    let signature = key.sign(&document, Form::Bundle)?;
    let signed = Signed {
        document,
        signatures: vec![signature],
    };
    store.wait(store.store().push_index(name, &signed))?;
    if arguments.expires > LONG {
        note(&format!(
            "until {} a store can show this edition and hide later ones, and with them what was \
             yanked; one that holds for less, such as `--expires 7d`, bounds that",
            clock::date(index.expires())
        ));
    }
    told(&index, &store.place(), console)
}

/// The private key's own public half, and the others that are trusted.
fn authority(
    arguments: &Arguments,
    key: &SigningKey,
    name: &ModuleName,
) -> anyhow::Result<Authority> {
    let own = trusted::trusted(&arguments.key, key.public().clone(), name);
    let mut keys = vec![own];
    for source in &arguments.trust {
        let other = signatures::public_key(source)?;
        if other != *key.public() {
            keys.push(trusted::trusted(source, other, name));
        }
    }
    trusted::of(keys)
}

impl Making<'_> {
    /// The edition that is there. One of which nobody knows who made it is not
    /// gone on from: what it says would be signed.
    fn before(&self) -> anyhow::Result<Option<Index>> {
        let Some(signed) = self.store.wait(self.store.store().index(self.name))? else {
            return Ok(None);
        };
        let vouched = self.authority.index(&signed, self.name).map_err(|why| {
            let why = self.authority.explain(&why);
            anyhow!(
                "the index that is there is not trusted: {why}; name the key of whoever made it \
                 by `--trust`"
            )
        })?;
        let before = vouched.into_document();
        if before.is_expired_at(now()) {
            note(&format!(
                "edition {}, which is gone on from, expired at {}",
                before.serial(),
                clock::date(before.expires())
            ));
        }
        Ok(Some(before))
    }

    /// The versions that the store holds, the latest first.
    fn versions(&self, before: Option<&Index>) -> anyhow::Result<Vec<Listed>> {
        let there = self.store.wait(self.store.store().versions(self.name))?;
        if there.is_empty() {
            return Err(self.store.nothing_of(self.name));
        }
        for gone in before.map_or(&[][..], Index::versions) {
            if !there.contains(&gone.version) {
                note(&format!(
                    "version `{}` is gone from the store, and left out",
                    gone.version
                ));
            }
        }
        let listed = there.into_iter().rev().map(|version| {
            match before.and_then(|before| before.listed(&version)) {
                Some(listed) => Ok(listed.clone()),
                None => self.fresh(version),
            }
        });
        listed.collect()
    }

    /// A version that no edition listed yet: its statement has to be signed.
    fn fresh(&self, version: Version) -> anyhow::Result<Listed> {
        let id = ModuleId::new(self.name.clone(), version)?;
        let published = self.store.fetch(&id, None)?;
        let release = self.authority.release(&id, None, published);
        let release = release.map_err(|why| self.unlisted(&id, &why))?;
        Ok(Listed {
            version: id.version().clone(),
            digest: *release.digest(),
            yanked: None,
        })
    }

    fn unlisted(&self, id: &ModuleId, why: &Refused) -> anyhow::Error {
        let remedy = remedy(id, &self.store.place(), why);
        let why = trusted::told_of_release(&self.authority, why);
        anyhow!("`{id}` can't be listed: {why}{remedy}")
    }
}

/// What would have a version listed that is not trusted, if anything.
fn remedy(id: &ModuleId, place: &str, why: &Refused) -> String {
    match why {
        Refused::Unstated | Refused::Untrusted(Untrusted::Unsigned) => format!(
            "; sign it, where it is as you made it: `claimbound pull {id} {place}`, `claimbound \
             sign {name}.wasm --key KEY`, `claimbound push {name}.wasm {place}`",
            name = id.name()
        ),
        Refused::Untrusted(_) => "; name the key of whoever made it by `--trust`".to_owned(),
        Refused::Statement(_)
        | Refused::OtherModule { .. }
        | Refused::OtherComponent { .. }
        | Refused::Contract(_)
        | Refused::Yanked(_)
        | Refused::TooManyComparisons(_)
        | Refused::TooManySignatures(_) => String::new(),
    }
}

/// Marks a version as yanked.
fn mark(name: &ModuleName, versions: &mut [Listed], yank: &Yank<'_>) -> anyhow::Result<()> {
    let found = versions
        .iter_mut()
        .find(|listed| listed.version == *yank.version);
    let listed = found.with_context(|| {
        format!(
            "the store holds no version `{}` of `{name}` to yank",
            yank.version
        )
    })?;
    listed.yanked = Some(yank.reason.to_owned());
    Ok(())
}

fn told(index: &Index, place: &str, console: Console) -> anyhow::Result<Status> {
    let versions = index.versions();
    let yanked = versions.iter().filter(|one| one.yanked.is_some()).count();
    console.answer(
        || {
            let mut page = Page::default();
            let title = format!("edition {} of `{}`", index.serial(), index.name());
            page.put(Ink::Good, "✓ published").text("  ");
            page.put(Ink::Strong, title).end();
            page.field("versions", format!("{}, {yanked} yanked", versions.len()));
            page.field("expires", clock::date(index.expires()));
            page.field("store", place);
            page
        },
        || {
            json!({
                "name": index.name().to_string(),
                "serial": index.serial(),
                "expires": clock::date(index.expires()),
                "versions": versions.iter().map(listed_json).collect::<Vec<_>>(),
                "store": place,
            })
        },
    )?;
    Ok(Status::Yes)
}

pub(crate) fn listed_json(listed: &Listed) -> serde_json::Value {
    json!({
        "version": listed.version.to_string(),
        "digest": listed.digest.to_string(),
        "yanked": listed.yanked,
    })
}

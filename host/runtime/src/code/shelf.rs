//! A cache as one engine sees it, and the code of one component on it.

use aws_lc_rs::digest::Digest;
use wasmtime::Engine;
use wasmtime::component::Component;

use super::entry::{self, Identity};
use super::{CodeCache, NotKept, Origin, Unused, engine, native};

/// A cache, and which of its entries are for one engine.
#[derive(Clone)]
pub(crate) struct Shelf {
    cache: CodeCache,
    engine: Digest,
}

impl Shelf {
    /// What the cache has for this engine.
    pub(crate) fn new(cache: CodeCache, engine: &Engine) -> Self {
        Self {
            cache,
            engine: engine::digest(engine),
        }
    }

    fn identity(&self, component: Digest) -> Identity {
        Identity {
            engine: self.engine,
            component,
        }
    }

    fn find(&self, engine: &Engine, bytes: &Bytes<'_>) -> Result<Component, Unused> {
        let identity = self.identity(bytes.digest);
        let longest = entry::longest(bytes.component.len());
        let entry = self.cache.folder.read(&identity.name(), longest)?;
        let code = entry::open(&self.cache.key, &identity, &entry)?;
        native::revive(engine, &code).map_err(|error| Unused::Refused(format!("{error:#}")))
    }

    fn keep(&self, code: &Component, bytes: &Bytes<'_>) -> Result<(), NotKept> {
        let code = code
            .serialize()
            .map_err(|error| NotKept::Unserialised(format!("{error:#}")))?;
        let identity = self.identity(bytes.digest);
        let entry = entry::seal(&self.cache.key, &identity, &code);
        let longest = entry::longest(bytes.component.len());
        if entry.len() as u64 > longest {
            return Err(NotKept::TooLarge {
                bytes: entry.len() as u64,
                longest,
            });
        }
        self.cache.folder.replace(&identity.name(), &entry)
    }
}

struct Bytes<'a> {
    component: &'a [u8],
    digest: Digest,
}

/// The machine code of one component, and why it was compiled if it was.
pub(crate) struct Code<'a> {
    bytes: Bytes<'a>,
    compiled: Component,
    /// The shelf that had no entry to be used.
    missed: Option<(&'a Shelf, Unused)>,
    origin: Origin,
}

impl<'a> Code<'a> {
    /// The code of a component, from the shelf if there is one that has it.
    ///
    /// # Errors
    /// What is wrong with the component; never what is wrong with an entry.
    pub(crate) fn of(
        engine: &Engine,
        shelf: Option<&'a Shelf>,
        component: &'a [u8],
        digest: Digest,
    ) -> wasmtime::Result<Self> {
        let bytes = Bytes { component, digest };
        let missed = match shelf.map(|shelf| (shelf, shelf.find(engine, &bytes))) {
            Some((_, Ok(compiled))) => {
                return Ok(Self {
                    bytes,
                    compiled,
                    missed: None,
                    origin: Origin::Cached,
                });
            }
            Some((shelf, Err(why))) => Some((shelf, why)),
            None => None,
        };
        Ok(Self {
            compiled: Component::from_binary(engine, component)?,
            bytes,
            missed,
            origin: Origin::Compiled,
        })
    }

    /// The component, ready to be linked.
    pub(crate) const fn component(&self) -> &Component {
        &self.compiled
    }

    /// Keeps what was compiled in place of an entry, now that it is known to be
    /// a policy's; says where the code came from.
    pub(crate) fn settle(self) -> Origin {
        match self.missed {
            Some((shelf, why)) => Origin::Recompiled {
                why,
                kept: shelf.keep(&self.compiled, &self.bytes),
            },
            None => self.origin,
        }
    }
}

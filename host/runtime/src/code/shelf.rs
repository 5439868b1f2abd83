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

/// A component's bytes and their SHA-256 digest.
struct Bytes<'a> {
    component: &'a [u8],
    digest: Digest,
}

/// Where code came from, before anything new is kept.
enum Source<'a> {
    /// There is no cache.
    Compiled,
    /// The cache had it.
    Cached,
    /// The cache had nothing to be used, and may keep what was compiled.
    Missed(&'a Shelf, Unused),
}

/// The machine code of one component.
pub(crate) struct Code<'a> {
    bytes: Bytes<'a>,
    component: Component,
    source: Source<'a>,
}

impl<'a> Code<'a> {
    /// The code of the component with these bytes: from the cache if there is
    /// one that has it, else compiled.
    ///
    /// # Errors
    /// What is wrong with the component; never what is wrong with an entry.
    pub(crate) fn of(
        engine: &Engine,
        cache: Option<&'a Shelf>,
        component: &'a [u8],
        digest: Digest,
    ) -> wasmtime::Result<Self> {
        let bytes = Bytes { component, digest };
        let compile = || Component::from_binary(engine, component);
        let (component, source) = match cache {
            None => (compile()?, Source::Compiled),
            Some(cache) => match cache.find(engine, &bytes) {
                Ok(component) => (component, Source::Cached),
                Err(why) => (compile()?, Source::Missed(cache, why)),
            },
        };
        Ok(Self {
            bytes,
            component,
            source,
        })
    }

    /// The component, ready to be linked.
    pub(crate) const fn component(&self) -> &Component {
        &self.component
    }

    /// Keeps what was compiled in place of an entry, now that it is known to be
    /// a policy's; says where the code came from.
    pub(crate) fn settle(self) -> Origin {
        match self.source {
            Source::Compiled => Origin::Compiled,
            Source::Cached => Origin::Cached,
            Source::Missed(cache, why) => Origin::Missed {
                why,
                kept: cache.keep(&self.component, &self.bytes),
            },
        }
    }
}

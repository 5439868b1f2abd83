//! A store that is in use, with the keys whose word counts there.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use claimbound::modules::{Authority, ModuleName, PublicKey, Role, TrustedKey};

use tokio::sync::Semaphore;

use crate::config::{ConfigError, Environment, Signs, StoreConfig, StoreKey};
use crate::files;
use crate::store::{Access, Bounds, Credentials, Place, Store};

/// How often a store is looked at, unless it is said.
const POLL_FOLDER: Duration = Duration::from_secs(2);
const POLL_REGISTRY: Duration = Duration::from_secs(30);
/// How many routes look at a store at once: each look holds a thread, and the
/// component that it has fetched.
const AT_ONCE: usize = 4;
/// Longest file of a public key, in bytes.
const LONGEST_KEY: u64 = 16 << 10;
/// Longest file of authorities, in bytes.
const LONGEST_ROOTS: u64 = 4 << 20;

/// A store that is in use, with the keys whose word counts there.
#[derive(Debug)]
pub(crate) struct Depot {
    /// What the configuration calls it.
    pub(crate) alias: String,
    pub(crate) store: Store,
    pub(crate) authority: Authority,
    pub(crate) poll: Duration,
    /// For those that look at it at once.
    pub(crate) places: Arc<Semaphore>,
    /// Where copies of what was taken from a registry are, so that a restart does
    /// not need it; none where the configuration has no place for them.
    copies: Option<PathBuf>,
    roots: Option<Vec<u8>>,
    most: u64,
    config: StoreConfig,
    /// The texts of the keys' files, in the order of their names.
    keys: Vec<String>,
}

impl Depot {
    /// Opens what the configuration has as `[store.ALIAS]`; no network is asked.
    ///
    /// # Errors
    /// Where it can't be used.
    pub(crate) fn open(
        alias: &str,
        config: &StoreConfig,
        folder: &Path,
        environment: Environment<'_>,
        most: usize,
        copies: Option<&Path>,
    ) -> Result<Self, ConfigError> {
        let at = format!("store.{alias}");
        let usual = if config.folder.is_some() {
            POLL_FOLDER
        } else {
            POLL_REGISTRY
        };
        let texts = config
            .key
            .iter()
            .map(|(name, key)| text(&at, name, key, folder));
        let texts = texts.collect::<Result<Vec<_>, _>>()?;
        let keys = config.key.iter().zip(&texts);
        let keys = keys.map(|((name, key), text)| authorized(&at, name, key, text));
        let authority = Authority::new(keys.collect::<Result<Vec<_>, _>>()?);
        let copies = copies.filter(|_| config.registry.is_some());
        let roots = roots(&at, config, folder)?;
        Ok(Self {
            copies: copies.map(|copies| copies.join(alias)),
            most: most as u64,
            places: Arc::new(Semaphore::new(AT_ONCE)),
            alias: alias.to_owned(),
            store: store(&at, config, folder, environment, roots.clone(), most)?,
            roots,
            authority: authority.map_err(|error| ConfigError::at(format!("{at}.key"), error))?,
            poll: config.poll.map_or(usual, |span| span.0),
            config: config.clone(),
            keys: texts,
        })
    }

    /// Where a route's copies are, if there are any: another route may be at
    /// another version.
    ///
    /// # Errors
    /// Where that can't be used.
    pub(crate) fn copy(&self, route: &str) -> Result<Option<Store>, ConfigError> {
        let Some(copies) = &self.copies else {
            return Ok(None);
        };
        let folder = copies.join(route);
        let made = std::fs::create_dir_all(&folder);
        made.map_err(|error| ConfigError::at("state", error))?;
        let bounds = Bounds::default().with_component(self.most);
        let copy = Store::open(Place::Folder(folder), Access::default(), bounds);
        copy.map(Some)
            .map_err(|error| ConfigError::at("state", error))
    }

    /// Whether it is the same store, by the word of the same keys.
    pub(crate) fn is_as(&self, other: &Self) -> bool {
        self.alias == other.alias
            && self.config == other.config
            && self.keys == other.keys
            && self.roots == other.roots
    }
}

fn text(at: &str, name: &str, key: &StoreKey, folder: &Path) -> Result<String, ConfigError> {
    let path = folder.join(&key.file);
    files::read_text(&path, LONGEST_KEY).map_err(|error| {
        let fault = format!("`{}` {error}", path.display());
        ConfigError::at(format!("{at}.key.{name}.file"), fault)
    })
}

fn authorized(at: &str, name: &str, key: &StoreKey, text: &str) -> Result<TrustedKey, ConfigError> {
    let at = |what: &str| format!("{at}.key.{name}.{what}");
    let modules = key
        .modules
        .iter()
        .map(|module| module.parse::<ModuleName>());
    let modules = modules.collect::<Result<_, _>>();
    let signs = key.signs.as_ref();
    let roles = signs.map_or_else(
        || Role::USUAL.to_vec(),
        |signs| signs.iter().map(|one| role(*one)).collect(),
    );
    Ok(TrustedKey {
        name: name.to_owned(),
        key: PublicKey::from_pem(text).map_err(|error| ConfigError::at(at("file"), error))?,
        modules: modules.map_err(|error| ConfigError::at(at("modules"), error))?,
        roles,
    })
}

const fn role(signs: Signs) -> Role {
    match signs {
        Signs::Module => Role::Module,
        Signs::Index => Role::Index,
        Signs::Comparison => Role::Comparison,
        Signs::Wider => Role::Wider,
    }
}

/// The store, whose components may have at most so many bytes.
fn store(
    at: &str,
    config: &StoreConfig,
    folder: &Path,
    environment: Environment<'_>,
    roots: Option<Vec<u8>>,
    most: usize,
) -> Result<Store, ConfigError> {
    let place = match (&config.folder, &config.registry) {
        (Some(path), _) => Place::Folder(folder.join(path)),
        (None, registry) => {
            let registry = registry.as_deref().unwrap_or_default().parse();
            let fault = |error| ConfigError::at(format!("{at}.registry"), error);
            Place::Registry(registry.map_err(fault)?)
        }
    };
    let access = Access {
        credentials: Credentials::docker(environment),
        roots,
    };
    let bounds = Bounds::default().with_component(most as u64);
    Store::open(place, access, bounds).map_err(|error| ConfigError::at(at, error))
}

/// The authorities that a registry's certificate is checked by.
fn roots(at: &str, config: &StoreConfig, folder: &Path) -> Result<Option<Vec<u8>>, ConfigError> {
    let read = |ca| files::read(&folder.join(ca), LONGEST_ROOTS);
    let roots = config.ca.as_ref().map(read).transpose();
    roots.map_err(|error| ConfigError::at(format!("{at}.ca"), error))
}

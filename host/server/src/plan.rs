//! From a configuration to routes that decide: everything is looked at, compiled
//! and held against everything else before anything is taken up.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use claimbound::floor::Floor;
use claimbound::grant::Ceiling;
use claimbound::issuer::{Issuer, IssuerError, Issuers, Settings};
use claimbound::json;
use claimbound::key::Algorithm;
use claimbound::models::{Model, Registry};
use claimbound::policy::{self, Policy};
use claimbound::token::TokenTypes;
use tokio::runtime::Handle;
use tracing::info;

use crate::aside::aside;
use crate::bounds;
use crate::config::{
    self, CeilingConfig, Config, ConfigError, Environment, ModuleConfig, Protocol,
};
use crate::exchange::Exchanger;
use crate::files::{self, ReadError};
use crate::frame::Frame;
use crate::ground::Ground;
use crate::host::{Plan, Route};
use crate::keys::{Keyring, Source, Spec};
use crate::nearest::{did_you_mean, listed};
use crate::rollout::{Depot, Heard, Look, Rollout, Wanted, this_host};
use crate::workshop::Loaded;

/// Most names of the configuration in one error.
const MOST_LISTED: usize = 8;

/// Longest name of an issuer, a route, a listener or a target, in bytes.
const LONGEST_NAME: usize = 64;

/// What a configuration comes to, before it is taken up. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) routes: HashMap<String, Arc<Route>>,
    /// The issuers' keys; it is empty where nothing is to be supplied.
    pub(crate) keyring: Arc<Keyring>,
    exchange: Option<Arc<Exchanger>>,
    /// What is no error, and worth a look.
    pub(crate) warnings: Vec<String>,
    issuers: HashMap<String, Arc<Issuer>>,
    depots: BTreeMap<String, Arc<Depot>>,
    policies: Policies,
}

/// What a route is made with.
#[derive(Clone, Copy)]
struct Given<'a> {
    ground: &'a Ground,
    supply: Supply<'a>,
}

/// Loaded policies, one for each sandbox, by their digest.
type Policies = HashMap<String, Loaded>;

/// Whether issuers are supplied with keys, and by tasks of which runtime.
#[derive(Clone, Copy)]
pub(crate) enum Supply<'a> {
    /// They are not: the configuration is looked at, and nothing more.
    No,
    /// They are.
    By(&'a Handle),
}

impl Draft {
    /// Looks at all of a configuration whose bounds have been looked at. What has
    /// not changed since `before` is taken over: issuers with their keys, policies
    /// with their machine code.
    ///
    /// # Errors
    /// The first thing that can't be used.
    pub(crate) fn new(
        config: &Config,
        ground: &Ground,
        environment: Environment<'_>,
        supply: Supply<'_>,
        before: Option<&Self>,
    ) -> Result<Self, ConfigError> {
        check_names(config)?;
        check_listeners(config)?;
        check_audiences(config)?;
        let specs = specs(config, ground, environment)?;
        let fresh = specs
            .iter()
            .map(|spec| (spec.alias.clone(), Arc::clone(&spec.issuer)));
        let fresh = fresh.collect();
        let keyring = keyring(specs, supply, before, ground);
        let mut draft = Self {
            routes: HashMap::new(),
            issuers: supplied(fresh, &keyring),
            keyring,
            exchange: exchange(config, ground)?,
            warnings: bounds::without_effect(config),
            depots: depots(config, ground, environment, before)?,
            policies: Policies::new(),
        };
        let given = Given { ground, supply };
        for (name, route) in &config.route {
            let made = draft.route(name, route, given, before)?;
            draft.routes.insert(name.clone(), Arc::new(made));
        }
        Ok(draft)
    }

    /// What a host decides by.
    pub(crate) fn plan(&self) -> Plan {
        Plan {
            routes: self.routes.clone(),
            keyring: Arc::clone(&self.keyring),
            exchange: self.exchange.clone(),
        }
    }

    fn route(
        &mut self,
        name: &str,
        config: &config::Route,
        given: Given<'_>,
        before: Option<&Self>,
    ) -> Result<Route, ConfigError> {
        let frame = self.frame(name, config)?;
        let known = before.and_then(|before| before.routes.get(name));
        let known = known
            .map(|route| route.frame())
            .filter(|known| known.is_as(&frame));
        // What was begun for it goes on.
        let frame = known.map_or_else(|| Arc::new(frame), Arc::clone);
        match (&config.policy, &config.module) {
            (Some(path), None) => self.unsigned(&frame, path, given.ground, before),
            (None, Some(module)) => self.vouched(&frame, module, given, before),
            (Some(_), Some(_)) | (None, None) => Err(ConfigError::at(
                format!("route.{name}"),
                "a route has a `module` of a store, or a `policy` that is a file, and one of them",
            )),
        }
    }

    /// A route whose policy is a file.
    fn unsigned(
        &mut self,
        frame: &Arc<Frame>,
        path: &Path,
        ground: &Ground,
        before: Option<&Self>,
    ) -> Result<Route, ConfigError> {
        let at = format!("route.{}.policy", frame.name);
        if !frame.config.danger_unsigned {
            let fault = "nobody has signed what stands in a file; take a `module` of a store, or \
                         say `danger_unsigned = true` beside it";
            return Err(ConfigError::at(at, fault));
        }
        let component = component(&at, &ground.folder.join(path), ground)?;
        let loaded = self.policies(&at, &component, ground, before)?;
        let without = || ConfigError::at("sandbox.shards", "there is no sandbox");
        let policy = loaded.policies.first().ok_or_else(without)?;
        self.warnings
            .extend(frame.check(&at, &component, policy, ground)?);
        frame.route(&loaded, ground, None).ok_or_else(without)
    }

    /// A route whose policy is a module of a store. What decides there goes on, if
    /// the same is wanted.
    fn vouched(
        &mut self,
        frame: &Arc<Frame>,
        module: &ModuleConfig,
        given: Given<'_>,
        before: Option<&Self>,
    ) -> Result<Route, ConfigError> {
        let at = format!("route.{}.module", frame.name);
        module.check(&at)?;
        let depot = self.depot(&at, &module.store)?;
        let wanted = Wanted::new(
            &at,
            &frame.name,
            module,
            &depot,
            frame.config.danger_unsigned,
        )?;
        let before = before.and_then(|before| before.routes.get(&*frame.name));
        let before = before.and_then(|route| route.rollout());
        let going_on = before.filter(|one| one.wanted().is_as(&wanted));
        let (rollout, odd) = if let Some(going_on) = going_on {
            (
                Arc::clone(going_on),
                going_on.fits(&at, frame, given.ground)?,
            )
        } else {
            let same_name = before.filter(|one| one.wanted().name == wanted.name);
            let heard = same_name.map(|one| Arc::clone(one.heard()));
            begin(&at, wanted, heard.unwrap_or_default(), frame, given)?
        };
        self.warnings.extend(odd);
        let active = rollout.active();
        let route = frame.route(&active.loaded, given.ground, Some(rollout));
        route.ok_or_else(|| ConfigError::at("sandbox.shards", "there is no sandbox"))
    }

    fn depot(&self, at: &str, store: &str) -> Result<Arc<Depot>, ConfigError> {
        self.depots.get(store).cloned().ok_or_else(|| {
            let names = || self.depots.keys().map(String::as_str);
            let near = did_you_mean(store, names());
            let fault = if self.depots.is_empty() {
                "there is no `[store.NAME]`".to_owned()
            } else {
                let known = listed(names().take(MOST_LISTED));
                format!("there is no such `[store.NAME]`{near}; there are {known}")
            };
            ConfigError::at(format!("{at}.store"), fault)
        })
    }

    /// Goes on with the versions that were taken up while it was drawn up.
    ///
    /// # Errors
    /// Where one has no sandbox.
    pub(crate) fn follow(&mut self, ground: &Ground) -> Result<(), ConfigError> {
        for route in self.routes.values_mut() {
            let Some(rollout) = route.rollout() else {
                continue;
            };
            let active = rollout.active();
            let is_its = |policy: &Arc<Policy>| Arc::ptr_eq(policy, route.policy());
            if active.loaded.policies.first().is_some_and(is_its) {
                continue;
            }
            let rollout = Some(Arc::clone(rollout));
            let made = route.frame().route(&active.loaded, ground, rollout);
            let without = || ConfigError::at("sandbox.shards", "there is no sandbox");
            *route = Arc::new(made.ok_or_else(without)?);
        }
        Ok(())
    }

    /// Tells the ledger which modules decide from here on: of all, or of none.
    ///
    /// # Errors
    /// Where one may not, or the ledger gives no answer.
    pub(crate) fn write_modules(&self, ground: &Ground) -> Result<(), ConfigError> {
        let Some(ledger) = &ground.ledger else {
            return Ok(());
        };
        let (at, by) = (ground.clock.now(), this_host());
        let rollouts = self.routes.values();
        let rollouts = rollouts.filter_map(|route| Some((route.name(), route.rollout()?)));
        let rollouts = rollouts.filter(|(_, rollout)| !rollout.is_written());
        let rollouts: Vec<_> = rollouts
            .map(|(name, one)| (name, one, one.active()))
            .collect();
        let takings = rollouts.iter();
        let takings = takings.map(|(name, rollout, active)| rollout.taking(active, name, at, &by));
        let written = ledger.serve_all(&takings.collect::<Vec<_>>());
        written.map_err(|error| ConfigError::at("route", error))?;
        for (route, rollout, active) in &rollouts {
            rollout.written();
            let (version, digest) = (active.version(), active.digest);
            info!(route, %version, %digest, "a module decides");
        }
        Ok(())
    }

    /// What a route is but for its policy.
    fn frame(&self, name: &str, config: &config::Route) -> Result<Frame, ConfigError> {
        let longest = config.longest_token;
        Ok(Frame {
            name: name.into(),
            config: config.clone(),
            issuers: self.issuers_of(name, config)?,
            listed: self.listed(config),
            floor: floor(name, config)?,
            ceiling: ceiling(name, &config.ceiling)?,
            limits: json::Limits {
                bytes: longest.unwrap_or(json::Limits::TOKEN.bytes),
                ..json::Limits::TOKEN
            },
        })
    }

    /// A route's issuers, in the order of the configuration.
    fn listed(&self, config: &config::Route) -> Vec<Arc<Issuer>> {
        let issuers = config.issuers.iter();
        issuers
            .filter_map(|alias| self.issuers.get(alias).cloned())
            .collect()
    }

    fn issuers_of(&self, name: &str, config: &config::Route) -> Result<Issuers, ConfigError> {
        let at = format!("route.{name}.issuers");
        if config.issuers.is_empty() {
            return Err(ConfigError::at(
                at,
                "a route takes tokens of one issuer or more",
            ));
        }
        let found = config.issuers.iter().enumerate().map(|(index, alias)| {
            self.issuers.get(alias).cloned().ok_or_else(|| {
                let mut known: Vec<_> = self.issuers.keys().map(String::as_str).collect();
                known.sort_unstable();
                let near = did_you_mean(alias, known.iter().copied());
                let known = listed(known.into_iter().take(MOST_LISTED));
                let fault = format!("there is no such `[issuer.NAME]`{near}; there are {known}");
                ConfigError::at(format!("{at}[{index}]"), fault)
            })
        });
        let found = found.collect::<Result<Vec<_>, ConfigError>>()?;
        Issuers::new(found).map_err(|_| ConfigError::at(&at, "two of them have one URL"))
    }

    /// The policy of a component, in every sandbox. One that another route has, or
    /// had before, is not compiled again.
    fn policies(
        &mut self,
        at: &str,
        component: &[u8],
        ground: &Ground,
        before: Option<&Self>,
    ) -> Result<Loaded, ConfigError> {
        let digest = policy::digest(component);
        let known = self.policies.get(&digest);
        let known = known.or_else(|| before.and_then(|before| before.policies.get(&digest)));
        let policies = match known {
            Some(known) => known.clone(),
            None => ground
                .load(component)
                .map_err(|error| ConfigError::at(at, error))?,
        };
        self.policies.insert(digest, policies.clone());
        Ok(policies)
    }
}

fn depots(
    config: &Config,
    ground: &Ground,
    environment: Environment<'_>,
    before: Option<&Draft>,
) -> Result<BTreeMap<String, Arc<Depot>>, ConfigError> {
    let copies = ground.copies.as_ref().map(|copies| copies.modules());
    let depots = config.store.iter().map(|(alias, store)| {
        let (most, copies) = (ground.pools.largest(), copies.as_deref());
        let depot = Depot::open(alias, store, &ground.folder, environment, most, copies)?;
        let known = before.and_then(|before| before.depots.get(alias));
        let known = known.filter(|known| known.is_as(&depot)).cloned();
        Ok((alias.clone(), known.unwrap_or_else(|| Arc::new(depot))))
    });
    depots.collect()
}

/// Begins with what a store has: it is asked on this thread, which may wait.
fn begin(
    at: &str,
    wanted: Wanted,
    heard: Arc<Heard>,
    frame: &Arc<Frame>,
    given: Given<'_>,
) -> Result<(Arc<Rollout>, Vec<String>), ConfigError> {
    let begun = given.supply.on_runtime(|runtime| {
        let look = Look::new(&wanted, frame, given.ground, runtime)?;
        match given.supply {
            Supply::No => look.rehearsing().first(&heard),
            Supply::By(_) => look.first(&heard),
        }
    });
    match begun.map_err(|error| ConfigError::at(at, error))? {
        Ok(prepared) => {
            let (rollout, odd) = Rollout::of(prepared, wanted, heard);
            Ok((Arc::new(rollout), odd))
        }
        Err(refusal) => Err(ConfigError::at(at, refusal)),
    }
}

impl Supply<'_> {
    /// Does something that has to wait for a network, on the runtime that there
    /// is, or one for this alone: on a thread of its own, for whoever calls may be
    /// of another.
    fn on_runtime<T: Send>(self, work: impl FnOnce(&Handle) -> T + Send) -> std::io::Result<T> {
        match self {
            Self::By(runtime) => Ok(work(runtime)),
            Self::No => aside(|| {
                // Whoever waits by a handle drives no timer and no socket.
                let mut runtime = tokio::runtime::Builder::new_multi_thread();
                let runtime = runtime.worker_threads(1).enable_all().build()?;
                Ok(work(runtime.handle()))
            })?,
        }
    }
}

fn check_names(config: &Config) -> Result<(), ConfigError> {
    let names = [
        ("issuer", config.issuer.keys().collect::<Vec<_>>()),
        ("store", config.store.keys().collect()),
        ("route", config.route.keys().collect()),
        ("listen", config.listen.keys().collect()),
    ];
    for (table, names) in names {
        for name in names {
            check_name(table, name)?;
        }
    }
    Ok(())
}

/// A name stands in paths, in headers, in metrics and in the ledger.
fn check_name(table: &str, name: &str) -> Result<(), ConfigError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let begins = name
        .bytes()
        .next()
        .is_some_and(|first| first.is_ascii_alphanumeric());
    if begins && name.len() <= LONGEST_NAME && name.bytes().all(fits) {
        return Ok(());
    }
    let fault = format!(
        "`{}` is no name: 1 to {LONGEST_NAME} of `a-z`, `A-Z`, `0-9`, `-`, `_`, `.`, the first a \
         letter or digit",
        claimbound::reason::clip(name)
    );
    Err(ConfigError::at(table, fault))
}

/// A token's audience says which route it is for.
fn check_audiences(config: &Config) -> Result<(), ConfigError> {
    if config.route.is_empty() {
        return Err(ConfigError::at("route", "there is no route to decide on"));
    }
    let mut audiences = HashMap::new();
    for (name, route) in &config.route {
        if let Some(other) = audiences.insert(&route.audience, name) {
            let at = format!("route.{name}.audience");
            let fault = format!("route `{other}` has this audience; no two routes share one");
            return Err(ConfigError::at(at, fault));
        }
    }
    Ok(())
}

/// The issuers; those that go on have keys already.
fn supplied(
    mut issuers: HashMap<String, Arc<Issuer>>,
    keyring: &Keyring,
) -> HashMap<String, Arc<Issuer>> {
    for (alias, issuer) in &mut issuers {
        if let Some(supplied) = keyring.issuer(alias) {
            *issuer = Arc::clone(supplied);
        }
    }
    issuers
}

fn check_listeners(config: &Config) -> Result<(), ConfigError> {
    for (name, listener) in &config.listen {
        let at = |what: &str| format!("listen.{name}.{what}");
        if listener.serves.is_empty() {
            return Err(ConfigError::at(at("serves"), "nothing is spoken here"));
        }
        if listener.serves.contains(&Protocol::Exchange) && config.exchange.is_none() {
            return Err(ConfigError::at(at("serves"), "there is no `[exchange]`"));
        }
        listener.check(&at("proxy"))?;
    }
    if let Some(admin) = &config.admin {
        admin.check()?;
    }
    let needs_proxy = |route: &config::Route| route.forwarded.certificate.is_some();
    let has_proxy = config
        .listen
        .values()
        .any(|listener| listener.proxy.is_some());
    match config.route.iter().find(|(_, route)| needs_proxy(route)) {
        Some((name, _)) if !has_proxy => Err(ConfigError::at(
            format!("route.{name}.forwarded.certificate"),
            "no listener knows its proxies; say `[listen.NAME.proxy]`",
        )),
        Some(_) | None => Ok(()),
    }
}

fn specs(
    config: &Config,
    ground: &Ground,
    environment: Environment<'_>,
) -> Result<Vec<Spec>, ConfigError> {
    let issuers = config.issuer.iter();
    let spec =
        |(alias, issuer): (&String, &config::Issuer)| spec(alias, issuer, ground, environment);
    issuers.map(spec).collect()
}

fn keyring(
    specs: Vec<Spec>,
    supply: Supply<'_>,
    before: Option<&Draft>,
    ground: &Ground,
) -> Arc<Keyring> {
    let clock = Arc::clone(&ground.clock);
    let keyring = match (supply, before) {
        (Supply::No, _) => Keyring::none(clock),
        (Supply::By(runtime), Some(before)) => Keyring::renew(&before.keyring, specs, runtime),
        (Supply::By(runtime), None) => Keyring::start(specs, runtime, clock),
    };
    Arc::new(keyring)
}

/// The exchange of tokens; none where its keys are not open.
fn exchange(config: &Config, ground: &Ground) -> Result<Option<Arc<Exchanger>>, ConfigError> {
    match &ground.signing_keys {
        Some(keys) => {
            let exchange = Exchanger::new(config, Arc::clone(keys))?;
            Ok(Some(Arc::new(exchange)))
        }
        None => Exchanger::check(config).map(|()| None),
    }
}

fn spec(
    alias: &str,
    config: &config::Issuer,
    ground: &Ground,
    environment: Environment<'_>,
) -> Result<Spec, ConfigError> {
    let at = |what: &str| format!("issuer.{alias}.{what}");
    let model = model(&at("model"), &config.model)?;
    let url = config.url_by(model).ok_or_else(|| {
        let fault = format!("the model `{}` has no single URL; say which", model.name());
        ConfigError::at(at("url"), fault)
    })?;
    let algorithms = config.algorithms.as_ref();
    let algorithms = algorithms.map(|names| algorithms_of(&at("algorithms"), names));
    let token_types = config.token_types.as_ref();
    let token_types = token_types.map(|types| types_of(&at("token_types"), types));
    let settings = Settings {
        algorithms: algorithms.transpose()?,
        token_types: token_types.transpose()?,
        longest_lifetime: config.longest_lifetime.map(config::Span::seconds),
    };
    let issuer = Issuer::awaiting_keys(url, Arc::clone(model), settings);
    let issuer = issuer.map_err(|error| match error {
        IssuerError::Url { .. } => {
            let fault = "an issuer has 1 to 2048 bytes without white space or control characters";
            ConfigError::at(at("url"), fault)
        }
        IssuerError::NoAlgorithm { .. } => {
            ConfigError::at(at("algorithms"), "it allows no signature algorithm")
        }
        IssuerError::Duplicate { .. }
        | IssuerError::Algorithm { .. }
        | IssuerError::TokenTypes { .. }
        | IssuerError::NoLifetime { .. } => ConfigError::at(format!("issuer.{alias}"), error),
    })?;
    let source = Source::of(alias, config, model, &ground.folder, environment)?;
    let source = match &ground.copies {
        Some(copies) => source.with_copies(Arc::clone(copies)),
        None => source,
    };
    Ok(Spec {
        alias: alias.to_owned(),
        issuer: Arc::new(issuer),
        source,
    })
}

fn model(at: &str, name: &str) -> Result<&'static Arc<Model>, ConfigError> {
    Registry::standard().get(name).ok_or_else(|| {
        let names = || Registry::standard().iter().map(|model| model.name());
        let near = did_you_mean(name, names());
        let fault = format!(
            "there is no such naming model{near}; there are {}",
            listed(names())
        );
        ConfigError::at(at, fault)
    })
}

fn algorithms_of(at: &str, names: &[String]) -> Result<Vec<Algorithm>, ConfigError> {
    let algorithm = |(index, name): (usize, &String)| {
        Algorithm::parse(name).ok_or_else(|| {
            let all = listed(Algorithm::ALL.iter().map(|one| one.as_str()));
            let fault = format!("it is no algorithm that tokens may use; there are {all}");
            ConfigError::at(format!("{at}[{index}]"), fault)
        })
    };
    names.iter().enumerate().map(algorithm).collect()
}

/// Token types, of which the empty one stands for none.
fn types_of(at: &str, types: &[String]) -> Result<TokenTypes, ConfigError> {
    let named: Vec<_> = types.iter().filter(|one| !one.is_empty()).collect();
    let absent = named.len() < types.len();
    TokenTypes::new(absent, &named).map_err(|error| ConfigError::at(at, error))
}

fn floor(name: &str, config: &config::Route) -> Result<Floor, ConfigError> {
    let at = |what: &str| format!("route.{name}.{what}");
    let floor = Floor::new(config.audience.as_str());
    let floor = floor.map_err(|error| ConfigError::at(at("audience"), error))?;
    let floor = match config.leeway {
        Some(leeway) => floor
            .with_leeway(leeway.seconds())
            .map_err(|error| ConfigError::at(at("leeway"), error))?,
        None => floor,
    };
    Ok(match &config.token_types {
        Some(types) => floor.with_token_types(types_of(&at("token_types"), types)?),
        None => floor,
    })
}

fn ceiling(name: &str, config: &CeilingConfig) -> Result<Ceiling, ConfigError> {
    let longest = config.longest_lifetime.map(|span| {
        u32::try_from(span.seconds())
            .ok()
            .filter(|seconds| *seconds > 0)
            .ok_or_else(|| {
                let at = format!("route.{name}.ceiling.longest_lifetime");
                ConfigError::at(at, format!("{span} is outside 1 s to 136 years"))
            })
    });
    let obligations = config.obligations.iter().map(|one| one.as_str().to_owned());
    Ok(Ceiling {
        roles: config.roles.clone(),
        scopes: config.scopes.clone(),
        claims: config.claims.clone(),
        longest_lifetime: longest.transpose()?,
        enrolment: config.enrolment,
        obligations: obligations.collect(),
        danger_open: false,
    })
}

/// The bytes of a component.
fn component(at: &str, path: &Path, ground: &Ground) -> Result<Vec<u8>, ConfigError> {
    let fault = |fault: String| ConfigError::at(at, format!("what is there {fault}"));
    let most = ground.pools.largest();
    let bytes = files::read(path, most as u64).map_err(|error| {
        if matches!(error, ReadError::NoFile) && path.is_dir() {
            return fault("is a folder; name the component that was built from it".into());
        }
        fault(error.to_string())
    })?;
    if bytes.starts_with(b"\0asm\x01\0\0\0") {
        let told = "is a core module, no component; `wasm-tools component new` makes one of it";
        return Err(fault(told.into()));
    }
    if bytes.starts_with(b"\0asm") {
        Ok(bytes)
    } else {
        let told = "is no component; where it is a document, `claimbound build` makes one of it";
        Err(fault(told.into()))
    }
}

//! From a configuration to routes that decide: everything is looked at, compiled
//! and held against everything else before anything is taken up.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use claimbound::floor::Floor;
use claimbound::gate::Gate;
use claimbound::grant::Ceiling;
use claimbound::issuer::{Issuer, IssuerError, Issuers, Settings};
use claimbound::json;
use claimbound::key::Algorithm;
use claimbound::ledger::Keeper;
use claimbound::models::{Model, Registry};
use claimbound::policy::{self, Policy};
use claimbound::proof::Certificates;
use claimbound::token::TokenTypes;
use tokio::runtime::Handle;

use crate::bounds;
use crate::config::{self, CeilingConfig, Config, ConfigError, Environment, Protocol};
use crate::exchange::Exchanger;
use crate::files::{self, ReadError};
use crate::fit::{Document, Met};
use crate::ground::Ground;
use crate::host::{Plan, Route};
use crate::keys::{Keyring, Source, Spec};
use crate::nearest::{did_you_mean, listed};
use crate::pools::Pools;

/// Most names of the configuration in one error.
const MOST_LISTED: usize = 8;

/// Longest name of an issuer, a route, a listener or a target, in bytes.
const LONGEST_NAME: usize = 64;

/// What a configuration comes to, before it is taken up.
pub(crate) struct Draft {
    pub(crate) routes: HashMap<String, Arc<Route>>,
    /// The issuers' keys; it is empty where nothing is to be supplied.
    pub(crate) keyring: Arc<Keyring>,
    exchange: Option<Arc<Exchanger>>,
    /// What is no error, and worth a look.
    pub(crate) warnings: Vec<String>,
    issuers: HashMap<String, Arc<Issuer>>,
    policies: Policies,
}

/// Loaded policies, one for each sandbox, by their digest.
type Policies = HashMap<String, Arc<[Arc<Policy>]>>;

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
        if config.route.is_empty() {
            return Err(ConfigError::at("route", "there is no route to decide on"));
        }
        let specs = specs(config, ground, environment)?;
        let fresh = specs
            .iter()
            .map(|spec| (spec.alias.clone(), Arc::clone(&spec.issuer)));
        let mut issuers: HashMap<_, _> = fresh.collect();
        let keyring = keyring(specs, supply, before, ground);
        // Those that go on have keys already.
        for (alias, issuer) in &mut issuers {
            if let Some(supplied) = keyring.issuer(alias) {
                *issuer = Arc::clone(supplied);
            }
        }
        let mut draft = Self {
            routes: HashMap::new(),
            keyring,
            exchange: exchange(config, ground)?,
            warnings: bounds::without_effect(config),
            issuers,
            policies: Policies::new(),
        };
        let mut audiences = HashMap::new();
        for (name, route) in &config.route {
            if let Some(other) = audiences.insert(&route.audience, name) {
                let at = format!("route.{name}.audience");
                let fault = format!("route `{other}` has this audience; no two routes share one");
                return Err(ConfigError::at(at, fault));
            }
            let made = draft.route(name, route, ground, before)?;
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
        ground: &Ground,
        before: Option<&Self>,
    ) -> Result<Route, ConfigError> {
        let at = |what: &str| format!("route.{name}.{what}");
        let issuers = self.issuers_of(name, config)?;
        let floor = floor(name, config)?;
        let ceiling = ceiling(name, &config.ceiling)?;
        let path = ground.folder.join(&config.policy);
        let component = component(&at("policy"), &path, ground)?;
        let policies = self.policies(&at("policy"), &component, ground, before)?;
        let Some(policy) = policies.first() else {
            return Err(ConfigError::at("sandbox.shards", "there is no sandbox"));
        };
        self.check_obligations(name, config, policy, ground)?;
        if let Some(document) = Document::of(&component, policy) {
            let met = self.met(name, config, &ceiling);
            let odd = document.check(&met)?;
            self.warnings.extend(odd);
        }
        let limits = json::Limits {
            bytes: config.longest_token.unwrap_or(json::Limits::TOKEN.bytes),
            ..json::Limits::TOKEN
        };
        let gates = policies.iter().map(|policy| {
            let gate = Gate::new(
                issuers.clone(),
                floor.clone(),
                Arc::clone(policy),
                ceiling.clone(),
            );
            let gate = gate.with_limits(limits);
            let gate = match &ground.ledger {
                Some(ledger) => gate.with_commit(Keeper::new(Arc::clone(ledger), name)),
                None => gate.with_commit(Certificates),
            };
            match &ground.record {
                Some(record) => gate.with_record(name, Arc::clone(record) as _),
                None => gate,
            }
        });
        let gates = gates.collect();
        let pool = ground.pools.of(&component);
        let policy = Arc::clone(policy);
        Ok(Route::new(name, config.clone(), policy, pool, gates))
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
    ) -> Result<Arc<[Arc<Policy>]>, ConfigError> {
        let digest = policy::digest(component);
        let known = self.policies.get(&digest);
        let known = known.or_else(|| before.and_then(|before| before.policies.get(&digest)));
        let policies = match known {
            Some(known) => Arc::clone(known),
            None => load(at, component, &ground.pools)?,
        };
        self.policies.insert(digest, Arc::clone(&policies));
        Ok(policies)
    }

    /// The route as its policy meets it.
    fn met<'a>(&'a self, name: &str, config: &'a config::Route, ceiling: &'a Ceiling) -> Met<'a> {
        let issuers = config.issuers.iter();
        let issuers = issuers.filter_map(|alias| self.issuers.get(alias));
        Met {
            at: format!("route.{name}"),
            issuers: issuers.map(|issuer| &**issuer).collect(),
            audience: &config.audience,
            ceiling,
        }
    }

    /// A policy that asks for what nothing here can meet would never allow.
    fn check_obligations(
        &mut self,
        name: &str,
        config: &config::Route,
        policy: &Policy,
        ground: &Ground,
    ) -> Result<(), ConfigError> {
        let asks = |kind: &str| policy.manifest().obligations.iter().any(|one| one == kind);
        let at = format!("route.{name}.policy");
        let needs_ledger = ["bind", "use-once"].into_iter().find(|kind| asks(kind));
        if let (Some(kind), None) = (needs_ledger, &ground.ledger) {
            let fault = format!("the policy asks for `{kind}`, which takes a `[ledger]`");
            return Err(ConfigError::at(at, fault));
        }
        let forwarded = &config.forwarded;
        if asks("prove") && forwarded.origin.is_none() && forwarded.certificate.is_none() {
            self.warnings.push(format!(
                "{at}: the policy may ask for a proof of possession, and `route.{name}.forwarded` \
                 says neither an `origin` nor a `certificate` to check one by"
            ));
        }
        let mut demanded = config.ceiling.obligations.iter().map(|one| one.as_str());
        if let Some(kind) = demanded.find(|kind| !asks(kind)) {
            let fault = format!(
                "it demands `{kind}` of every allow, which the policy never asks for: nothing can \
                 be allowed here"
            );
            let at = format!("route.{name}.ceiling.obligations");
            return Err(ConfigError::at(at, fault));
        }
        let given = &config.attributes;
        let attributes = policy.manifest().attributes.iter();
        for attribute in attributes.filter(|one| !given.contains_key(*one)) {
            self.warnings.push(format!(
                "{at}: the policy reads attribute `{attribute}`, which \
                 `route.{name}.attributes` does not give"
            ));
        }
        Ok(())
    }
}

fn check_names(config: &Config) -> Result<(), ConfigError> {
    let names = [
        ("issuer", config.issuer.keys().collect::<Vec<_>>()),
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

fn load(at: &str, component: &[u8], pools: &Pools) -> Result<Arc<[Arc<Policy>]>, ConfigError> {
    let sandboxes = pools.sandboxes(pools.of(component))?;
    let loaded = sandboxes.iter().map(|sandbox| {
        let policy = Policy::load(sandbox, component);
        policy
            .map(Arc::new)
            .map_err(|error| ConfigError::at(at, error))
    });
    loaded.collect()
}

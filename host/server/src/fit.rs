//! Whether a route can allow anything: what its policy trusts and grants, held
//! against the route's issuers, audience and ceiling.
//!
//! A policy says little of that itself; the document that its component carries
//! does, where it is the one that the policy says it was built from. What is
//! certain by it is refused; of what is only odd there is a warning. Where there
//! is no such document, or none that reads as one, nothing is said.

use std::collections::{BTreeMap, BTreeSet};

use claimbound::bake;
use claimbound::grant::Ceiling;
use claimbound::issuer::Issuer;
use claimbound::models::Registry;
use claimbound::policy::{self, Policy};
use serde::Deserialize;

use crate::config::ConfigError;
use crate::nearest::listed;

/// Most names in one message.
const MOST_LISTED: usize = 8;
/// Most warnings of one route: a document may have 200 000 statements.
const MOST_WARNINGS: usize = 32;

/// What a policy trusts, by its document.
#[derive(Debug, Deserialize)]
pub(crate) struct Document {
    #[serde(default)]
    issuer: BTreeMap<String, Named>,
    #[serde(default)]
    trust: BTreeMap<String, Trust>,
}

/// An issuer of the document.
#[derive(Debug, Deserialize)]
struct Named {
    model: String,
    url: Option<String>,
}

/// What a statement says that a route can be held against.
#[derive(Debug, Deserialize)]
struct Trust {
    issuer: String,
    audience: Option<String>,
    #[serde(default)]
    shared_audience: bool,
    #[serde(default)]
    single_use: bool,
    identity: Option<Identity>,
    proof: Option<toml::Value>,
    #[serde(default)]
    grant: Granted,
}

#[derive(Debug, Deserialize)]
struct Identity {
    first_use: String,
}

#[derive(Debug, Default, Deserialize)]
struct Granted {
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    claims: toml::Table,
    max_ttl: Option<String>,
}

/// A route as its policy meets it.
pub(crate) struct Met<'a> {
    /// Where the configuration has it: `route.deploy`.
    pub(crate) at: String,
    /// Its issuers, in the order of the configuration.
    pub(crate) issuers: Vec<&'a Issuer>,
    pub(crate) audience: &'a str,
    pub(crate) ceiling: &'a Ceiling,
}

/// Why a statement can't allow, the later the nearer it came.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Obstacle {
    Issuer,
    Audience,
    /// The key of the ceiling, and what stands against it.
    Ceiling(&'static str, String),
}

impl Document {
    /// The document of a component, where it is the one that the policy names.
    pub(crate) fn of(component: &[u8], policy: &Policy) -> Option<Self> {
        let sections = bake::sections(component).ok()?;
        let (_, text) = sections
            .into_iter()
            .find(|(name, _)| *name == bake::DOCUMENT)?;
        if policy.manifest().document.as_deref() != Some(&*policy::digest(text)) {
            return None;
        }
        toml::from_str(std::str::from_utf8(text).ok()?).ok()
    }

    /// Holds it against a route: what is odd, and worth a look.
    ///
    /// # Errors
    /// Where no statement can ever allow there.
    pub(crate) fn check(&self, route: &Met<'_>) -> Result<Vec<String>, ConfigError> {
        let mut obstacles = BTreeMap::new();
        for (name, trust) in &self.trust {
            obstacles.insert(name, self.obstacle(name, trust, route));
        }
        if obstacles.values().all(Option::is_some) {
            return Err(self.refused(obstacles.into_values().flatten().max(), route));
        }
        let mut odd = self.untrusted(route);
        for (name, obstacle) in obstacles {
            if let Some(Obstacle::Ceiling(key, why)) = obstacle {
                odd.push(format!(
                    "{}.ceiling.{key}: {why}: it never allows",
                    route.at
                ));
            }
            odd.extend(self.outlasts(name, route));
        }
        let more = odd.len().saturating_sub(MOST_WARNINGS);
        if more > 0 {
            odd.truncate(MOST_WARNINGS);
            odd.push(format!("{}.policy: {more} more like these", route.at));
        }
        Ok(odd)
    }

    /// Why a statement can't allow on a route; none where it may.
    fn obstacle(&self, name: &str, trust: &Trust, route: &Met<'_>) -> Option<Obstacle> {
        // A model that is not known here says no URL: anything may be.
        let url = self.url(&trust.issuer)?;
        if !route.issuers.iter().any(|issuer| issuer.url() == url) {
            return Some(Obstacle::Issuer);
        }
        // Beside a shared audience a token may name the route's too.
        let other = |audience: &String| audience != route.audience && !trust.shared_audience;
        if trust.audience.as_ref().is_some_and(other) {
            return Some(Obstacle::Audience);
        }
        past(trust, route.ceiling)
            .map(|(key, why)| Obstacle::Ceiling(key, format!("statement `{name}` {why}")))
    }

    /// What is told where nothing can be allowed, by what came nearest.
    fn refused(&self, nearest: Option<Obstacle>, route: &Met<'_>) -> ConfigError {
        let at = |key: &str| format!("{}.{key}", route.at);
        let some = |names: BTreeSet<&str>| listed(names.into_iter().take(MOST_LISTED));
        match nearest {
            None => ConfigError::at(
                at("policy"),
                "it trusts nobody: nothing can be allowed here",
            ),
            Some(Obstacle::Issuer) => {
                let urls = self.trust.values().filter_map(|one| self.url(&one.issuer));
                let fault = format!(
                    "the policy trusts none of them: nothing can be allowed here; it trusts {}",
                    some(urls.collect())
                );
                ConfigError::at(at("issuers"), fault)
            }
            Some(Obstacle::Audience) => {
                let all = self.trust.values();
                let audiences = all.filter_map(|one| one.audience.as_deref());
                let fault = format!(
                    "no statement of the policy takes it: nothing can be allowed here; they take {}",
                    some(audiences.collect())
                );
                ConfigError::at(at("audience"), fault)
            }
            Some(Obstacle::Ceiling(key, why)) => {
                let fault = format!("{why}: nothing can be allowed here");
                ConfigError::at(at(&format!("ceiling.{key}")), fault)
            }
        }
    }

    /// Issuers of the route that no statement trusts, or by another model.
    fn untrusted(&self, route: &Met<'_>) -> Vec<String> {
        let mut told = Vec::new();
        for (index, issuer) in route.issuers.iter().enumerate() {
            let at = format!("{}.issuers[{index}]", route.at);
            let mut known = self.trust.values().map(|trust| &trust.issuer);
            let is_it = |alias: &&String| self.url(alias).is_none_or(|url| url == issuer.url());
            let Some(alias) = known.find(is_it) else {
                told.push(format!(
                    "{at}: no statement of the policy trusts its tokens"
                ));
                continue;
            };
            let model = self.issuer.get(alias).map(|named| &*named.model);
            let own = issuer.model().name();
            if let Some(model) = model.filter(|model| *model != own) {
                told.push(format!(
                    "{at}: the policy reads its subjects by the model `{model}`, and this \
                     configuration by `{own}`"
                ));
            }
        }
        told
    }

    /// A grant that lasts longer than the ceiling lets it, unless something else
    /// ends it sooner.
    fn outlasts(&self, name: &str, route: &Met<'_>) -> Option<String> {
        let trust = self.trust.get(name)?;
        if self.obstacle(name, trust, route).is_some() {
            return None;
        }
        let longest = u64::from(route.ceiling.longest_lifetime?);
        let granted = trust.grant.max_ttl.as_deref()?;
        let granted = granted.parse::<jiff::SignedDuration>().ok()?;
        let granted = u64::try_from(granted.as_secs()).ok()?;
        (granted > longest).then(|| {
            format!(
                "{}.ceiling.longest_lifetime: statement `{name}` grants {granted} s, and this \
                 ceiling {longest} s",
                route.at
            )
        })
    }

    /// The URL of an issuer of the document; none where that can't be told.
    fn url(&self, alias: &str) -> Option<&str> {
        let named = self.issuer.get(alias)?;
        let usual = || Registry::standard().get(&named.model)?.default_issuer();
        named.url.as_deref().or_else(usual)
    }
}

/// What of a statement a ceiling never lets by: its key, and in words.
fn past(trust: &Trust, ceiling: &Ceiling) -> Option<(&'static str, String)> {
    let grant = &trust.grant;
    let claims: Vec<_> = grant.claims.keys().cloned().collect();
    for (key, what, granted, allowed) in [
        ("roles", "role", &grant.roles, &ceiling.roles),
        ("scopes", "scope", &grant.scopes, &ceiling.scopes),
        ("claims", "claim", &claims, &ceiling.claims),
    ] {
        if let Some(name) = granted.iter().find(|name| !allowed.contains(*name)) {
            let told = format!("grants {what} `{name}`, which this ceiling does not list");
            return Some((key, told));
        }
    }
    let enrols = trust
        .identity
        .as_ref()
        .is_some_and(|one| one.first_use == "enrol");
    if enrols && !ceiling.enrolment {
        return Some((
            "enrolment",
            "enrols names, which this ceiling does not let it".into(),
        ));
    }
    // That it binds may follow from its subject; the manifest tells of that.
    let asked = [
        ("use-once", trust.single_use),
        ("prove", trust.proof.is_some()),
    ];
    let missing = asked
        .into_iter()
        .find(|(kind, asks)| !asks && ceiling.obligations.contains(*kind))?;
    let told = format!(
        "does not ask for `{}`, which this ceiling demands",
        missing.0
    );
    Some(("obligations", told))
}

//! The targets that access tokens are issued for, checked once.

use std::collections::{BTreeMap, BTreeSet};

use claimbound::models::Registry;

use super::keys::{MOST_LIFETIME, Schedule};
use super::request::{TokenRequest, is_resource, is_scope};
use super::{AUDIENCE, ExchangeError, SCOPE};
use crate::config::{Config, ConfigError, Exchange, Issuer, Span};
use crate::nearest::did_you_mean;

/// The longest lifetime of an access token, in seconds, unless it is said: 15
/// minutes.
const LIFETIME: u64 = 15 * 60;

/// A resource server that access tokens are issued for.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) name: String,
    pub(super) audience: String,
    resources: BTreeSet<String>,
    pub(super) route: String,
    pub(super) scopes: Option<BTreeSet<String>>,
    pub(super) roles: Option<BTreeSet<String>>,
    pub(super) longest_lifetime: u64,
    /// What the issuers of its route are called, by their URLs.
    pub(super) aliases: BTreeMap<String, String>,
}

impl Target {
    /// Whether a request means it by this `resource`.
    fn has_resource(&self, resource: &str) -> bool {
        self.audience == resource || self.resources.contains(resource)
    }
}

/// All targets.
#[derive(Clone, Debug)]
pub(super) struct Targets(Vec<Target>);

impl Targets {
    /// The targets of a configuration.
    pub(super) fn new(config: &Config, exchange: &Exchange) -> Result<Self, ConfigError> {
        check_issuer(config, exchange)?;
        Schedule::new(exchange.rotation)
            .map_err(|fault| ConfigError::at("exchange.rotation", fault))?;
        if exchange.target.is_empty() {
            let fault = "has no target, and no token can be issued";
            return Err(ConfigError::at("exchange", fault));
        }
        let mut targets: Vec<Target> = Vec::new();
        for (name, target) in &exchange.target {
            let target = one(config, name, target)?;
            let at = format!("exchange.target.{name}");
            let said = targets.iter().any(|other| {
                let mut resources = target.resources.iter();
                other.has_resource(&target.audience)
                    || resources.any(|resource| other.has_resource(resource))
            });
            if said {
                let fault = "its audience or a resource is another target's too";
                return Err(ConfigError::at(at, fault));
            }
            targets.push(target);
        }
        Ok(Self(targets))
    }

    /// The one target that a request means (RFC 8693 §2.1, RFC 8707 §2).
    pub(super) fn of(&self, request: &TokenRequest) -> Result<&Target, ExchangeError> {
        let fits = |target: &&Target| {
            let mut audiences = request.audiences.iter();
            let mut resources = request.resources.iter();
            audiences.all(|audience| *audience == target.audience)
                && resources.all(|resource| target.has_resource(resource))
        };
        let mut fitting = self.0.iter().filter(fits);
        match (fitting.next(), fitting.next()) {
            (Some(target), None) => Ok(target),
            (Some(_), Some(_)) => Err(ExchangeError::NoTarget),
            (None, _) => Err(ExchangeError::UnknownTarget),
        }
    }
}

/// The issuer's URL is one that a discovery document can stand at, and no issuer
/// whose tokens are taken.
fn check_issuer(config: &Config, exchange: &Exchange) -> Result<(), ConfigError> {
    let at = "exchange.issuer";
    let own = &exchange.issuer;
    // RFC 8414 §2.
    let host = own.strip_prefix("https://").unwrap_or_default();
    let host = host.split('/').next().unwrap_or_default();
    let graphic = own.bytes().all(|byte| byte.is_ascii_graphic());
    if host.is_empty() || host.contains('@') || !graphic || own.contains(['?', '#', '"', '\\']) {
        let fault = "is an HTTPS URL without user, query and fragment";
        return Err(ConfigError::at(at, fault));
    }
    if own.ends_with('/') {
        return Err(ConfigError::at(at, "ends without a slash"));
    }
    for (name, issuer) in &config.issuer {
        if name.contains(':') {
            let fault =
                "has a colon in its name, which stands before the subjects of access tokens";
            return Err(ConfigError::at(format!("issuer.{name}"), fault));
        }
        let url = url(issuer).unwrap_or_default();
        if alike(&url) == alike(own) {
            let fault = format!(
                "is issuer `{name}`, whose tokens are taken: a token must not be exchanged for \
                 another one for ever"
            );
            return Err(ConfigError::at(at, fault));
        }
    }
    for (name, route) in &config.route {
        for attribute in [AUDIENCE, SCOPE] {
            if route.attributes.contains_key(attribute) {
                let fault = format!("`{attribute}` comes from token exchange alone");
                return Err(ConfigError::at(format!("route.{name}.attributes"), fault));
            }
        }
    }
    Ok(())
}

/// A URL without what two spellings of one place differ in.
fn alike(url: &str) -> String {
    let url = url.trim_end_matches('/').to_ascii_lowercase();
    match url.strip_prefix("https://") {
        Some(rest) => match rest.split_once('/') {
            Some((host, path)) => format!("{}/{path}", host.trim_end_matches(":443")),
            None => rest.trim_end_matches(":443").to_owned(),
        },
        None => url,
    }
}

/// An issuer's URL: its own, or its model's.
fn url(issuer: &Issuer) -> Option<String> {
    let usual = || {
        let model = Registry::standard().get(&issuer.model)?;
        Some(model.default_issuer()?.to_owned())
    };
    issuer.url.clone().or_else(usual)
}

fn one(config: &Config, name: &str, target: &crate::config::Target) -> Result<Target, ConfigError> {
    let invalid = |key: &str, fault: String| {
        let at = format!("exchange.target.{name}.{key}");
        Err(ConfigError::at(at, fault))
    };
    if target.audience.is_empty() {
        return invalid("audience", "it is empty".into());
    }
    if !target.resources.iter().all(|one| is_resource(one)) {
        let fault = "a resource is an absolute URI without a fragment (RFC 8707 §2)";
        return invalid("resources", fault.into());
    }
    if !target.scopes.iter().flatten().all(|one| is_scope(one)) {
        return invalid("scopes", "one of them is no scope (RFC 6749 §3.3)".into());
    }
    let lifetime = target.longest_lifetime;
    let longest_lifetime = lifetime.map_or(LIFETIME, Span::seconds);
    if longest_lifetime == 0 || longest_lifetime > MOST_LIFETIME {
        let fault = format!("it is between 1 s and {MOST_LIFETIME} s");
        return invalid("longest_lifetime", fault);
    }
    let Some(route) = config.route.get(&target.route) else {
        let near = did_you_mean(&target.route, config.route.keys().map(String::as_str));
        return invalid("route", format!("there is no such route{near}"));
    };
    // A token for the route could be mistaken for one that was exchanged.
    if route.audience == target.audience {
        let fault = format!(
            "it is that of route `{}`; access tokens are for somebody else than the tokens that \
             they are given for",
            target.route
        );
        return invalid("audience", fault);
    }
    let mut aliases = BTreeMap::new();
    for name in &route.issuers {
        // That it is there is told of the route.
        let Some(issuer) = config.issuer.get(name) else {
            continue;
        };
        let Some(url) = url(issuer) else {
            let fault = format!("an issuer of route `{}` has no URL", target.route);
            return invalid("route", fault);
        };
        if aliases.insert(url, name.clone()).is_some() {
            let fault = format!("two issuers of route `{}` have one URL", target.route);
            return invalid("route", fault);
        }
    }
    Ok(Target {
        name: name.to_owned(),
        audience: target.audience.clone(),
        resources: target.resources.clone(),
        route: target.route.clone(),
        scopes: target.scopes.clone(),
        roles: target.roles.clone(),
        longest_lifetime,
        aliases,
    })
}

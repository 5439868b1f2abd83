//! What the numbers, spans and names of a configuration may be, and what in it
//! would have no effect: all that can be said of it without opening anything.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use claimbound::grant::REGISTERED_CLAIMS;
use http::HeaderName;
use reqwest::Url;

use crate::config::{
    Address, CertificateHeader, Config, ConfigError, Durability, Exchange, Issuer, LedgerConfig,
    Listener, Obligation, Protocol, Route, Source, Span, StoreConfig,
};
use crate::protocol::credential::DPOP;
use crate::protocol::identity;
use crate::protocol::router::PROXY;

/// Longest time that is waited for requests that have begun.
const LONGEST_DRAIN: Duration = Duration::from_hours(1);
/// Most connections of a listener: as many as there are ports.
const MOST_CONNECTIONS: usize = 1 << 16;
/// Shortest and longest time for headers to arrive.
const HEADER_TIMEOUT: [Duration; 2] = [Duration::from_millis(100), Duration::from_mins(5)];
/// Fewest and most bytes of a request's headers: what the HTTP library takes,
/// and what a question over gRPC may have.
const HEADER_BYTES: [usize; 2] = [8 << 10, 1 << 20];
/// Fewest and most bytes of a token: one without claims has about 200.
const TOKEN_BYTES: [usize; 2] = [256, 1 << 20];
/// Longest lifetime that an issuer's tokens may be allowed: a leap year, as some
/// clusters give them.
const LONGEST_LIFETIME: Duration = Duration::from_hours(366 * 24);
/// Fewest and most bytes of one of a record's files.
const ROTATE_AT: [u64; 2] = [4 << 10, 1 << 40];
/// Longest time that a line of the record may be on its way to the disk.
const LONGEST_INTERVAL: Duration = Duration::from_mins(1);
/// Most connections to a database.
const MOST_TO_DATABASE: usize = 1024;
/// Longest path of a Unix socket, in bytes (`sun_path` without its end).
const LONGEST_SOCKET: usize = 107;
/// How often a store of modules is looked at.
const POLL: [Duration; 2] = [Duration::from_millis(100), Duration::from_hours(24)];
/// How long a new version of a policy may decide beside the one in use.
const SHADOW: [Duration; 2] = [Duration::ZERO, Duration::from_hours(30 * 24)];
/// Longest name of an attribute, in bytes.
const LONGEST_ATTRIBUTE: usize = 128;

/// Looks at everything that can be looked at without opening anything.
pub(crate) fn check(config: &Config, folder: &Path) -> Result<(), ConfigError> {
    if let Some(drain) = config.drain {
        span("drain", drain, [Duration::ZERO, LONGEST_DRAIN])?;
    }
    for (name, issuer) in &config.issuer {
        check_issuer(&format!("issuer.{name}"), issuer)?;
    }
    for (name, route) in &config.route {
        let at = format!("route.{name}");
        check_numbers(&at, route)?;
        check_attributes(&at, route)?;
        check_forwarded(&at, route)?;
        check_ceiling(&at, route, config.ledger.is_some())?;
        check_module(&at, route, config.ledger.is_some())?;
    }
    for (name, store) in &config.store {
        check_modules_store(&format!("store.{name}"), store)?;
    }
    for (name, listener) in &config.listen {
        check_listener(&format!("listen.{name}"), name, listener)?;
    }
    check_addresses(config, folder)?;
    check_store(config)
}

/// What is no error and has no effect.
pub(crate) fn without_effect(config: &Config) -> Vec<String> {
    let mut told = Vec::new();
    for name in config.issuer.keys() {
        let mut routes = config.route.values();
        if !routes.any(|route| route.issuers.contains(name)) {
            told.push(format!("issuer.{name}: no route takes its tokens"));
        }
    }
    for name in config.store.keys() {
        let modules = config
            .route
            .values()
            .filter_map(|route| route.module.as_ref());
        if !{ modules }.any(|module| module.store == *name) {
            told.push(format!("store.{name}: no route takes a module of it"));
        }
    }
    let mut spoken = config.listen.values().flat_map(|one| &one.serves);
    let has_context = spoken.any(|one| *one == Protocol::ExtAuthzGrpc);
    for (name, route) in &config.route {
        let context = |source: &Source| matches!(source, Source::Context(_));
        if !has_context && route.attributes.values().any(context) {
            told.push(format!(
                "route.{name}.attributes: a `context` comes over `ext-authz-grpc` alone, which no \
                 listener serves"
            ));
        }
        if route.ceiling.enrolment && config.ledger.is_none() {
            told.push(format!(
                "route.{name}.ceiling.enrolment: nothing is enrolled without a `[ledger]`"
            ));
        }
    }
    let mut spoken = config.listen.values().flat_map(|one| &one.serves);
    if let Some(exchange) = &config.exchange {
        if !spoken.any(|one| *one == Protocol::Exchange) {
            told.push("exchange: no listener serves `exchange`".to_owned());
        }
        told.extend(never_issued(config, exchange));
    }
    told
}

/// What a target may issue and its route never grants.
fn never_issued(config: &Config, exchange: &Exchange) -> Vec<String> {
    let mut told = Vec::new();
    for (name, target) in &exchange.target {
        let Some(route) = config.route.get(&target.route) else {
            continue;
        };
        let ceiling = &route.ceiling;
        for (key, issued, granted) in [
            ("scopes", &target.scopes, &ceiling.scopes),
            ("roles", &target.roles, &ceiling.roles),
        ] {
            let issued = issued.iter().flatten();
            let beyond = issued.filter(|one| !granted.contains(*one)).count();
            if beyond > 0 {
                told.push(format!(
                    "exchange.target.{name}.{key}: {beyond} of them can never be issued, for \
                     `route.{}.ceiling.{key}` does not list them",
                    target.route
                ));
            }
        }
    }
    told
}

fn check_issuer(at: &str, issuer: &Issuer) -> Result<(), ConfigError> {
    let Some(longest) = issuer.longest_lifetime else {
        return Ok(());
    };
    let at = format!("{at}.longest_lifetime");
    seconds(&at, longest)?;
    span(&at, longest, [Duration::from_secs(1), LONGEST_LIFETIME])
}

fn check_numbers(at: &str, route: &Route) -> Result<(), ConfigError> {
    if let Some(leeway) = route.leeway {
        seconds(&format!("{at}.leeway"), leeway)?;
    }
    if let Some(longest) = route.ceiling.longest_lifetime {
        seconds(&format!("{at}.ceiling.longest_lifetime"), longest)?;
    }
    match route.longest_token {
        Some(longest) => within(&format!("{at}.longest_token"), longest, TOKEN_BYTES),
        None => Ok(()),
    }
}

fn check_attributes(at: &str, route: &Route) -> Result<(), ConfigError> {
    for (name, source) in &route.attributes {
        let at = format!("{at}.attributes");
        if name.is_empty() || name.len() > LONGEST_ATTRIBUTE || name.chars().any(char::is_control) {
            let name = claimbound::reason::clip(name);
            let fault = format!(
                "`{}` is no name: 1 to {LONGEST_ATTRIBUTE} bytes without control characters",
                name.escape_debug()
            );
            return Err(ConfigError::at(at, fault));
        }
        let at = format!("{at}.{name}");
        match source {
            Source::Header(header) => check_header(&format!("{at}.header"), header)?,
            Source::Context(key) if key.is_empty() => {
                let fault = "say which context extension";
                return Err(ConfigError::at(format!("{at}.context"), fault));
            }
            Source::Context(_) | Source::Value(_) => {}
        }
    }
    Ok(())
}

/// A header that a proxy sets can be any but those that mean something here.
fn check_header(at: &str, name: &str) -> Result<(), ConfigError> {
    let Ok(parsed) = HeaderName::try_from(name) else {
        let fault = "a header has a name such as `X-Client-Address`";
        return Err(ConfigError::at(at, fault));
    };
    let why = match parsed.as_str() {
        "authorization" => "holds the token",
        DPOP => "holds the proof",
        PROXY => "holds what the proxy says to be known by",
        name if identity::is_reserved(name) => "is one that an allow sets",
        _ => return Ok(()),
    };
    let fault = format!("`{name}` {why}; name a header that the proxy sets");
    Err(ConfigError::at(at, fault))
}

fn check_forwarded(at: &str, route: &Route) -> Result<(), ConfigError> {
    let forwarded = &route.forwarded;
    let at = |what: &str| format!("{at}.forwarded.{what}");
    if let Some(origin) = &forwarded.origin {
        check_origin(&at("origin"), origin)?;
    }
    match (&forwarded.method, &forwarded.uri) {
        (None, None) => {}
        (Some(_), None) => return Err(ConfigError::at(at("uri"), "say it too, beside `method`")),
        (None, Some(_)) => return Err(ConfigError::at(at("method"), "say it too, beside `uri`")),
        (Some(method), Some(uri)) => {
            check_header(&at("method"), method)?;
            check_header(&at("uri"), uri)?;
            if forwarded.origin.is_none() {
                let fault = "without it `method` and `uri` have no effect";
                return Err(ConfigError::at(at("origin"), fault));
            }
        }
    }
    match &forwarded.certificate {
        None => Ok(()),
        Some(
            CertificateHeader::Rfc9440(name)
            | CertificateHeader::EscapedPem(name)
            | CertificateHeader::Sha256Hex(name),
        ) => check_header(&at("certificate"), name),
    }
}

/// Scheme and host, and nothing more.
fn check_origin(at: &str, origin: &str) -> Result<(), ConfigError> {
    let is_origin = |url: &Url| {
        matches!(url.scheme(), "https" | "http")
            && url.host_str().is_some_and(|host| !host.is_empty())
            && url.username().is_empty()
            && url.password().is_none()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
    };
    // The parser takes what no URL has: backslashes, white space around it.
    let is_plain = origin.bytes().all(|byte| byte.is_ascii_graphic()) && !origin.contains('\\');
    let slashes = origin.bytes().filter(|byte| *byte == b'/').count();
    let is_short = slashes == 2 || slashes == 3 && origin.ends_with('/');
    if is_plain
        && is_short
        && !origin.contains('@')
        && Url::parse(origin).is_ok_and(|url| is_origin(&url))
    {
        return Ok(());
    }
    // A password may stand in it.
    let fault = "an origin is scheme and host, such as `https://api.acme.example`: no user, path, \
                 query or fragment";
    Err(ConfigError::at(at, fault))
}

fn check_ceiling(at: &str, route: &Route, has_ledger: bool) -> Result<(), ConfigError> {
    let ceiling = &route.ceiling;
    if let Some(claim) = ceiling
        .claims
        .iter()
        .find(|claim| REGISTERED_CLAIMS.contains(&claim.as_str()))
    {
        let fault = format!("`{claim}` is a registered claim, which no policy may grant");
        return Err(ConfigError::at(format!("{at}.ceiling.claims"), fault));
    }
    let stored = [Obligation::Bind, Obligation::UseOnce];
    let needed = stored.iter().find(|one| ceiling.obligations.contains(*one));
    match needed {
        Some(kind) if !has_ledger => Err(ConfigError::at(
            format!("{at}.ceiling.obligations"),
            format!("`{}` takes a `[ledger]`", kind.as_str()),
        )),
        Some(_) | None => Ok(()),
    }
}

fn check_listener(at: &str, name: &str, listener: &Listener) -> Result<(), ConfigError> {
    if matches!(name, "monitor" | "admin") {
        return Err(ConfigError::at(
            at,
            "this name is taken by a listener of its own",
        ));
    }
    let mut served = BTreeSet::new();
    for protocol in &listener.serves {
        if !served.insert(format!("{protocol:?}")) {
            return Err(ConfigError::at(
                format!("{at}.serves"),
                "a protocol stands here twice",
            ));
        }
    }
    if let Some(most) = listener.connections {
        within(&format!("{at}.connections"), most, [1, MOST_CONNECTIONS])?;
    }
    if let Some(timeout) = listener.header_timeout {
        span(&format!("{at}.header_timeout"), timeout, HEADER_TIMEOUT)?;
    }
    if let Some(bytes) = listener.header_bytes {
        within(&format!("{at}.header_bytes"), bytes, HEADER_BYTES)?;
    }
    let uids = listener
        .proxy
        .as_ref()
        .and_then(|proxy| proxy.uids.as_ref());
    somebody(&format!("{at}.proxy.uids"), uids)
}

fn somebody(at: &str, uids: Option<&Vec<u32>>) -> Result<(), ConfigError> {
    if uids.is_some_and(Vec::is_empty) {
        return Err(ConfigError::at(
            at,
            "nobody could connect; name a user's id",
        ));
    }
    Ok(())
}

/// No two listeners stand at one address.
fn check_addresses(config: &Config, folder: &Path) -> Result<(), ConfigError> {
    let listeners = config.listen.iter();
    let listeners = listeners.map(|(name, one)| (format!("listen.{name}"), &one.address));
    let monitor = config
        .monitor
        .iter()
        .map(|one| ("monitor".to_owned(), &one.address));
    let admin = config
        .admin
        .iter()
        .map(|one| ("admin".to_owned(), &one.address));
    let mut seen = std::collections::BTreeMap::new();
    for (place, address) in listeners.chain(monitor).chain(admin) {
        let at = format!("{place}.address");
        let known = match address {
            // The system gives each of them a port of its own.
            Address::Tcp(address) if address.port() == 0 => continue,
            Address::Tcp(address) => Address::Tcp(*address),
            Address::Unix(path) => {
                let path = folder.join(path);
                if path.as_os_str().len() > LONGEST_SOCKET {
                    let fault = format!("the path of a socket has at most {LONGEST_SOCKET} bytes");
                    return Err(ConfigError::at(at, fault));
                }
                Address::Unix(path)
            }
        };
        if let Some(other) = seen.insert(known.to_string(), place) {
            return Err(ConfigError::at(
                at,
                format!("`{other}` has this address too"),
            ));
        }
    }
    if let Some(admin) = &config.admin {
        somebody("admin.uids", admin.uids.as_ref())?;
    }
    Ok(())
}

fn check_module(at: &str, route: &Route, has_ledger: bool) -> Result<(), ConfigError> {
    let Some(module) = &route.module else {
        return Ok(());
    };
    if !has_ledger {
        let fault = "a module of a store takes a `[ledger]`, which remembers what was served";
        return Err(ConfigError::at(format!("{at}.module"), fault));
    }
    match module.shadow {
        Some(shadow) => span(&format!("{at}.module.shadow"), shadow, SHADOW),
        None => Ok(()),
    }
}

fn check_modules_store(at: &str, store: &StoreConfig) -> Result<(), ConfigError> {
    if store.folder.is_some() == store.registry.is_some() {
        let fault = "a store is a `folder` or a `registry`, and one of them";
        return Err(ConfigError::at(at, fault));
    }
    if let Some(poll) = store.poll {
        span(&format!("{at}.poll"), poll, POLL)?;
    }
    for (name, key) in &store.key {
        let at = format!("{at}.key.{name}");
        if key.modules.is_empty() {
            let fault = "say the names of the modules that it may sign for";
            return Err(ConfigError::at(format!("{at}.modules"), fault));
        }
        if key.signs.as_ref().is_some_and(BTreeSet::is_empty) {
            let fault = "it may sign nothing: leave the key out";
            return Err(ConfigError::at(format!("{at}.signs"), fault));
        }
    }
    Ok(())
}

fn check_store(config: &Config) -> Result<(), ConfigError> {
    if let Some(LedgerConfig::Postgres(database)) = &config.ledger
        && let Some(most) = database.connections
    {
        within("ledger.postgres.connections", most, [1, MOST_TO_DATABASE])?;
    }
    let Some(record) = &config.record else {
        return Ok(());
    };
    if let Durability::Interval(interval) = record.durability {
        let least = Duration::from_millis(1);
        span(
            "record.durability.interval",
            interval,
            [least, LONGEST_INTERVAL],
        )?;
    }
    match record.rotate_at {
        Some(length) => within("record.rotate_at", length, ROTATE_AT),
        None => Ok(()),
    }
}

/// What counts whole seconds can't be said more precisely.
fn seconds(at: &str, span: Span) -> Result<(), ConfigError> {
    if span.0.subsec_nanos() == 0 {
        return Ok(());
    }
    Err(ConfigError::at(
        at,
        format!("`{span}` is not in whole seconds"),
    ))
}

fn span(at: &str, span: Span, [least, most]: [Duration; 2]) -> Result<(), ConfigError> {
    if (least..=most).contains(&span.0) {
        return Ok(());
    }
    let (least, most) = (Span(least), Span(most));
    Err(ConfigError::at(
        at,
        format!("`{span}` is outside `{least}` to `{most}`"),
    ))
}

/// A number between these, inclusive.
pub(crate) fn within<T: Ord + Copy + std::fmt::Display>(
    at: &str,
    count: T,
    [least, most]: [T; 2],
) -> Result<(), ConfigError> {
    if (least..=most).contains(&count) {
        return Ok(());
    }
    Err(ConfigError::at(
        at,
        format!("{count} is outside {least} to {most}"),
    ))
}

//! Token exchange (RFC 8693): a workload's token in, an access token out.
//!
//! No transport and no decision stands here. Whoever serves HTTP asks
//! [`Exchanger::parse`] what a request wants, has the route that it names decide
//! the token, and gives [`Exchanger::answer`] the outcome.
//!
//! An access token (RFC 9068) is narrowed five times: by the policy, the route's
//! ceiling, the target, the request, and the clock. It ends with the subject
//! token at the latest. Its `sub` and `client_id` are the configuration's name of
//! the issuer, a colon, and the subject token's `sub`, so that no two issuers
//! share one; issuer and subject as they were stand in the claim `claimbound`.
//!
//! `cnf` is carried over as it is. A proof that comes with a subject token which
//! has none binds nothing: whoever holds a bearer token could bind it to a key of
//! their own. The chain of actors (`act`) is not carried over, and actor tokens
//! are refused.

mod answer;
mod discovery;
mod issue;
mod keys;
mod request;
mod target;

use std::sync::Arc;

use claimbound::outcome::Outcome;
use claimbound::proof;
use serde_json::Value;

use crate::config::{Config, ConfigError};
use issue::AccessToken;
use request::TokenRequest;
use target::{Target, Targets};

pub use answer::{ExchangeError, Response};
pub use discovery::Paths;
pub use keys::{KeyState, KeysError, MOST_LIFETIME, SigningKeys, Stage};
pub use request::{LONGEST_BODY, SubjectToken};

/// The attribute that tells the policy which audience an access token is wanted
/// for.
pub const AUDIENCE: &str = "exchange_audience";
/// The attribute that tells the policy which scopes are wanted, in the order of
/// their bytes and between single spaces; absent where the request names none.
pub const SCOPE: &str = "exchange_scope";

/// Turns outcomes into access tokens.
#[derive(Clone, Debug)]
pub struct Exchanger {
    issuer: String,
    paths: Paths,
    targets: Targets,
    keys: Arc<SigningKeys>,
    /// A proof counts once, which a ledger remembers.
    checks_proofs: bool,
}

/// What a request wants: which token is to be decided, by which route.
#[derive(Clone, Debug)]
pub struct Wanted {
    request: TokenRequest,
    target: Target,
    attributes: Vec<(String, String)>,
}

impl Wanted {
    /// The route that decides the token.
    pub fn route(&self) -> &str {
        &self.target.route
    }

    /// The name of the target that an access token is wanted for.
    pub fn target(&self) -> &str {
        &self.target.name
    }

    /// The token to decide.
    pub fn token(&self) -> &SubjectToken {
        &self.request.subject_token
    }

    /// The request's attributes, for the policy: [`AUDIENCE`] and [`SCOPE`].
    pub fn attributes(&self) -> &[(String, String)] {
        &self.attributes
    }
}

impl Exchanger {
    /// The exchange of a configuration that has one; the keys outlive it, for a
    /// configuration may change.
    ///
    /// # Errors
    /// As [`check`](Self::check), and where the configuration has none.
    pub fn new(config: &Config, keys: Arc<SigningKeys>) -> Result<Self, ConfigError> {
        let absent = || ConfigError::at("exchange", "is not there");
        let exchange = config.exchange.as_ref().ok_or_else(absent)?;
        Ok(Self {
            issuer: exchange.issuer.clone(),
            paths: Paths::of(&exchange.issuer),
            targets: Targets::new(config, exchange)?,
            keys,
            checks_proofs: config.ledger.is_some(),
        })
    }

    /// Checks what a configuration says of exchange; nothing is opened.
    ///
    /// # Errors
    /// Where the issuer is no HTTPS URL or is one whose tokens are taken, where a
    /// target's route is absent, or where two targets share an audience or a
    /// resource.
    pub fn check(config: &Config) -> Result<(), ConfigError> {
        let check = |exchange| Targets::new(config, exchange).map(drop);
        config.exchange.as_ref().map_or(Ok(()), check)
    }

    /// Reads a request: its `Content-Type`, and its body, of which at most
    /// [`LONGEST_BODY`] bytes and one more need be read.
    ///
    /// # Errors
    /// What to answer ([`ExchangeError::response`]).
    pub fn parse(&self, content_type: Option<&str>, body: &[u8]) -> Result<Wanted, ExchangeError> {
        let request = TokenRequest::parse(content_type, body)?;
        let target = self.targets.of(&request)?.clone();
        let mut attributes = vec![(AUDIENCE.to_owned(), target.audience.clone())];
        if let Some(scopes) = &request.scope {
            let scopes: Vec<_> = scopes.iter().map(String::as_str).collect();
            attributes.push((SCOPE.to_owned(), scopes.join(" ")));
        }
        Ok(Wanted {
            request,
            target,
            attributes,
        })
    }

    /// The access token for a request by what its route decided, as of `now`, in
    /// seconds since 1970.
    ///
    /// # Errors
    /// What to answer ([`ExchangeError::response`]).
    pub fn answer(
        &self,
        wanted: &Wanted,
        outcome: &Outcome,
        now: u64,
    ) -> Result<Response, ExchangeError> {
        match outcome {
            Outcome::Allow(allowed) => {
                let Wanted {
                    request, target, ..
                } = wanted;
                AccessToken::new(&self.issuer, target, request, allowed, now)?
                    .response(request, &self.keys, now)
            }
            // RFC 8693 §2.2.2: invalid, or unacceptable by policy.
            Outcome::Deny(_) => Err(ExchangeError::NotAccepted),
            Outcome::Error(_) => Err(ExchangeError::Unavailable),
        }
    }

    /// The discovery document, JSON.
    pub fn discovery(&self, now: u64) -> Value {
        let mut algorithms = Vec::new();
        for key in self.keys.states(now) {
            if !algorithms.contains(&key.algorithm) {
                algorithms.push(key.algorithm);
            }
        }
        let proofs = self.checks_proofs.then_some(&proof::ALGORITHMS[..]);
        discovery::document(&self.issuer, &algorithms, proofs)
    }

    /// The published key set; how long it may be kept is
    /// [`SigningKeys::jwks_max_age`].
    pub fn jwks(&self) -> Value {
        self.keys.jwks()
    }

    /// The token endpoint as callers know it, which proofs are for.
    pub fn token_endpoint(&self) -> String {
        discovery::token_endpoint(&self.issuer)
    }

    /// Where callers find these.
    pub fn paths(&self) -> &Paths {
        &self.paths
    }

    /// The keys.
    pub fn keys(&self) -> &Arc<SigningKeys> {
        &self.keys
    }
}

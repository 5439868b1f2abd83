//! What an allowed caller may do, and the most that a route lets it be.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::json::{Document, Limits};
use crate::obligation::{FirstUse, Obligation};
use crate::outcome::HostError;
use crate::reason::{HostCode, clip};

/// What an allowed caller may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Grant {
    /// Names of roles.
    pub roles: Vec<String>,
    /// OAuth scopes (RFC 6749 §3.3).
    pub scopes: Vec<String>,
    /// Extra claims, a JSON object as text.
    pub claims: Option<String>,
    /// The longest that what is granted may last, in seconds.
    pub max_lifetime: Option<u32>,
}

/// Claims that no grant may set: those of RFC 7519 §4.1, RFC 9068 §2.2,
/// RFC 7800 §3.1 and RFC 8693 §4, and OpenID Connect's, which the host alone
/// speaks of. The language refuses the same ones in a document.
pub const REGISTERED_CLAIMS: [&str; 21] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "client_id",
    "scope",
    "auth_time",
    "acr",
    "amr",
    "azp",
    "nonce",
    "cnf",
    "act",
    "may_act",
    "sid",
    "groups",
    "roles",
    "entitlements",
];

/// The most that a route's grants may hold. Past it is an error, not a clip.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ceiling {
    /// The roles that may be granted.
    pub roles: BTreeSet<String>,
    /// The scopes that may be granted.
    pub scopes: BTreeSet<String>,
    /// The names of extra claims that may be granted.
    pub claims: BTreeSet<String>,
    /// The longest lifetime that may be granted, in seconds, inclusive: that of
    /// the token where a grant names none. None: as long as the token's.
    pub longest_lifetime: Option<u32>,
    /// Whether a first use may enrol a name in the ledger.
    pub enrolment: bool,
    /// The kinds of obligations that every allow must carry.
    pub obligations: BTreeSet<String>,
    /// Roles, scopes and claims are taken as a policy grants them; see
    /// [`danger::no_ceiling`](crate::danger::no_ceiling).
    pub danger_open: bool,
}

impl Ceiling {
    /// Checks what a policy granted and asked for, on a token that ends in
    /// `left` seconds: a grant without a lifetime lasts as long.
    ///
    /// # Errors
    /// [`HostCode::Ceiling`] where it holds more than this, or sets a
    /// registered claim, or may last longer, or where an obligation that
    /// always holds is missing.
    pub fn check(
        &self,
        grant: &Grant,
        obligations: &[Obligation],
        left: u64,
    ) -> Result<(), HostError> {
        self.check_names("role", &grant.roles, &self.roles)?;
        self.check_names("scope", &grant.scopes, &self.scopes)?;
        if let Some(claims) = &grant.claims {
            self.check_claims(claims)?;
        }
        self.check_lifetime(grant.max_lifetime.map_or(left, u64::from))?;
        let enrols = obligations.contains(&Obligation::Bind(FirstUse::Enrol));
        if enrols && !self.enrolment {
            return Err(past(
                "enrolment on first use, which this route does not allow",
            ));
        }
        let missing = self
            .obligations
            .iter()
            .find(|kind| !obligations.iter().any(|one| one.kind() == *kind));
        match missing {
            None => Ok(()),
            Some(kind) => Err(HostError::new(
                HostCode::Ceiling,
                format!("the policy allows without obligation `{kind}`, which this route demands"),
            )),
        }
    }

    fn check_names(
        &self,
        what: &str,
        granted: &[String],
        allowed: &BTreeSet<String>,
    ) -> Result<(), HostError> {
        if self.danger_open {
            return Ok(());
        }
        match granted.iter().find(|name| !allowed.contains(*name)) {
            None => Ok(()),
            Some(name) => Err(past(&format!(
                "{what} `{}`, which this route does not allow",
                clip(name)
            ))),
        }
    }

    fn check_lifetime(&self, lifetime: u64) -> Result<(), HostError> {
        match self.longest_lifetime {
            Some(longest) if lifetime > u64::from(longest) => Err(past(&format!(
                "a lifetime of {lifetime} s, where this route allows at most {longest} s"
            ))),
            Some(_) | None => Ok(()),
        }
    }

    fn check_claims(&self, claims: &str) -> Result<(), HostError> {
        let document = Document::parse(claims.to_owned(), &Limits::TOKEN)
            .map_err(|error| past(&format!("claims that are no JSON object ({error})")))?;
        for (name, _) in document.members() {
            if REGISTERED_CLAIMS.contains(&name) {
                return Err(past(&format!(
                    "registered claim `{name}`, which no policy may set"
                )));
            }
            if !self.danger_open && !self.claims.contains(name) {
                return Err(past(&format!(
                    "claim `{}`, which this route does not allow",
                    clip(name)
                )));
            }
        }
        Ok(())
    }
}

fn past(what: &str) -> HostError {
    HostError::new(HostCode::Ceiling, format!("the policy grants {what}"))
}

//! One `DPoP` proof against the token and the request that it came with: the
//! checks of RFC 9449 §4.3.

#[cfg(test)]
mod tests;

use std::fmt;

use super::DpopProof;
use super::target::Target;
use crate::base64url;
use crate::clock::date;
use crate::json::{self, Document, Limits, Node};
use crate::key::{Algorithm, Key};
use crate::reason::{Code, Reason, Refusal, clip};
use crate::token::{Jws, Token};

/// Longest proof, in bytes, inclusive; a proof by the largest RSA key takes some
/// 3,500. Nothing in one is nested but its key.
const LIMITS: Limits = Limits {
    bytes: 8 * 1024,
    depth: 4,
};

/// Longest `jti`, in bytes, inclusive: RFC 9449 §11.1 wants a UUID's worth.
const LONGEST_ID: usize = 256;

/// How old a proof may be, in seconds, unless rules say otherwise (RFC 9449
/// §11.1: "seconds or minutes").
pub const LONGEST_AGE: u64 = 60;

/// What proofs are signed by, unless rules say otherwise: what clients have
/// (RFC 9449 §5.1 has a server publish it).
pub const ALGORITHMS: [Algorithm; 4] = [
    Algorithm::Es256,
    Algorithm::EdDsa,
    Algorithm::Rs256,
    Algorithm::Ps256,
];

/// Members of a JWK that no public key has (RFC 7518 §6.2.2, §6.3.2, §6.4.1;
/// RFC 8037 §2).
const PRIVATE: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

/// Which proofs by a key are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DpopRules {
    algorithms: Vec<Algorithm>,
    longest_age: u64,
}

impl Default for DpopRules {
    /// Proofs by [`ALGORITHMS`], made at most [`LONGEST_AGE`] ago.
    fn default() -> Self {
        Self {
            algorithms: ALGORITHMS.to_vec(),
            longest_age: LONGEST_AGE,
        }
    }
}

impl DpopRules {
    /// The same, taking proofs of these algorithms alone.
    #[must_use]
    pub fn with_algorithms(self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        Self {
            algorithms: algorithms.into_iter().collect(),
            ..self
        }
    }

    /// The same, taking proofs that are that many seconds old, inclusive. Each is
    /// remembered for as long.
    #[must_use]
    pub fn with_longest_age(self, longest_age: u64) -> Self {
        Self {
            longest_age,
            ..self
        }
    }
}

/// What a proof has to fit besides its request.
#[derive(Clone, Copy)]
pub struct Bound<'a> {
    /// The token's `cnf.jkt`: the RFC 7638 thumbprint of its key.
    pub thumbprint: &'a str,
    /// The SHA-256 of the token, as it was presented.
    pub token: [u8; 32],
    /// The time of the decision, in seconds since 1970.
    pub now: u64,
    /// By how much clocks may differ, in seconds.
    pub leeway: u64,
}

impl fmt::Debug for Bound<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Bound")
            .field("thumbprint", &clip(self.thumbprint))
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

/// A proof that fits, so far as can be said without remembering others.
#[derive(Clone, PartialEq, Eq)]
#[must_use = "a proof counts once: its `jti` has to be remembered"]
pub struct Proved {
    /// The thumbprint of the key that made it.
    pub thumbprint: String,
    /// Its `jti`, which its key may use once.
    pub id: String,
    /// Until when that has to be remembered, in seconds since 1970, exclusive.
    pub until: u64,
}

impl fmt::Debug for Proved {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Proved")
            .field("thumbprint", &self.thumbprint)
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}

impl DpopProof {
    /// Checks the proof, but for the single use of its `jti` and for a nonce,
    /// which this host never asks for (RFC 9449 §8, optional).
    ///
    /// A key in a header counts here and nowhere else, and only for this: it
    /// verifies the proof, after it has been found to be the one that the token
    /// is bound to.
    ///
    /// # Errors
    /// A refusal, `proof.invalid`, which says what does not fit.
    pub fn check(&self, bound: &Bound<'_>, rules: &DpopRules) -> Result<Proved, Refusal> {
        let jws = self.decode()?;
        check_type(&jws)?;
        check_algorithm(&jws, rules)?;
        let key = read_key(&jws)?;
        // Before the signature: nobody has the host check those of keys that no
        // issuer has named.
        check_thumbprint(&key, bound)?;
        check_signature(&jws, &key)?;
        let claims = Document::parse(jws.unverified_payload(), &LIMITS)
            .map_err(|error| invalid(format!("the proof's payload is not strict JSON: {error}")))?;
        let claims = claims.root();
        self.check_method(text(claims, "htm")?)?;
        self.check_url(text(claims, "htu")?)?;
        let issued = rules.check_time(claims, bound)?;
        let id = read_id(claims)?;
        check_token(text(claims, "ath")?, bound)?;
        // A replica's clock may be behind by the leeway.
        let end = issued.saturating_add(rules.longest_age);
        Ok(Proved {
            thumbprint: key.thumbprint().to_owned(),
            id: id.to_owned(),
            until: end.saturating_add(bound.leeway).saturating_add(1),
        })
    }

    // §4.3, checks 1 and 2
    fn decode(&self) -> Result<Jws<'_>, Refusal> {
        // RFC 9110 §5.3: how several fields of one name are put together.
        if self.jwt.contains(',') {
            return Err(invalid("more than one proof was sent").into());
        }
        let decoded = Token::new(&self.jwt).decode_raw(&LIMITS);
        decoded.map_err(|refusal| {
            let mut reason = refusal.into_reason();
            reason.code = Code::ProofInvalid;
            reason.message = reason.message.replacen("the token", "the proof", 1);
            reason.into()
        })
    }

    // §4.3, check 8; RFC 9110 §9.1: methods have case.
    fn check_method(&self, method: &str) -> Result<(), Refusal> {
        if method == self.method {
            return Ok(());
        }
        let reason = invalid("the proof's `htm` is not the request's method");
        Err(reason.expected(clip(&self.method)).found(method).into())
    }

    // §4.3, check 9
    fn check_url(&self, url: &str) -> Result<(), Refusal> {
        let expected = Target::parse(&self.url).map_err(|error| {
            invalid(format!("the request's URL {error}: no proof can be for it"))
        })?;
        let found =
            Target::parse(url).map_err(|error| invalid(format!("the proof's `htu` {error}")))?;
        if found == expected {
            return Ok(());
        }
        let reason = invalid("the proof's `htu` is not the request's URL");
        Err(reason
            .expected(clip(expected.as_str()))
            .found(found.as_str())
            .into())
    }
}

// §4.3, check 4
fn check_type(jws: &Jws<'_>) -> Result<(), Refusal> {
    const TYPE: &str = "dpop+jwt";
    let found = jws.header().token_type();
    if found == Some(TYPE) {
        return Ok(());
    }
    let mut reason = invalid(format!("the proof's `typ` is not `{TYPE}`")).expected(TYPE);
    reason.found = found.map(clip);
    Err(reason.into())
}

// §4.3, check 5
fn check_algorithm(jws: &Jws<'_>, rules: &DpopRules) -> Result<(), Refusal> {
    let algorithm = jws.header().algorithm();
    if rules.algorithms.contains(&algorithm) {
        return Ok(());
    }
    let allowed: Vec<_> = rules.algorithms.iter().map(|one| one.as_str()).collect();
    let reason = invalid(format!("algorithm `{algorithm}` is not taken for proofs"));
    Err(reason
        .expected(allowed.join(", "))
        .found(algorithm.as_str())
        .into())
}

// §4.3, check 7, and what check 6 is made with
fn read_key(jws: &Jws<'_>) -> Result<Key, Refusal> {
    let key = jws
        .header()
        .embedded_key()
        .ok_or_else(|| invalid("the proof's header has no `jwk`, or one that is no object"))?;
    if let Some(private) = PRIVATE.iter().find(|member| key.get(member).is_some()) {
        let message = format!("the proof's `jwk` has `{private}`: its private key is known");
        return Err(invalid(message).into());
    }
    Key::from_node(key)
        .map_err(|error| invalid(format!("the proof's `jwk` can't be used: {error}")).into())
}

// §4.3, check 12 (b); §6.1
fn check_thumbprint(key: &Key, bound: &Bound<'_>) -> Result<(), Refusal> {
    if key.thumbprint() == bound.thumbprint {
        return Ok(());
    }
    let reason = invalid("the proof was made by another key than the token is bound to");
    Err(reason
        .about(["cnf", "jkt"])
        .expected(clip(bound.thumbprint))
        .found(key.thumbprint())
        .into())
}

// §4.3, check 6
fn check_signature(jws: &Jws<'_>, key: &Key) -> Result<(), Refusal> {
    let algorithm = jws.header().algorithm();
    if !key.allows(algorithm) {
        let reason = invalid("the proof's algorithm is not one of its key");
        let allowed: Vec<_> = key.algorithms().map(Algorithm::as_str).collect();
        return Err(reason
            .expected(allowed.join(", "))
            .found(algorithm.as_str())
            .into());
    }
    if key.verifies(algorithm, jws.signing_input(), jws.signature()) {
        return Ok(());
    }
    Err(invalid("the proof's signature was not made by its key").into())
}

impl DpopRules {
    /// The `iat`, rounded up. §4.3, check 11; and RFC 7519 §4.1.4 and §4.1.5,
    /// which no proof needs and every JWT may have.
    fn check_time(&self, claims: Node<'_>, bound: &Bound<'_>) -> Result<u64, Refusal> {
        let now = bound.now;
        let issued =
            seconds(claims, "iat", json::ceil)?.ok_or_else(|| invalid("the proof has no `iat`"))?;
        if issued > now.saturating_add(bound.leeway) {
            let ahead = issued.saturating_sub(now);
            let reason = invalid(format!(
                "the proof's `iat` is {ahead} seconds in the future"
            ));
            let expected = format!("at most {} s after {}", bound.leeway, date(now));
            return Err(reason.expected(expected).into());
        }
        let age = now.saturating_sub(issued);
        if age > self.longest_age {
            let reason = invalid(format!("the proof was made {age} seconds ago"));
            let expected = format!("at most {} s before {}", self.longest_age, date(now));
            return Err(reason.expected(expected).found(&date(issued)).into());
        }
        if seconds(claims, "exp", json::floor)?.is_some_and(|end| end <= now) {
            return Err(invalid("the proof has expired by its own `exp`").into());
        }
        let latest = now.saturating_add(bound.leeway);
        if seconds(claims, "nbf", json::ceil)?.is_some_and(|start| start > latest) {
            return Err(invalid("the proof is not valid yet by its own `nbf`").into());
        }
        Ok(issued)
    }
}

// §4.2: an identifier that is the proof's own
fn read_id(claims: Node<'_>) -> Result<&str, Refusal> {
    let id = text(claims, "jti")?;
    if id.is_empty() || id.len() > LONGEST_ID {
        let reason = invalid(format!("the proof's `jti` has not 1 to {LONGEST_ID} bytes"));
        return Err(reason.found(&format!("{} bytes", id.len())).into());
    }
    Ok(id)
}

// §4.3, check 12 (a)
fn check_token(hash: &str, bound: &Bound<'_>) -> Result<(), Refusal> {
    let expected = base64url::encode(&bound.token);
    if hash == expected {
        return Ok(());
    }
    let reason = invalid("the proof's `ath` is not the SHA-256 of this token");
    Err(reason.expected(expected).found(hash).into())
}

/// A member that every proof has.
fn text<'a>(claims: Node<'a>, name: &str) -> Result<&'a str, Refusal> {
    let node = claims
        .get(name)
        .ok_or_else(|| invalid(format!("the proof has no `{name}`")))?;
    let mistyped = || {
        invalid(format!("the proof's `{name}` is not a string"))
            .expected("string")
            .found(node.value().type_name())
            .into()
    };
    node.text().ok_or_else(mistyped)
}

/// A date, in seconds since 1970.
fn seconds(
    claims: Node<'_>,
    name: &str,
    round: fn(&str) -> Option<i64>,
) -> Result<Option<u64>, Refusal> {
    let Some(node) = claims.get(name) else {
        return Ok(None);
    };
    let whole = node.rounded(round);
    let whole = whole.and_then(|whole| u64::try_from(whole).ok());
    let no_date = || {
        let message = format!("the proof's `{name}` is no date in seconds since 1970");
        invalid(message).found(node.value().type_name()).into()
    };
    whole.map(Some).ok_or_else(no_date)
}

fn invalid(message: impl Into<String>) -> Reason {
    Reason::new(Code::ProofInvalid, message)
}

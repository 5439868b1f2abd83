//! From a decoded token to a verified one: the issuer, its key, the signature.

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use crate::base64url;
use crate::danger::{Assumed, AssumedKey};
use crate::issuer::{Issuer, Issuers};
use crate::json::Node;
use crate::key::{Algorithm, Key, KeySet, too_old};
use crate::outcome::{HostError, Outcome};
use crate::reason::{Code, Reason, Refusal, clip};
use crate::token::{Claims, Decoded, Header, Jws, Registered, signed_digest};

/// Most keys tried for a token that names none.
pub const MOST_KEYS_TRIED: usize = 8;

/// A token that its issuer signed. Only [`Decoded::verify`] makes one, and
/// [`danger::assume_verified`](crate::danger::assume_verified) for bare claims.
pub struct Verified {
    header: Header,
    claims: Claims,
    registered: Registered,
    issuer: Arc<Issuer>,
    by: VerifiedBy,
    /// Where the token has `cnf`, the digest of all of it; else nobody asks.
    as_presented: Option<[u8; 32]>,
}

/// The key that verified a token.
#[derive(Clone, Debug)]
pub struct VerifiedBy {
    key: By,
    algorithm: Algorithm,
    generation: u64,
    /// The end of trust in the set that the key is from, if it has one.
    trusted_until: Option<u64>,
}

/// Why a decoded token is not a verified one.
#[derive(Clone, Debug)]
pub enum Unverified {
    /// It is refused: an answer.
    Refused {
        /// Why.
        refusal: Refusal,
        /// The issuer that it names, where that one is configured.
        issuer: Option<Arc<Issuer>>,
    },
    /// The issuer's keys are absent or too old, so that there is no answer:
    /// [`HostCode::Keys`](crate::reason::HostCode::Keys).
    Failed(HostError),
}

/// A key that was asked, or one that stands for none.
#[derive(Clone, Debug)]
enum By {
    Asked(Arc<Key>),
    Assumed { key: AssumedKey, id: Option<String> },
}

impl VerifiedBy {
    fn asked(key: Arc<Key>, algorithm: Algorithm, set: &KeySet) -> Self {
        Self {
            key: By::Asked(key),
            algorithm,
            generation: set.generation(),
            trusted_until: set.end_of_trust(),
        }
    }

    /// The key's `kid`, or what was assumed.
    pub fn id(&self) -> Option<&str> {
        match &self.key {
            By::Asked(key) => key.id(),
            By::Assumed { id, .. } => id.as_deref(),
        }
    }

    /// The key's type as a JWK writes it, or what was assumed.
    pub fn key_type(&self) -> &str {
        match &self.key {
            By::Asked(key) => key.key_type().as_str(),
            By::Assumed { key, .. } => &key.key_type,
        }
    }

    /// The algorithm of the signature.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key's size in bits, or what was assumed.
    pub fn bits(&self) -> u32 {
        match &self.key {
            By::Asked(key) => key.bits(),
            By::Assumed { key, .. } => key.bits,
        }
    }

    /// The key's RFC 7638 thumbprint, or what was assumed.
    pub fn thumbprint(&self) -> &str {
        match &self.key {
            By::Asked(key) => key.thumbprint(),
            By::Assumed { key, .. } => &key.thumbprint,
        }
    }

    /// The generation of the issuer's keys that the key is from.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// When the key ceases to be trusted, unless it is fetched again: in
    /// seconds since 1970, exclusive; none where it never does.
    pub fn trusted_until(&self) -> Option<u64> {
        self.trusted_until
    }

    /// Whether the claims were assumed, and no signature was checked.
    pub fn is_assumed(&self) -> bool {
        matches!(self.key, By::Assumed { .. })
    }
}

impl Decoded<'_> {
    /// Checks that a configured issuer signed this token, by keys that are
    /// trusted at `now`, in seconds since 1970.
    ///
    /// # Errors
    /// A refusal: `issuer.unknown`, `token.algorithm`, `token.key` or
    /// `token.signature`; or `host.keys`, where the issuer's keys are not
    /// trusted.
    pub fn verify(self, issuers: &Issuers, now: u64) -> Result<Verified, Unverified> {
        let issuer = Arc::clone(issuers.find(self.unverified_issuer())?);
        let keys = issuer.keys();
        keys.trusted_at(now, issuer.url())?;
        let key = choose(self.jws(), &issuer, &keys).map_err(|refusal| Unverified::Refused {
            refusal,
            issuer: Some(Arc::clone(&issuer)),
        })?;
        let by = VerifiedBy::asked(Arc::clone(key), self.header().algorithm(), &keys);
        let as_presented = self.is_bound().then(|| self.jws().digest_as_presented());
        let (header, claims, registered) = self.into_parts();
        Ok(Verified {
            header,
            claims,
            registered,
            issuer,
            by,
            as_presented,
        })
    }
}

impl From<Refusal> for Unverified {
    fn from(refusal: Refusal) -> Self {
        Self::Refused {
            refusal,
            issuer: None,
        }
    }
}

impl From<HostError> for Unverified {
    fn from(error: HostError) -> Self {
        Self::Failed(error)
    }
}

impl From<Unverified> for Outcome {
    fn from(unverified: Unverified) -> Self {
        match unverified {
            Unverified::Refused { refusal, .. } => refusal.into(),
            Unverified::Failed(error) => error.into(),
        }
    }
}

/// The key of the issuer that made the signature.
fn choose<'k>(jws: &Jws<'_>, issuer: &Issuer, keys: &'k KeySet) -> Result<&'k Arc<Key>, Refusal> {
    let algorithm = jws.header().algorithm();
    if !issuer.algorithms().contains(&algorithm) {
        return Err(algorithm_refused(issuer, algorithm));
    }
    match jws.header().key_id() {
        Some(id) => {
            let key = named(keys, id, algorithm)?;
            if is_signed_by(jws, key) {
                Ok(key)
            } else {
                Err(forged(&format!("key `{}`", clip(id))))
            }
        }
        None => unnamed(jws, keys, algorithm),
    }
}

fn named<'k>(keys: &'k KeySet, id: &str, algorithm: Algorithm) -> Result<&'k Arc<Key>, Refusal> {
    let key = keys.key(id).ok_or_else(|| key_absent(keys, id))?;
    if key.allows(algorithm) {
        return Ok(key);
    }
    let allowed: Vec<_> = key.algorithms().map(Algorithm::as_str).collect();
    let message = format!("key `{}` may not verify `{algorithm}`", clip(id));
    Err(Reason::new(Code::TokenAlgorithm, message)
        .expected(allowed.join(", "))
        .found(algorithm.as_str())
        .into())
}

fn unnamed<'k>(
    jws: &Jws<'_>,
    keys: &'k KeySet,
    algorithm: Algorithm,
) -> Result<&'k Arc<Key>, Refusal> {
    let mut tried = 0_usize;
    for key in keys.compatible(algorithm).take(MOST_KEYS_TRIED) {
        if is_signed_by(jws, key) {
            return Ok(key);
        }
        tried += 1;
    }
    match tried {
        0 => Err(Reason::new(
            Code::TokenKey,
            format!("the issuer has no key for `{algorithm}`"),
        )
        .into()),
        tried => Err(forged(&format!("any of the {tried} keys tried"))),
    }
}

fn is_signed_by(jws: &Jws<'_>, key: &Key) -> bool {
    key.verifies(
        jws.header().algorithm(),
        jws.signing_input(),
        jws.signature(),
    )
}

fn algorithm_refused(issuer: &Issuer, algorithm: Algorithm) -> Refusal {
    let allowed: Vec<_> = issuer
        .algorithms()
        .iter()
        .map(ToString::to_string)
        .collect();
    let message = format!(
        "algorithm `{algorithm}` is not allowed for issuer `{}`",
        issuer.url()
    );
    Reason::new(Code::TokenAlgorithm, message)
        .expected(allowed.join(", "))
        .found(algorithm.as_str())
        .into()
}

fn key_absent(keys: &KeySet, id: &str) -> Refusal {
    let skipped = keys
        .skipped()
        .iter()
        .find(|skipped| skipped.id.as_deref() == Some(id));
    let message = match skipped {
        Some(skipped) => format!(
            "key `{}` of the issuer can't be used: {}",
            clip(id),
            skipped.why
        ),
        None => format!("the issuer has no key `{}`", clip(id)),
    };
    Reason::new(Code::TokenKey, message).found(id).into()
}

fn forged(by: &str) -> Refusal {
    Reason::new(
        Code::TokenSignature,
        format!("the signature was not made by {by}"),
    )
    .into()
}

impl Jws<'_> {
    /// Checks the signature alone, against every compatible key of a set, and
    /// gives the payload, whatever it holds. The header's `kid` is not asked.
    ///
    /// # Errors
    /// A refusal: `token.algorithm`, `token.key` or `token.signature`.
    pub fn verify(
        mut self,
        keys: &KeySet,
        allowed: &[Algorithm],
    ) -> Result<VerifiedPayload, Refusal> {
        let algorithm = self.header().algorithm();
        if !allowed.contains(&algorithm) {
            let message = format!("algorithm `{algorithm}` is not allowed");
            return Err(Reason::new(Code::TokenAlgorithm, message)
                .found(algorithm.as_str())
                .into());
        }
        if keys.compatible(algorithm).next().is_none() {
            let skipped: Vec<_> = keys
                .skipped()
                .iter()
                .map(|skipped| skipped.why.to_string())
                .take(3)
                .collect();
            let message = format!("no key may verify `{algorithm}`");
            return Err(Reason::new(Code::TokenKey, message)
                .found(&skipped.join("; "))
                .into());
        }
        let key = keys
            .compatible(algorithm)
            .find(|key| is_signed_by(&self, key));
        let key = Arc::clone(key.ok_or_else(|| forged("any key of the set"))?);
        let verified_by = VerifiedBy::asked(key, algorithm, keys);
        Ok(VerifiedPayload {
            payload: self.take_payload(),
            verified_by,
        })
    }
}

/// Bytes that a key signed: no claim in them has been looked at.
pub struct VerifiedPayload {
    /// What was signed, decoded.
    pub payload: Vec<u8>,
    /// The key that verified it.
    pub verified_by: VerifiedBy,
}

impl Verified {
    /// What bare claims are taken for; only `danger` calls this.
    pub(crate) fn assume(
        claims: Claims,
        issuer: &Arc<Issuer>,
        assumed: Assumed,
    ) -> Result<Self, Refusal> {
        let registered = Registered::read(&claims)?;
        let header = Header::assumed(assumed.algorithm, assumed.token_type.as_deref());
        let by = VerifiedBy {
            key: By::Assumed {
                key: assumed.key,
                id: assumed.key_id,
            },
            algorithm: assumed.algorithm,
            generation: issuer.keys().generation(),
            trusted_until: None,
        };
        let verified = Self {
            header,
            claims,
            registered,
            issuer: Arc::clone(issuer),
            by,
            as_presented: None,
        };
        if verified.claimed_issuer() == issuer.url() {
            return Ok(verified);
        }
        let reason = Reason::new(
            Code::IssuerUnknown,
            "the claims name another issuer than the one they are assumed from",
        );
        Err(reason
            .about(["iss"])
            .expected(issuer.url())
            .found(verified.claimed_issuer())
            .into())
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The claims.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The issuer.
    pub fn issuer(&self) -> &Arc<Issuer> {
        &self.issuer
    }

    /// The key that verified the token.
    pub fn verified_by(&self) -> &VerifiedBy {
        &self.by
    }

    /// Whether the key that verified the token is still trusted at `now`.
    ///
    /// # Errors
    /// [`HostCode::Keys`](crate::reason::HostCode::Keys).
    pub(crate) fn recheck(&self, now: u64) -> Result<(), HostError> {
        match self.by.trusted_until {
            Some(end) if now >= end => Err(too_old(self.issuer.url(), end)),
            Some(_) | None => Ok(()),
        }
    }

    fn claimed_issuer(&self) -> &str {
        self.claims
            .node(self.registered.issuer)
            .text()
            .unwrap_or_default()
    }

    /// The `sub`; never empty.
    pub fn subject(&self) -> &str {
        self.claims
            .node(self.registered.subject)
            .text()
            .unwrap_or_default()
    }

    /// The values of `aud`, in their order; none where it is absent.
    pub fn audience(&self) -> impl Iterator<Item = &str> {
        let node = self
            .registered
            .audience
            .map(|index| self.claims.node(index));
        let alone = node.and_then(Node::text);
        let listed = node
            .into_iter()
            .flat_map(Node::items)
            .filter_map(Node::text);
        alone.into_iter().chain(listed)
    }

    /// The SHA-256 digest of what was signed (RFC 7515 §5.1), which tells
    /// tokens apart whatever is written as their signature: ECDSA's has a twin.
    pub fn digest(&self) -> [u8; 32] {
        // What decoded from canonical base64url encodes to the same again.
        let mut signed = base64url::encode(self.header.as_signed().as_bytes());
        signed.push('.');
        signed.push_str(&base64url::encode(self.claims.text().as_bytes()));
        signed_digest(signed.as_bytes())
    }

    /// The SHA-256 digest of the whole token as it was presented, its signature
    /// with it, as a proof's `ath` has it (RFC 9449 §4.2). None where the token has
    /// no `cnf`, or its claims were assumed.
    pub fn digest_as_presented(&self) -> Option<[u8; 32]> {
        self.as_presented
    }

    /// The `jti`.
    pub fn token_id(&self) -> Option<&str> {
        self.claims.node(self.registered.token_id?).text()
    }

    /// The `cnf`, an object: the key whose possession must be proved (RFC 7800).
    pub fn confirmation(&self) -> Option<Node<'_>> {
        self.registered
            .confirmation
            .map(|index| self.claims.node(index))
    }

    /// The `exp` in seconds since 1970, rounded down.
    pub fn expires_at(&self) -> Option<u64> {
        self.registered.expires_at
    }

    /// The `nbf` in seconds since 1970, rounded up.
    pub fn not_before(&self) -> Option<u64> {
        self.registered.not_before
    }

    /// The `iat` in seconds since 1970, rounded up.
    pub fn issued_at(&self) -> Option<u64> {
        self.registered.issued_at
    }
}

impl fmt::Debug for VerifiedPayload {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = formatter.debug_struct("VerifiedPayload");
        fields
            .field("bytes", &self.payload.len())
            .field("verified_by", &self.verified_by)
            .finish()
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = formatter.debug_struct("Verified");
        fields
            .field("issuer", &self.issuer.url())
            .field("subject", &clip(self.subject()))
            .finish_non_exhaustive()
    }
}

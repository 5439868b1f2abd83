//! What a token is bound to against what its caller showed.

use aws_lc_rs::constant_time::verify_slices_are_equal;

use super::dpop::{Bound, DpopRules, Proved};
use super::{Possession, Scheme};
use crate::base64url;
use crate::gate::Judged;
use crate::json::Node;
use crate::obligation::{Commit, CommitError, Committed, Obligation, unmet};
use crate::outcome::HostError;
use crate::reason::{Code, HostCode, Reason, Refusal, clip};

/// A proof by a key (RFC 9449 §6.1).
const KEY: &str = "jkt";
/// A certificate (RFC 8705 §3.1).
const CERTIFICATE: &str = "x5t#S256";

/// Meets `prove` on a route without a ledger: by certificates alone, for what
/// nobody remembers can't be taken once.
///
/// A token that is bound to a key is `host.obligation` here, and so is a
/// statement that asks for `dpop`.
///
/// ```
/// use claimbound::obligation::{Commit, Obligation};
/// use claimbound::proof::Certificates;
///
/// assert!(Certificates.can_meet(&Obligation::Prove("mtls".to_owned())));
/// assert!(!Certificates.can_meet(&Obligation::Prove("dpop".to_owned())));
/// assert!(!Certificates.can_meet(&Obligation::UseOnce));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Certificates;

impl Commit for Certificates {
    fn can_meet(&self, obligation: &Obligation) -> bool {
        match obligation {
            Obligation::Prove(method) => method != "dpop",
            Obligation::Bind(_) | Obligation::UseOnce | Obligation::Other { .. } => false,
        }
    }

    fn commit(&self, judged: &Judged) -> Result<Committed, CommitError> {
        // INVARIANT: the gate has asked `can_meet` of whatever else there is.
        check(judged, None)?;
        Ok(Committed::default())
    }
}

/// Refuses a token under the scheme `DPoP` that is bound to no key (RFC 9449
/// §7.1), whatever anybody asks for.
pub(crate) fn check_scheme(judged: &Judged) -> Result<(), Refusal> {
    let confirmation = judged.token().token().confirmation();
    let is_bound = confirmation.is_some_and(|cnf| cnf.get(KEY).is_some());
    match judged.possession().scheme {
        Scheme::Bearer | Scheme::Form => Ok(()),
        Scheme::Dpop if is_bound => Ok(()),
        Scheme::Dpop => {
            let message = "the token came with the scheme `DPoP` and is bound to no key";
            Err(of(judged, Code::ProofInvalid, message, Some(KEY)).into())
        }
    }
}

/// Checks that everything the token is bound to was shown, and at least what the
/// statement asks for. What comes of a proof by a key has to be remembered;
/// without rules for such proofs none is taken.
pub(crate) fn check(
    judged: &Judged,
    rules: Option<&DpopRules>,
) -> Result<Option<Proved>, CommitError> {
    let Some(method) = judged.obligations().iter().find_map(method) else {
        return Ok(None);
    };
    let Some(confirmation) = judged.token().token().confirmation() else {
        let message = "a proof of possession is asked for, and the token is bound to nothing";
        return Err(Refusal::from(of(judged, Code::ProofAbsent, message, None)).into());
    };
    let asked: &[&str] = match method {
        "dpop" => &[KEY],
        "mtls" => &[CERTIFICATE],
        "any" => &[],
        // INVARIANT: an answer that names another has broken the contract.
        _ => return Err(unmet(&Obligation::Prove(method.to_owned())).into()),
    };
    let (key, certificate) = (confirmation.get(KEY), confirmation.get(CERTIFICATE));
    for member in asked {
        if confirmation.get(member).is_none() {
            let message =
                format!("a proof by `{method}` is asked for, and the token has no such key");
            let reason = of(judged, Code::ProofAbsent, message, Some(member));
            return Err(Refusal::from(reason).into());
        }
    }
    if key.is_none() && certificate.is_none() {
        return Err(unknown().into());
    }
    let shown = judged.possession();
    if let Some(thumbprint) = certificate {
        check_certificate(judged, shown, thumbprint)?;
    }
    match (key, rules) {
        (None, _) => Ok(None),
        (Some(_), None) => Err(unmet(&Obligation::Prove("dpop".to_owned())).into()),
        (Some(thumbprint), Some(rules)) => Ok(Some(check_key(judged, shown, thumbprint, rules)?)),
    }
}

fn method(obligation: &Obligation) -> Option<&str> {
    match obligation {
        Obligation::Prove(method) => Some(method),
        Obligation::Bind(_) | Obligation::UseOnce | Obligation::Other { .. } => None,
    }
}

fn check_certificate(
    judged: &Judged,
    shown: &Possession,
    thumbprint: Node<'_>,
) -> Result<(), Refusal> {
    let expected = bound_to(judged, CERTIFICATE, thumbprint)?;
    let Some(certificate) = &shown.certificate else {
        let message = "the token is bound to a certificate, and none was shown";
        let reason = of(judged, Code::ProofAbsent, message, Some(CERTIFICATE));
        return Err(reason.expected(clip(expected)).into());
    };
    let found = base64url::encode(certificate);
    if verify_slices_are_equal(found.as_bytes(), expected.as_bytes()).is_ok() {
        return Ok(());
    }
    let message = "another certificate was shown than the token is bound to";
    let reason = of(judged, Code::ProofInvalid, message, Some(CERTIFICATE));
    Err(reason.expected(clip(expected)).found(&found).into())
}

fn check_key(
    judged: &Judged,
    shown: &Possession,
    thumbprint: Node<'_>,
    rules: &DpopRules,
) -> Result<Proved, Refusal> {
    let thumbprint = bound_to(judged, KEY, thumbprint)?;
    let absent = |message: &str| of(judged, Code::ProofAbsent, message, Some(KEY));
    // RFC 9449 §7.2: a proof beside it does not make a bearer of anybody else.
    if shown.scheme == Scheme::Bearer {
        let reason = absent("the token is bound to a key, and came as a bearer token");
        return Err(reason.expected("the scheme `DPoP`").found("Bearer").into());
    }
    let Some(proof) = &shown.dpop else {
        return Err(absent("the token is bound to a key, and no proof by it was sent").into());
    };
    let token = judged.token();
    let Some(digest) = token.token().digest_as_presented() else {
        let message = "claims that were assumed are no token that could be proved";
        return Err(of(judged, Code::ProofInvalid, message, Some(KEY)).into());
    };
    let bound = Bound {
        thumbprint,
        token: digest,
        now: token.now(),
        leeway: token.leeway(),
    };
    proof.check(&bound, rules).map_err(|refusal| {
        let mut reason = refusal.into_reason();
        reason.statement = Some(judged.statement().to_owned());
        reason.into()
    })
}

/// The thumbprint that a member of `cnf` holds.
fn bound_to<'a>(judged: &Judged, member: &str, node: Node<'a>) -> Result<&'a str, Refusal> {
    let is_digest =
        |text: &&str| base64url::decode(text.as_bytes()).is_some_and(|digest| digest.len() == 32);
    node.text().filter(is_digest).ok_or_else(|| {
        let message = format!("the token's `{member}` is no SHA-256 thumbprint");
        let reason = of(judged, Code::ProofInvalid, message, Some(member));
        let reason = reason.expected("the base64url of 32 bytes");
        reason.found(node.json()).into()
    })
}

/// A reason against the token's statement, about a member of its `cnf`.
fn of(judged: &Judged, code: Code, message: impl Into<String>, member: Option<&str>) -> Reason {
    let mut reason = Reason::new(code, message).about(["cnf"].into_iter().chain(member));
    reason.statement = Some(judged.statement().to_owned());
    reason
}

/// Nobody here knows how to prove what the token is bound to.
fn unknown() -> HostError {
    HostError::new(
        HostCode::Obligation,
        format!(
            "the token's `cnf` has neither `{KEY}` nor `{CERTIFICATE}`, and nothing else can be proved here"
        ),
    )
}

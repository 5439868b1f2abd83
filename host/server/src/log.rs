//! What is logged of a decision. Never a token, a proof or a signature; what a
//! token carries stands as an escaped string.

use std::time::Duration;

use claimbound::outcome::Outcome;
use claimbound::reason::Code;
use tracing::{debug, info, warn};

/// Logs a decision: a failure as a warning, a denial of a verified token as
/// information. The rest, which comes with every request, or from anybody, is
/// for whoever looks for it.
pub(crate) fn decided(route: &str, outcome: &Outcome, took: Duration) {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    match outcome {
        Outcome::Allow(allowed) => debug!(
            route,
            micros,
            subject = ?allowed.subject,
            statement = &*allowed.statement,
            "allowed"
        ),
        Outcome::Deny(denied) => {
            let Some(reason) = denied.reasons.first() else {
                return;
            };
            let is_verified = is_verified(reason.code);
            let (code, reason) = (reason.code.as_str(), &*reason.message);
            if is_verified {
                info!(route, micros, code, ?reason, "denied");
            } else {
                debug!(route, micros, code, ?reason, "denied");
            }
        }
        Outcome::Error(error) => {
            let (code, reason) = (error.code.as_str(), &*error.message);
            warn!(route, micros, code, ?reason, "no answer could be given");
        }
    }
}

/// Whether a token that is denied for this was signed by its issuer: of the
/// others anybody can send as many as the network carries.
const fn is_verified(code: Code) -> bool {
    !matches!(
        code,
        Code::TokenMalformed
            | Code::TokenAlgorithm
            | Code::TokenKey
            | Code::TokenSignature
            | Code::IssuerUnknown
    )
}

//! What is logged of a decision. Never a token, a proof or a signature; of what
//! a token carries, its subject once its issuer vouches for it, and what reasons
//! quote.
//!
//! Texts are recorded as they are, and escaped by whatever writes the line.

use std::time::Duration;

use claimbound::gate::Decided;
use claimbound::outcome::Outcome;
use claimbound::reason::clip;
use tracing::{debug, info, warn};

use crate::protocol::token_exchange::NotExchanged;
use crate::sparing::Sparing;

/// Logs a decision: a failure as a warning, a denial of a verified token as
/// information. The rest, which comes with every request, or from anybody, is
/// for whoever looks for it.
pub(crate) fn decided(route: &str, decided: &Decided, took: Duration, sparing: &Sparing, now: u64) {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let Whose { subject, statement } = Whose::of(decided);
    match &decided.outcome {
        Outcome::Allow(_) => debug!(route, micros, subject, statement, "allowed"),
        Outcome::Deny(denied) => {
            let Some(reason) = denied.reasons.first() else {
                return;
            };
            let (code, reason) = (reason.code.as_str(), &*reason.message);
            if subject.is_some() {
                info!(route, micros, code, reason, subject, statement, "denied");
            } else {
                debug!(route, micros, code, reason, "denied");
            }
        }
        Outcome::Error(error) => {
            let (code, reason) = (error.code.as_str(), &*error.message);
            // Anybody can provoke one by a token that nobody vouches for.
            let left_out = match subject {
                Some(_) => Some(0),
                None => sparing.line(code, now),
            };
            if let Some(left_out) = left_out {
                warn!(
                    route,
                    micros, code, reason, subject, statement, left_out, "no answer could be given"
                );
            }
        }
    }
}

/// Logs an exchange that came to nothing, by the error that was answered and
/// every reason of the decision: whoever asked was told none of these. The level
/// is that of a decision.
pub(crate) fn not_exchanged(refused: &NotExchanged) {
    let error = refused.error.code();
    let description = refused.error.to_string();
    let Some((wanted, decided)) = &refused.decided else {
        debug!(error, description, "no token is given in exchange");
        return;
    };
    let (exchange_target, route) = (wanted.target(), wanted.route());
    let Whose { subject, statement } = Whose::of(decided);
    let codes = codes(&decided.outcome);
    macro_rules! event {
        ($level:ident) => {
            $level!(
                error,
                description,
                codes,
                exchange_target,
                route,
                subject,
                statement,
                "no token is given in exchange"
            )
        };
    }
    match &decided.outcome {
        // Anybody can provoke these, and the decision was logged sparingly.
        _ if subject.is_none() => event!(debug),
        Outcome::Error(_) => event!(warn),
        Outcome::Allow(_) | Outcome::Deny(_) => event!(info),
    }
}

/// Whose token it was, as far as that is known for sure.
struct Whose<'d> {
    subject: Option<String>,
    /// The statement that accepted the token, or gave the first reason.
    statement: Option<&'d str>,
}

impl<'d> Whose<'d> {
    fn of(decided: &'d Decided) -> Self {
        let first = match &decided.outcome {
            Outcome::Deny(denied) => denied.reasons.first(),
            Outcome::Allow(_) | Outcome::Error(_) => None,
        };
        let denying = || first?.statement.as_deref();
        Self {
            subject: decided.subject.as_deref().map(clip),
            statement: decided.statement.as_deref().or_else(denying),
        }
    }
}

/// The codes of a decision, each once, with spaces between; none of an allow.
fn codes(outcome: &Outcome) -> Option<String> {
    let all: Vec<&str> = match outcome {
        Outcome::Allow(_) => return None,
        Outcome::Deny(denied) => denied.reasons.iter().map(|one| one.code.as_str()).collect(),
        Outcome::Error(error) => vec![error.code.as_str()],
    };
    let mut codes: Vec<&str> = Vec::new();
    for code in all {
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    Some(codes.join(" "))
}

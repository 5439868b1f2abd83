//! What a policy answered, held to the contract.

use serde::Serialize;

use crate::contract::claimbound::policy::types as wire;
use crate::grant::Grant;
use crate::obligation::{FirstUse, Obligation};
use crate::outcome::{Denied, HostError};
use crate::policy::Manifest;
use crate::policy::manifest::LONGEST_PATH;
use crate::reason::{Code, HostCode, LONGEST_FOUND, Reason, clip};

/// Most reasons of a denial.
const MOST_REASONS: usize = 16;
/// Most roles, scopes or obligations of a grant.
const MOST: usize = 256;
/// The kinds of obligations that the contract names.
const NAMED: [&str; 3] = ["bind", "use-once", "prove"];
/// The methods of proof that the contract names.
const METHODS: [&str; 3] = ["any", "dpop", "mtls"];

/// What a policy answered. Not yet a decision: the ceiling and the obligations
/// come after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It accepts the token.
    Allow {
        /// The statement that does.
        statement: String,
        /// What it grants.
        grant: Grant,
        /// What the host must do first.
        obligations: Vec<Obligation>,
    },
    /// It does not.
    Deny(Denied),
}

/// One condition of one statement, as it was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The statement.
    pub statement: String,
    /// The condition, as its author wrote it.
    pub condition: String,
    /// Whether it held; none where that is unknown.
    pub held: Option<bool>,
    /// What it asks for.
    pub expected: String,
    /// What the token has.
    pub found: Option<String>,
}

impl From<wire::Step> for Step {
    fn from(step: wire::Step) -> Self {
        Self {
            statement: clip(&step.statement),
            condition: clip(&step.condition),
            held: step.held,
            expected: clip(&step.expected),
            found: step.found.as_deref().map(clip),
        }
    }
}

/// Takes an answer, if the contract allows it.
pub(super) fn decision(decision: wire::Decision, manifest: &Manifest) -> Result<Answer, HostError> {
    match decision {
        wire::Decision::Deny(denied) => denial(&denied),
        wire::Decision::Allow(allowed) => allow(allowed, manifest),
    }
}

fn broken(what: impl std::fmt::Display) -> HostError {
    HostError::new(
        HostCode::Contract,
        format!("the policy broke the contract: {what}"),
    )
}

fn denial(denied: &wire::Denied) -> Result<Answer, HostError> {
    match denied.reasons.len() {
        0 => return Err(broken("a denial without a reason")),
        many if many > MOST_REASONS => {
            return Err(broken(format_args!("a denial with {many} reasons")));
        }
        _ => {}
    }
    let reasons = denied.reasons.iter().map(reason);
    Ok(Answer::Deny(Denied {
        reasons: reasons.collect::<Result<_, _>>()?,
        truncated: denied.truncated,
    }))
}

fn reason(reason: &wire::Reason) -> Result<Reason, HostError> {
    let Some(code) = Code::parse(&reason.code) else {
        let code = clip(&reason.code);
        return Err(broken(format_args!(
            "a reason with the unknown code `{code}`"
        )));
    };
    if reason.claim.len() > LONGEST_PATH {
        let names = reason.claim.len();
        return Err(broken(format_args!(
            "a reason about a path of {names} names"
        )));
    }
    Ok(Reason {
        code,
        statement: reason.statement.as_deref().map(clip),
        claim: reason.claim.iter().map(|name| clip(name)).collect(),
        expected: clip(&reason.expected),
        found: reason.found.as_deref().map(clip),
        message: longer(&reason.message),
    })
}

/// A message may hold a found value and an expected one, each clipped.
fn longer(message: &str) -> String {
    const LONGEST: usize = 1024;
    if message.len() <= LONGEST {
        return message.to_owned();
    }
    let end = message.floor_char_boundary(LONGEST);
    format!("{}…", message.get(..end).unwrap_or_default())
}

fn allow(allowed: wire::Allowed, manifest: &Manifest) -> Result<Answer, HostError> {
    let grant = allowed.grant;
    let longest = [
        grant.roles.len(),
        grant.scopes.len(),
        grant.obligations.len(),
    ];
    if longest.into_iter().any(|length| length > MOST) {
        return Err(broken("a grant with too long a list"));
    }
    check_names(&allowed.statement, &grant)?;
    let obligations: Vec<_> = grant.obligations.into_iter().map(obligation).collect();
    check_kinds(&obligations)?;
    check_methods(&obligations)?;
    let undeclared = obligations
        .iter()
        .find(|one| !manifest.obligations.iter().any(|kind| kind == one.kind()));
    if let Some(obligation) = undeclared {
        let kind = clip(obligation.kind());
        return Err(broken(format_args!(
            "obligation `{kind}`, which its manifest does not name"
        )));
    }
    Ok(Answer::Allow {
        statement: allowed.statement,
        grant: Grant {
            roles: grant.roles,
            scopes: grant.scopes,
            claims: grant.claims,
            max_lifetime: grant.max_lifetime,
        },
        obligations,
    })
}

/// Names go into records, headers and terminals: what can't be one is refused.
fn check_names(statement: &str, grant: &wire::Grant) -> Result<(), HostError> {
    if !is_name(statement) {
        return Err(no_name("statement", statement));
    }
    if let Some(role) = grant.roles.iter().find(|role| !is_name(role)) {
        return Err(no_name("role", role));
    }
    match grant.scopes.iter().find(|scope| !is_scope(scope)) {
        Some(scope) => Err(no_name("scope", scope)),
        None => Ok(()),
    }
}

fn no_name(what: &str, name: &str) -> HostError {
    let name = clip(name);
    broken(format_args!("an allow with `{name}`, which is no {what}"))
}

/// 1 to [`LONGEST_FOUND`] bytes without control characters.
fn is_name(name: &str) -> bool {
    (1..=LONGEST_FOUND).contains(&name.len()) && !name.chars().any(char::is_control)
}

/// A scope token (RFC 6749 §3.3): a space would make two of one.
fn is_scope(scope: &str) -> bool {
    let token = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    (1..=LONGEST_FOUND).contains(&scope.len()) && scope.bytes().all(token)
}

/// An obligation that the contract names has a case of its own and stands once:
/// one in the open case would pass for it by its kind, and two could disagree.
fn check_kinds(obligations: &[Obligation]) -> Result<(), HostError> {
    for named in NAMED {
        let mut found = obligations.iter().filter(|one| one.kind() == named);
        let first = found.next();
        if matches!(first, Some(Obligation::Other { .. })) {
            return Err(broken(format_args!(
                "obligation `{named}` as `other`, though the contract has a case for it"
            )));
        }
        if found.next().is_some() {
            return Err(broken(format_args!("obligation `{named}` twice")));
        }
    }
    Ok(())
}

/// A method that the contract does not name proves nothing, and would stand in
/// the place of one that does.
fn check_methods(obligations: &[Obligation]) -> Result<(), HostError> {
    for obligation in obligations {
        match obligation {
            Obligation::Prove(method) if !METHODS.contains(&method.as_str()) => {
                let method = clip(method);
                return Err(broken(format_args!(
                    "proof by the unknown method `{method}`"
                )));
            }
            Obligation::Prove(_)
            | Obligation::Bind(_)
            | Obligation::UseOnce
            | Obligation::Other { .. } => {}
        }
    }
    Ok(())
}

fn obligation(obligation: wire::Obligation) -> Obligation {
    match obligation {
        wire::Obligation::Bind(bind) => Obligation::Bind(match bind.first_use {
            wire::FirstUse::Refuse => FirstUse::Refuse,
            wire::FirstUse::Enrol => FirstUse::Enrol,
        }),
        wire::Obligation::UseOnce => Obligation::UseOnce,
        wire::Obligation::Prove(method) => Obligation::Prove(method),
        wire::Obligation::Other(other) => Obligation::Other {
            kind: other.kind,
            json: other.json,
        },
    }
}

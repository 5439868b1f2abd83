//! An outcome as people and programs read it.

use claimbound::grant::Grant;
use claimbound::obligation::Bound;
use claimbound::outcome::{Allowed, Denied, HostError, Outcome};
use claimbound::policy::PolicyId;
use claimbound::reason::{Code, HostCode, Reason, registry};
use serde_json::{Value, json};

use crate::console::Status;
use crate::page::{Ink, Page};
use crate::time;

/// The exit status of an outcome.
pub(crate) const fn status(outcome: &Outcome) -> Status {
    match outcome {
        Outcome::Allow(_) => Status::Yes,
        Outcome::Deny(_) => Status::No,
        Outcome::Error(_) => Status::Unanswered,
    }
}

/// The outcome as JSON; every member is always there.
pub(crate) fn to_json(outcome: &Outcome, policy: &PolicyId) -> Value {
    let mut object = json!({
        "outcome": "error",
        "policy": policy,
        "statement": null,
        "grant": null,
        "obligations": [],
        "ledger": { "bound": null, "spent": false },
        "assumed": [],
        "reasons": [],
        "error": null,
    });
    let more = match outcome {
        Outcome::Allow(allowed) => json!({
            "outcome": "allow",
            "statement": allowed.statement,
            "grant": grant_json(&allowed.grant),
            "obligations": allowed.obligations,
            "ledger": { "bound": allowed.bound, "spent": allowed.spent },
            "assumed": allowed.assumed,
        }),
        Outcome::Deny(denied) => json!({ "outcome": "deny", "reasons": denied.reasons }),
        Outcome::Error(error) => json!({ "error": error }),
    };
    if let (Some(object), Value::Object(more)) = (object.as_object_mut(), more) {
        object.extend(more);
    }
    object
}

/// The outcome of a question that could not even be asked.
pub(crate) fn unanswered(code: HostCode, message: &str) -> Value {
    json!({
        "outcome": "error",
        "policy": null,
        "statement": null,
        "grant": null,
        "obligations": [],
        "ledger": { "bound": null, "spent": false },
        "assumed": [],
        "reasons": [],
        "error": HostError::new(code, message),
    })
}

fn grant_json(grant: &Grant) -> Value {
    // INVARIANT: the ceiling has read the claims as an object.
    let claims = grant
        .claims
        .as_deref()
        .and_then(|claims| serde_json::from_str(claims).ok());
    json!({
        "roles": grant.roles,
        "scopes": grant.scopes,
        "claims": claims.unwrap_or(Value::Null),
        "max_lifetime": grant.max_lifetime,
    })
}

/// Adds the outcome to a page.
pub(crate) fn show(page: &mut Page, outcome: &Outcome, policy: &PolicyId, now: u64) {
    match outcome {
        Outcome::Allow(allowed) => show_allowed(page, allowed, now),
        Outcome::Deny(denied) => show_denied(page, denied, policy),
        Outcome::Error(error) => show_error(page, error, policy),
    }
}

fn by(policy: &PolicyId) -> String {
    format!("{} {}", policy.name, policy.version)
}

fn show_allowed(page: &mut Page, allowed: &Allowed, now: u64) {
    page.put(Ink::Good, "✓ allow").text("  by statement ");
    page.put(Ink::Strong, &allowed.statement);
    page.put(Ink::Faint, format!(" of {}", by(&allowed.policy)))
        .end();
    for name in &allowed.workload.names {
        let id = name
            .id
            .as_deref()
            .map_or_else(String::new, |id| format!(" ({id})"));
        page.field(&name.kind, format!("{}{id}", name.name));
    }
    let grant = &allowed.grant;
    list(page, "roles", &grant.roles);
    list(page, "scopes", &grant.scopes);
    if let Some(claims) = &grant.claims {
        page.field("claims", claims);
    }
    let end = format!(
        "{} ({})",
        time::date(allowed.ends_at),
        time::relative(allowed.ends_at, now)
    );
    page.field("until", end);
    let obligations: Vec<_> = allowed
        .obligations
        .iter()
        .map(ToString::to_string)
        .collect();
    list(page, "obligations", &obligations);
    match &allowed.bound {
        Some(Bound::Known) => {
            page.field("ledger", "knows every name by its id");
        }
        Some(Bound::Enrolled(names)) => {
            page.field("ledger", format!("enrolled {}", names.join(", ")));
        }
        None => {}
    }
    if allowed.spent {
        page.field("token", "spent by this decision");
    }
    for assumed in &allowed.assumed {
        page.put(Ink::Warn, "  assumed     ").text(assumed).end();
    }
}

fn list(page: &mut Page, label: &str, items: &[String]) {
    if !items.is_empty() {
        page.field(label, items.join(", "));
    }
}

fn show_denied(page: &mut Page, denied: &Denied, policy: &PolicyId) {
    page.put(Ink::Bad, "✗ deny")
        .put(Ink::Faint, format!("  by {}", by(policy)))
        .end();
    for reason in &denied.reasons {
        show_reason(page, reason);
    }
    if denied.truncated {
        page.put(Ink::Faint, "  more reasons were left out").end();
    }
    if let Some(advice) = denied.reasons.first().and_then(advice) {
        page.put(Ink::Faint, "  what to do  ").text(advice).end();
    }
}

/// What an operator does about a reason.
fn advice(reason: &Reason) -> Option<String> {
    if let (Code::IdentityUnknown, Some(statement)) = (reason.code, &reason.statement) {
        return Some(format!(
            "Approve it by `claimbound subject approve`, in the ledger that `--ledger` names. Or pin the id of \
             every name and let a first use enrol: `[trust.{statement}.identity] first_use = \"enrol\"`."
        ));
    }
    if let Some(advice) = migration(reason) {
        return Some(advice);
    }
    let mut entries = registry().iter();
    let entry = entries.find(|entry| entry.code == reason.code.as_str())?;
    Some(entry.action.clone())
}

/// How a rename is followed, where its names are such as can be pasted into a
/// shell: whoever chose them may be nobody's friend.
fn migration(reason: &Reason) -> Option<String> {
    let is_plain = |name: &&str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._/:@-".contains(&byte);
        !name.starts_with('-') && name.bytes().all(plain)
    };
    if reason.code != Code::IdentityRenamed {
        return None;
    }
    let known = Some(reason.expected.as_str()).filter(is_plain);
    let Some(found) = reason.found.as_deref() else {
        // It was followed already, and is not known here as what it is called now.
        let name = known.unwrap_or("NAME");
        return Some(format!(
            "If the rename is genuine, approve what it is called now: `claimbound subject approve KIND {name} \
             --id ID --reason WHY`, with `--parent` if it belongs to something."
        ));
    };
    let (old, new) = (known?, Some(found).filter(is_plain)?);
    Some(format!(
        "If the rename is genuine, follow it: `claimbound subject migrate {old} {new} --reason WHY`. \
         The old name stays barred to others."
    ))
}

fn show_reason(page: &mut Page, reason: &Reason) {
    page.text("  ").put(Ink::Strong, reason.code.as_str());
    if let Some(statement) = &reason.statement {
        page.put(Ink::Faint, format!("  in {statement}"));
    }
    page.end().text("    ").text(&reason.message).end();
    let mut about = |label: &str, value: &str| {
        page.put(Ink::Faint, format!("    {label:<9} "))
            .text(value)
            .end();
    };
    if !reason.claim.is_empty() {
        about("claim", &reason.claim.join(" › "));
    }
    if !reason.expected.is_empty() {
        about("expected", &reason.expected);
    }
    if let Some(found) = &reason.found {
        about("found", found);
    }
}

fn show_error(page: &mut Page, error: &HostError, policy: &PolicyId) {
    page.put(Ink::Bad, "! error")
        .text("  no answer could be given");
    page.put(Ink::Faint, format!(" by {}", by(policy))).end();
    page.text("  ").put(Ink::Strong, error.code.as_str()).end();
    page.text("    ").text(&error.message).end();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> PolicyId {
        PolicyId {
            name: "p".into(),
            version: "1.0.0".into(),
            digest: "sha256:00".into(),
        }
    }

    #[test]
    fn every_outcome_has_the_same_members() {
        let denied = Outcome::from(claimbound::reason::Refusal::from(Reason::new(
            Code::Forbidden,
            "no",
        )));
        let failed = Outcome::from(HostError::new(HostCode::Trap, "trapped"));
        for (outcome, name, expected) in [
            (denied, "deny", Status::No),
            (failed, "error", Status::Unanswered),
        ] {
            let json = to_json(&outcome, &policy());
            let members: Vec<_> = json
                .as_object()
                .unwrap()
                .keys()
                .map(String::as_str)
                .collect();
            assert_eq!(
                members,
                [
                    "outcome",
                    "policy",
                    "statement",
                    "grant",
                    "obligations",
                    "ledger",
                    "assumed",
                    "reasons",
                    "error"
                ]
            );
            assert_eq!(json["outcome"], name);
            assert_eq!(status(&outcome), expected);
        }
    }

    #[test]
    fn a_command_is_made_of_plain_names_alone() {
        let renamed = |new: &str| {
            let reason = Reason::new(Code::IdentityRenamed, "renamed");
            advice(&reason.expected("acme/infra").found(new)).unwrap()
        };
        assert!(renamed("acme/x").contains("migrate acme/infra acme/x --reason"));
        for new in ["acme/$(x)", "-x", "a b", "a;b", "`x`"] {
            assert!(!renamed(new).contains(new), "{new}");
        }
        let left = |name: &str| {
            let reason = Reason::new(Code::IdentityRenamed, "left");
            advice(&reason.expected(name)).unwrap()
        };
        assert!(left("acme/x").contains("subject approve KIND acme/x --id"));
        assert!(left("$(x)").contains("subject approve KIND NAME --id"));
    }

    #[test]
    fn what_a_token_says_can_not_reach_the_terminal_as_it_is() {
        let reason =
            Reason::new(Code::ClaimMismatch, "claim `ref` is `\u{1b}[2J`").found("\u{202e}x\n");
        let outcome = Outcome::from(claimbound::reason::Refusal::from(reason));
        let mut page = Page::default();
        show(&mut page, &outcome, &policy(), 0);
        let text = anstream::adapter::strip_str(page.styled()).to_string();
        assert!(
            text.contains(r"\u{1b}[2J") && text.contains(r"\u{202e}x\n"),
            "{text}"
        );
    }
}

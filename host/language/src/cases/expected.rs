//! What a policy has to say of a case.

use serde_json::{Map, Value as Json};

use super::change::object;
use crate::diagnostic::{Sink, did_you_mean};
use crate::fields::{Fields, Placed, texts};
use crate::operator;
use crate::reasons::reason_codes;
use crate::rule::Rule;
use crate::tree::{Place, Table};

const GRANT_KEYS: [&str; 4] = ["roles", "scopes", "claims", "max_ttl"];

/// What a policy has to say of a case.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    /// It allows.
    Allow {
        /// The statement that does.
        statement: Placed<String>,
        /// What has to be granted, as far as the case says it.
        grant: Option<ExpectedGrant>,
    },
    /// It denies.
    Deny {
        /// The code of one of the reasons.
        code: Placed<String>,
        /// The path of the claim that this reason speaks of.
        claim: Option<Vec<String>>,
        /// The statement that it speaks of.
        statement: Option<String>,
    },
}

/// What has to be granted; what is none may be anything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExpectedGrant {
    /// Exactly these roles.
    pub roles: Option<Vec<String>>,
    /// Exactly these scopes.
    pub scopes: Option<Vec<String>>,
    /// Exactly these claims.
    pub claims: Option<Map<String, Json>>,
    /// This longest lifetime, in seconds.
    pub max_ttl: Option<u64>,
}

pub(super) fn read(
    fields: &Fields<'_>,
    name: &Placed<String>,
    sink: &mut Sink,
) -> Option<Expected> {
    let allow = fields.text("allow", sink);
    let deny = fields.text("deny", sink);
    let misplaced = |keys: &[&str], with: &str, sink: &mut Sink| {
        for entry in keys.iter().filter_map(|key| fields.entry(key)) {
            let message = format!("`{}` says nothing beside `{with}`", entry.key);
            sink.error(Rule::Case, &entry.key_place, message);
        }
    };
    match (allow, deny) {
        (Some(statement), None) => {
            misplaced(&["claim", "statement"], "allow", sink);
            let grant = fields
                .table_of("grant", sink)
                .map(|(table, place)| expected_grant(table, place, sink));
            Some(Expected::Allow { statement, grant })
        }
        (None, Some(code)) => {
            misplaced(&["grant"], "deny", sink);
            check_code(&code, sink);
            let claim = fields
                .node("claim")
                .and_then(|node| operator::path(node, sink));
            Some(Expected::Deny {
                code,
                claim: claim.map(|path| path.value),
                statement: fields.text("statement", sink).map(|one| one.value),
            })
        }
        (Some(_), Some(_)) | (None, None) => {
            sink.error(
                Rule::Case,
                &name.place,
                "a case expects exactly one of `allow` and `deny`",
            );
            None
        }
    }
}

fn check_code(code: &Placed<String>, sink: &mut Sink) {
    let codes = || reason_codes().iter().filter(|one| one.kind == "reason");
    if codes().any(|one| one.code == code.value) {
        return;
    }
    let finding = sink.error(
        Rule::Case,
        &code.place,
        format!("`{}` is no reason code", code.value),
    );
    finding.hint = if reason_codes().iter().any(|one| one.code == code.value) {
        Some("it is the code of a failure, which is no denial".to_owned())
    } else {
        did_you_mean(&code.value, codes().map(|one| one.code.as_str()))
    };
}

fn expected_grant(table: &Table, place: &Place, sink: &mut Sink) -> ExpectedGrant {
    let fields = Fields::new(table, place, "a grant", &GRANT_KEYS, sink);
    let mut names = |key| {
        let node = fields.node(key)?;
        let values: Vec<String> = texts(node, sink)?
            .into_iter()
            .map(|one| one.value)
            .collect();
        Some(values)
    };
    let (roles, scopes) = (names("roles"), names("scopes"));
    ExpectedGrant {
        roles,
        scopes,
        claims: fields.node("claims").and_then(|node| object(node, sink)),
        max_ttl: fields
            .node("max_ttl")
            .and_then(|node| crate::duration::read(node, sink))
            .map(|one| one.value),
    }
}

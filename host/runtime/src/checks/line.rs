//! A check as a line of JSON.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Check, CheckError, ChecksError, Draft, Expected, ExpectedGrant, LONGEST_LINE};
use crate::danger::AssumedKey;
use crate::json::{Document, Limits};
use crate::reason::{Code, clip};

/// The type that the first line names.
const TYPE: &str = "claimbound.checks.v1";
const LINE: Limits = Limits {
    bytes: LONGEST_LINE,
    ..Limits::TOKEN
};

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    #[serde(rename = "type")]
    kind: String,
    count: usize,
}

/// Every member of a line but its claims and published keys, which keep their
/// text.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    name: String,
    issuer: String,
    model: String,
    key: Key,
    audience: String,
    now: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    allow: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grant: Option<Granted>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deny: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    claim: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    statement: Option<String>,
    #[expect(dead_code, reason = "its text is taken from the document")]
    #[serde(default, skip_serializing)]
    published: Option<IgnoredAny>,
    #[expect(dead_code, reason = "its text is taken from the document")]
    #[serde(skip_serializing)]
    claims: IgnoredAny,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    algorithm: String,
    r#type: String,
    bits: u32,
    thumbprint: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Granted {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    roles: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scopes: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    claims: Option<Map<String, Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_lifetime: Option<u64>,
}

/// The first line of so many checks.
pub(super) fn header(count: usize) -> String {
    format!("{{\"type\":\"{TYPE}\",\"count\":{count}}}\n")
}

/// How many checks the first line says.
pub(super) fn count(line: &str) -> Result<usize, ChecksError> {
    let document = read(line).map_err(|_| ChecksError::Header)?;
    let header = serde_json::from_str::<Header>(document.text());
    let header = header.map_err(|_| ChecksError::Header)?;
    if header.kind != TYPE {
        return Err(ChecksError::Header);
    }
    Ok(header.count)
}

/// The check of a line.
pub(super) fn check(line: &str) -> Result<Check, CheckError> {
    let document = read(line)?;
    let shape = |error: serde_json::Error| CheckError::Shape(clip(&error.to_string()));
    let line: Line = serde_json::from_str(document.text()).map_err(shape)?;
    // As it is written, so that it is read again as the same.
    let text = |name: &str| document.get(&[name]).map(|node| one_line(node.json()));
    let claims = text("claims").unwrap_or_default();
    Check::new(line.draft(claims, text("published"))?)
}

/// A line without its end, read strictly: serde alone would take a member twice.
fn read(line: &str) -> Result<Document, CheckError> {
    if line.len() > LONGEST_LINE {
        return Err(CheckError::TooLong);
    }
    let line = line.strip_suffix('\n').ok_or(CheckError::CutOff)?;
    Ok(Document::parse(line, &LINE)?)
}

/// The line of a check.
pub(super) fn written(check: &Check) -> Result<String, CheckError> {
    let draft = check.draft();
    let keys = draft.published.as_deref().map(one_line);
    let claims = one_line(&draft.claims);
    let shape = |error: serde_json::Error| CheckError::Shape(error.to_string());
    let mut line = serde_json::to_string(&Line::of(draft)).map_err(shape)?;
    // INVARIANT: it is an object with members, which these two follow.
    line.pop();
    if let Some(keys) = keys {
        line.push_str(",\"published\":");
        line.push_str(&keys);
    }
    line.push_str(",\"claims\":");
    line.push_str(&claims);
    line.push_str("}\n");
    // What was taken as a token may be too deep or too long for a line.
    read(&line)?;
    Ok(line)
}

/// JSON text without line ends, which stand between its values alone (RFC 8259
/// §7).
fn one_line(json: &str) -> String {
    json.replace(['\n', '\r'], " ")
}

impl Line {
    fn of(draft: Draft) -> Self {
        let mut line = Self {
            name: draft.name,
            issuer: draft.issuer,
            model: draft.model,
            key: Key {
                algorithm: draft.algorithm,
                r#type: draft.key.key_type,
                bits: draft.key.bits,
                thumbprint: draft.key.thumbprint,
            },
            audience: draft.audience,
            now: draft.now,
            attributes: draft.attributes,
            allow: None,
            grant: None,
            deny: None,
            claim: None,
            statement: None,
            published: None,
            claims: IgnoredAny,
        };
        match draft.expected {
            Expected::Allow { statement, grant } => {
                line.allow = Some(statement);
                line.grant = grant.map(Granted::of);
            }
            Expected::Deny {
                code,
                claim,
                statement,
            } => {
                line.deny = Some(code.as_str().to_owned());
                line.claim = claim;
                line.statement = statement;
            }
        }
        line
    }

    fn draft(self, claims: String, published: Option<String>) -> Result<Draft, CheckError> {
        let expected = expected(
            (self.allow, self.grant),
            (self.deny, self.claim, self.statement),
        )?;
        Ok(Draft {
            name: self.name,
            issuer: self.issuer,
            model: self.model,
            published,
            claims,
            algorithm: self.key.algorithm,
            key: AssumedKey {
                key_type: self.key.r#type,
                bits: self.key.bits,
                thumbprint: self.key.thumbprint,
            },
            audience: self.audience,
            now: self.now,
            attributes: self.attributes,
            expected,
        })
    }
}

/// What is expected, where one of both is said and nothing of the other.
fn expected(
    allow: (Option<String>, Option<Granted>),
    deny: (Option<String>, Option<Vec<String>>, Option<String>),
) -> Result<Expected, CheckError> {
    match (allow, deny) {
        ((Some(statement), grant), (None, None, None)) => Ok(Expected::Allow {
            statement,
            grant: grant.map(Granted::expected),
        }),
        ((None, None), (Some(code), claim, statement)) => Ok(Expected::Deny {
            code: Code::parse(&code).ok_or_else(|| CheckError::Code(clip(&code)))?,
            claim,
            statement,
        }),
        ((Some(_) | None, _), (Some(_) | None, _, _)) => Err(CheckError::Expected),
    }
}

impl Granted {
    fn of(grant: ExpectedGrant) -> Self {
        Self {
            roles: grant.roles,
            scopes: grant.scopes,
            claims: grant.claims,
            max_lifetime: grant.max_lifetime,
        }
    }

    fn expected(self) -> ExpectedGrant {
        ExpectedGrant {
            roles: self.roles,
            scopes: self.scopes,
            claims: self.claims,
            max_lifetime: self.max_lifetime,
        }
    }
}

//! The document's JSON Schema, and the reference table that is made from it.
//!
//! The types here exist for their shape and their documentation alone; a test
//! compares their keys with those that the document's reader takes.
#![expect(dead_code, reason = "the types are never built, only described")]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value};

use crate::rule::Rule;

/// A claimbound policy.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct PolicyDocument {
    /// The format of the document: `1`.
    claimbound: u8,
    /// What the policy is called, and which version of it this is.
    policy: Policy,
    /// The issuers, by the names that statements use.
    issuer: Option<BTreeMap<String, Issuer>>,
    /// Statements that accept tokens, by name. The first that matches decides.
    trust: Option<BTreeMap<String, Trust>>,
    /// Statements that refuse tokens, by name. They win over every trust.
    forbid: Option<BTreeMap<String, Forbid>>,
    /// What `claimbound lint` is not to speak of. It changes no decision.
    suppress: Option<Vec<Suppression>>,
}

/// A rule of `claimbound lint` that is not to speak.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Suppression {
    /// The name of the rule, such as `generic-audience`.
    rule: String,
    /// The statement of which it is not to speak. Left out, it is all of them.
    statement: Option<String>,
    /// Why. For reviewers.
    reason: String,
}

/// The policy's name and version.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Policy {
    /// The policy's name: 1 to 128 of `a-z`, `0-9`, `-`, `_` and `.`, the first a letter or digit.
    #[schemars(regex(pattern = r"^[a-z0-9][a-z0-9._-]{0,127}$"))]
    name: String,
    /// Its version, by Semantic Versioning 2.0.0.
    version: String,
}

/// One issuer of tokens.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Issuer {
    /// The naming model that reads its tokens, such as `github-actions`.
    model: String,
    /// Its URL, byte for byte as `iss` has it. Left out, it is the model's own.
    url: Option<String>,
}

/// A statement that accepts tokens. Everything that it says must hold.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Trust {
    /// The issuer, by its name in the document.
    issuer: String,
    /// The audience that the token must name, and that the route must have.
    audience: String,
    /// Whether the token may name other audiences too. Default: `false`.
    shared_audience: Option<bool>,
    /// The longest `exp` − `iat`; a token without `iat` is denied. Such as `15m`.
    token_lifetime: String,
    /// The longest time since `iat`. Such as `5m`.
    max_age: Option<String>,
    /// Whether the token is spent by its first use. Default: `false`.
    single_use: Option<bool>,
    /// When the statement ends, exclusive: a date-time with its offset.
    expires: Option<String>,
    /// Why a shared issuer is trusted without an immutable tenant. For reviewers.
    danger: Option<String>,
    /// Whose tokens are meant.
    subject: Subject,
    /// Conditions on claims, by name.
    claims: Option<BTreeMap<String, Condition>>,
    /// Conditions on claims inside others, or a second one on the same claim.
    nested: Option<Vec<Nested>>,
    /// What is asked of the key that signed.
    key: Option<Key>,
    /// When the statement is open.
    window: Option<Window>,
    /// What the host does with a name that is new to it.
    identity: Option<Identity>,
    /// Asks the caller to prove that the token is theirs.
    proof: Option<Proof>,
    /// What an accepted token may do.
    grant: Option<Grant>,
}

/// A statement that refuses tokens of one issuer.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Forbid {
    /// The issuer, by its name in the document.
    issuer: String,
    /// Whose tokens are meant. Parts that are left out may be anything.
    subject: Option<Subject>,
    /// Conditions on claims, by name.
    claims: Option<BTreeMap<String, Condition>>,
    /// Conditions on claims inside others, or a second one on the same claim.
    nested: Option<Vec<Nested>>,
    /// What is asked of the key that signed.
    key: Option<Key>,
}

/// One subject, a pattern for the whole of it, or a table of its parts.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Subject {
    Literal(String),
    OneOf(Vec<String>),
    Parts(BTreeMap<String, SubjectValue>),
}

/// What is asked of a part: of its value, or of a name and the id behind it.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum SubjectValue {
    Name(Name),
    Value(Condition),
}

/// A name, and the immutable id behind it.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Name {
    /// What is asked of the name.
    name: Option<Condition>,
    /// What is asked of the id.
    id: Option<Condition>,
}

/// A value that is compared with: a string, a number or a boolean.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Scalar {
    Text(String),
    Number(f64),
    Boolean(bool),
}

/// What is asked of a value: equality with one value, or with one of a list, or
/// one operator.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Condition {
    Equal(Scalar),
    OneOf(Vec<Scalar>),
    Operator(Operator),
}

/// One operator.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum Operator {
    /// Equal to this, and of the same JSON type.
    Equals(Scalar),
    /// Equal to one of these.
    AnyOf(Vec<Scalar>),
    /// Equal to none of these.
    NoneOf(Vec<Scalar>),
    /// A string that the glob matches as a whole.
    Glob(String),
    /// A string that the regular expression matches as a whole.
    Regex(String),
    /// A number at least this.
    AtLeast(f64),
    /// A number at most this.
    AtMost(f64),
    /// A list of strings with this one in it.
    Contains(String),
    /// A list of strings with each of these in it.
    AllOf(Vec<String>),
    /// There, whatever it is: `true`.
    Present(bool),
    /// Not there: `true`.
    Absent(bool),
    /// Equal to another claim: its name or its path.
    SameAs(ClaimPath),
    /// Equal to this attribute of the request.
    Attribute(String),
}

/// A claim's name, or the names that lead to it, outermost first.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum ClaimPath {
    Name(String),
    Path(Vec<String>),
}

/// A condition on the claim at a path.
#[derive(JsonSchema)]
struct Nested {
    /// The claim's name, or the names that lead to it, outermost first.
    path: ClaimPath,
    /// The operator.
    #[schemars(flatten)]
    operator: Operator,
}

/// What is asked of the key that signed.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Key {
    /// Its RFC 7638 thumbprint (SHA-256, base64url) is one of these.
    thumbprints: Option<Vec<String>>,
    /// It signed by one of these algorithms.
    algorithms: Option<Vec<String>>,
    /// Its least size in bits, inclusive.
    at_least_bits: Option<u32>,
}

/// When a statement is open: weekly hours, one stretch of time, or both.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Window {
    /// The days on which it opens: `mon` to `sun`. Default: every day.
    days: Option<Vec<String>>,
    /// From when to when, such as `08:00-18:00`; `22:00-06:00` crosses midnight.
    hours: Option<String>,
    /// The time zone of `days` and `hours`, such as `Europe/Berlin`.
    time_zone: Option<String>,
    /// Open from this date-time on, inclusive.
    from: Option<String>,
    /// Open until this date-time, exclusive.
    until: Option<String>,
}

/// Names and the identities behind them.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Identity {
    /// `refuse` a name that the ledger does not know, or `enrol` it.
    first_use: String,
}

/// Proof of possession.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Proof {
    /// `dpop` (RFC 9449), `mtls` (RFC 8705), or `any` of them.
    method: String,
}

/// What an accepted token may do.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Grant {
    /// Roles.
    roles: Option<Vec<String>>,
    /// OAuth scopes.
    scopes: Option<Vec<String>>,
    /// The longest that what is granted may last. Such as `10m`.
    max_ttl: Option<String>,
    /// Extra claims; never registered ones.
    claims: Option<Map<String, Value>>,
    /// Obligations of other kinds, which the host must know.
    obligations: Option<Vec<Obligation>>,
}

/// What the host must do before the grant counts.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Obligation {
    /// Its kind. A host that does not know it never allows.
    kind: String,
    /// Its parameters.
    parameters: Option<Map<String, Value>>,
}

/// The JSON Schema (draft 2020-12) of a policy document.
pub fn schema() -> Value {
    let mut schema = SchemaGenerator::default()
        .into_root_schema_for::<PolicyDocument>()
        .to_value();
    without_null(&mut schema);
    schema
}

/// Takes `null` out of a schema: what is left out is not there, and TOML has no
/// other way to say so.
fn without_null(schema: &mut Value) {
    let null = Value::from("null");
    if let Some(types) = schema.get_mut("type").and_then(Value::as_array_mut) {
        types.retain(|one| *one != null);
        if let [one] = types.as_slice() {
            let one = one.clone();
            if let Some(object) = schema.as_object_mut() {
                object.insert("type".to_owned(), one);
            }
        }
    }
    let choices = schema.get_mut("anyOf").and_then(Value::as_array_mut);
    if let Some(choices) = choices {
        choices.retain(|one| one.get("type") != Some(&null));
    }
    match schema {
        Value::Object(object) => object.values_mut().for_each(without_null),
        Value::Array(list) => list.iter_mut().for_each(without_null),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The tables of the reference page: their headings, and the types of the schema.
const SECTIONS: [(&str, &str); 12] = [
    ("The document", ""),
    ("`policy`", "Policy"),
    ("`[issuer.NAME]`", "Issuer"),
    ("`[trust.NAME]`", "Trust"),
    ("`[forbid.NAME]`", "Forbid"),
    ("`key`", "Key"),
    ("`window`", "Window"),
    ("`identity`", "Identity"),
    ("`proof`", "Proof"),
    ("`grant`", "Grant"),
    ("`[[grant.obligations]]`", "Obligation"),
    ("`[[suppress]]`", "Suppression"),
];

/// Every key, operator and finding as Markdown tables, made from the schema and
/// the registry of rules.
pub fn reference() -> String {
    let schema = schema();
    let mut page = String::new();
    for (heading, name) in SECTIONS {
        let found = if name.is_empty() {
            Some(&schema)
        } else {
            schema.get("$defs").and_then(|types| types.get(name))
        };
        // Writing to a string can't fail.
        let _ = write!(page, "### {heading}\n\n| key | | |\n|---|---|---|\n");
        for (key, needed, meaning) in found.map(keys).unwrap_or_default() {
            let needed = if needed { "required" } else { "" };
            let _ = writeln!(page, "| `{key}` | {needed} | {meaning} |");
        }
        page.push('\n');
    }
    page.push_str("### Operators\n\n| operator | |\n|---|---|\n");
    for (name, meaning) in operators(&schema) {
        let _ = writeln!(page, "| `{name}` | {meaning} |");
    }
    page.push_str("\n### Findings\n\n| code | |\n|---|---|\n");
    for rule in Rule::ALL {
        let _ = writeln!(page, "| `{}` | {} |", rule.code(), rule.meaning());
    }
    page
}

/// The keys of an object of the schema: name, whether it is needed, meaning.
fn keys(object: &Value) -> Vec<(String, bool, String)> {
    let required = object.get("required").and_then(Value::as_array);
    let properties = object.get("properties").and_then(Value::as_object);
    properties
        .into_iter()
        .flatten()
        .map(|(key, property)| {
            let is_needed = required.is_some_and(|list| list.iter().any(|one| one == key.as_str()));
            (key.clone(), is_needed, meaning(property))
        })
        .collect()
}

fn meaning(property: &Value) -> String {
    let text = property.get("description").and_then(Value::as_str);
    text.unwrap_or_default()
        .replace('\n', " ")
        .replace('|', "\\|")
}

/// The operators and their meanings.
fn operators(schema: &Value) -> Vec<(String, String)> {
    let choices = schema
        .pointer("/$defs/Operator/oneOf")
        .and_then(Value::as_array);
    choices
        .into_iter()
        .flatten()
        .filter_map(|choice| {
            let name = choice.get("properties")?.as_object()?.keys().next()?;
            Some((name.clone(), meaning(choice)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{document, grant, operator, suppression, window};

    fn keys_of(schema: &Value, name: &str) -> Vec<String> {
        let object = match name {
            "" => schema,
            name => &schema["$defs"][name],
        };
        let mut keys: Vec<String> = keys(object).into_iter().map(|(key, ..)| key).collect();
        keys.sort_unstable();
        keys
    }

    #[test]
    fn the_schema_has_the_keys_that_the_reader_takes() {
        let schema = schema();
        let read: [(&str, &[&str]); 8] = [
            ("", &document::DOCUMENT_KEYS),
            ("Policy", &document::POLICY_KEYS),
            ("Issuer", &document::ISSUER_KEYS),
            ("Trust", &document::TRUST_KEYS),
            ("Forbid", &document::FORBID_KEYS),
            ("Key", &document::KEY_KEYS),
            ("Window", &window::KEYS),
            ("Suppression", &suppression::KEYS),
        ];
        for (name, taken) in read {
            let mut taken = taken.to_vec();
            taken.sort_unstable();
            assert_eq!(keys_of(&schema, name), taken, "{name}");
        }
        let mut granted = grant::KEYS.to_vec();
        granted.sort_unstable();
        assert_eq!(keys_of(&schema, "Grant"), granted);
        let named: Vec<String> = operators(&schema)
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(named, operator::NAMES);
    }

    #[test]
    fn every_key_and_operator_is_explained() {
        let schema = schema();
        for (_, name) in SECTIONS {
            let object = if name.is_empty() {
                &schema
            } else {
                &schema["$defs"][name]
            };
            for (key, _, meaning) in keys(object) {
                assert!(meaning.ends_with('.'), "{name} {key}");
            }
        }
        assert!(
            operators(&schema)
                .iter()
                .all(|(_, meaning)| meaning.ends_with('.'))
        );
    }

    #[test]
    fn what_a_trust_needs_is_required() {
        let schema = schema();
        let required: Vec<&str> = schema["$defs"]["Trust"]["required"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        assert_eq!(
            required,
            ["issuer", "audience", "token_lifetime", "subject"]
        );
        assert!(!schema.to_string().contains("\"null\""));
    }
}

//! What Envoy's other filters and its access log may read of an answer.

use std::collections::HashMap;

use envoy_types::pb::google::protobuf::value::Kind;
use envoy_types::pb::google::protobuf::{ListValue, Struct, Value};
use prost::Message as _;

use super::answer::Answer;

impl Answer {
    /// What Envoy's other filters and its access log may read of this, as the
    /// dynamic metadata of `ext_authz` has it: the bytes of a
    /// `google.protobuf.Struct`.
    pub fn metadata(&self, route: &str) -> Vec<u8> {
        fields(route, self).encode_to_vec()
    }
}

/// Of an allow what its headers say, of a denial its code.
pub(super) fn fields(route: &str, answer: &Answer) -> Struct {
    let mut fields = HashMap::from([
        ("route".to_owned(), text(route)),
        ("outcome".to_owned(), text(answer.outcome())),
    ]);
    match answer {
        Answer::Refuse { code, .. } => {
            fields.insert("reason".to_owned(), text(code));
        }
        Answer::Allow(allowed) => {
            let names = allowed.workload.names.iter();
            let names = names.map(|name| {
                let id = name.id.as_deref().unwrap_or_default();
                let pair = [
                    ("name".to_owned(), text(&name.name)),
                    ("id".to_owned(), text(id)),
                ];
                let pair = Struct {
                    fields: pair.into(),
                };
                (name.kind.to_string(), of(Kind::StructValue(pair)))
            });
            let workload = Struct {
                fields: names.collect(),
            };
            fields.extend(
                [
                    ("issuer", text(&allowed.issuer)),
                    ("subject", text(&allowed.subject)),
                    ("workload", of(Kind::StructValue(workload))),
                    ("statement", text(&allowed.statement)),
                    ("policy", text(&allowed.policy.to_string())),
                    ("roles", texts(&allowed.grant.roles)),
                    ("scopes", texts(&allowed.grant.scopes)),
                    (
                        "claims",
                        text(allowed.grant.claims.as_deref().unwrap_or_default()),
                    ),
                    ("ends_at", text(&allowed.ends_at.to_string())),
                ]
                .map(|(name, value)| (name.to_owned(), value)),
            );
        }
    }
    Struct { fields }
}

fn of(kind: Kind) -> Value {
    Value { kind: Some(kind) }
}

fn text(text: &str) -> Value {
    of(Kind::StringValue(text.to_owned()))
}

fn texts(list: &[String]) -> Value {
    let values = list.iter().map(|one| text(one)).collect();
    of(Kind::ListValue(ListValue { values }))
}

//! Deciding without a sandbox: the facts that a host would tell the program,
//! from a decoded claim set. For tests, case files and analysis; a host that
//! decides tokens runs the component instead.

use std::collections::BTreeMap;

use claimbound_engine::model::Program;
use claimbound_engine::{
    Decision, Facts, Failure, Key, Name, Program as Encoded, Reason, Step, Value, evaluate, explain,
};
use claimbound_issuers::{BoundName, Claims, Found, Workload};
use serde_json::{Map, Value as Json};

use crate::compile::Compiled;
use crate::floor;

/// The key that verified a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NativeKey {
    /// `RSA`, `EC` or `OKP`.
    pub key_type: String,
    /// The algorithm that it verified.
    pub algorithm: String,
    /// Its size in bits.
    pub bits: u32,
    /// Its RFC 7638 thumbprint.
    pub thumbprint: String,
}

impl NativeKey {
    /// A key that signs by `algorithm` (RFC 7518 §3.1, RFC 8037), of the usual
    /// size and with a thumbprint of no real key.
    pub fn of(algorithm: &str) -> Self {
        let (key_type, bits) = match algorithm {
            "ES256" => ("EC", 256),
            "ES384" => ("EC", 384),
            "ES512" => ("EC", 521),
            "EdDSA" => ("OKP", 256),
            _ => ("RSA", 2048),
        };
        Self {
            key_type: key_type.to_owned(),
            algorithm: algorithm.to_owned(),
            bits,
            thumbprint: "A".repeat(43),
        }
    }
}

/// The circumstances of a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NativeRequest {
    /// Seconds since 1970.
    pub now: u64,
    /// The audience of the route.
    pub audience: String,
    /// The request's attributes.
    pub attributes: BTreeMap<String, String>,
}

/// A claim's value, owned.
#[derive(Clone, Debug)]
enum Owned {
    Absent,
    Null,
    Boolean(bool),
    Integer(i64),
    Number(String),
    Text(String),
    Texts(Vec<String>),
    Json(String),
}

impl Owned {
    /// A value of a decoded claim set.
    ///
    /// A number that is no 64-bit integer is taken as its decoder prints it: a
    /// decoder that goes through floats has already lost what they can't hold.
    fn of(value: Option<&Json>) -> Self {
        match value {
            None => Self::Absent,
            Some(Json::Null) => Self::Null,
            Some(Json::Bool(boolean)) => Self::Boolean(*boolean),
            Some(Json::Number(number)) => match number.as_i64() {
                Some(integer) => Self::Integer(integer),
                None => Self::Number(number.to_string()),
            },
            Some(Json::String(text)) => Self::Text(text.clone()),
            Some(value @ Json::Array(list)) => {
                let texts: Option<Vec<String>> = list
                    .iter()
                    .map(|one| one.as_str().map(str::to_owned))
                    .collect();
                texts.map_or_else(|| Self::Json(value.to_string()), Self::Texts)
            }
            Some(value @ Json::Object(_)) => Self::Json(value.to_string()),
        }
    }

    fn borrowed(&self) -> Value<'_> {
        match self {
            Self::Absent => Value::Absent,
            Self::Null => Value::Null,
            Self::Boolean(boolean) => Value::Boolean(*boolean),
            Self::Integer(integer) => Value::Integer(*integer),
            Self::Number(text) => Value::Number(text),
            Self::Text(text) => Value::Text(text),
            Self::Texts(texts) => Value::Texts(texts),
            Self::Json(text) => Value::Json(text),
        }
    }
}

/// The value at `path` of a claim set.
pub fn claim_at<'a, S: AsRef<str>>(claims: &'a Map<String, Json>, path: &[S]) -> Option<&'a Json> {
    let (first, rest) = path.split_first()?;
    rest.iter()
        .try_fold(claims.get(first.as_ref())?, |value, name| {
            value.as_object()?.get(name.as_ref())
        })
}

/// A decoded claim set, as naming models ask for it.
#[derive(Clone, Copy, Debug)]
pub struct DecodedClaims<'a>(pub &'a Map<String, Json>);

impl Claims for DecodedClaims<'_> {
    fn claim(&self, path: &[Box<str>]) -> Found<'_> {
        match claim_at(self.0, path) {
            None => Found::Absent,
            Some(Json::String(text)) => Found::Text(text),
            Some(Json::Null) => Found::Other("null"),
            Some(Json::Bool(_)) => Found::Other("boolean"),
            Some(Json::Number(_)) => Found::Other("number"),
            Some(Json::Array(_)) => Found::Other("array"),
            Some(Json::Object(_)) => Found::Other("object"),
        }
    }
}

/// What a host would tell a program about one token.
#[derive(Clone, Debug)]
pub struct NativeFacts {
    issuer: String,
    subject: String,
    form: String,
    audience: Vec<String>,
    issued_at: Option<u64>,
    expires_at: u64,
    claims: Vec<Owned>,
    parts: Vec<Option<String>>,
    names: Vec<Option<BoundName>>,
    key: NativeKey,
    request: NativeRequest,
}

impl NativeFacts {
    /// The facts of a token, as `program` asks for them. A registered claim that
    /// is not there, or of another type, is empty: the floor, which decides
    /// before any program, has refused the token.
    pub fn new(
        program: &Program,
        claims: &Map<String, Json>,
        workload: &Workload,
        key: &NativeKey,
        request: &NativeRequest,
    ) -> Self {
        let text = |name: &str| claims.get(name).and_then(Json::as_str).unwrap_or_default();
        Self {
            issuer: text("iss").to_owned(),
            subject: text("sub").to_owned(),
            form: workload.form.to_string(),
            audience: floor::audience_of(claims),
            issued_at: floor::issued_at(claims),
            expires_at: floor::expires_at(claims).unwrap_or(0),
            claims: program
                .claims
                .iter()
                .map(|path| Owned::of(claim_at(claims, path)))
                .collect(),
            parts: program
                .parts
                .iter()
                .map(|part| workload.part(part).map(str::to_owned))
                .collect(),
            names: program
                .names
                .iter()
                .map(|kind| workload.name(kind).cloned())
                .collect(),
            key: key.clone(),
            request: request.clone(),
        }
    }
}

impl Facts for NativeFacts {
    fn issuer(&self) -> &str {
        &self.issuer
    }

    fn subject(&self) -> &str {
        &self.subject
    }

    fn form(&self) -> &str {
        &self.form
    }

    fn audience(&self) -> &[String] {
        &self.audience
    }

    fn issued_at(&self) -> Option<u64> {
        self.issued_at
    }

    fn expires_at(&self) -> u64 {
        self.expires_at
    }

    fn claim(&self, index: usize) -> Value<'_> {
        self.claims
            .get(index)
            .map_or(Value::Absent, Owned::borrowed)
    }

    fn part(&self, index: usize) -> Option<&str> {
        self.parts.get(index)?.as_deref()
    }

    fn name(&self, index: usize) -> Option<Name<'_>> {
        let name = self.names.get(index)?.as_ref()?;
        Some(Name {
            name: &name.name,
            id: name.id.as_deref(),
            parent: name.parent.as_deref(),
        })
    }

    fn attribute(&self, name: &str) -> Option<&str> {
        self.request.attributes.get(name).map(String::as_str)
    }

    fn key(&self) -> Key<'_> {
        Key {
            key_type: &self.key.key_type,
            algorithm: &self.key.algorithm,
            bits: self.key.bits,
            thumbprint: &self.key.thumbprint,
        }
    }

    fn now(&self) -> u64 {
        self.request.now
    }

    fn route_audience(&self) -> &str {
        &self.request.audience
    }
}

/// What was decided about a claim set, and what its issuer's model read from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The decision.
    pub decision: Decision,
    /// The workload, where the token names one.
    pub workload: Option<Workload>,
    /// Each condition as it was decided, where that was asked for.
    pub steps: Vec<Step>,
}

impl Compiled {
    /// Decides a claim set as a host would that has verified its signature:
    /// registered claims, naming model, floor, program. A host's own leeway and
    /// lifetime cap are the usual ones; its ceiling, ledger, revocation and
    /// proof of possession are left out.
    ///
    /// # Errors
    /// A program that the evaluator can't read.
    pub fn decide(
        &self,
        claims: &Map<String, Json>,
        key: &NativeKey,
        request: &NativeRequest,
    ) -> Result<Verdict, Failure> {
        self.judge(claims, key, request, false)
    }

    /// Decides a claim set and lists how each condition was decided.
    ///
    /// # Errors
    /// A program that the evaluator can't read.
    pub fn explain(
        &self,
        claims: &Map<String, Json>,
        key: &NativeKey,
        request: &NativeRequest,
    ) -> Result<Verdict, Failure> {
        self.judge(claims, key, request, true)
    }

    fn judge(
        &self,
        claims: &Map<String, Json>,
        key: &NativeKey,
        request: &NativeRequest,
        with_steps: bool,
    ) -> Result<Verdict, Failure> {
        let workload = match floor::admit(self, claims, request) {
            Ok(workload) => workload,
            Err(reason) => return Ok(denied(*reason)),
        };
        let facts = NativeFacts::new(&self.program, claims, &workload, key, request);
        let program = Encoded::open(&self.bytes)?;
        let (decision, steps) = if with_steps {
            explain(program, &facts)?
        } else {
            (evaluate(program, &facts)?, Vec::new())
        };
        Ok(Verdict {
            decision,
            workload: Some(workload),
            steps,
        })
    }
}

fn denied(reason: Reason) -> Verdict {
    Verdict {
        decision: Decision::Deny {
            reasons: vec![reason],
            truncated: false,
        },
        workload: None,
        steps: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_types_of_the_contract() {
        let of = |text: &str| Owned::of(serde_json::from_str(text).ok().as_ref());
        assert_eq!(of("7").borrowed(), Value::Integer(7));
        assert_eq!(of("1.5").borrowed(), Value::Number("1.5"));
        assert_eq!(
            of("18446744073709551615").borrowed(),
            Value::Number("18446744073709551615")
        );
        assert_eq!(of("[]").borrowed(), Value::Texts(&[]));
        assert_eq!(of("[1]").borrowed(), Value::Json("[1]"));
        assert_eq!(of("").borrowed(), Value::Absent);
    }
}

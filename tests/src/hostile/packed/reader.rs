//! A reader of packed input, made from what `wit/policy.wit` says and from
//! nothing else, that gives the record of the typed input as JSON.

use serde_json::{Value, json};

/// What is left of the texts and of the marks.
struct Reader<'a> {
    texts: &'a str,
    marks: &'a [u32],
}

/// Reads all of it; what is left over fails.
pub(super) fn read(texts: &str, marks: &[u32]) -> Value {
    let mut from = Reader { texts, marks };
    let (now, expires_at) = (from.wide(), from.wide());
    let (issued_at, not_before) = (from.maybe_wide(), from.maybe_wide());
    let (issuer, subject) = (from.text(), from.text());
    let (token_type, algorithm, token_id) = (from.maybe(), from.text(), from.maybe());
    let (model, form) = (from.text(), from.text());
    let audience = from.list(Reader::text);
    let parts = from.list(Reader::maybe);
    let names = from.list(Reader::name);
    let claims = from.list(Reader::claim);
    let payload = from.maybe();
    let verified_by = from.key();
    let route = from.text();
    let attributes = from.list(|from| json!([from.text(), from.text()]));
    let published = from.list(Reader::key);
    assert_eq!((from.texts, from.marks), ("", &[][..]), "something is left");
    json!({
        "token": {
            "issuer": issuer, "subject": subject, "audience": audience,
            "token-type": token_type, "algorithm": algorithm, "token-id": token_id,
            "issued-at": issued_at, "not-before": not_before, "expires-at": expires_at,
            "workload": { "model": model, "form": form, "parts": parts, "names": names },
            "claims": claims, "payload": payload,
        },
        "verified-by": verified_by,
        "published": published,
        "request": { "now": now, "audience": route, "attributes": attributes },
    })
}

impl Reader<'_> {
    fn mark(&mut self) -> u32 {
        let (first, rest) = self.marks.split_first().unwrap();
        self.marks = rest;
        *first
    }

    fn take(&mut self, length: u32) -> Value {
        let (text, rest) = self.texts.split_at(usize::try_from(length).unwrap());
        self.texts = rest;
        text.into()
    }

    /// T.
    fn text(&mut self) -> Value {
        let length = self.mark();
        self.take(length)
    }

    /// O.
    fn maybe(&mut self) -> Value {
        match self.mark() {
            0 => Value::Null,
            more => self.take(more - 1),
        }
    }

    /// U.
    fn wide(&mut self) -> u64 {
        let (low, high) = (self.mark(), self.mark());
        u64::from(high) << 32 | u64::from(low)
    }

    fn maybe_wide(&mut self) -> Value {
        match self.mark() {
            0 => Value::Null,
            1 => self.wide().into(),
            other => panic!("{other} says neither none nor some"),
        }
    }

    fn list(&mut self, one: impl Fn(&mut Self) -> Value) -> Value {
        let count = self.mark();
        (0..count).map(|_| one(self)).collect()
    }

    fn name(&mut self) -> Value {
        match self.maybe() {
            Value::Null => Value::Null,
            name @ (Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_)) => {
                json!({ "name": name, "id": self.maybe(), "parent": self.maybe() })
            }
        }
    }

    fn claim(&mut self) -> Value {
        match self.mark() {
            0 => json!("absent"),
            1 => json!("null"),
            2 => json!({ "boolean": false }),
            3 => json!({ "boolean": true }),
            4 => json!({ "integer": self.wide().cast_signed() }),
            5 => json!({ "number": self.text() }),
            6 => json!({ "text": self.text() }),
            7 => json!({ "texts": self.list(Self::text) }),
            8 => json!({ "json": self.text() }),
            other => panic!("no value has case {other}"),
        }
    }

    fn key(&mut self) -> Value {
        json!({
            "id": self.maybe(), "key-type": self.text(), "algorithm": self.text(),
            "bits": self.mark(), "thumbprint": self.text(),
        })
    }
}

//! Where a component came from.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::*;

fn envelope(key: &SigningKey, kind: &str, payload: &Value) -> Value {
    let payload = payload.to_string();
    let message = format!("DSSEv1 {} {kind} {} {payload}", kind.len(), payload.len());
    let signature = key.sign(message.as_bytes(), Form::Detached).unwrap();
    let signature = std::str::from_utf8(signature.as_bytes())
        .unwrap()
        .to_owned();
    json!({
        "payloadType": kind,
        "payload": STANDARD.encode(payload),
        "signatures": [{ "keyid": "", "sig": signature }],
    })
}

fn said(subject: &Value) -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subject,
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {},
    })
}

const KIND: &str = "application/vnd.in-toto+json";

#[test]
fn an_attestation_is_about_the_component_and_by_the_key() {
    let key = key();
    let component = Digest::of(b"component");
    let subject = json!([{ "name": "x" }, { "digest": { "sha256": component.to_digits() } }]);
    let envelope = envelope(&key, KIND, &said(&subject));
    let bundle = |version: &str| {
        json!({
            "mediaType": format!("application/vnd.dev.sigstore.bundle+json;version={version}"),
            "dsseEnvelope": envelope,
        })
    };
    for text in [
        envelope.clone(),
        bundle("0.1"),
        bundle("0.2"),
        bundle("0.3"),
    ] {
        let bytes = text.to_string().into_bytes();
        let read = Provenance::verify(&bytes, key.public(), &component).unwrap();
        assert_eq!(read.predicate_type(), "https://slsa.dev/provenance/v1");
        let stranger = Provenance::verify(&bytes, super::key().public(), &component);
        assert_eq!(stranger, Err(ProvenanceError::Stranger));
        let other = Digest::of(b"other");
        let about = Provenance::verify(&bytes, key.public(), &other);
        assert_eq!(about, Err(ProvenanceError::Subject(other)));
        let authority = authority([trusted(&key, "release", &[Role::Module])]);
        let vouched = authority.provenance(&bytes, &name("acme-deploy"), &component);
        assert_eq!(vouched.unwrap().signers().len(), 1);
    }
    let refused = Provenance::verify(
        bundle("0.9").to_string().as_bytes(),
        key.public(),
        &component,
    );
    assert!(matches!(
        refused,
        Err(ProvenanceError::Bundle(SignatureError::Version(_)))
    ));
}

#[test]
fn an_attestation_of_nothing_or_of_another_kind_is_refused() {
    let key = key();
    let component = Digest::of(b"component");
    let verify = |envelope: &Value| {
        let bytes = envelope.to_string().into_bytes();
        Provenance::verify(&bytes, key.public(), &component).unwrap_err()
    };
    for subject in [json!([]), json!({}), Value::Null] {
        let refused = verify(&envelope(&key, KIND, &said(&subject)));
        assert_eq!(refused, ProvenanceError::NoSubject);
    }
    let by_other_digest = json!([{ "digest": { "sha512": component.to_digits() } }]);
    let refused = verify(&envelope(&key, KIND, &said(&by_other_digest)));
    assert_eq!(refused, ProvenanceError::Subject(component));
    let subject = json!([{ "digest": { "sha256": component.to_digits() } }]);
    let refused = verify(&envelope(&key, "text/plain", &said(&subject)));
    assert_eq!(refused, ProvenanceError::Type("text/plain".into()));
    let mut other = said(&subject);
    other["_type"] = "x".into();
    let refused = verify(&envelope(&key, KIND, &other));
    assert_eq!(refused, ProvenanceError::Type("x".into()));
}

//! Documents about modules, their signatures, attestations and keys: whatever the
//! bytes, an answer; what is taken is what another reader finds, and is written as
//! it was read.
//!
//! The first byte says what the rest is: `d`, a document; `b`, a bundle, in which
//! `SIGNATURE` and `DIGEST` stand for the right ones on a document; `p`, what an
//! attestation says, which is signed, where `DIGEST` stands for the component's;
//! `k`, a key in PEM; else a signature or an attestation as it is.

#![no_main]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use claimbound::modules::{
    Comparison, Digest, Form, Index, Provenance, PublicKey, Signature, SigningKey, Statement,
};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const DOCUMENT: &[u8] = b"a document";
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

// RFC 8410 §10.3
static KEY: LazyLock<SigningKey> = LazyLock::new(|| {
    SigningKey::from_pem(
        "-----BEGIN PRIVATE KEY-----\n\
         MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
         -----END PRIVATE KEY-----\n",
    )
    .unwrap()
});
static SIGNATURE: LazyLock<String> = LazyLock::new(|| detached(DOCUMENT));

fn detached(message: &[u8]) -> String {
    let signature = KEY.sign(message, Form::Detached).unwrap();
    String::from_utf8(signature.as_bytes().to_vec()).unwrap()
}

fuzz_target!(|data: &[u8]| {
    let Some((kind, bytes)) = data.split_first() else {
        return;
    };
    match kind {
        b'd' => document(bytes),
        b'b' => bundle(&String::from_utf8_lossy(bytes)),
        b'p' => attestation(&String::from_utf8_lossy(bytes)),
        b'k' => key(&String::from_utf8_lossy(bytes)),
        _ => anything(bytes),
    }
});

/// What is read is written as the same document, in one way.
fn document(bytes: &[u8]) {
    let named = |kind: &str| {
        let json: Value = serde_json::from_slice(bytes).unwrap();
        assert_eq!(json["type"], format!("claimbound.{kind}.v1"));
        json
    };
    if let Ok(read) = Statement::parse(bytes) {
        let json = named("module");
        assert_eq!(json["version"], read.id.version().to_string());
        assert_eq!(json["digest"], read.digest.to_string());
        assert_eq!(Statement::parse(&read.to_bytes()), Ok(read));
    }
    if let Ok(read) = Index::parse(bytes) {
        let json = named("index");
        assert_eq!(json["serial"], read.serial());
        assert_eq!(
            json["versions"].as_array().unwrap().len(),
            read.versions().len()
        );
        assert!(read.time() < read.expires());
        assert_eq!(Index::parse(&read.to_bytes()), Ok(read));
    }
    if let Ok(read) = Comparison::parse(bytes) {
        let json = named("comparison");
        assert_eq!(json["outcome"], read.outcome.as_str());
        assert_eq!(Comparison::parse(&read.to_bytes()), Ok(read));
    }
}

/// A bundle counts only with a digest and a signature that are the document's.
fn bundle(text: &str) {
    let digest = STANDARD.encode(Digest::of(DOCUMENT).as_bytes());
    let text = text
        .replace("SIGNATURE", &SIGNATURE)
        .replace("DIGEST", &digest);
    let Ok(signature) = Signature::parse(text.as_bytes()) else {
        return;
    };
    if !signature.is_by(KEY.public(), DOCUMENT) || signature.form() == Form::Detached {
        return;
    }
    let Ok(json) = serde_json::from_str::<Value>(&text) else {
        // Numbers past a float are the one thing that it has no room for.
        return;
    };
    let message = &json["messageSignature"];
    assert_eq!(message["messageDigest"]["algorithm"], "SHA2_256");
    assert_eq!(message["messageDigest"]["digest"], digest);
    assert_eq!(message["signature"], *SIGNATURE);
    assert!(json.get("dsseEnvelope").is_none());
    assert!(json["mediaType"].as_str().unwrap().contains("0.3"));
}

/// What was signed counts only for a component that it names.
fn attestation(text: &str) {
    let component = Digest::of(DOCUMENT);
    let payload = text.replace("DIGEST", &component.to_digits());
    let message = format!(
        "DSSEv1 {} {PAYLOAD_TYPE} {} {payload}",
        PAYLOAD_TYPE.len(),
        payload.len()
    );
    let envelope = serde_json::json!({
        "payloadType": PAYLOAD_TYPE,
        "payload": STANDARD.encode(&payload),
        "signatures": [{ "sig": detached(message.as_bytes()) }],
    });
    let bytes = envelope.to_string().into_bytes();
    let read = Provenance::verify(&bytes, KEY.public(), &component);
    let other = Digest::of(b"another component");
    assert!(
        Provenance::verify(&bytes, KEY.public(), &other).is_err()
            || payload.contains(&other.to_digits())
    );
    if let (Ok(_), Ok(json)) = (read, serde_json::from_str::<Value>(&payload)) {
        let subjects = json["subject"].as_array().unwrap();
        let named = |subject: &Value| subject["digest"]["sha256"] == component.to_digits();
        assert!(subjects.iter().any(named));
    }
}

/// A key is written as it was read, and no key is of both kinds.
fn key(text: &str) {
    let public = PublicKey::from_pem(text);
    let private = SigningKey::from_pem(text);
    assert!(public.is_err() || private.is_err());
    if let Ok(key) = public {
        assert_eq!(PublicKey::from_pem(&key.to_pem()), Ok(key));
    }
    if let Ok(key) = private {
        let again = SigningKey::from_pem(&key.to_pem().unwrap()).unwrap();
        assert_eq!(again.public(), key.public());
        let signature = again.sign(DOCUMENT, Form::Bundle).unwrap();
        assert!(signature.is_by(key.public(), DOCUMENT));
    }
}

/// Nobody but the key signs anything.
fn anything(bytes: &[u8]) {
    if let Ok(signature) = Signature::parse(bytes) {
        assert_eq!(signature.as_bytes(), bytes);
        assert!(!signature.is_by(KEY.public(), b"another document"));
    }
    assert!(Provenance::verify(bytes, KEY.public(), &Digest::of(b"another component")).is_err());
}

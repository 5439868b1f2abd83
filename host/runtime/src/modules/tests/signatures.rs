//! Signatures alone and in bundles.

use super::*;

fn bundle(change: impl Fn(&mut serde_json::Value)) -> Result<Signature, SignatureError> {
    let made = key().sign(b"document", Form::Bundle).unwrap();
    let mut json = serde_json::from_slice(made.as_bytes()).unwrap();
    change(&mut json);
    Signature::parse(json.to_string().as_bytes())
}

#[test]
fn bundles_of_other_versions_are_refused_by_name() {
    let of = |media_type: &str| bundle(|json| json["mediaType"] = media_type.into());
    assert!(of("application/vnd.dev.sigstore.bundle+json;version=0.3").is_ok());
    for version in ["0.1", "0.2", "0.4"] {
        let name = format!("application/vnd.dev.sigstore.bundle+json;version={version}");
        assert_eq!(of(&name), Err(SignatureError::Version(name)));
    }
}

#[test]
fn a_bundle_without_what_it_needs_is_refused() {
    let take = |path: &'static str| {
        bundle(move |json| *json.pointer_mut(path).unwrap() = serde_json::Value::Null)
    };
    for path in [
        "/mediaType",
        "/messageSignature",
        "/messageSignature/signature",
        "/messageSignature/messageDigest",
        "/messageSignature/messageDigest/digest",
        "/messageSignature/messageDigest/algorithm",
    ] {
        assert!(
            matches!(take(path), Err(SignatureError::Bundle(_))),
            "{path}"
        );
    }
    assert!(take("/verificationMaterial").is_ok());
    let empty = bundle(|json| json["messageSignature"]["signature"] = "".into());
    assert_eq!(empty, Err(SignatureError::Length));
    let broken = bundle(|json| json["messageSignature"]["signature"] = "!!".into());
    assert_eq!(broken, Err(SignatureError::Base64));
    let short = bundle(|json| json["messageSignature"]["messageDigest"]["digest"] = "AAAA".into());
    assert!(matches!(short, Err(SignatureError::Bundle(_))));
    let attestation = bundle(|json| json["dsseEnvelope"] = serde_json::json!({}));
    assert_eq!(attestation, Err(SignatureError::Attestation));
    let other = bundle(|json| {
        json["messageSignature"]["messageDigest"]["algorithm"] = "SHA2_512".into();
    });
    assert_eq!(other, Err(SignatureError::Algorithm("SHA2_512".into())));
}

#[test]
fn a_detached_signature_may_be_broken_into_lines_and_nothing_else() {
    let key = key();
    let made = key.sign(b"document", Form::Detached).unwrap();
    let text = String::from_utf8(made.as_bytes().to_vec()).unwrap();
    let (begin, end) = text.split_at(64);
    for text in [format!("{text}\n"), format!("{begin}\r\n{end}\r\n")] {
        let read = Signature::parse(text.as_bytes()).unwrap();
        assert!(read.is_by(key.public(), b"document"));
    }
    let long = "A".repeat(1_028);
    for text in ["", "\n", "A", "AA=A", "not base64!", &long] {
        assert!(Signature::parse(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn a_bundle_of_another_document_is_one_whoever_signed_it() {
    let key = key();
    let statement = statement().to_bytes();
    let other = key.sign(b"other", Form::Bundle).unwrap();
    let signed = Signed {
        document: statement,
        signatures: vec![other],
    };
    let authority = authority([trusted(&key, "release", &Role::ALL)]);
    let refused = authority.statement(&signed, &name("acme-deploy"));
    assert_eq!(refused, Err(Untrusted::Elsewhere));
}

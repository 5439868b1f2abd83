//! Keys: how they sign, and what is none.

use super::*;

#[test]
fn a_key_of_either_kind_signs_in_either_form_and_is_read_back() {
    for algorithm in KeyAlgorithm::ALL {
        let made = SigningKey::generate(algorithm).unwrap();
        let key = SigningKey::from_pem(&made.to_pem().unwrap()).unwrap();
        let public = PublicKey::from_pem(&key.public().to_pem()).unwrap();
        assert_eq!((&public, public.algorithm()), (made.public(), algorithm));
        for form in Form::ALL {
            let signature = key.sign(b"document", form).unwrap();
            let read = Signature::parse(signature.as_bytes()).unwrap();
            assert_eq!((read.form(), &read), (form, &signature));
            assert!(read.is_by(&public, b"document"));
            assert!(!read.is_by(&public, b"Document"));
            assert!(!read.is_by(super::key().public(), b"document"));
        }
    }
}

#[test]
fn a_bundle_is_as_cosign_writes_it() {
    let key = key();
    let signature = key.sign(b"document", Form::Bundle).unwrap();
    let json: serde_json::Value = serde_json::from_slice(signature.as_bytes()).unwrap();
    assert_eq!(
        json["mediaType"],
        "application/vnd.dev.sigstore.bundle.v0.3+json"
    );
    assert_eq!(
        json["verificationMaterial"]["publicKey"]["hint"],
        key.public().hint()
    );
    let message = &json["messageSignature"];
    assert_eq!(message["messageDigest"]["algorithm"], "SHA2_256");
    assert!(message["signature"].is_string());
}

// RFC 8410 §10.3, and a key of RFC 5915 made by `openssl ecparam -genkey`.
const ED25519: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";

#[test]
fn a_key_shows_nothing_of_itself() {
    let key = SigningKey::from_pem(ED25519).unwrap();
    let shown = format!("{key:?}");
    assert!(
        shown.contains("Ed25519") && !shown.contains("d4ee72"),
        "{shown}"
    );
    let spoilt = ED25519.replace("MC4CAQAw", "MC4CAQAx");
    let message = SigningKey::from_pem(&spoilt).unwrap_err().to_string();
    assert!(!message.contains("INTuctv5"), "{message}");
}

#[test]
fn a_key_in_the_wrong_place_is_named_for_what_it_is() {
    let public = key().public().to_pem();
    let block = |label: &str| format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
    assert_eq!(PublicKey::from_pem(ED25519), Err(UnusableKey::Private));
    let private = |text: &str| SigningKey::from_pem(text).unwrap_err();
    assert_eq!(private(&public), UnusableKey::Public);
    for label in ["SIGSTORE", "COSIGN"] {
        let text = block(&format!("ENCRYPTED {label} PRIVATE KEY"));
        assert_eq!(private(&text), UnusableKey::Cosign);
    }
    assert_eq!(
        private(&block("ENCRYPTED PRIVATE KEY")),
        UnusableKey::Encrypted
    );
    assert!(matches!(
        private(&block("RSA PRIVATE KEY")),
        UnusableKey::Other(_)
    ));
    assert!(matches!(
        private(&block("CERTIFICATE")),
        UnusableKey::Label(_)
    ));
    let certificate = PublicKey::from_pem(&block("CERTIFICATE"));
    assert!(matches!(certificate, Err(UnusableKey::Label(_))));
    for text in ["", "key", &public.repeat(2), &public.replace("END", "XXX")] {
        assert!(matches!(
            PublicKey::from_pem(text),
            Err(UnusableKey::Pem(_))
        ));
    }
    let around = format!("Public Key:\n{public}\nthat was it\n");
    assert!(PublicKey::from_pem(&around).is_ok());
}

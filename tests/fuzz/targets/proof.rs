//! Proofs of possession, and certificates as proxies pass them on: whatever the
//! bytes, an answer; and what is taken is what another reader finds.
//!
//! The first byte says what the rest is: `c`, a certificate in whatever form; `s`,
//! a proof's header and payload in two lines, which the token's key signs, where
//! `KEY` in the header stands for its public half; else the bytes of a proof.

#![no_main]

use std::sync::LazyLock;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use claimbound::key::Key;
use claimbound::proof::certificate::{
    LONGEST, from_client_cert, from_der, from_escaped_pem, from_hexadecimal, from_pem,
};
use claimbound::proof::{Bound, DpopProof, DpopRules};
use claimbound_fuzz::input::Bytes;
use claimbound_fuzz::reader;
use libfuzzer_sys::fuzz_target;

const NOW: u64 = 1_790_000_000;
const METHOD: &str = "POST";
const URL: &str = "https://api.example/a%2Fb";
/// The digest of the token, and as a proof has it.
const TOKEN: [u8; 32] = [0; 32];
const ATH: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

static PAIR: LazyLock<Ed25519KeyPair> =
    LazyLock::new(|| Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap());
static JWK: LazyLock<String> = LazyLock::new(|| {
    let x = URL_SAFE_NO_PAD.encode(PAIR.public_key().as_ref());
    format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#)
});
static THUMBPRINT: LazyLock<String> = LazyLock::new(|| {
    let key = Key::from_jwk(JWK.as_bytes()).unwrap();
    key.thumbprint().to_owned()
});

fuzz_target!(|data: &[u8]| {
    let mut bytes = Bytes(data);
    match bytes.byte() {
        b'c' => certificate(bytes.0),
        b's' => signed(bytes.0),
        _ => assert!(!is_taken(&String::from_utf8_lossy(bytes.0))),
    }
});

fn is_taken(jwt: &str) -> bool {
    let proof = DpopProof {
        jwt: jwt.to_owned(),
        method: METHOD.to_owned(),
        url: URL.to_owned(),
    };
    let bound = Bound {
        thumbprint: &THUMBPRINT,
        token: TOKEN,
        now: NOW,
        leeway: 60,
    };
    match proof.check(&bound, &DpopRules::default()) {
        Ok(proved) => {
            assert_eq!(proved.thumbprint, *THUMBPRINT);
            assert!((1..=256).contains(&proved.id.len()));
            assert!((NOW + 61..=NOW + 181).contains(&proved.until));
            true
        }
        Err(refusal) => {
            assert!(refusal.message.len() < 1_000 && refusal.expected.len() < 1_000);
            false
        }
    }
}

fn signed(text: &[u8]) {
    let text = String::from_utf8_lossy(text);
    let (header, payload) = text.split_once('\n').unwrap_or((&text, ""));
    let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
    let message = format!("{}.{}", part(&header.replace("KEY", &JWK)), part(payload));
    let signature = URL_SAFE_NO_PAD.encode(PAIR.sign(message.as_bytes()));
    let jwt = format!("{message}.{signature}");
    if !is_taken(&jwt) {
        return;
    }
    // Numbers past a float are the one thing that another reader has no room for.
    let Some((header, payload)) = reader::read(jwt.as_bytes()) else {
        return;
    };
    assert_eq!(
        (&header["typ"], &header["alg"]),
        (&"dpop+jwt".into(), &"EdDSA".into())
    );
    assert!(header["jwk"].get("d").is_none() && header.get("crit").is_none());
    assert_eq!(
        (&payload["htm"], &payload["ath"]),
        (&METHOD.into(), &ATH.into())
    );
    let url = payload["htu"].as_str().unwrap().to_ascii_lowercase();
    assert!(url.starts_with("https://api.example"), "{url}");
    let issued = payload["iat"].as_f64().unwrap();
    assert!((NOW as f64 - 61.0..=NOW as f64 + 60.0).contains(&issued));
}

fn certificate(bytes: &[u8]) {
    if let Ok(thumbprint) = from_der(bytes) {
        assert!(bytes.len() <= LONGEST && bytes.starts_with(&[0x30]));
        let text = STANDARD.encode(bytes);
        let pem = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
        let escaped: String = pem.bytes().map(|byte| format!("%{byte:02x}")).collect();
        assert_eq!(from_client_cert(&format!(":{text}:")), Ok(thumbprint));
        assert_eq!(from_pem(&pem), Ok(thumbprint));
        assert_eq!(
            from_escaped_pem(&escaped).is_ok(),
            escaped.len() <= 4 * LONGEST + 1024
        );
    }
    let text = String::from_utf8_lossy(bytes);
    if from_client_cert(&text).is_ok() {
        assert!(text.starts_with(':') && text.ends_with(':') && from_pem(&text).is_err());
    }
    if from_pem(&text).is_ok() {
        assert_eq!(text.matches("BEGIN CERTIFICATE").count(), 1);
    }
    if from_hexadecimal(&text).is_ok() {
        assert!(text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
    let _answer = from_escaped_pem(&text);
}

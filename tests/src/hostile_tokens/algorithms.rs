//! Which key may verify which algorithm: the right pairs, and no other.

use std::fmt::Write as _;

use aws_lc_rs::hmac;
use serde_json::{Value, json};

use super::keys::encode;
use super::{ISSUER, POLICY, Signer, claims, decide, gate_of, gate_with, issuer};

const RSA: [&str; 6] = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
const ALL: [&str; 10] = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
];

/// What a JWK says of itself beyond its numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Bound {
    Free,
    ToTheHeader,
    /// To an algorithm that such keys can make, though not the header's.
    ToASibling,
    /// To an algorithm that no such key can make.
    ToAStranger,
    ToEncryption,
    ToSigning,
    ToVerifying,
}

const BOUNDS: [Bound; 7] = [
    Bound::Free,
    Bound::ToTheHeader,
    Bound::ToASibling,
    Bound::ToAStranger,
    Bound::ToEncryption,
    Bound::ToSigning,
    Bound::ToVerifying,
];

impl Bound {
    /// The members for a key that can make `makes`; none where there is nothing
    /// to say.
    fn members(self, makes: &[&str], header: &str) -> Option<Value> {
        let alg = |name: &str| json!({ "alg": name });
        Some(match self {
            Self::Free => json!({}),
            Self::ToTheHeader => alg(header),
            Self::ToASibling => alg(makes.iter().find(|one| **one != header)?),
            Self::ToAStranger => alg(ALL
                .iter()
                .find(|one| !makes.contains(one) && **one != header)?),
            Self::ToEncryption => json!({ "use": "enc" }),
            Self::ToSigning => json!({ "key_ops": ["sign"] }),
            Self::ToVerifying => json!({ "use": "sig", "key_ops": ["verify"] }),
        })
    }

    /// What becomes of a token whose header names the key.
    fn expected(self, makes: &[&str], header: &str) -> &'static str {
        let right = makes.contains(&header);
        match self {
            Self::Free | Self::ToVerifying | Self::ToTheHeader if right => "allow",
            Self::Free | Self::ToVerifying | Self::ToASibling => "token.algorithm",
            // A key that can't be what it says is no key.
            Self::ToTheHeader | Self::ToAStranger | Self::ToEncryption | Self::ToSigning => {
                "token.key"
            }
        }
    }
}

/// A 1024-bit key: its modulus is odd, and that is all that is asked of it
/// before its size is.
fn short_rsa() -> Value {
    json!({ "kid": "k", "kty": "RSA", "n": encode([0xc3; 128]), "e": "AQAB" })
}

fn with(mut jwk: Value, members: &Value) -> Value {
    for (name, value) in members.as_object().unwrap() {
        jwk[name] = value.clone();
    }
    jwk
}

#[test]
fn the_right_pairs_pass_and_no_other() {
    let keys: [(&str, Signer, Vec<&str>); 5] = [
        ("RSA 2048", Signer::rsa(), RSA.to_vec()),
        ("P-256", Signer::p256(), vec!["ES256"]),
        ("P-384", Signer::p384(), vec!["ES384"]),
        ("P-521", Signer::p521(), vec!["ES512"]),
        ("Ed25519", Signer::ed25519(), vec!["EdDSA"]),
    ];
    let (mut passed, mut wrong) = (Vec::new(), String::new());
    for (name, signer, makes) in &keys {
        for algorithm in ALL {
            let header = format!(r#"{{"alg":"{algorithm}","typ":"JWT","kid":"k"}}"#);
            let nameless = format!(r#"{{"alg":"{algorithm}","typ":"JWT"}}"#);
            let tokens =
                [&header, &nameless].map(|header| signer.sign(algorithm, header, &claims()));
            for bound in BOUNDS {
                let Some(members) = bound.members(makes, algorithm) else {
                    continue;
                };
                let gate = gate_with(&[with(signer.jwk("k"), &members)]);
                let named = bound.expected(makes, algorithm);
                // Without a name there is no key that could be of another algorithm.
                let unnamed = if named == "allow" { named } else { "token.key" };
                for (token, expected) in tokens.iter().zip([named, unnamed]) {
                    let found = decide(&gate, token);
                    if found != expected {
                        writeln!(
                            wrong,
                            "{name} {algorithm} {bound:?}: {found}, not {expected}"
                        )
                        .unwrap();
                    }
                    if found == "allow" {
                        passed.push((*name, algorithm));
                    }
                }
            }
        }
    }
    assert_eq!(wrong, "");
    passed.dedup();
    let right: Vec<_> = keys
        .iter()
        .flat_map(|(name, _, makes)| makes.iter().map(|one| (*name, *one)))
        .collect();
    assert_eq!(passed, right);
}

#[test]
fn a_short_key_verifies_nothing_whatever_it_says() {
    for algorithm in ALL {
        for bound in BOUNDS {
            let Some(members) = bound.members(&RSA, algorithm) else {
                continue;
            };
            let gate = gate_with(&[with(short_rsa(), &members)]);
            let header = format!(r#"{{"alg":"{algorithm}","typ":"JWT","kid":"k"}}"#);
            let token = format!(
                "{}.{}.{}",
                encode(header),
                encode(claims()),
                encode([1; 128])
            );
            assert_eq!(decide(&gate, &token), "token.key", "{algorithm} {bound:?}");
        }
    }
}

#[test]
fn an_algorithm_is_spelt_in_one_way() {
    let signer = Signer::ed25519();
    let gate = gate_with(&[signer.jwk("k")]);
    let mut names: Vec<String> = (0..16_u8)
        .map(|bits| {
            let letter = |(index, letter): (usize, char)| {
                if bits >> index & 1 == 1 {
                    letter.to_ascii_uppercase()
                } else {
                    letter
                }
            };
            "none".chars().enumerate().map(letter).collect()
        })
        .collect();
    names.extend(
        [
            "",
            " ",
            "null",
            "none ",
            " none",
            "none\\u0000",
            "n\\u006fne",
            "ｎｏｎｅ",
            "eddsa",
            "EDDSA",
            "Ed25519",
            "Ed448",
            "EdDSA ",
            "EdDSA\\u0000",
            "ES256K",
            "HS256",
            "HS384",
            "HS512",
            "RSA1_5",
            "RSA-OAEP",
            "A128KW",
            "dir",
            "ML-DSA-44",
            "rs256",
            "RS1",
            "PS1",
        ]
        .map(str::to_owned),
    );
    for name in names {
        let header = format!(r#"{{"alg":"{name}","typ":"JWT","kid":"k"}}"#);
        let token = signer.sign("EdDSA", &header, &claims());
        let unsigned = format!("{}.{}.", encode(&header), encode(claims()));
        for token in [token, unsigned] {
            assert_eq!(decide(&gate, &token), "token.algorithm", "{name:?}");
        }
    }
    for alg in ["null", "false", "0", "[]", r#"["EdDSA"]"#, "{}"] {
        let header = format!(r#"{{"alg":{alg},"typ":"JWT","kid":"k"}}"#);
        let token = signer.sign("EdDSA", &header, &claims());
        assert_eq!(decide(&gate, &token), "token.malformed", "{alg}");
    }
    let without = signer.sign("EdDSA", r#"{"typ":"JWT","kid":"k"}"#, &claims());
    assert_eq!(decide(&gate, &without), "token.malformed");
}

/// Everything public about a key that somebody might take for a secret.
fn secrets(signer: &Signer) -> Vec<Vec<u8>> {
    let der = signer.der();
    let body = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &der);
    let lines: Vec<&str> = body
        .as_bytes()
        .chunks(64)
        .map(|line| str::from_utf8(line).unwrap())
        .collect();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----",
        lines.join("\n")
    );
    let jwk = signer.jwk("k");
    let set = json!({ "keys": [jwk] });
    let mut secrets = vec![
        Vec::new(),
        pem.clone().into_bytes(),
        format!("{pem}\n").into_bytes(),
        der,
        jwk.to_string().into_bytes(),
        set.to_string().into_bytes(),
    ];
    for member in ["n", "x", "y"] {
        if let Some(text) = jwk[member].as_str() {
            secrets.push(text.as_bytes().to_vec());
            secrets.push(
                base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, text)
                    .unwrap(),
            );
        }
    }
    secrets
}

#[test]
fn a_public_key_is_nobodys_shared_secret() {
    for (signer, own) in [
        (Signer::rsa(), "RS256"),
        (Signer::p256(), "ES256"),
        (Signer::ed25519(), "EdDSA"),
    ] {
        // The issuer publishes it, as if it were a secret too.
        let oct = json!({ "kid": "oct", "kty": "oct", "alg": "HS256", "k": encode(signer.der()) });
        let gate = gate_of([issuer(ISSUER, &[signer.jwk("k"), oct])], &POLICY);
        for secret in secrets(&signer) {
            for (alg, kid, expected) in [
                ("HS256", "k", "token.algorithm"),
                ("HS384", "k", "token.algorithm"),
                ("HS512", "k", "token.algorithm"),
                ("HS256", "oct", "token.algorithm"),
                (own, "k", "token.signature"),
                (own, "oct", "token.key"),
            ] {
                let hash = match alg {
                    "HS384" => hmac::HMAC_SHA384,
                    "HS512" => hmac::HMAC_SHA512,
                    _ => hmac::HMAC_SHA256,
                };
                let header = format!(r#"{{"alg":"{alg}","typ":"JWT","kid":"{kid}"}}"#);
                let input = format!("{}.{}", encode(header), encode(claims()));
                let tag = hmac::sign(&hmac::Key::new(hash, &secret), input.as_bytes());
                let token = format!("{input}.{}", encode(tag));
                assert_eq!(decide(&gate, &token), expected, "{alg} {kid}");
            }
        }
    }
}

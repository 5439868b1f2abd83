//! Keys of every kind that a token may be signed with.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512,
    RsaEncoding,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// A key pair.
pub(super) enum Signer {
    Rsa(rsa::KeyPair),
    Ec(&'static str, EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

pub(super) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Signer {
    pub(super) fn rsa() -> Self {
        Self::Rsa(rsa::KeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    pub(super) fn p256() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
        Self::Ec("P-256", pair.unwrap())
    }

    pub(super) fn p384() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING);
        Self::Ec("P-384", pair.unwrap())
    }

    pub(super) fn p521() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P521_SHA512_FIXED_SIGNING);
        Self::Ec("P-521", pair.unwrap())
    }

    pub(super) fn ed25519() -> Self {
        Self::Ed25519(Ed25519KeyPair::generate().unwrap())
    }

    /// The public half, without `use` and `alg`.
    pub(super) fn jwk(&self, id: &str) -> Value {
        match self {
            Self::Rsa(_) => {
                json!({ "kid": id, "kty": "RSA", "n": encode(self.modulus()), "e": "AQAB" })
            }
            Self::Ec(curve, pair) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                json!({ "kid": id, "kty": "EC", "crv": curve, "x": encode(x), "y": encode(y) })
            }
            Self::Ed25519(pair) => {
                let x = encode(pair.public_key());
                json!({ "kid": id, "kty": "OKP", "crv": "Ed25519", "x": x })
            }
        }
    }

    /// The modulus of an RSA key, big-endian.
    pub(super) fn modulus(&self) -> Vec<u8> {
        let Self::Rsa(pair) = self else {
            panic!("no RSA key has no modulus");
        };
        // RFC 8017 §A.1.1: a sequence that ends with the modulus, two bytes of
        // header, and the exponent 65537 in three.
        let der = pair.public_key().as_ref();
        der[der.len() - 5 - pair.public_modulus_len()..der.len() - 5].to_vec()
    }

    /// The public key's `SubjectPublicKeyInfo`.
    pub(super) fn der(&self) -> Vec<u8> {
        use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
        let der: PublicKeyX509Der<'_> = match self {
            Self::Rsa(pair) => pair.public_key().as_der().unwrap(),
            Self::Ec(_, pair) => pair.public_key().as_der().unwrap(),
            Self::Ed25519(pair) => pair.public_key().as_der().unwrap(),
        };
        der.as_ref().to_vec()
    }

    /// A signature as `algorithm` says where this key can make one, else as the
    /// key makes them.
    pub(super) fn signature(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let encoding = encoding(algorithm);
                pair.sign(encoding, &random, message, &mut signature)
                    .unwrap();
                signature
            }
            Self::Ec(_, pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    /// A token of these texts.
    pub(super) fn sign(&self, algorithm: &str, header: &str, payload: &str) -> String {
        self.sign_input(
            algorithm,
            &format!("{}.{}", encode(header), encode(payload)),
        )
    }

    /// A token of this signing input, whatever it is.
    pub(super) fn sign_input(&self, algorithm: &str, input: &str) -> String {
        let signature = self.signature(algorithm, input.as_bytes());
        format!("{input}.{}", encode(signature))
    }
}

fn encoding(algorithm: &str) -> &'static dyn RsaEncoding {
    match algorithm {
        "RS384" => &RSA_PKCS1_SHA384,
        "RS512" => &RSA_PKCS1_SHA512,
        "PS256" => &RSA_PSS_SHA256,
        "PS384" => &RSA_PSS_SHA384,
        "PS512" => &RSA_PSS_SHA512,
        _ => &RSA_PKCS1_SHA256,
    }
}

//! The private key of a throwaway issuer, which signs tokens for tests.

use anyhow::{Context as _, anyhow, bail};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair,
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
    RSA_PSS_SHA512, RsaEncoding,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use claimbound::key::{Algorithm, Key};
use serde_json::{Value, json};

/// A private key and the algorithm that it signs by.
pub(crate) struct Signer {
    algorithm: Algorithm,
    pair: Pair,
    id: String,
}

enum Pair {
    Rsa(Box<rsa::KeyPair>),
    Ec(Curve, EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

/// How an algorithm signs.
enum Scheme {
    Rsa(&'static dyn RsaEncoding),
    Ec(Curve),
    Ed,
}

#[derive(Clone, Copy)]
struct Curve {
    name: &'static str,
    /// Bytes of a coordinate.
    bytes: usize,
    signing: &'static EcdsaSigningAlgorithm,
}

fn curve(name: &'static str, bytes: usize, signing: &'static EcdsaSigningAlgorithm) -> Scheme {
    Scheme::Ec(Curve {
        name,
        bytes,
        signing,
    })
}

fn scheme(algorithm: Algorithm) -> Scheme {
    match algorithm {
        Algorithm::Rs256 => Scheme::Rsa(&RSA_PKCS1_SHA256),
        Algorithm::Rs384 => Scheme::Rsa(&RSA_PKCS1_SHA384),
        Algorithm::Rs512 => Scheme::Rsa(&RSA_PKCS1_SHA512),
        Algorithm::Ps256 => Scheme::Rsa(&RSA_PSS_SHA256),
        Algorithm::Ps384 => Scheme::Rsa(&RSA_PSS_SHA384),
        Algorithm::Ps512 => Scheme::Rsa(&RSA_PSS_SHA512),
        Algorithm::Es256 => curve("P-256", 32, &ECDSA_P256_SHA256_FIXED_SIGNING),
        Algorithm::Es384 => curve("P-384", 48, &ECDSA_P384_SHA384_FIXED_SIGNING),
        Algorithm::Es512 => curve("P-521", 66, &ECDSA_P521_SHA512_FIXED_SIGNING),
        Algorithm::EdDsa => Scheme::Ed,
    }
}

impl Signer {
    /// A fresh key.
    pub(crate) fn fresh(algorithm: Algorithm) -> anyhow::Result<Self> {
        let failed = || anyhow!("a key for `{algorithm}` can't be made");
        let pair = match scheme(algorithm) {
            Scheme::Rsa(_) => rsa::KeyPair::generate(KeySize::Rsa2048)
                .map(|pair| Pair::Rsa(Box::new(pair)))
                .map_err(|_| failed())?,
            Scheme::Ec(curve) => EcdsaKeyPair::generate(curve.signing)
                .map(|pair| Pair::Ec(curve, pair))
                .map_err(|_| failed())?,
            Scheme::Ed => Ed25519KeyPair::generate()
                .map(Pair::Ed)
                .map_err(|_| failed())?,
        };
        Self::new(algorithm, pair, None)
    }

    /// A key from a private JWK (RFC 7517 §4) or PEM (RFC 7468 §10). Nothing
    /// of the text is repeated in an error.
    pub(crate) fn read(algorithm: Algorithm, text: &str) -> anyhow::Result<Self> {
        if text.trim_start().starts_with('{') {
            return Self::from_jwk(algorithm, text);
        }
        let (label, der) = pem(text)?;
        let pair = match (scheme(algorithm), label) {
            (Scheme::Rsa(_), "PRIVATE KEY") => rsa::KeyPair::from_pkcs8(&der).ok().map(boxed),
            (Scheme::Rsa(_), "RSA PRIVATE KEY") => rsa::KeyPair::from_der(&der).ok().map(boxed),
            (Scheme::Ec(curve), "PRIVATE KEY" | "EC PRIVATE KEY") => {
                let pair = EcdsaKeyPair::from_private_key_der(curve.signing, &der).ok();
                pair.map(|pair| Pair::Ec(curve, pair))
            }
            (Scheme::Ed, "PRIVATE KEY") => Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der)
                .ok()
                .map(Pair::Ed),
            (Scheme::Rsa(_) | Scheme::Ec(_) | Scheme::Ed, _) => None,
        };
        Self::new(algorithm, pair.with_context(|| unfit(algorithm))?, None)
    }

    fn from_jwk(algorithm: Algorithm, text: &str) -> anyhow::Result<Self> {
        let jwk: Value =
            serde_json::from_str(text).map_err(|error| anyhow!("the key is no JSON: {error}"))?;
        let member = |name: &str| {
            let text = jwk.get(name).and_then(Value::as_str);
            let octets = text.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
            octets.with_context(|| format!("the key has no usable member `{name}`"))
        };
        let pair = match scheme(algorithm) {
            Scheme::Rsa(_) => {
                let components = rsa::KeyPairComponents {
                    public_key: rsa::PublicKeyComponents {
                        n: member("n")?,
                        e: member("e")?,
                    },
                    d: member("d")?,
                    p: member("p")?,
                    q: member("q")?,
                    dP: member("dp")?,
                    dQ: member("dq")?,
                    qInv: member("qi")?,
                };
                rsa::KeyPair::from_components(&components).ok().map(boxed)
            }
            Scheme::Ec(curve) => {
                let public = [vec![4], member("x")?, member("y")?].concat();
                let secret = member("d")?;
                EcdsaKeyPair::from_private_key_and_public_key(curve.signing, &secret, &public)
                    .ok()
                    .map(|pair| Pair::Ec(curve, pair))
            }
            Scheme::Ed => Ed25519KeyPair::from_seed_and_public_key(&member("d")?, &member("x")?)
                .ok()
                .map(Pair::Ed),
        };
        let id = jwk.get("kid").and_then(Value::as_str).map(str::to_owned);
        Self::new(algorithm, pair.with_context(|| unfit(algorithm))?, id)
    }

    fn new(algorithm: Algorithm, pair: Pair, id: Option<String>) -> anyhow::Result<Self> {
        let mut signer = Self {
            algorithm,
            pair,
            id: String::new(),
        };
        let key = Key::from_jwk(signer.jwk()?.to_string())
            .map_err(|error| anyhow!("the key can't be used for tokens: {error}"))?;
        signer.id = id.unwrap_or_else(|| key.thumbprint().to_owned());
        Ok(signer)
    }

    /// The public key set that verifies what this signs.
    pub(crate) fn key_set(&self) -> anyhow::Result<Value> {
        Ok(json!({ "keys": [self.jwk()?] }))
    }

    /// The public key.
    pub(crate) fn jwk(&self) -> anyhow::Result<Value> {
        let mut jwk = match &self.pair {
            Pair::Rsa(pair) => {
                let der = pair.public_key().as_ref();
                let (modulus, exponent) =
                    rsa_numbers(der).context("the public key can't be read")?;
                json!({ "kty": "RSA", "n": encode(modulus), "e": encode(exponent) })
            }
            Pair::Ec(curve, pair) => {
                // SEC 1 §2.3.3: a byte 4, then both coordinates.
                let point = pair.public_key().as_ref().get(1..).unwrap_or_default();
                let (x, y) = point
                    .split_at_checked(curve.bytes)
                    .context("the public key can't be read")?;
                json!({ "kty": "EC", "crv": curve.name, "x": encode(x), "y": encode(y) })
            }
            Pair::Ed(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref()) })
            }
        };
        if let Some(members) = jwk.as_object_mut() {
            members.insert("use".into(), "sig".into());
            members.insert("alg".into(), self.algorithm.as_str().into());
            if !self.id.is_empty() {
                members.insert("kid".into(), self.id.clone().into());
            }
        }
        Ok(jwk)
    }

    /// The public key's `SubjectPublicKeyInfo`, which a forger would take for a
    /// shared secret; none where the key has another type than RSA.
    pub(crate) fn public_der(&self) -> Option<Vec<u8>> {
        match &self.pair {
            Pair::Rsa(pair) => pair
                .public_key()
                .as_der()
                .ok()
                .map(|der| der.as_ref().to_vec()),
            Pair::Ec(..) | Pair::Ed(_) => None,
        }
    }

    /// The header of its tokens.
    pub(crate) fn header(&self) -> Value {
        json!({ "alg": self.algorithm.as_str(), "kid": self.id, "typ": "JWT" })
    }

    /// A token of these claims.
    pub(crate) fn sign(&self, claims: &Value) -> anyhow::Result<String> {
        let input = signing_input(&self.header(), claims);
        let signature = self.signature(input.as_bytes())?;
        Ok(format!("{input}.{}", encode(&signature)))
    }

    /// A signature over these bytes.
    pub(crate) fn signature(&self, message: &[u8]) -> anyhow::Result<Vec<u8>> {
        let random = SystemRandom::new();
        match (&self.pair, scheme(self.algorithm)) {
            (Pair::Rsa(pair), Scheme::Rsa(encoding)) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &random, message, &mut signature)
                    .map_err(|_| anyhow!("the key can't sign by `{}`", self.algorithm))?;
                Ok(signature)
            }
            (Pair::Ec(_, pair), Scheme::Ec(_)) => {
                let signature = pair.sign(&random, message);
                let signature = signature.map_err(|_| anyhow!("the key can't sign"))?;
                Ok(signature.as_ref().to_vec())
            }
            (Pair::Ed(pair), Scheme::Ed) => Ok(pair.sign(message).as_ref().to_vec()),
            (Pair::Rsa(_) | Pair::Ec(..) | Pair::Ed(_), _) => bail!(unfit(self.algorithm)),
        }
    }
}

/// The first two parts of a token, and the dot between them (RFC 7515 §5.1).
pub(crate) fn signing_input(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| encode(value.to_string().as_bytes());
    format!("{}.{}", part(header), part(claims))
}

/// Base64url without padding.
pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn boxed(pair: rsa::KeyPair) -> Pair {
    Pair::Rsa(Box::new(pair))
}

fn unfit(algorithm: Algorithm) -> String {
    format!("the key is no private key that signs by `{algorithm}`")
}

/// The label and the bytes of the one block of a PEM text.
fn pem(text: &str) -> anyhow::Result<(&str, Vec<u8>)> {
    let block = || {
        let (_, rest) = text.split_once("-----BEGIN ")?;
        let (label, rest) = rest.split_once("-----")?;
        let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
        let body: String = body.split_ascii_whitespace().collect();
        Some((label, STANDARD.decode(body).ok()?))
    };
    block().context("the key is neither a private JWK nor an unencrypted PEM block")
}

/// RFC 8017 §A.1.1: SEQUENCE { modulus INTEGER, publicExponent INTEGER }.
fn rsa_numbers(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (sequence, _) = element(der, 0x30)?;
    let (modulus, rest) = element(sequence, 0x02)?;
    let (exponent, _) = element(rest, 0x02)?;
    Some((bare(modulus), bare(exponent)))
}

/// A number without the zero octet that DER writes before a set first bit.
fn bare(octets: &[u8]) -> &[u8] {
    octets.strip_prefix(&[0]).unwrap_or(octets)
}

/// The contents of the DER element at the start, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&[found, length], rest) = der.split_first_chunk::<2>()?;
    if found != tag {
        return None;
    }
    let (length, rest) = match length {
        0x81 => rest
            .split_first()
            .map(|(length, rest)| (usize::from(*length), rest))?,
        0x82 => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*length)), rest)
        }
        short if short < 0x80 => (usize::from(short), rest),
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use claimbound::json::Limits;
    use claimbound::key::{KeySet, SetLimits};
    use claimbound::token::Token;

    use super::*;

    fn verifies(signer: &Signer) {
        let keys = signer.key_set().unwrap().to_string();
        let keys = KeySet::parse(keys, &SetLimits::default()).unwrap();
        let token = signer.sign(&json!({ "a": 1 })).unwrap();
        let jws = Token::new(&token).decode_raw(&Limits::TOKEN).unwrap();
        assert_eq!(
            jws.verify(&keys, &[signer.algorithm]).unwrap().payload,
            br#"{"a":1}"#
        );
    }

    #[test]
    fn a_fresh_key_of_every_algorithm_signs_what_its_set_verifies() {
        for algorithm in Algorithm::ALL {
            verifies(&Signer::fresh(*algorithm).unwrap());
        }
    }

    #[test]
    fn keys_of_another_type_and_other_text_are_refused_without_repeating_them() {
        let ed = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF\n-----END PRIVATE KEY-----\n";
        verifies(&Signer::read(Algorithm::EdDsa, ed).unwrap());
        for text in [
            ed,
            "",
            "-----BEGIN PRIVATE KEY-----\n!!\n-----END PRIVATE KEY-----",
            "{}",
            "{",
            r#"{"d":"c2VjcmV0"}"#,
        ] {
            let Err(error) = Signer::read(Algorithm::Rs256, text) else {
                panic!("{text} is a key")
            };
            let message = format!("{error:#}");
            assert!(
                !message.contains("MC4C") && !message.contains("c2Vj"),
                "{message}"
            );
        }
    }

    #[test]
    fn the_ed25519_key_of_rfc_8037_is_read_from_its_jwk() {
        let jwk = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        verifies(&Signer::read(Algorithm::EdDsa, jwk).unwrap());
    }
}

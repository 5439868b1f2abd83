//! One public key in PEM: a `SubjectPublicKeyInfo` (RFC 7468 §13, RFC 5280 §4.1.2.7).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Key;
use super::algorithm::Algorithm;
use super::error::KeyError;
use super::material::Material;

const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

/// Longest text, in bytes: the largest key here takes about 1,500.
const LONGEST: usize = 16 * 1024;

const SEQUENCE: u8 = 0x30;
const OBJECT_ID: u8 = 0x06;
const BIT_STRING: u8 = 0x03;
const INTEGER: u8 = 0x02;
const NULL: [u8; 2] = [0x05, 0x00];

/// rsaEncryption (RFC 3279 §2.3.1)
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// id-ecPublicKey (RFC 5480 §2.1.1)
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// id-Ed25519 (RFC 8410 §3)
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
/// The named curves (RFC 5480 §2.1.1.1).
const CURVES: [(&[u8], &str); 3] = [
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07], "P-256"),
    (&[0x2b, 0x81, 0x04, 0x00, 0x22], "P-384"),
    (&[0x2b, 0x81, 0x04, 0x00, 0x23], "P-521"),
];

type Parsed<T> = Result<T, KeyError>;

pub(super) fn from_pem(text: &str) -> Parsed<Key> {
    let der = unwrap(text)?;
    let mut outer = Der(&der);
    let mut info = Der(outer.take(SEQUENCE)?);
    outer.end()?;
    let mut algorithm = Der(info.take(SEQUENCE)?);
    let key = whole_octets(info.take(BIT_STRING)?)?;
    info.end()?;
    let material = match algorithm.take(OBJECT_ID)? {
        RSA if algorithm.0 == NULL => rsa(key)?,
        EC => ec(algorithm, key)?,
        ED25519 if algorithm.0.is_empty() && key.len() == 32 => Material::ed25519(key.to_vec()),
        RSA | ED25519 => return Err(pem("its parameters are not those of its type")),
        _ => return Err(KeyError::unknown("kty", "of this object identifier")),
    };
    material.into_key(None, None)
}

/// The bytes of the one block that the text is.
fn unwrap(text: &str) -> Parsed<Vec<u8>> {
    if text.len() > LONGEST {
        return Err(pem("it is longer than 16 KiB"));
    }
    let body = text
        .trim()
        .strip_prefix(BEGIN)
        .and_then(|rest| rest.strip_suffix(END));
    let body = body.ok_or_else(|| pem("it is not one block labelled `PUBLIC KEY`"))?;
    let body: String = body.split_ascii_whitespace().collect();
    STANDARD
        .decode(body)
        .map_err(|_| pem("its body is not base64"))
}

// RFC 8017 §A.1.1
fn rsa(key: &[u8]) -> Parsed<Material> {
    let mut outer = Der(key);
    let mut numbers = Der(outer.take(SEQUENCE)?);
    outer.end()?;
    let (modulus, exponent) = (
        positive(numbers.take(INTEGER)?)?,
        positive(numbers.take(INTEGER)?)?,
    );
    numbers.end()?;
    Material::rsa(modulus.to_vec(), exponent.to_vec())
}

// RFC 5480 §2.2: uncompressed points alone, as a JWK has them.
fn ec(mut algorithm: Der<'_>, key: &[u8]) -> Parsed<Material> {
    let id = algorithm.take(OBJECT_ID)?;
    algorithm.end()?;
    let name = CURVES
        .iter()
        .find(|(curve, _)| *curve == id)
        .map(|(_, name)| *name);
    let curve = Algorithm::curves().find(|curve| Some(curve.name) == name);
    let curve = curve.ok_or_else(|| KeyError::unknown("crv", "of this object identifier"))?;
    let point = key
        .strip_prefix(&[0x04])
        .filter(|point| point.len() == 2 * curve.bytes);
    let (x, y) = point
        .and_then(|point| point.split_at_checked(curve.bytes))
        .ok_or_else(|| pem("its point is not an uncompressed one of its curve"))?;
    Ok(Material::ec(curve, x, y))
}

/// An integer above zero, without the octet that keeps it so (X.690 §8.3.2).
fn positive(integer: &[u8]) -> Parsed<&[u8]> {
    match integer {
        [0, rest @ ..] if rest.first().is_some_and(|octet| *octet >= 0x80) => Ok(rest),
        [0x01..=0x7f, ..] => Ok(integer),
        _ => Err(pem("an integer is negative, zero or padded")),
    }
}

fn whole_octets(bits: &[u8]) -> Parsed<&[u8]> {
    bits.strip_prefix(&[0])
        .ok_or_else(|| pem("its key is not a whole number of octets"))
}

/// What is left of a DER value (X.690 §8, §10).
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The contents of the next element, which must have that tag.
    fn take(&mut self, tag: u8) -> Parsed<&'a [u8]> {
        let malformed = || pem("its body is not DER");
        let rest = self.0.strip_prefix(&[tag]).ok_or_else(malformed)?;
        // X.690 §10.1: definite lengths, in as few octets as they need.
        let (length, rest) = match rest {
            [length @ 0..=0x7f, rest @ ..] | [0x81, length @ 0x80..=0xff, rest @ ..] => {
                (usize::from(*length), rest)
            }
            [0x82, high @ 1..=0xff, low, rest @ ..] => {
                (usize::from(u16::from_be_bytes([*high, *low])), rest)
            }
            _ => return Err(malformed()),
        };
        let (contents, rest) = rest.split_at_checked(length).ok_or_else(malformed)?;
        self.0 = rest;
        Ok(contents)
    }

    fn end(&self) -> Parsed<()> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(pem("its body goes on after its end"))
        }
    }
}

fn pem(fault: &'static str) -> KeyError {
    KeyError::Pem { fault }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::key::KeyType;

    // RFC 8410 §10.1
    const RFC_8410: &str = "-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
        -----END PUBLIC KEY-----\n";

    #[test]
    fn the_example_of_the_rfc_is_read() {
        let key = from_pem(RFC_8410).unwrap();
        assert_eq!((key.key_type(), key.id()), (KeyType::Okp, None));
        let jwk =
            r#"{"kty":"OKP","crv":"Ed25519","x":"Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE"}"#;
        assert_eq!(key.thumbprint(), Key::from_jwk(jwk).unwrap().thumbprint());
    }

    #[test]
    fn anything_but_one_public_key_is_refused() {
        let twice = RFC_8410.repeat(2);
        let private = RFC_8410.replace("PUBLIC", "PRIVATE");
        let cut = RFC_8410.replace("MCow", "MCkw");
        for text in [
            "",
            BEGIN,
            "-----BEGIN PUBLIC KEY----------END PUBLIC KEY-----",
            &twice,
            &private,
            &cut,
        ] {
            assert!(
                matches!(from_pem(text), Err(KeyError::Pem { .. })),
                "{text}"
            );
        }
        assert!(matches!(
            from_pem(&RFC_8410.replace("ZXAD", "ZW4D").replace("K2Vw", "K2Vu")),
            Err(KeyError::Unknown { .. })
        ));
    }

    fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
        let length = contents.len();
        let [high, low] = u16::try_from(length).unwrap().to_be_bytes();
        let header = match length {
            0..0x80 => vec![tag, low],
            0x80..0x100 => vec![tag, 0x81, low],
            _ => vec![tag, 0x82, high, low],
        };
        [header, contents.to_vec()].concat()
    }

    fn public_key(algorithm: &[u8], key: &[u8]) -> Parsed<Key> {
        let bits = [&[0], key].concat();
        let info = [element(SEQUENCE, algorithm), element(BIT_STRING, &bits)].concat();
        let der = STANDARD.encode(element(SEQUENCE, &info));
        from_pem(&format!("{BEGIN}\n{der}\n{END}"))
    }

    #[test]
    fn the_parameters_are_those_of_the_type() {
        let modulus = [&[0][..], &[0xc3; 255], &[0x4d]].concat();
        let numbers = [element(INTEGER, &modulus), element(INTEGER, &[1, 0, 1])].concat();
        let key = element(SEQUENCE, &numbers);
        let rsa = element(OBJECT_ID, RSA);
        let accepted = public_key(&[&rsa[..], &NULL].concat(), &key).unwrap();
        assert_eq!((accepted.key_type(), accepted.bits()), (KeyType::Rsa, 2048));
        let ed25519 = element(OBJECT_ID, ED25519);
        assert!(public_key(&ed25519, &[7; 32]).is_ok());
        for (algorithm, key) in [
            (rsa.clone(), &key[..]),
            ([&rsa[..], &[0x05, 0x00, 0x05, 0x00]].concat(), &key),
            ([&ed25519[..], &NULL].concat(), &[7; 32]),
            (ed25519.clone(), &[7; 33]),
        ] {
            let refused = public_key(&algorithm, key);
            assert!(
                matches!(refused, Err(KeyError::Pem { .. })),
                "{algorithm:02x?}"
            );
        }
    }

    #[test]
    fn nothing_follows_the_key() {
        let der = unwrap(RFC_8410).unwrap();
        let longer = STANDARD.encode([&der[..], &NULL].concat());
        let refused = from_pem(&format!("{BEGIN}\n{longer}\n{END}")).unwrap_err();
        assert_eq!(refused, pem("its body goes on after its end"));
    }

    #[test]
    fn integers_are_positive_and_minimal() {
        for (integer, value) in [(&[1][..], Some(&[1][..])), (&[0, 0x80], Some(&[0x80]))] {
            assert_eq!(positive(integer).ok(), value);
        }
        for integer in [&[][..], &[0], &[0x80], &[0, 1], &[0, 0, 0x80]] {
            assert!(positive(integer).is_err(), "{integer:?}");
        }
    }

    proptest! {
        #[test]
        fn any_body_is_answered(der in prop::collection::vec(any::<u8>(), 0..200)) {
            let _answer = from_pem(&format!("{BEGIN}\n{}\n{END}", STANDARD.encode(&der)));
        }

        #[test]
        fn a_damaged_body_is_answered(at in 0..44_usize, byte in any::<u8>()) {
            let mut der = unwrap(RFC_8410).unwrap();
            der[at] = byte;
            let _answer = from_pem(&format!("{BEGIN}\n{}\n{END}", STANDARD.encode(&der)));
        }
    }
}

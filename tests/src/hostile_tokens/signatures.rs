//! Signatures that are almost the one that was made.

use super::keys::encode;
use super::{ISSUER, POLICY, Signer, claims, decide, gate_of, gate_with, issuer};

/// The order of P-256, big-endian (SP 800-186 §3.2.1.3).
const P256: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];
/// The order of Ed25519's group, little-endian (RFC 8032 §5.1).
const ED25519: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// `one` − `other` of big-endian numbers of one length, `one` being larger.
fn minus(one: &[u8], other: &[u8]) -> Vec<u8> {
    let mut borrowed = false;
    let mut difference: Vec<u8> = Vec::new();
    for (a, b) in one.iter().zip(other).rev() {
        let (first, under) = a.overflowing_sub(*b);
        let (second, again) = first.overflowing_sub(u8::from(borrowed));
        borrowed = under || again;
        difference.push(second);
    }
    assert!(!borrowed);
    difference.reverse();
    difference
}

/// `one` + `other` of big-endian numbers of one length; none past that length.
fn plus(one: &[u8], other: &[u8]) -> Option<Vec<u8>> {
    let mut carried = 0;
    let mut sum: Vec<u8> = Vec::new();
    for (a, b) in one.iter().zip(other).rev() {
        let digit = u16::from(*a) + u16::from(*b) + carried;
        sum.push(digit.to_le_bytes()[0]);
        carried = digit >> 8;
    }
    sum.reverse();
    (carried == 0).then_some(sum)
}

/// X.690 §8.3: an integer, with the octet that keeps it positive.
fn integer(number: &[u8]) -> Vec<u8> {
    let start = number.iter().position(|octet| *octet != 0).unwrap();
    let mut contents = number[start..].to_vec();
    if contents[0] >= 0x80 {
        contents.insert(0, 0);
    }
    [
        &[0x02, u8::try_from(contents.len()).unwrap()],
        &contents[..],
    ]
    .concat()
}

fn sequence(r: &[u8], s: &[u8]) -> Vec<u8> {
    let contents = [integer(r), integer(s)].concat();
    [
        &[0x30, u8::try_from(contents.len()).unwrap()],
        &contents[..],
    ]
    .concat()
}

fn input(algorithm: &str) -> String {
    let header = format!(r#"{{"alg":"{algorithm}","typ":"JWT","kid":"k"}}"#);
    format!("{}.{}", encode(header), encode(claims()))
}

#[test]
fn a_pair_of_numbers_is_two_of_full_length_and_in_range() {
    let signer = Signer::p256();
    let gate = gate_with(&[signer.jwk("k")]);
    let input = input("ES256");
    let signature = signer.signature("ES256", input.as_bytes());
    let (r, s) = signature.split_at(32);
    let zero = [0; 32];
    let mut one = zero;
    one[31] = 1;
    let pair = |r: &[u8], s: &[u8]| [r, s].concat();
    for (name, signature, expected) in [
        ("as it was made", signature.clone(), "allow"),
        ("DER", sequence(r, s), "token.signature"),
        ("r is zero", pair(&zero, s), "token.signature"),
        ("s is zero", pair(r, &zero), "token.signature"),
        // CVE-2022-21449
        ("both are zero", pair(&zero, &zero), "token.signature"),
        ("both are one", pair(&one, &one), "token.signature"),
        ("r is the order", pair(&P256, s), "token.signature"),
        ("s is the order", pair(r, &P256), "token.signature"),
        (
            "r is past the order",
            pair(&[0xff; 32], s),
            "token.signature",
        ),
        ("the other way round", pair(s, r), "token.signature"),
        ("r negated", pair(&minus(&P256, r), s), "token.signature"),
        ("cut short", signature[..63].to_vec(), "token.signature"),
        ("r alone", r.to_vec(), "token.signature"),
        (
            "a zero behind",
            [&signature[..], &[0]].concat(),
            "token.signature",
        ),
        (
            "a zero in front",
            [&[0], &signature[..]].concat(),
            "token.signature",
        ),
        (
            "each with a zero in front",
            [&[0], r, &[0], s].concat(),
            "token.signature",
        ),
        (
            "twice",
            [&signature[..], &signature].concat(),
            "token.signature",
        ),
        ("nothing", Vec::new(), "token.malformed"),
    ] {
        let token = format!("{input}.{}", encode(&signature));
        assert_eq!(decide(&gate, &token), expected, "{name}");
    }
}

/// Anyone can turn (r, s) into (r, n − s), which verifies as well: FIPS 186-5
/// knows no smaller one. So a token is the same by what was signed, never by
/// its signature, and single use has to be counted so.
#[test]
fn the_twin_of_a_signature_makes_no_other_token() {
    let signer = Signer::p256();
    let gate = gate_of([issuer(ISSUER, &[signer.jwk("k")])], &POLICY);
    let input = input("ES256");
    let signature = signer.signature("ES256", input.as_bytes());
    let (r, s) = signature.split_at(32);
    let twin = [r, &minus(&P256, s)].concat();
    assert_ne!(twin, signature);
    let outcome =
        |signature: &[u8]| super::outcome(&gate, &format!("{input}.{}", encode(signature)));
    assert!(outcome(&signature).is_allow());
    assert_eq!(outcome(&signature), outcome(&twin));
}

#[test]
fn an_edwards_signature_is_below_the_order() {
    let signer = Signer::ed25519();
    let gate = gate_with(&[signer.jwk("k")]);
    let input = input("EdDSA");
    let signature = signer.signature("EdDSA", input.as_bytes());
    let (point, scalar) = signature.split_at(32);
    // RFC 8032 §8.4: S + L makes the same equation hold; §5.1.7 refuses it.
    let backwards = |bytes: &[u8]| bytes.iter().rev().copied().collect::<Vec<u8>>();
    let larger = plus(&backwards(scalar), &backwards(&ED25519)).unwrap();
    let mut negated = point.to_vec();
    negated[31] ^= 0x80;
    let identity = [&[1][..], &[0; 31]].concat();
    for (name, signature, expected) in [
        ("as it was made", signature.clone(), "allow"),
        (
            "S + L",
            [point, &backwards(&larger)].concat(),
            "token.signature",
        ),
        ("S is zero", [point, &[0; 32]].concat(), "token.signature"),
        ("S is L", [point, &ED25519].concat(), "token.signature"),
        (
            "the point negated",
            [&negated[..], scalar].concat(),
            "token.signature",
        ),
        (
            "the identity and zero",
            [&identity[..], &[0; 32]].concat(),
            "token.signature",
        ),
        ("all zero", vec![0; 64], "token.signature"),
        ("cut short", signature[..63].to_vec(), "token.signature"),
        (
            "a zero behind",
            [&signature[..], &[0]].concat(),
            "token.signature",
        ),
        (
            "the other way round",
            [scalar, point].concat(),
            "token.signature",
        ),
    ] {
        let token = format!("{input}.{}", encode(&signature));
        assert_eq!(decide(&gate, &token), expected, "{name}");
    }
}

/// A signing input whose RSA signature `fits`, found by trying.
fn searched(signer: &Signer, algorithm: &str, fits: impl Fn(&[u8]) -> bool) -> (String, Vec<u8>) {
    for nonce in 0..100_000 {
        let header = format!(r#"{{"alg":"{algorithm}","typ":"JWT","kid":"k","nonce":{nonce}}}"#);
        let input = format!("{}.{}", encode(header), encode(claims()));
        let signature = signer.signature(algorithm, input.as_bytes());
        if fits(&signature) {
            return (input, signature);
        }
    }
    panic!("no signature fits");
}

#[test]
fn an_rsa_signature_is_as_long_as_its_modulus() {
    let signer = Signer::rsa();
    let gate = gate_with(&[signer.jwk("k")]);
    for algorithm in ["RS256", "PS256"] {
        // One that begins with a zero, which a number would not need.
        let (input, signature) = searched(&signer, algorithm, |signature| signature[0] == 0);
        for (name, signature, expected) in [
            ("as it was made", signature.clone(), "allow"),
            (
                "its zero taken away",
                signature[1..].to_vec(),
                "token.signature",
            ),
            (
                "a zero more in front",
                [&[0], &signature[..]].concat(),
                "token.signature",
            ),
            (
                "a zero behind",
                [&signature[..], &[0]].concat(),
                "token.signature",
            ),
            ("zero", vec![0; 256], "token.signature"),
            ("one", [vec![0; 255], vec![1]].concat(), "token.signature"),
            ("the modulus", signer.modulus(), "token.signature"),
            (
                "negated",
                minus(&signer.modulus(), &signature),
                "token.signature",
            ),
        ] {
            let token = format!("{input}.{}", encode(&signature));
            assert_eq!(decide(&gate, &token), expected, "{algorithm}: {name}");
        }
    }
}

#[test]
fn an_rsa_signature_is_below_its_modulus() {
    // A modulus may leave no room for the sum in its length; then another key.
    let (signer, input, sum) = (0..64)
        .find_map(|_| {
            let signer = Signer::rsa();
            let input = input("RS256");
            let signature = signer.signature("RS256", input.as_bytes());
            let sum = plus(&signature, &signer.modulus())?;
            Some((signer, input, sum))
        })
        .unwrap();
    let gate = gate_with(&[signer.jwk("k")]);
    let honest = signer.sign_input("RS256", &input);
    assert_eq!(decide(&gate, &honest), "allow");
    let token = format!("{input}.{}", encode(sum));
    assert_eq!(decide(&gate, &token), "token.signature");
}

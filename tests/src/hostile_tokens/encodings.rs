//! Parts that could be written in another way, and serialisations that are
//! another: the signature holds over exactly the bytes that are sent.

use serde_json::json;

use super::keys::encode;
use super::{HEADER, SIGNER, claims, decide, gate, signed};

/// The usual token in parts whose lengths leave unused bits in the last
/// character and whose alphabets are told apart.
fn parts() -> [String; 3] {
    let of = |json: &str| {
        let (start, telling) = (json.strip_suffix('}').unwrap(), ",\"x\":\"~~~???ÿÿÿ\"}");
        let text = format!("{start}{telling}");
        let spaces = (4 - text.len() % 3) % 3;
        let part = encode(format!("{text}{}", " ".repeat(spaces)));
        assert!(part.contains(['-', '_']) && part.len() % 4 == 2, "{part}");
        part
    };
    let (header, payload) = (of(HEADER), of(&claims()));
    let token = SIGNER.sign_input("EdDSA", &format!("{header}.{payload}"));
    let signature = token.rsplit('.').next().unwrap().to_owned();
    assert_eq!(signature.len() % 4, 2);
    [header, payload, signature]
}

/// The last character with one of its unused bits set: the same bytes to a
/// decoder that forgives.
fn with_unused_bits(part: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = part.as_bytes()[part.len() - 1];
    let value = ALPHABET.iter().position(|one| *one == last).unwrap();
    assert_eq!(value % 16, 0, "four bits are unused");
    format!(
        "{}{}",
        &part[..part.len() - 1],
        char::from(ALPHABET[value + 1])
    )
}

/// Writes a part in another way.
type Spell = fn(&str) -> String;

#[test]
fn each_part_has_one_spelling() {
    let gate = gate();
    let honest = parts();
    assert_eq!(decide(&gate, &honest.join(".")), "allow");
    let spellings: [(&str, Spell); 10] = [
        ("padded", |part| format!("{part}==")),
        ("padded once", |part| format!("{part}=")),
        ("padding escaped", |part| format!("{part}%3D%3D")),
        ("a space at the end", |part| format!("{part} ")),
        ("a space inside", |part| {
            format!("{} {}", &part[..8], &part[8..])
        }),
        ("a line break inside", |part| {
            format!("{}\r\n{}", &part[..8], &part[8..])
        }),
        ("a NUL at the end", |part| format!("{part}\0")),
        ("the other alphabet", |part| {
            part.replace('-', "+").replace('_', "/")
        }),
        ("unused bits", with_unused_bits),
        ("one character more", |part| format!("{part}AAA")),
    ];
    for (name, spell) in spellings {
        for index in 0..3 {
            let mut parts = honest.clone();
            parts[index] = spell(&honest[index]);
            if parts == honest {
                assert_eq!(
                    (name, index),
                    ("the other alphabet", 2),
                    "a signature may have neither"
                );
                continue;
            }
            // Signed as it is sent, where it is the signature that is sound.
            let token = if index == 2 {
                parts.join(".")
            } else {
                SIGNER.sign_input("EdDSA", &format!("{}.{}", parts[0], parts[1]))
            };
            assert_eq!(
                decide(&gate, &token),
                "token.malformed",
                "{name} in part {index}"
            );
        }
    }
}

#[test]
fn nothing_stands_around_a_token() {
    let (gate, token) = (gate(), signed(HEADER, &claims()));
    assert_eq!(decide(&gate, &token), "allow");
    for other in [
        format!(" {token}"),
        format!("{token}\n"),
        format!("\u{feff}{token}"),
        format!("Bearer {token}"),
        format!("\"{token}\""),
        format!("{token}\0"),
        format!("{token}."),
        format!(".{token}"),
        format!("{token}.."),
        format!("{token}.{token}"),
        format!("{token},{token}"),
        token.replace('.', "。"),
        token.replace('.', "%2E"),
    ] {
        assert_eq!(decide(&gate, &other), "token.malformed", "{other}");
    }
}

#[test]
fn only_three_parts_that_are_all_there_are_a_token() {
    let (gate, token) = (gate(), signed(HEADER, &claims()));
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = parts[..] else {
        panic!("{token}");
    };
    for other in [
        format!("{header}.{payload}"),
        format!("{header}.{payload}."),
        format!(".{payload}.{signature}"),
        format!("{header}..{signature}"),
        "..".to_owned(),
        "....".to_owned(),
        // RFC 7516 §7.1: an encrypted token; RFC 9901 §4: disclosures behind it.
        format!("{header}.{payload}.{signature}.{payload}.{signature}"),
        format!("{header}.{payload}.{signature}.{payload}"),
        format!("{token}~"),
        format!("{token}~{payload}~"),
    ] {
        assert_eq!(decide(&gate, &other), "token.malformed", "{other}");
    }
    // RFC 7797 §5.2 and RFC 7515 appendix F: a payload that is sent elsewhere,
    // signed as such.
    let detached = SIGNER.sign_input("EdDSA", &format!("{header}."));
    assert_eq!(decide(&gate, &detached), "token.malformed");
}

#[test]
fn no_other_serialisation_is_read() {
    let (gate, token) = (gate(), signed(HEADER, &claims()));
    let parts: Vec<&str> = token.split('.').collect();
    let (protected, payload, signature) = (parts[0], parts[1], parts[2]);
    for json in [
        json!({ "protected": protected, "payload": payload, "signature": signature }),
        json!({ "payload": payload, "signatures": [{ "protected": protected, "signature": signature }] }),
        json!({ "token": token }),
        json!([token]),
        json!(token),
        serde_json::from_str(&claims()).unwrap(),
    ] {
        assert_eq!(
            decide(&gate, &json.to_string()),
            "token.malformed",
            "{json}"
        );
    }
}

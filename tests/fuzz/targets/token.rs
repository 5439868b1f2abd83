//! Tokens: whatever the bytes, an answer; and what is allowed is what another
//! reader finds allowable.
//!
//! The first byte says what the rest is: `t`, the bytes of a token; `s`, a
//! header's line and a payload, which the issuer signs; `d`, the same with one
//! byte of the token damaged, by the two bytes behind the `d`.

#![no_main]

use std::sync::LazyLock;

use claimbound::gate::Gate;
use claimbound::json::Limits;
use claimbound::policy::Request;
use claimbound::token::Token;
use claimbound_fuzz::input::Bytes;
use claimbound_fuzz::{reader, route};
use libfuzzer_sys::fuzz_target;

static GATE: LazyLock<Gate> = LazyLock::new(|| {
    let gate = route::gate(route::policy(), route::ceiling());
    // A route that allows nothing would find nothing.
    let usual = route::sign(route::HEADER.as_bytes(), route::CLAIMS.trim().as_bytes());
    assert!(route::decide(&gate, usual.as_bytes(), &Request::default()).is_allow());
    gate
});

fuzz_target!(|data: &[u8]| {
    let mut bytes = Bytes(data);
    match bytes.byte() {
        b's' => signed(bytes.0),
        b'd' => {
            let (place, change) = (bytes.byte(), bytes.byte());
            damaged(bytes.0, place, change);
        }
        _ => unsigned(bytes.0),
    }
});

/// Bytes that no key of the issuer made.
fn unsigned(token: &[u8]) {
    if let Ok(decoded) = Token::new(token).decode(&Limits::TOKEN) {
        let Some((header, payload)) = reader::read(token) else {
            return;
        };
        assert_eq!(header["alg"], decoded.header().algorithm().as_str());
        assert_eq!(payload["iss"], decoded.unverified_issuer());
        assert_eq!(header["kid"].as_str(), decoded.header().key_id());
    }
    assert!(!route::decide(&GATE, token, &Request::default()).is_allow());
}

fn sign(text: &[u8]) -> String {
    let end = text
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or(text.len());
    let (header, payload) = text.split_at(end);
    route::sign(header, payload.get(1..).unwrap_or_default())
}

fn signed(text: &[u8]) {
    let token = sign(text);
    let outcome = route::decide(&GATE, token.as_bytes(), &Request::default());
    // What another reader has no room for is the target `json`'s to compare.
    if let Some((header, payload)) = reader::read(token.as_bytes())
        && outcome.is_allow()
    {
        assert!(
            reader::is_allowable(&header, &payload),
            "{header} {payload}"
        );
    }
}

fn damaged(text: &[u8], place: u8, change: u8) {
    let mut token = sign(text).into_bytes();
    let place = usize::from(place) * token.len() / 256;
    if change != 0 {
        token[place] ^= change;
        assert!(!route::decide(&GATE, &token, &Request::default()).is_allow());
    }
}

//! A component's answer, byte by byte: lifted, held to the contract and to the
//! ceiling. Whatever it is, no allow holds more than the route lets it.
//!
//! The first byte says what follows: the image of an answer and where in it
//! the answer begins, or what an answer says, and then how it is damaged.

#![no_main]

use std::sync::LazyLock;

use claimbound::gate::Gate;
use claimbound::grant::{Ceiling, REGISTERED_CLAIMS};
use claimbound::obligation::{FirstUse, Obligation};
use claimbound::outcome::{Allowed, Outcome};
use claimbound::policy::Request;
use claimbound_fuzz::image::Image;
use claimbound_fuzz::input::Bytes;
use claimbound_fuzz::{guest, route};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const LONGEST: u32 = 600;

static GATE: LazyLock<Gate> = LazyLock::new(|| {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let ceiling = Ceiling {
        roles: set(&["deploy"]),
        scopes: set(&["read"]),
        claims: set(&["tier", "sub"]),
        longest_lifetime: Some(LONGEST),
        enrolment: false,
        obligations: set(&["use-once"]),
        ..Ceiling::default()
    };
    let gate = route::gate(route::load(&guest::component()), ceiling);
    // A route that allows nothing would find nothing.
    let usual = Image::of(&mut Bytes(USUAL));
    assert!(ask(&gate, 0, &usual).is_allow());
    gate
});
/// An answer within the ceiling, as the fuzzer describes one: its statement,
/// one role, one scope, no claims, no lifetime, and single use.
const USUAL: &[u8] = b"\x00\x01a\x01\x00\x01\x00\x00\x00\x00\x01\x01";
static TOKEN: LazyLock<String> =
    LazyLock::new(|| route::sign(route::HEADER.as_bytes(), route::CLAIMS.trim().as_bytes()));

fuzz_target!(|data: &[u8]| {
    let mut bytes = Bytes(data);
    let (start, image) = if bytes.byte() % 4 == 0 {
        (bytes.short(), bytes.0.to_vec())
    } else {
        let damages = bytes.byte() % 8;
        let places: Vec<_> = (0..damages)
            .map(|_| (bytes.short(), bytes.byte()))
            .collect();
        let mut image = Image::of(&mut bytes);
        for (place, byte) in places {
            let place = usize::from(place) % image.len();
            image[place] = byte;
        }
        (0, image)
    };
    match ask(&GATE, start, &image) {
        Outcome::Allow(allowed) => within(&allowed),
        Outcome::Deny(denied) => {
            assert!((1..=16).contains(&denied.reasons.len()));
            let size = serde_json::to_string(&denied).expect("a record").len();
            assert!(size < 1_000_000, "{size}");
        }
        Outcome::Error(error) => assert!(error.message.len() < 1_000, "{error}"),
    }
});

fn ask(gate: &Gate, start: u16, image: &[u8]) -> Outcome {
    let answer = (guest::ATTRIBUTE.to_owned(), guest::letters(start, image));
    let request = Request::with_attributes(vec![answer]);
    route::decide(gate, TOKEN.as_bytes(), &request)
}

fn within(allowed: &Allowed) {
    let grant = &allowed.grant;
    assert!(grant.roles.iter().all(|role| role == "deploy"));
    assert!(grant.scopes.iter().all(|scope| scope == "read"));
    if let Some(claims) = &grant.claims {
        let claims: Value = serde_json::from_str(claims).expect("an object");
        let names: Vec<_> = claims.as_object().expect("an object").keys().collect();
        assert!(names.iter().all(|name| *name == "tier"), "{names:?}");
        assert!(
            !names
                .iter()
                .any(|name| REGISTERED_CLAIMS.contains(&name.as_str()))
        );
    }
    assert!(
        grant
            .max_lifetime
            .is_none_or(|lifetime| lifetime <= LONGEST)
    );
    let obligations = &allowed.obligations;
    assert!(obligations.contains(&Obligation::UseOnce));
    assert!(!obligations.contains(&Obligation::Bind(FirstUse::Enrol)));
    assert!(
        obligations
            .iter()
            .all(|one| guest::OBLIGATIONS.contains(&one.kind()))
    );
    assert!(allowed.ends_at <= route::NOW + 290);
    let lifetime = grant.max_lifetime.map_or(u64::MAX, u64::from);
    assert!(allowed.ends_at <= route::NOW.saturating_add(lifetime));
}

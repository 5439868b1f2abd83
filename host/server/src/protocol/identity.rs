//! Who was allowed and what it may do, as headers for whoever is behind a proxy.
//!
//! Every one of them is set on every allow, empty where there is nothing to say,
//! so that none is ever what a caller sent.

use std::fmt::Write as _;

use claimbound::models::Workload;
use claimbound::outcome::Allowed;
use http::{HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// What can't stand in the value of a header, or would be taken for a separator.
const UNSAFE: &AsciiSet = &CONTROLS.add(b'%').add(b',').add(b' ');
/// The same, in a value that is no list.
const UNSAFE_ALONE: &AsciiSet = &CONTROLS.add(b'%');

macro_rules! headers {
    ($($(#[$docs:meta])* $constant:ident = $name:literal, $underscored:literal;)+) => {
        $($(#[$docs])* pub const $constant: HeaderName = HeaderName::from_static($name);)+

        /// The names of all headers that an allow sets, in lower case.
        pub const NAMES: &[&str] = &[$($name,)+];

        /// The same names as some programs spell them, which take `-` and `_`
        /// for one: nothing that a caller sends by them is to be trusted.
        pub const UNDERSCORED: &[&str] = &[$($underscored,)+];
    };
}

headers! {
    /// The route that the token was presented to.
    ROUTE = "x-claimbound-route", "x_claimbound_route";
    /// The issuer's URL.
    ISSUER = "x-claimbound-issuer", "x_claimbound_issuer";
    /// The token's subject.
    SUBJECT = "x-claimbound-subject", "x_claimbound_subject";
    /// The workload's names with their ids, parents first, as
    /// `owner=acme;id=123456, repository=acme/infra;id=456789`.
    WORKLOAD = "x-claimbound-workload", "x_claimbound_workload";
    /// The statement that accepted the token.
    STATEMENT = "x-claimbound-statement", "x_claimbound_statement";
    /// The policy, as `name@version`.
    POLICY = "x-claimbound-policy", "x_claimbound_policy";
    /// The roles that are granted, separated by commas.
    ROLES = "x-claimbound-roles", "x_claimbound_roles";
    /// The scopes that are granted, separated by spaces (RFC 6749 §3.3).
    SCOPE = "x-claimbound-scope", "x_claimbound_scope";
    /// The extra claims that are granted, a JSON object.
    CLAIMS = "x-claimbound-claims", "x_claimbound_claims";
    /// When what is granted ends, in seconds since 1970, exclusive.
    ENDS_AT = "x-claimbound-ends-at", "x_claimbound_ends_at";
}

/// The headers of an allow: each name once, in the order of [`NAMES`].
///
/// Control characters, bytes outside ASCII, `%`, and in lists `,` and spaces are
/// percent-encoded (RFC 3986 §2.1).
pub fn headers(route: &str, allowed: &Allowed) -> Vec<(HeaderName, HeaderValue)> {
    let claims = allowed.grant.claims.as_deref().unwrap_or_default();
    [
        (ROUTE, encoded(route)),
        (ISSUER, encoded(&allowed.issuer)),
        (SUBJECT, encoded(&allowed.subject)),
        (WORKLOAD, workload(&allowed.workload)),
        (STATEMENT, encoded(&allowed.statement)),
        (POLICY, encoded(&allowed.policy.to_string())),
        (ROLES, list(&allowed.grant.roles, ",")),
        (SCOPE, list(&allowed.grant.scopes, " ")),
        (CLAIMS, json(claims)),
        (ENDS_AT, allowed.ends_at.to_string()),
    ]
    .into_iter()
    .map(|(name, text)| (name, value(&text)))
    .collect()
}

/// Whether a header of this name is one that only an allow may set, in whatever
/// spelling.
pub fn is_reserved(name: &str) -> bool {
    let same = |own: &&str| {
        own.len() == name.len()
            && own.bytes().zip(name.bytes()).all(|(own, other)| {
                own == other.to_ascii_lowercase() || (own == b'-' && other == b'_')
            })
    };
    NAMES.iter().any(same)
}

/// Spaces at the edges are encoded too: whoever reads a header drops them (RFC
/// 9110 §5.5), and a name without them is another.
fn encoded(text: &str) -> String {
    let rest = text.trim_start_matches(' ');
    let within = rest.trim_end_matches(' ');
    let edge = |spaces: usize| "%20".repeat(spaces);
    let encoded = utf8_percent_encode(within, UNSAFE_ALONE);
    let (before, after) = (text.len() - rest.len(), rest.len() - within.len());
    format!("{}{encoded}{}", edge(before), edge(after))
}

fn list(names: &[String], separator: &str) -> String {
    let names = names
        .iter()
        .map(|name| utf8_percent_encode(name, UNSAFE).to_string());
    names.collect::<Vec<_>>().join(separator)
}

fn workload(workload: &Workload) -> String {
    const UNSAFE_IN_PAIRS: &AsciiSet = &UNSAFE.add(b';').add(b'=');
    let pair = |text: &str| utf8_percent_encode(text, UNSAFE_IN_PAIRS).to_string();
    let names = workload.names.iter().map(|name| {
        let id = name
            .id
            .as_deref()
            .map_or_else(String::new, |id| format!(";id={}", pair(id)));
        format!("{}={}{id}", pair(&name.kind), pair(&name.name))
    });
    names.collect::<Vec<_>>().join(", ")
}

/// JSON with everything outside ASCII escaped (RFC 8259 §7), which can stand in
/// a header as it is.
fn json(text: &str) -> String {
    let mut ascii = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            // White space between tokens; inside strings it is escaped already.
            '\n' | '\r' | '\t' => ascii.push(' '),
            character if character.is_ascii() => ascii.push(character),
            character => {
                let mut units = [0; 2];
                for unit in character.encode_utf16(&mut units) {
                    // Writing to a string does not fail.
                    let _ = write!(ascii, "\\u{unit:04x}");
                }
            }
        }
    }
    ascii
}

fn value(text: &str) -> HeaderValue {
    // INVARIANT: only visible ASCII and spaces are left.
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_name_is_reserved() {
        for name in [
            "X-Claimbound-Subject",
            "x_claimbound_subject",
            "X-claimbound_ROLES",
        ] {
            assert!(is_reserved(name), "{name}");
        }
        for name in ["x-claimbound", "x-claimbound-subject2", "authorization", ""] {
            assert!(!is_reserved(name), "{name}");
        }
        assert_eq!(NAMES.len(), UNDERSCORED.len());
        for (name, underscored) in NAMES.iter().zip(UNDERSCORED) {
            assert_eq!(name.replace('-', "_"), *underscored);
        }
    }

    #[test]
    fn what_could_end_a_header_or_a_list_is_encoded() {
        assert_eq!(
            list(&["a,b".into(), "c\r\nd: e".into()], ","),
            "a%2Cb,c%0D%0Ad:%20e"
        );
        assert_eq!(encoded("ä%,"), "%C3%A4%25,");
        assert_eq!(encoded("  a b "), "%20%20a b%20");
        assert_eq!(encoded(" "), "%20");
        assert_eq!(
            json("{\"a\":\"ä𝄞\"\n}"),
            "{\"a\":\"\\u00e4\\ud834\\udd1e\" }"
        );
    }
}

//! The JWK thumbprint of RFC 7638, with SHA-256.

use crate::base64url;
use aws_lc_rs::digest::{SHA256, digest};

/// Hashes the required members of a key, given in lexicographic order.
///
/// INVARIANT: names and values need no JSON escape; they are a key type, a
/// curve's name, or canonical base64url that has been decoded before.
pub(super) fn thumbprint(members: &[(&str, &str)]) -> Box<str> {
    let mut json = String::from("{");
    for (name, value) in members {
        let comma = if json.len() > 1 { "," } else { "" };
        json.extend([comma, "\"", name, "\":\"", value, "\""]);
    }
    json.push('}');
    base64url::encode(digest(&SHA256, json.as_bytes()).as_ref()).into_boxed_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc_has_its_thumbprint() {
        // RFC 7638 §3.1
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let members = [("e", "AQAB"), ("kty", "RSA"), ("n", n)];
        assert_eq!(
            &*thumbprint(&members),
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
        );
    }
}

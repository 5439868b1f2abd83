//! The JOSE header (RFC 7515 §4): what it may say, and what it may never do.

use crate::json::{Document, Limits, Node, Value};
use crate::key::Algorithm;
use crate::reason::{Code, Reason, Refusal};

/// Parameters that change how a token is read. Nothing here understands them,
/// so a token that has one is refused whatever its value: extensions that must
/// be understood (RFC 7515 §4.1.11), an unencoded payload (RFC 7797 §3), and
/// compression (RFC 7516 §4.1.3).
const REFUSED: [&str; 3] = ["crit", "b64", "zip"];

/// A token's header.
///
/// Keys that it carries or points at (`jwk`, `jku`, `x5u`, `x5c`) never verify a
/// token: the issuer's configured keys are the only ones.
#[derive(Clone, Debug)]
pub struct Header {
    document: Document,
    algorithm: Algorithm,
    key_id: Option<u32>,
    token_type: Option<u32>,
}

impl Header {
    pub(super) fn parse(json: Vec<u8>, limits: &Limits) -> Result<Self, Refusal> {
        let document = Document::parse(json, limits).map_err(|error| {
            malformed(format!("the token's header is not strict JSON: {error}"))
        })?;
        let (mut algorithm, mut key_id, mut token_type) = (None, None, None);
        for (name, node) in document.members() {
            match name {
                "alg" => algorithm = Some(text(name, node)?),
                "kid" => key_id = text(name, node).map(|_| Some(node.index()))?,
                "typ" => token_type = text(name, node).map(|_| Some(node.index()))?,
                _ if REFUSED.contains(&name) => {
                    return Err(malformed(format!(
                        "the token's header has `{name}`, which is not supported"
                    )));
                }
                _ => {}
            }
        }
        let algorithm = read_algorithm(algorithm)?;
        Ok(Self {
            document,
            algorithm,
            key_id,
            token_type,
        })
    }

    /// A header that no token had, for claims that are decided without one.
    pub(crate) fn assumed(algorithm: Algorithm, token_type: Option<&str>) -> Self {
        let token_type = token_type.map_or_else(String::new, |token_type| {
            format!(r#","typ":{}"#, serde_json::Value::from(token_type))
        });
        let json = format!(r#"{{"alg":"{algorithm}"{token_type}}}"#);
        // INVARIANT: strict JSON as it was just written; an empty object else.
        Self::parse(json.into_bytes(), &Limits::TOKEN).unwrap_or_else(|_| Self {
            document: Document::empty(),
            algorithm,
            key_id: None,
            token_type: None,
        })
    }

    /// The `alg`.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The `kid`, a hint that selects among the issuer's own keys.
    pub fn key_id(&self) -> Option<&str> {
        self.text(self.key_id)
    }

    /// The `typ`, as it was written.
    pub fn token_type(&self) -> Option<&str> {
        self.text(self.token_type)
    }

    /// The header's JSON text, as it was signed.
    pub fn json(&self) -> &str {
        self.document.text()
    }

    /// The `jwk` of a proof of possession, an object. It verifies that proof and
    /// never a token: nothing but [`crate::proof`] asks for it.
    pub(crate) fn embedded_key(&self) -> Option<Node<'_>> {
        let key = self.document.get(&["jwk"])?;
        matches!(key.value(), Value::Object(_)).then_some(key)
    }

    /// The whole header as it was signed.
    pub(crate) fn as_signed(&self) -> &str {
        self.document.text()
    }

    fn text(&self, index: Option<u32>) -> Option<&str> {
        self.document.node(index?).text()
    }
}

fn text<'a>(name: &str, node: Node<'a>) -> Result<&'a str, Refusal> {
    node.text()
        .ok_or_else(|| malformed(format!("the header's `{name}` is not a string")))
}

fn read_algorithm(name: Option<&str>) -> Result<Algorithm, Refusal> {
    let Some(name) = name else {
        return Err(malformed("the token's header has no `alg`"));
    };
    Algorithm::parse(name).ok_or_else(|| {
        let reason = Reason::new(
            Code::TokenAlgorithm,
            "the token's algorithm is not one that is ever taken",
        );
        reason
            .expected("an asymmetric signature algorithm")
            .found(name)
            .into()
    })
}

fn malformed(message: impl Into<String>) -> Refusal {
    Reason::new(Code::TokenMalformed, message).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(json: &str) -> (Code, String) {
        let refusal = Header::parse(json.into(), &Limits::TOKEN).unwrap_err();
        (refusal.code, refusal.message.clone())
    }

    #[test]
    fn what_would_change_the_reading_is_refused() {
        for name in ["crit", "b64", "zip"] {
            for value in ["true", "false", "[]", "\"DEF\""] {
                let (code, message) = refused(&format!(r#"{{"alg":"RS256","{name}":{value}}}"#));
                assert_eq!(code, Code::TokenMalformed);
                assert!(message.contains(&format!("`{name}`")), "{message}");
            }
        }
    }

    #[test]
    fn none_and_shared_secrets_are_no_algorithm() {
        for name in [
            "none", "None", "HS256", "HS512", "rs256", "RS256 ", "", "ES256K", "dir",
        ] {
            assert_eq!(
                refused(&format!(r#"{{"alg":"{name}"}}"#)).0,
                Code::TokenAlgorithm,
                "{name}"
            );
        }
    }

    #[test]
    fn members_have_their_types() {
        for json in [
            "{}",
            r#"{"alg":1}"#,
            r#"{"alg":"RS256","kid":1}"#,
            r#"{"alg":"RS256","typ":null}"#,
            "[]",
            "",
        ] {
            assert_eq!(refused(json).0, Code::TokenMalformed, "{json}");
        }
        assert!(
            refused(r#"{"alg":"RS256","\u0061lg":"RS256"}"#)
                .1
                .contains("a second member `alg` at byte 15")
        );
    }

    #[test]
    fn keys_in_the_header_are_not_read() {
        let json = r#"{"alg":"ES256","jwk":{"kty":"oct"},"jku":1,"x5u":"https://a.example","x5c":[],"kid":"k"}"#;
        let header = Header::parse(json.into(), &Limits::TOKEN).unwrap();
        assert_eq!(
            (header.algorithm(), header.key_id(), header.token_type()),
            (Algorithm::Es256, Some("k"), None)
        );
    }

    #[test]
    fn an_assumed_header_says_what_was_assumed() {
        let header = Header::assumed(Algorithm::EdDsa, Some("a\"+jwt"));
        assert_eq!(
            (header.algorithm(), header.token_type()),
            (Algorithm::EdDsa, Some("a\"+jwt"))
        );
    }
}

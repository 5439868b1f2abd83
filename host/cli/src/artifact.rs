//! What a text is by its looks, so that one in the wrong place is named for
//! what it is, and not one byte of it is shown.

use anyhow::bail;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claimbound::json::{Document, Limits};

use crate::input::Source;

/// How base64url of a JSON object begins: `{` and a quote, a blank or a line end.
const HEADERS: [&str; 5] = ["eyJ", "eyA", "ewo", "ew0", "ewk"];

/// Texts that hold secrets, or stand where such a text belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Artifact {
    /// A compact JWS or JWE, or the JSON form of one.
    Token,
    /// A private key, as PEM or JWK.
    PrivateKey,
    /// A public key, as PEM or JWK.
    PublicKey,
    /// A JWK set, RFC 7517 §5.
    KeySet,
}

impl Artifact {
    /// What the text is, if it is one of these.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let text = text.trim_start_matches('\u{feff}').trim();
        if is_compact(text) {
            return Some(Self::Token);
        }
        if text.contains("-----BEGIN") {
            return of_pem(text);
        }
        // TOML begins with `{` nowhere, so nothing else is read twice.
        if text.starts_with(['{', '[']) {
            return of_json(text);
        }
        None
    }

    /// What people call it.
    pub(crate) const fn noun(self) -> &'static str {
        match self {
            Self::Token => "a token",
            Self::PrivateKey => "a private key",
            Self::PublicKey => "a public key",
            Self::KeySet => "a key set",
        }
    }
}

/// Refuses a text that is one of the artifacts where `wanted` belongs.
pub(crate) fn refuse(source: &Source, text: &str, wanted: &str) -> anyhow::Result<()> {
    match Artifact::of(text) {
        Some(found) => bail!("{source} is {}, not {wanted}", found.noun()),
        None => Ok(()),
    }
}

/// Refuses a token where keys belong.
pub(crate) fn refuse_token(source: &Source, text: &str, wanted: &str) -> anyhow::Result<()> {
    match Artifact::of(text) {
        Some(Artifact::Token) => refuse(source, text, wanted),
        Some(Artifact::PrivateKey | Artifact::PublicKey | Artifact::KeySet) | None => Ok(()),
    }
}

/// Whether base64url that begins so is that of a JSON object.
pub(crate) fn is_header(part: &str) -> bool {
    let begins = HEADERS.iter().any(|begin| part.starts_with(begin));
    // Words may begin like the rarer ones.
    begins && (part.starts_with("eyJ") || is_object(part))
}

fn is_object(part: &str) -> bool {
    let octets = URL_SAFE_NO_PAD.decode(part.trim_end_matches('='));
    octets.is_ok_and(|octets| octets.trim_ascii().ends_with(b"}"))
}

/// Whether the text is a compact token and nothing else, though perhaps broken
/// into lines, quoted, or with the scheme of a header before it.
fn is_compact(text: &str) -> bool {
    let text = text.strip_prefix("Bearer ").unwrap_or(text).trim();
    let text = text.trim_matches(['"', '\'', '`']);
    let text: String = text.split_ascii_whitespace().collect();
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.=+/".contains(&byte);
    let Some((header, rest)) = text.split_once('.') else {
        return false;
    };
    is_header(header) && rest.contains('.') && text.bytes().all(fits)
}

fn of_pem(text: &str) -> Option<Artifact> {
    // A comment may speak of one; a text that holds one begins a line with it.
    let mut begun = text.lines().map(str::trim);
    if begun.any(|line| line.starts_with("-----BEGIN ") && line.contains("PRIVATE KEY")) {
        return Some(Artifact::PrivateKey);
    }
    text.starts_with("-----BEGIN ")
        .then_some(Artifact::PublicKey)
}

fn of_json(text: &str) -> Option<Artifact> {
    let Ok(object) = Document::parse(text, &Limits::FILE) else {
        return broken_json(text);
    };
    let has = |name: &str| object.get(&[name]).is_some();
    if has("kty") {
        let private = ["d", "k"].into_iter().any(has);
        return Some(if private {
            Artifact::PrivateKey
        } else {
            Artifact::PublicKey
        });
    }
    if has("keys") {
        return Some(Artifact::KeySet);
    }
    // RFC 7515 §7.2
    (has("payload") && (has("signature") || has("signatures"))).then_some(Artifact::Token)
}

/// JSON that can't be read, or a list: what its members are called must do.
fn broken_json(text: &str) -> Option<Artifact> {
    let names = |name: &str| text.contains(&format!("\"{name}\""));
    if !names("kty") {
        return None;
    }
    Some(if names("d") || names("k") {
        Artifact::PrivateKey
    } else {
        Artifact::KeySet
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn artifacts_are_known_by_their_looks() {
        let pem = |label: &str| format!("\n-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
        for (text, expected) in [
            ("eyJhbGciOiJSUzI1NiJ9.e30.c2ln\n", Some(Artifact::Token)),
            ("\u{feff}Bearer eyJh.e30.c2ln", Some(Artifact::Token)),
            ("\"eyJh.e3\n0.c2\nln\"", Some(Artifact::Token)),
            ("eyAiYWxnIjoiUlMyNTYifQ.e30.c2ln", Some(Artifact::Token)),
            (
                r#"{"payload":"e30","protected":"e30","signature":"x"}"#,
                Some(Artifact::Token),
            ),
            (&pem("PRIVATE KEY"), Some(Artifact::PrivateKey)),
            (&pem("EC PRIVATE KEY"), Some(Artifact::PrivateKey)),
            (&pem("PUBLIC KEY"), Some(Artifact::PublicKey)),
            (r#"{"kty":"OKP","d":"x"}"#, Some(Artifact::PrivateKey)),
            (r#"{"kty":"oct","k":"x"}"#, Some(Artifact::PrivateKey)),
            (r#"{"kty":"OKP","d":"x""#, Some(Artifact::PrivateKey)),
            (r#"[{"kty":"OKP","d":"x"}]"#, Some(Artifact::PrivateKey)),
            (r#"{"kty":"OKP","x":"x"}"#, Some(Artifact::PublicKey)),
            (r#"{"keys":[]}"#, Some(Artifact::KeySet)),
            (r#"{"claimbound":1}"#, None),
            ("claimbound = 1\n# eyJh.e30.c2ln", None),
            ("ewok.example.com", None),
            ("", None),
        ] {
            assert_eq!(Artifact::of(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_refused_is_named_and_not_shown() {
        let error = refuse(
            &Source::File("g".into()),
            "eyJh.e30.c2ln",
            "a policy document",
        );
        assert_eq!(
            error.unwrap_err().to_string(),
            "`g` is a token, not a policy document"
        );
    }
}

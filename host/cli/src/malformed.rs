//! What a text that is no token looks like, for whoever copied it.

use claimbound::outcome::Outcome;
use claimbound::reason::{Code, Reason, Refusal};

use crate::artifact::Artifact;

/// The outcome, in whose denial the text's looks are told.
pub(crate) fn told(outcome: Outcome, token: &[u8]) -> Outcome {
    match outcome {
        Outcome::Deny(mut denied) => {
            for reason in &mut denied.reasons {
                tell(reason, token);
            }
            Outcome::Deny(denied)
        }
        other @ (Outcome::Allow(_) | Outcome::Error(_)) => other,
    }
}

/// The refusal, in which the text's looks are told.
pub(crate) fn refused(refusal: Refusal, token: &[u8]) -> Refusal {
    let mut reason = refusal.into_reason();
    tell(&mut reason, token);
    reason.into()
}

fn tell(reason: &mut Reason, token: &[u8]) {
    if reason.code == Code::TokenMalformed
        && let Some(looks) = looks(token)
    {
        reason.message = format!("{}: {looks}", reason.message);
    }
}

/// What the text looks like, where that tells what went wrong.
fn looks(token: &[u8]) -> Option<String> {
    if token.is_empty() {
        return Some("it is empty".to_owned());
    }
    let token = match token.strip_prefix(b"\xef\xbb\xbf") {
        Some(_) => return Some("it begins with a byte-order mark".to_owned()),
        None => token,
    };
    if token.len() > 7
        && token
            .get(..7)
            .is_some_and(|start| start.eq_ignore_ascii_case(b"bearer "))
    {
        return Some("it begins with `Bearer `, which belongs to the header around it".to_owned());
    }
    if let Some(b'"' | b'\'' | b'`') = token.first() {
        return Some("it is quoted".to_owned());
    }
    let artifact = std::str::from_utf8(token).ok().and_then(Artifact::of);
    match artifact {
        Some(Artifact::PrivateKey | Artifact::PublicKey | Artifact::KeySet) => {
            let noun = artifact.map_or("", Artifact::noun);
            return Some(format!("it is {noun}, not a token"));
        }
        Some(Artifact::Token) | None => {}
    }
    if let Some(b'{' | b'[') = token.first() {
        return Some("it is JSON, not a compact token".to_owned());
    }
    let is_break = |byte: &u8| matches!(byte, b'\r' | b'\n');
    if let Some(at) = token.iter().position(is_break) {
        return Some(format!("it has a line break at byte {at}"));
    }
    let at = token.iter().position(u8::is_ascii_whitespace)?;
    Some(format!("it has a blank at byte {at}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_mistakes_are_told() {
        let told = |text: &str| looks(text.as_bytes()).unwrap_or_default();
        for (text, expected) in [
            ("", "empty"),
            ("Bearer eyJh.e30.AA", "`Bearer `"),
            ("\u{feff}eyJh.e30.AA", "byte-order mark"),
            ("eyJh\n.e30.AA", "line break at byte 4"),
            ("eyJh. e30.AA", "blank at byte 5"),
            ("\"eyJh.e30.AA\"", "quoted"),
            (r#"{"token":"x"}"#, "JSON"),
            (r#"{"keys":[]}"#, "a key set, not a token"),
            (
                "-----BEGIN PRIVATE KEY-----\nAAAA",
                "a private key, not a token",
            ),
        ] {
            assert!(told(text).contains(expected), "{text}: {}", told(text));
        }
        assert_eq!(told("eyJh.e30.AA"), "");
        assert_eq!(looks(b"\xff"), None);
    }
}

//! Characters that a terminal would obey, or that turn text around, made
//! visible.

/// Whether a character changes how its neighbours are shown: Unicode's
/// bidirectional controls and marks, invisible joiners, and line separators.
fn misleads(character: char) -> bool {
    matches!(
        character,
        '\u{061c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// The text on one line, control and misleading characters escaped.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if misleads(character) {
            shown.extend(character.escape_unicode());
        } else if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// The text with its line feeds, everything else as [`visible`] has it.
pub(crate) fn visible_lines(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(visible).collect();
    lines.join("\n")
}

/// JSON text with the same characters written as JSON's own escapes, which
/// changes nothing of what it says: they stand inside strings only.
pub(crate) fn visible_json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for character in json.chars() {
        if misleads(character) || (character.is_control() && character != '\n') {
            for unit in character.encode_utf16(&mut [0; 2]) {
                shown.push_str("\\u");
                shown.extend(format!("{unit:04x}").chars());
            }
        } else {
            shown.push(character);
        }
    }
    shown
}

/// The text without the signature of any token in it, such as one that was
/// given where a file's name belongs.
pub(crate) fn without_signatures(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    // A header is a JSON object, so its base64url begins like this.
    while let Some(start) = rest.find("eyJ") {
        let (before, token) = rest.split_at_checked(start).unwrap_or((rest, ""));
        let is_token =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let end = token
            .bytes()
            .position(|byte| !is_token(byte))
            .unwrap_or(token.len());
        let (token, after) = token.split_at_checked(end).unwrap_or((token, ""));
        shown.push_str(before);
        match token
            .match_indices('.')
            .nth(1)
            .and_then(|(at, _)| token.get(..=at))
        {
            Some(signed) => {
                shown.push_str(signed);
                shown.push('…');
            }
            None => shown.push_str(token),
        }
        rest = after;
    }
    shown.push_str(rest);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_never_repeated() {
        assert_eq!(
            without_signatures("no `eyJhbGc.eyJpc3M.c2lnbmF0dXJl` here"),
            "no `eyJhbGc.eyJpc3M.…` here"
        );
        assert_eq!(without_signatures("eyJ.a.b.c.d eyJ.x"), "eyJ.a.… eyJ.x");
        assert_eq!(without_signatures("eyJ"), "eyJ");
        assert_eq!(without_signatures("ü.eyJa.b.ü"), "ü.eyJa.b.…ü");
    }

    #[test]
    fn what_a_terminal_would_obey_is_shown_instead() {
        assert_eq!(visible("a\u{1b}[31m\r\nb\u{9b}"), r"a\u{1b}[31m\r\nb\u{9b}");
        assert_eq!(
            visible("x\u{202e}y\u{2066}z\u{200b}"),
            r"x\u{202e}y\u{2066}z\u{200b}"
        );
        assert_eq!(visible("grüße ✓"), "grüße ✓");
    }

    #[test]
    fn lines_stay_lines_where_that_is_asked_for() {
        assert_eq!(visible_lines("a\tb\nc\r"), "a\\tb\nc\\r");
    }

    #[test]
    fn json_keeps_its_meaning() {
        let value = serde_json::json!({ "a": "\u{202e}\u{e0001}\u{7f}\n ü" });
        let shown = visible_json(&value.to_string());
        assert!(shown.is_ascii() || !shown.chars().any(misleads));
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&shown).unwrap(),
            value
        );
    }
}

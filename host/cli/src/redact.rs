//! Secrets in what is shown: the signatures of tokens, the private parts of
//! keys, and the passwords of databases are taken out, wherever they come from.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::artifact::is_header;

/// What stands in a secret's place.
const HIDDEN: &str = "…";
/// Private members of JWKs, RFC 7518 §6.2.2, §6.3.2 and §6.4.1.
const MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "k", "oth"];
/// The shortest secret that is looked for away from its place, in bytes;
/// shorter ones would blank out ordinary words.
const SHORTEST: usize = 8;
/// The most lines of secrets that are looked for in a quotation; of a text with
/// more, nothing is quoted. The longest RSA key has a tenth of them.
const MOST: usize = 1024;

/// The text without signatures, private PEM blocks, private members of JWKs and
/// passwords in URLs.
pub(crate) fn redacted(text: &str) -> String {
    cut(text, &secrets(text))
}

/// The same for a text that quotes parts of another, such as single lines of
/// it: what is secret there is secret here.
pub(crate) fn quoting(text: &str, source: &str) -> String {
    Quotations::of(source).redacted(text)
}

/// What texts that quote parts of another must not repeat.
#[derive(Debug)]
pub(crate) struct Quotations {
    /// The lines of its secrets, the longest first; none where they are too many.
    lines: Option<Vec<String>>,
}

impl Quotations {
    /// Of this text.
    pub(crate) fn of(source: &str) -> Self {
        let all = secrets(source);
        let all = all.iter().filter_map(|range| source.get(range.clone()));
        // Secrets may be broken into lines, and a quotation shows one of them.
        let lines = all.flat_map(str::lines).map(str::trim);
        let lines: HashSet<_> = lines.filter(|line| line.len() >= SHORTEST).collect();
        let is_bounded = lines.len() <= MOST;
        let mut lines: Vec<_> = lines.into_iter().map(str::to_owned).collect();
        // A longer one may hold a shorter one.
        lines.sort_by_key(|line| std::cmp::Reverse(line.len()));
        Self {
            lines: is_bounded.then_some(lines),
        }
    }

    /// The text without them, and without secrets of its own.
    pub(crate) fn redacted(&self, text: &str) -> String {
        let Some(lines) = &self.lines else {
            return HIDDEN.to_owned();
        };
        let mut shown = text.to_owned();
        for line in lines {
            shown = shown.replace(line, HIDDEN);
        }
        redacted(&shown)
    }

    /// The value, each of its texts so, and without the private members of JWKs.
    pub(crate) fn redacted_json(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.redacted(text).into(),
            Value::Array(items) => items.iter().map(|item| self.redacted_json(item)).collect(),
            Value::Object(members) => self.redacted_members(members).into(),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    fn redacted_members(&self, members: &Map<String, Value>) -> Map<String, Value> {
        let is_key = members.contains_key("kty");
        let member = |(name, value): (&String, &Value)| {
            if is_key && MEMBERS.contains(&name.as_str()) {
                return (name.clone(), HIDDEN.into());
            }
            (self.redacted(name), self.redacted_json(value))
        };
        members.iter().map(member).collect()
    }
}

type Range = std::ops::Range<usize>;

/// The text with the ranges replaced; they are in order of their starts.
fn cut(text: &str, ranges: &[Range]) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut at = 0;
    for range in ranges.iter().filter(|range| !range.is_empty()) {
        // One secret may stand inside another.
        let start = range.start.max(at);
        if range.end <= at {
            continue;
        }
        shown.push_str(text.get(at..start).unwrap_or_default());
        shown.push_str(HIDDEN);
        at = range.end;
    }
    shown.push_str(text.get(at..).unwrap_or_default());
    shown
}

/// Where secrets stand, in order.
fn secrets(text: &str) -> Vec<Range> {
    let mut ranges = signatures(text);
    ranges.extend(private_blocks(text));
    ranges.extend(private_members(text));
    ranges.extend(passwords(text));
    ranges.extend(password_parameters(text));
    ranges.sort_by_key(|range| (range.start, range.end));
    ranges
}

/// All that follows the second dot of a compact token.
fn signatures(text: &str) -> Vec<Range> {
    let mut ranges = Vec::new();
    let mut end = 0;
    for (start, _) in text.match_indices('e') {
        let rest = text.get(start..).unwrap_or_default();
        let is_word = !text
            .get(..start)
            .is_some_and(|before| before.bytes().next_back().is_some_and(fits));
        // The usual header is one wherever it stands; the rare ones, which are
        // decoded to be sure, are looked for where a word begins.
        if start < end || !(is_word || rest.starts_with("eyJ")) {
            continue;
        }
        let length = run_length(rest);
        let run = rest.get(..length).unwrap_or_default();
        if !is_header(run.split('.').next().unwrap_or_default()) {
            continue;
        }
        end = start + length;
        if let Some((second, _)) = run.match_indices('.').nth(1) {
            ranges.push(start + second + 1..end);
        }
    }
    ranges
}

/// Whether a byte may stand in a token, of either alphabet of base64.
fn fits(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.=+/".contains(&byte)
}

/// How long the token is that a text begins with, in bytes; it may be broken
/// into lines, of which the last may end with a quote.
fn run_length(text: &str) -> usize {
    let prefix = |text: &str| text.bytes().take_while(|byte| fits(*byte)).count();
    let mut length = prefix(text);
    while let Some(after) = text.get(length..) {
        let next = after.trim_start();
        let gap = after.len() - next.len();
        // Asked first: a line may be as long as the text.
        if !after.get(..gap).is_some_and(|gap| gap.contains('\n')) {
            break;
        }
        let line = next.lines().next().unwrap_or_default().trim_end();
        let more = prefix(line);
        let rest = line.get(more..).unwrap_or_default();
        if more == 0 || !(rest.is_empty() || rest.starts_with(['"', '\''])) {
            break;
        }
        length += gap + more;
    }
    length
}

/// What stands between the lines of a private key's PEM, RFC 7468; to the end
/// of the text where no line ends it.
fn private_blocks(text: &str) -> Vec<Range> {
    let begins = text.match_indices("-----BEGIN ");
    let block = |(at, begin): (usize, &str)| {
        let rest = text.get(at + begin.len()..)?;
        let (label, body) = rest.split_once("-----")?;
        let start = text.len() - body.len();
        let end = body.find("-----END").unwrap_or(body.len());
        (label.len() < 64 && label.contains("PRIVATE KEY")).then_some(start..start + end)
    };
    begins.filter_map(block).collect()
}

/// Passwords before the hosts of URLs, RFC 3986 §3.2.1.
fn passwords(text: &str) -> Vec<Range> {
    let schemes = text.match_indices("://");
    let password = |(at, scheme): (usize, &str)| {
        let start = at + scheme.len();
        let run = text.get(start..)?.split(ends_word).next()?;
        // Who writes a database's password as it is may well have a slash in it.
        let before = text.get(..at)?;
        let is_database = before.ends_with("postgres") || before.ends_with("postgresql");
        let authority = match run.find(['/', '?', '#']) {
            Some(end) if !is_database => run.get(..end)?,
            Some(_) | None => run,
        };
        let (user, _) = authority.rsplit_once('@')?;
        let (name, _) = user.split_once(':')?;
        Some(start + name.len() + 1..start + user.len())
    };
    schemes.filter_map(password).collect()
}

/// Passwords among the parameters of a connection, as libpq reads them.
fn password_parameters(text: &str) -> Vec<Range> {
    let value = |(at, name): (usize, &str)| {
        let start = at + name.len();
        let ends = |one: char| one == '&' || ends_word(one);
        let value = text.get(start..)?.split(ends).next()?;
        Some(start..start + value.len())
    };
    text.match_indices("password=").filter_map(value).collect()
}

fn ends_word(character: char) -> bool {
    character.is_whitespace() || matches!(character, '"' | '\'' | '`' | '<' | '>' | '\\')
}

/// The values of private members, in a text that holds a key.
fn private_members(text: &str) -> Vec<Range> {
    if !text.contains("kty") {
        return Vec::new();
    }
    let mut ranges = Vec::new();
    for name in MEMBERS {
        for (at, _) in text.match_indices(name) {
            ranges.extend(value(text, at, name.len()));
        }
    }
    ranges
}

/// The text value of the member whose name stands at a byte: JSON or TOML.
fn value(text: &str, at: usize, length: usize) -> Option<Range> {
    let before = text.get(..at)?;
    let is_word = |character: char| character.is_alphanumeric() || matches!(character, '_' | '-');
    if before.ends_with(is_word) {
        return None;
    }
    let rest = text.get(at + length..)?;
    let rest = rest.trim_start_matches(['\\', '"', '\'']).trim_start();
    let rest = rest.strip_prefix([':', '='])?.trim_start();
    let rest = rest.trim_start_matches('\\');
    let value = rest.strip_prefix(['"', '\''])?;
    let start = text.len() - value.len();
    let end = value.find(['"', '\'', '\\']).unwrap_or(value.len());
    Some(start..start + end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_never_repeated() {
        assert_eq!(
            redacted("no `eyJhbGc.eyJpc3M.c2lnbmF0dXJl` here"),
            "no `eyJhbGc.eyJpc3M.…` here"
        );
        assert_eq!(redacted("eyJ.a.b.c.d eyJ.x"), "eyJ.a.… eyJ.x");
        assert_eq!(redacted("eyJ"), "eyJ");
        assert_eq!(redacted("ü.eyJa.b.ü"), "ü.eyJa.b.ü");
        assert_eq!(redacted("eyAiYSI6MX0.e30.x"), "eyAiYSI6MX0.e30.…");
        assert_eq!(
            redacted("ewok.example.com, e.g. this"),
            "ewok.example.com, e.g. this"
        );
    }

    #[test]
    fn passwords_of_databases_are_never_repeated() {
        for (text, shown) in [
            ("`postgres://u:p/w@d@h/db`", "`postgres://u:…@h/db`"),
            (
                "postgres://u@h/db?password=x&a=b",
                "postgres://u@h/db?password=…&a=b",
            ),
            ("host=h password=x port=1", "host=h password=… port=1"),
            ("https://u:p@h.example/x", "https://u:…@h.example/x"),
            ("https://h.example:8443/a@b", "https://h.example:8443/a@b"),
            ("spiffe://acme.example/a:b@c", "spiffe://acme.example/a:b@c"),
        ] {
            assert_eq!(redacted(text), shown);
        }
    }

    #[test]
    fn private_parts_of_keys_are_never_repeated() {
        assert_eq!(
            redacted("-----BEGIN EC PRIVATE KEY-----\nMHc\n-----END EC PRIVATE KEY-----"),
            "-----BEGIN EC PRIVATE KEY-----…-----END EC PRIVATE KEY-----"
        );
        assert_eq!(
            redacted("-----BEGIN PRIVATE KEY-----\nMHc"),
            "-----BEGIN PRIVATE KEY-----…"
        );
        let public = "-----BEGIN PUBLIC KEY-----\nMHc\n-----END PUBLIC KEY-----";
        assert_eq!(redacted(public), public);
        assert_eq!(
            redacted(r#"{"kty":"OKP", "d" : "secret","x":"public","kid":"d"}"#),
            r#"{"kty":"OKP", "d" : "…","x":"public","kid":"d"}"#
        );
        assert_eq!(
            redacted("kty = 'EC'\nd = 'secret'\nid = 'x'"),
            "kty = 'EC'\nd = '…'\nid = 'x'"
        );
        assert_eq!(redacted(r#"{"d":"no key"}"#), r#"{"d":"no key"}"#);
    }

    #[test]
    fn a_quotation_hides_what_its_source_would() {
        let pem = "x = '''\n-----BEGIN PRIVATE KEY-----\nAAAABBBB\nCCCCDDDD\n-----END PRIVATE KEY-----\n'''";
        assert_eq!(quoting("3 | AAAABBBB\n4 | CCCCDDDD", pem), "3 | …\n4 | …");
        let many: Vec<_> = (0..2_000).map(|n| format!("kty d = '{n:08}'")).collect();
        assert_eq!(quoting("d", &many.concat()), "…");
        let token = "x = '''\neyJhbGci\nOiJ9.e30.AAAA\nBBBBCCCC'''";
        assert_eq!(quoting("4 | BBBBCCCC", token), "4 | …");
        let jwk = "{\n\"kty\": \"EC\",\n\"d\": \"AAAABBBB\"\n}";
        assert_eq!(quoting("3 | \"d\": \"AAAABBBB\"", jwk), "3 | \"d\": \"…\"");
    }

    #[test]
    fn a_value_stays_a_value_and_hides_what_its_source_would() {
        let source = "x = '''\n-----BEGIN PRIVATE KEY-----\nAAAABBBB\n'''";
        let value = serde_json::json!({
            "a": ["AAAABBBB", 1], "eyJ.x.secret": { "kty": "OKP", "d": "short", "kid": "d" },
        });
        let hidden = serde_json::json!({
            "a": ["…", 1], "eyJ.x.…": { "kty": "OKP", "d": "…", "kid": "d" },
        });
        assert_eq!(Quotations::of(source).redacted_json(&value), hidden);
    }
}

//! What is asked over HTTP, and how: one bounded request, no redirect.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, StatusCode, Url};
use serde_json::Value;

use crate::sent::sent;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest answer, in bytes; tokens have 16 KiB at most.
const LONGEST: usize = 256 << 10;
/// The longest word of an endpoint's error that is shown, in characters.
const LONGEST_WORD: usize = 200;

/// A question that is answered with a token.
pub(super) struct Question {
    url: Url,
    headers: HeaderMap,
    pub(super) bearer: Option<String>,
    pub(super) post: bool,
    /// Asked without any proxy.
    direct: bool,
}

impl Question {
    /// A question to this URL: HTTPS, or HTTP to this machine itself.
    pub(super) fn new(url: &str) -> anyhow::Result<Self> {
        let url = address(url)?;
        let direct = is_here(&url);
        Ok(Self::to(url, direct))
    }

    /// A question to the metadata service of this machine, which speaks HTTP.
    pub(super) fn of_machine(url: &str) -> anyhow::Result<Self> {
        let url = Url::parse(url).map_err(|error| anyhow!("`{url}` is no URL: {error}"))?;
        Ok(Self::to(url, true))
    }

    fn to(url: Url, direct: bool) -> Self {
        Self {
            url,
            headers: HeaderMap::new(),
            bearer: None,
            post: false,
            direct,
        }
    }

    /// Adds parameters to the URL's query.
    pub(super) fn query(
        &mut self,
        pairs: impl IntoIterator<Item = (impl AsRef<str>, impl AsRef<str>)>,
    ) {
        let mut query = self.url.query_pairs_mut();
        for (name, value) in pairs {
            query.append_pair(name.as_ref(), value.as_ref());
        }
    }

    /// Adds headers.
    pub(super) fn headers(&mut self, headers: &BTreeMap<String, String>) {
        let header = |(name, value): (&String, &String)| {
            Some((
                HeaderName::try_from(name).ok()?,
                HeaderValue::try_from(value).ok()?,
            ))
        };
        self.headers.extend(headers.iter().filter_map(header));
    }

    /// The answer's text, where it is one.
    pub(super) fn ask(self) -> anyhow::Result<String> {
        let place = place(&self.url);
        let client = client(self.direct)?;
        let request = if self.post {
            client.post(self.url).body("")
        } else {
            client.get(self.url)
        };
        let mut request = request.headers(self.headers);
        if let Some(bearer) = &self.bearer {
            request = request.header(AUTHORIZATION, secret(&format!("Bearer {bearer}"))?);
        }
        let (status, text) = sent(request, LONGEST).with_context(|| place.clone())?;
        if status != StatusCode::OK {
            bail!("{place} answers with status {status}");
        }
        Ok(text)
    }
}

/// An exchange of tokens (RFC 8693).
pub(super) struct Exchange<'a> {
    url: Url,
    target: Option<&'a str>,
    scope: Option<&'a str>,
}

impl<'a> Exchange<'a> {
    /// An exchange at this token endpoint.
    pub(super) fn new(
        url: &str,
        target: Option<&'a str>,
        scope: Option<&'a str>,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            url: address(url)?,
            target,
            scope,
        })
    }

    /// The access token for this token.
    pub(super) fn access_token(self, token: &str) -> anyhow::Result<String> {
        let place = place(&self.url);
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs([
            (
                "grant_type",
                "urn:ietf:params:oauth:grant-type:token-exchange",
            ),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
            ("subject_token", token),
        ]);
        form.extend_pairs(self.target.map(|target| ("audience", target)));
        form.extend_pairs(self.scope.map(|scope| ("scope", scope)));
        let request = client(is_here(&self.url))?
            .post(self.url)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form.finish());
        let (status, text) = sent(request, LONGEST).with_context(|| place.clone())?;
        if status != StatusCode::OK {
            bail!("{place} gives no access token: {}", refusal(status, &text));
        }
        member(&text, "access_token").with_context(|| place)
    }
}

/// A member of a JSON answer that is a token: printable and without spaces.
pub(super) fn member(text: &str, name: &str) -> anyhow::Result<String> {
    // The answer holds a token, and none of it is repeated.
    let json: Value = serde_json::from_str(text).map_err(|_| anyhow!("the answer is no JSON"))?;
    let token = json.get(name).and_then(Value::as_str);
    let fits =
        |token: &&str| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    let token = token.filter(fits);
    let token = token.with_context(|| format!("the answer has no token as `{name}`"))?;
    Ok(token.to_owned())
}

/// Why an endpoint refuses (RFC 6749 §5.2), in its own words.
fn refusal(status: StatusCode, text: &str) -> String {
    let json: Value = serde_json::from_str(text).unwrap_or_default();
    let word = |name: &str| {
        let word = json.get(name)?.as_str()?;
        Some(word.chars().take(LONGEST_WORD).collect::<String>())
    };
    match (word("error"), word("error_description")) {
        (Some(error), Some(description)) => format!("`{error}`, {description}"),
        (Some(error), None) => format!("`{error}`"),
        (None, _) => format!("status {status}"),
    }
}

/// A URL that tokens may be sent to.
fn address(text: &str) -> anyhow::Result<Url> {
    let url = Url::parse(text).map_err(|error| anyhow!("`{text}` is no URL: {error}"))?;
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_here(&url) => Ok(url),
        _ => bail!("`{text}` is no HTTPS URL, and tokens go nowhere else"),
    }
}

/// Whether a URL leads to this machine itself.
fn is_here(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// A URL without its query, for people.
fn place(url: &Url) -> String {
    format!("`{}{}`", url.origin().ascii_serialization(), url.path())
}

fn secret(text: &str) -> anyhow::Result<HeaderValue> {
    let value = HeaderValue::try_from(text);
    let mut value = value.map_err(|_| anyhow!("the bearer token is no header's value"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn client(direct: bool) -> anyhow::Result<Client> {
    let mut builder = Client::builder()
        .timeout(PATIENCE)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("claimbound/", env!("CARGO_PKG_VERSION")));
    if direct {
        builder = builder.no_proxy();
    }
    builder.build().context("no connection can be made")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_go_over_tls_or_stay_on_this_machine() {
        for good in [
            "https://id.example/token",
            "http://127.0.0.1:1/x",
            "http://localhost/x",
            "http://[::1]:8/x",
        ] {
            assert!(address(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "id.example",
            "http://id.example/token",
            "http://127.0.0.1.evil.example/",
            "http://localhost.evil.example/",
            "http://localhost@evil.example/",
            "ftp://127.0.0.1/",
            "file:///etc/passwd",
        ] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_token_that_could_do_more_than_be_printed_is_none() {
        assert_eq!(member(r#"{"v":"a.b.c"}"#, "v").unwrap(), "a.b.c");
        for bad in [
            "",
            "{",
            "[]",
            r#"{"v":1}"#,
            r#"{"v":""}"#,
            r#"{"v":"a b"}"#,
            r#"{"v":"a\nb"}"#,
        ] {
            let told = format!("{:#}", member(bad, "v").unwrap_err());
            assert!(!told.contains("a b"), "{told}");
        }
    }
}

//! A request for an access token (RFC 8693 §2.1), read strictly.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use super::ExchangeError;

/// The longest body, in bytes: a token of 16 KiB, percent-encoded, and the rest.
pub const LONGEST_BODY: usize = 64 << 10;
/// The most parameters of a body.
const MOST_PARAMETERS: usize = 64;
/// The most scopes that one request may name.
const MOST_SCOPES: usize = 64;
/// The media type of a body (RFC 6749 appendix B).
const FORM: &str = "application/x-www-form-urlencoded";
/// The grant type (RFC 8693 §2.1).
pub(super) const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// Token types (RFC 8693 §3).
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// A workload's token as it was presented; its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct SubjectToken(String);

impl SubjectToken {
    /// The token itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SubjectToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SubjectToken(…)")
    }
}

/// What a token is asked for as (RFC 8693 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IssuedType {
    AccessToken,
    Jwt,
}

impl IssuedType {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::AccessToken => ACCESS_TOKEN,
            Self::Jwt => JWT,
        }
    }
}

/// A well-formed request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TokenRequest {
    pub(super) subject_token: SubjectToken,
    pub(super) issued_type: IssuedType,
    pub(super) audiences: Vec<String>,
    pub(super) resources: Vec<String>,
    /// The scopes asked for; none where it says nothing of scopes.
    pub(super) scope: Option<BTreeSet<String>>,
}

impl TokenRequest {
    /// Reads a body of this type.
    pub(super) fn parse(content_type: Option<&str>, body: &[u8]) -> Result<Self, ExchangeError> {
        if !content_type.is_some_and(is_form) {
            return Err(ExchangeError::NotAForm);
        }
        if body.len() > LONGEST_BODY {
            return Err(ExchangeError::TooLong);
        }
        let parameters = Parameters::parse(body)?;
        match parameters.one("grant_type") {
            Some(GRANT) => {}
            Some(_) => return Err(ExchangeError::OtherGrantType),
            None => return Err(ExchangeError::NoGrantType),
        }
        // Clients have no credentials here; whoever sends some expects them to
        // count.
        if ["client_secret", "client_assertion", "client_assertion_type"]
            .iter()
            .any(|name| parameters.one(name).is_some())
        {
            return Err(ExchangeError::ClientCredentials);
        }
        let actor = parameters.one("actor_token").is_some();
        if actor || parameters.one("actor_token_type").is_some() {
            return Err(ExchangeError::ActorToken);
        }
        let token = parameters.one("subject_token");
        let token = token.ok_or(ExchangeError::NoSubjectToken)?;
        if !is_compact(token) {
            return Err(ExchangeError::NotAToken);
        }
        match parameters.one("subject_token_type") {
            Some(JWT | ID_TOKEN) => {}
            Some(_) | None => return Err(ExchangeError::SubjectTokenType),
        }
        let issued_type = match parameters.one("requested_token_type") {
            None | Some(ACCESS_TOKEN) => IssuedType::AccessToken,
            Some(JWT) => IssuedType::Jwt,
            Some(_) => return Err(ExchangeError::RequestedTokenType),
        };
        let resources = parameters.all("resource");
        if !resources.iter().all(|resource| is_resource(resource)) {
            return Err(ExchangeError::Resource);
        }
        Ok(Self {
            subject_token: SubjectToken(token.to_owned()),
            issued_type,
            audiences: parameters.all("audience"),
            resources,
            scope: parameters.one("scope").map(scopes).transpose()?,
        })
    }
}

/// The parameters of a body, those without a value left out (RFC 6749 §3.2).
struct Parameters<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Parameters<'a> {
    fn parse(body: &'a [u8]) -> Result<Self, ExchangeError> {
        let mut found: Vec<(Cow<'a, str>, Cow<'a, str>)> = Vec::new();
        for (count, (name, value)) in form_urlencoded::parse(body).enumerate() {
            // Bytes that are no UTF-8 come as replacement characters, and
            // nothing here has a use for one.
            let broken = |text: &str| text.contains('\u{fffd}') || text.contains('\0');
            if count >= MOST_PARAMETERS {
                return Err(ExchangeError::TooManyParameters);
            }
            if broken(&name) || broken(&value) {
                return Err(ExchangeError::Unreadable);
            }
            // RFC 6749 §3.2: none twice, known or not; RFC 8693 §2.1 excepts two.
            let many = matches!(&*name, "resource" | "audience");
            if !many && found.iter().any(|(other, _)| *other == name) {
                return Err(ExchangeError::Repeated);
            }
            found.push((name, value));
        }
        found.retain(|(_, value)| !value.is_empty());
        Ok(Self(found))
    }

    fn one(&self, name: &str) -> Option<&str> {
        let mut found = self.0.iter().filter(|(other, _)| other == name);
        found.next().map(|(_, value)| &**value)
    }

    fn all(&self, name: &str) -> Vec<String> {
        let found = self.0.iter().filter(|(other, _)| other == name);
        found.map(|(_, value)| value.to_string()).collect()
    }
}

/// Whether a media type is that of a form; a parameter beside it, such as a
/// charset, changes nothing (RFC 6749 appendix B: it is UTF-8).
fn is_form(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case(FORM)
}

/// RFC 7515 §7.1: base64url between dots. Whoever sends a file as it is sends
/// its line end too, and is told so before anything else is made of it.
fn is_compact(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    text.bytes().all(fits)
}

/// RFC 8707 §2: an absolute URI without a fragment.
pub(super) fn is_resource(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    let starts = scheme.starts_with(|first: char| first.is_ascii_alphabetic());
    let goes_on = |one: char| one.is_ascii_alphanumeric() || matches!(one, '+' | '-' | '.');
    starts
        && scheme.chars().all(goes_on)
        && !rest.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_graphic())
        && !text.contains('#')
}

/// RFC 6749 §3.3: scopes between single spaces.
fn scopes(text: &str) -> Result<BTreeSet<String>, ExchangeError> {
    let mut scopes = BTreeSet::new();
    for scope in text.split(' ') {
        if !is_scope(scope) || scopes.len() >= MOST_SCOPES {
            return Err(ExchangeError::MalformedScope);
        }
        scopes.insert(scope.to_owned());
    }
    Ok(scopes)
}

/// RFC 6749 §3.3: %x21 / %x23-5B / %x5D-7E.
pub(super) fn is_scope(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
    !text.is_empty() && text.bytes().all(fits)
}

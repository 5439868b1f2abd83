//! What a registry asks of whoever has not said who he is (RFC 9110 §11.6.1).

use http_auth::parser::ChallengeParser;
use http_auth::{ChallengeRef, ParamValue};
use reqwest::Url;
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

/// Longest challenge that is read, in bytes.
const LONGEST: usize = 4096;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// A user and a password.
    Basic,
    /// A token that another place gives.
    Bearer { realm: Url, service: Option<String> },
}

impl Challenge {
    /// The challenge of an answer by a registry; a token is preferred to a
    /// password. None where it has none that is understood.
    ///
    /// # Errors
    /// Why the place that gives tokens can't be asked: it would see a password.
    pub(super) fn of(headers: &HeaderMap, registry: &Url) -> Result<Option<Self>, String> {
        let values = headers.get_all(WWW_AUTHENTICATE).iter();
        let values = values
            .filter_map(|value| value.to_str().ok())
            .filter(|value| value.len() <= LONGEST);
        let mut found = None;
        for challenge in values.flat_map(ChallengeParser::new).map_while(Result::ok) {
            if challenge.scheme.eq_ignore_ascii_case("bearer") {
                return bearer(&challenge, registry).map(Some);
            }
            if challenge.scheme.eq_ignore_ascii_case("basic") {
                found = Some(Self::Basic);
            }
        }
        Ok(found)
    }
}

fn bearer(challenge: &ChallengeRef<'_>, registry: &Url) -> Result<Challenge, String> {
    let parameter = |wanted: &str| {
        let mut parameters = challenge.params.iter();
        let found = parameters.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value): &(&str, ParamValue<'_>)| value.to_unescaped())
    };
    let realm = parameter("realm").ok_or("its challenge names no realm")?;
    let realm: Url = realm
        .parse()
        .map_err(|_| "the realm of its challenge is no URL")?;
    // Whoever may listen on another port of the same host is somebody else.
    if realm.scheme() != "https" && realm.origin() != registry.origin() {
        return Err(
            "the realm of its challenge is neither HTTPS nor its own host and port".to_owned(),
        );
    }
    if !realm.username().is_empty() || realm.password().is_some() {
        return Err("the realm of its challenge names a user".to_owned());
    }
    Ok(Challenge::Bearer {
        realm,
        service: parameter("service"),
    })
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn read(values: &[&'static str], registry: &str) -> Result<Option<Challenge>, String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(value));
        }
        Challenge::of(&headers, &registry.parse().unwrap())
    }

    fn token(realm: &str, service: Option<&str>) -> Challenge {
        Challenge::Bearer {
            realm: realm.parse().unwrap(),
            service: service.map(str::to_owned),
        }
    }

    #[test]
    fn a_token_is_preferred_to_a_password() {
        let registry = "https://registry.example";
        let bearer = r#"Bearer realm="https://auth.example/t",service="a, b",scope="x""#;
        let wanted = Ok(Some(token("https://auth.example/t", Some("a, b"))));
        assert_eq!(read(&[bearer], registry), wanted);
        assert_eq!(read(&[r#"Basic realm="x""#, bearer], registry), wanted);
        let basic = Ok(Some(Challenge::Basic));
        assert_eq!(read(&[r#"basic realm="x""#], registry), basic);
        for other in [
            &[][..],
            &["Negotiate"],
            &["Digest realm=\"x\""],
            &["\"\"\""],
        ] {
            assert_eq!(read(other, registry), Ok(None), "{other:?}");
        }
    }

    #[test]
    fn a_password_goes_to_no_place_that_others_could_read() {
        let registry = "https://registry.example";
        for realm in [
            r#"Bearer realm="http://registry.example/t""#,
            r#"Bearer realm="http://auth.example/t""#,
            r#"Bearer realm="file:///t""#,
            r#"Bearer realm="/t""#,
            r#"Bearer realm="https://me@auth.example/t""#,
            r#"Bearer service="x""#,
        ] {
            assert!(read(&[realm], registry).is_err(), "{realm}");
        }
        let local = "http://127.0.0.1:5000";
        let own = r#"Bearer realm="http://127.0.0.1:5000/t""#;
        let wanted = Ok(Some(token("http://127.0.0.1:5000/t", None)));
        assert_eq!(read(&[own], local), wanted);
        for realm in [
            r#"Bearer realm="http://127.0.0.1:5001/t""#,
            r#"Bearer realm="http://127.0.0.1/t""#,
            r#"Bearer realm="http://127.0.0.2:5000/t""#,
        ] {
            assert!(read(&[realm], local).is_err(), "{realm}");
        }
    }
}

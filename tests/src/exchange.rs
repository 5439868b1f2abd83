//! Token exchange, from the form to a token that another library verifies.

use std::sync::Arc;

use claimbound::grant::Grant;
use claimbound::models::Workload;
use claimbound::outcome::{Allowed, Denied, HostError, Outcome};
use claimbound::policy::PolicyId;
use claimbound::reason::{Code, HostCode, Reason};
use claimbound_server::config::{Config, ConfigError, Rotation, SigningAlgorithm};
use claimbound_server::exchange::{
    ExchangeError, Exchanger, LONGEST_BODY, Response, SigningKeys, Wanted,
};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};

const NOW: u64 = 1_800_000_000;
const DAY: u64 = 24 * 3600;
const FORM: &str = "application/x-www-form-urlencoded";
const FORGE: &str = "https://token.actions.githubusercontent.com";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

const CONFIG: &str = r#"
claimbound = 1
[issuer.forge]
model = "github-actions"
[issuer.cluster]
model = "kubernetes"
url = "https://cluster.acme.example"
[route.exchange]
audience = "https://id.acme.example"
issuers = ["forge", "cluster"]
policy = "policy.wasm"
danger_unsigned = true
[exchange]
issuer = "https://id.acme.example/tokens"
keys = "keys"
[exchange.target.api]
audience = "https://api.acme.example"
resources = ["https://api.acme.example/v1", "urn:acme:api"]
route = "exchange"
scopes = ["read", "write"]
roles = ["deploy"]
longest_lifetime = "10m"
[exchange.target.other]
audience = "other"
route = "exchange"
"#;

fn config(text: &str) -> Config {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    Config::read(file.path()).unwrap()
}

struct Exchange {
    _folder: tempfile::TempDir,
    exchanger: Exchanger,
}

impl Exchange {
    fn new() -> Self {
        Self::by(SigningAlgorithm::Es256, CONFIG)
    }

    fn by(algorithm: SigningAlgorithm, text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let keys = SigningKeys::open(&path, algorithm, Rotation::default(), NOW).unwrap();
        let exchanger = Exchanger::new(&config(text), Arc::new(keys)).unwrap();
        Self {
            _folder: folder,
            exchanger,
        }
    }

    fn parse(&self, more: &[(&str, &str)]) -> Result<Wanted, ExchangeError> {
        self.exchanger.parse(Some(FORM), form(more).as_bytes())
    }

    fn answer(&self, more: &[(&str, &str)], outcome: &Outcome) -> Answer {
        let wanted = self.parse(more).unwrap();
        let answered = self.exchanger.answer(&wanted, outcome, NOW);
        Answer::of(&answered.unwrap_or_else(ExchangeError::response))
    }

    /// The claims of the token, by what is published.
    fn verified(&self, token: &str, now: u64) -> Value {
        verified(&self.exchanger.jwks(), token, now).expect("a token that verifies")
    }
}

/// What another library makes of a token, by these keys.
fn verified(jwks: &Value, token: &str, now: u64) -> Option<Value> {
    let header = decode_header(token).unwrap();
    assert_eq!(header.typ.as_deref(), Some("at+jwt"));
    let keys: JwkSet = serde_json::from_value(jwks.clone()).unwrap();
    let key = DecodingKey::from_jwk(keys.find(&header.kid.unwrap())?).unwrap();
    let mut validation = Validation::new(header.alg);
    validation.algorithms = vec![Algorithm::ES256, Algorithm::EdDSA];
    validation.algorithms.retain(|one| *one == header.alg);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.set_issuer(&["https://id.acme.example/tokens"]);
    let claims: Value = decode(token, &key, &validation).unwrap().claims;
    assert!(claims["iat"].as_u64().unwrap() <= now);
    Some(claims)
}

struct Answer {
    status: u16,
    json: Value,
}

impl Answer {
    fn of(response: &Response) -> Self {
        let header = |name: &str| {
            let mut headers = response.headers().into_iter();
            headers.find(|(other, _)| *other == name)
        };
        assert_eq!(header("cache-control").unwrap().1, "no-store");
        assert_eq!(header("content-type").unwrap().1, "application/json");
        assert_eq!(header("retry-after").is_some(), response.status == 503);
        assert!(!format!("{response:?}").contains("eyJ"));
        Self {
            status: response.status,
            json: serde_json::from_str(&response.body).unwrap(),
        }
    }

    fn token(&self) -> &str {
        assert_eq!(self.status, 200, "{}", self.json);
        self.json["access_token"].as_str().unwrap()
    }
}

/// A form of what every request has and this; a value of `-` leaves one out.
fn form(more: &[(&str, &str)]) -> String {
    let usual = [
        (
            "grant_type",
            "urn:ietf:params:oauth:grant-type:token-exchange",
        ),
        ("subject_token", "eyJ.secret.token"),
        ("subject_token_type", JWT),
    ];
    let given = |name: &str| more.iter().any(|(other, _)| *other == name);
    let pairs = usual
        .into_iter()
        .filter(|(name, _)| !given(name))
        .chain(more.iter().copied().filter(|(_, value)| *value != "-"));
    let encode = |text: &str| {
        text.replace('%', "%25")
            .replace('&', "%26")
            .replace(' ', "+")
    };
    let pairs: Vec<_> = pairs
        .map(|(name, value)| format!("{name}={}", encode(value)))
        .collect();
    pairs.join("&")
}

const API: (&str, &str) = ("audience", "https://api.acme.example");

fn allowed() -> Allowed {
    Allowed {
        policy: Arc::new(PolicyId {
            name: "p".into(),
            version: "1.0.0".into(),
            digest: String::new(),
        }),
        statement: "production".into(),
        grant: Grant {
            roles: vec!["deploy".into(), "admin".into(), "deploy".into()],
            scopes: vec!["write".into(), "read".into(), "delete".into()],
            claims: None,
            max_lifetime: None,
        },
        obligations: Vec::new(),
        issuer: FORGE.into(),
        subject: "repo:acme/infra:ref:refs/heads/main".into(),
        confirmation: None,
        workload: Workload {
            model: "github-actions".into(),
            form: "plain".into(),
            parts: Vec::new(),
            names: Vec::new(),
        },
        ends_at: NOW + 300,
        assumed: Vec::new(),
        bound: None,
        spent: false,
    }
}

fn allow(change: impl FnOnce(&mut Allowed)) -> Outcome {
    let mut allowed = allowed();
    change(&mut allowed);
    Outcome::Allow(Box::new(allowed))
}

#[test]
fn an_access_token_is_what_rfc_9068_says() {
    for algorithm in [SigningAlgorithm::Es256, SigningAlgorithm::EdDsa] {
        let exchange = Exchange::by(algorithm, CONFIG);
        let outcome = allow(|allowed| {
            allowed.grant.claims = Some(r#"{"tier":"gold","n":1.50}"#.into());
        });
        let answer = exchange.answer(&[API], &outcome);
        let mut claims = exchange.verified(answer.token(), NOW);
        let id = claims.as_object_mut().unwrap().remove("jti").unwrap();
        assert_eq!(id.as_str().unwrap().len(), 22, "128 bits");
        let subject = "forge:repo:acme/infra:ref:refs/heads/main";
        assert_eq!(
            claims,
            json!({
                "iss": "https://id.acme.example/tokens",
                "sub": subject,
                "aud": "https://api.acme.example",
                "exp": NOW + 300,
                "iat": NOW,
                "client_id": subject,
                "scope": "read write",
                "roles": ["deploy"],
                "claimbound": {
                    "issuer": FORGE, "subject": "repo:acme/infra:ref:refs/heads/main",
                },
                "tier": "gold",
                "n": 1.50,
            })
        );
        let mut json = answer.json.clone();
        json.as_object_mut().unwrap().remove("access_token");
        assert_eq!(
            json,
            json!({
                "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
                "token_type": "Bearer", "expires_in": 300, "scope": "read write",
            })
        );
        let again = exchange.answer(&[API], &outcome);
        assert_ne!(exchange.verified(again.token(), NOW)["jti"], id);
    }
}

#[test]
fn one_subject_at_two_issuers_is_two_subjects() {
    let exchange = Exchange::new();
    let subject = |issuer: &str| {
        let outcome = allow(|allowed| allowed.issuer = issuer.into());
        let answer = exchange.answer(&[API], &outcome);
        exchange.verified(answer.token(), NOW)["sub"].clone()
    };
    assert_ne!(subject(FORGE), subject("https://cluster.acme.example"));
    // No route of the target takes it.
    let outcome = allow(|allowed| allowed.issuer = "https://evil.example".into());
    assert_eq!(exchange.answer(&[API], &outcome).status, 503);
}

#[test]
fn audience_and_resources_name_one_target() {
    let exchange = Exchange::new();
    let target = |more: &[(&str, &str)]| {
        let wanted = exchange.parse(more)?;
        assert_eq!(wanted.route(), "exchange");
        let (name, audience) = &wanted.attributes()[0];
        assert_eq!(name, "exchange_audience");
        Ok(audience.clone())
    };
    let api = Ok("https://api.acme.example".to_owned());
    let v1 = ("resource", "https://api.acme.example/v1");
    assert_eq!(target(&[API]), api);
    assert_eq!(target(&[v1]), api);
    assert_eq!(target(&[API, API, v1, ("resource", "urn:acme:api")]), api);
    assert_eq!(target(&[("resource", API.1)]), api);
    assert_eq!(target(&[("audience", "other")]), Ok("other".to_owned()));
    for more in [
        &[][..],
        &[API, ("audience", "other")],
        &[("audience", "other"), v1],
        &[("audience", "unknown")],
        &[("audience", "https://api.acme.example/v1")],
        &[("audience", "https://api.acme.example/")],
        &[("audience", "HTTPS://api.acme.example")],
        &[("resource", "other")],
        &[API, ("resource", "https://api.acme.example/v1#x")],
        &[("resource", "/v1")],
    ] {
        let code = target(more).map_err(ExchangeError::code);
        assert_eq!(code, Err("invalid_target"), "{more:?}");
    }
    assert_eq!(target(&[]), Err(ExchangeError::NoTarget));
    let unknown = target(&[("audience", "unknown")]);
    assert_eq!(unknown, Err(ExchangeError::UnknownTarget));
    let relative = target(&[("resource", "/v1")]);
    assert_eq!(relative, Err(ExchangeError::Resource));
    // With one target alone nothing has to be said.
    let (one, _) = CONFIG.split_once("[exchange.target.other]").unwrap();
    let exchange = Exchange::by(SigningAlgorithm::Es256, one);
    assert!(exchange.parse(&[]).is_ok());
    assert!(exchange.parse(&[("audience", "other")]).is_err());
}

#[test]
fn scopes_are_those_asked_for_or_all_that_are_granted() {
    let exchange = Exchange::new();
    let scopes = |scope: &str, target: (&str, &str)| {
        let answer = exchange.answer(&[target, ("scope", scope)], &allow(|_| ()));
        if answer.status != 200 {
            return answer.json["error"].clone();
        }
        assert_eq!(answer.json.get("scope"), None, "as asked for");
        exchange.verified(answer.token(), NOW)["scope"].clone()
    };
    assert_eq!(scopes("read", API), "read");
    assert_eq!(scopes("write read", API), "read write");
    // The policy grants it, the target does not take it.
    assert_eq!(scopes("read delete", API), "invalid_scope");
    assert_eq!(
        scopes("delete", ("audience", "other")),
        "delete",
        "a target without a list takes all"
    );
    assert_eq!(scopes("unknown", ("audience", "other")), "invalid_scope");

    let wanted = exchange.parse(&[API, ("scope", "write read")]).unwrap();
    assert_eq!(
        wanted.attributes()[1],
        ("exchange_scope".to_owned(), "read write".to_owned())
    );
    assert_eq!(exchange.parse(&[API]).unwrap().attributes().len(), 1);
    for scope in ["a  b", " a", "a ", "a\"", "a\\b", "a\tb", "é"] {
        let refused = exchange.parse(&[API, ("scope", scope)]).unwrap_err();
        assert_eq!(refused, ExchangeError::MalformedScope, "{scope}");
    }

    // Nothing granted is nothing in the token.
    let outcome = allow(|allowed| allowed.grant = Grant::default());
    let answer = exchange.answer(&[API], &outcome);
    let claims = exchange.verified(answer.token(), NOW);
    assert_eq!((claims.get("scope"), claims.get("roles")), (None, None));
    assert_eq!(answer.json.get("scope"), None);
}

#[test]
fn a_token_ends_with_what_ends_first() {
    let exchange = Exchange::new();
    let ends = |ends_at: u64, target: (&str, &str)| {
        let outcome = allow(|allowed| allowed.ends_at = ends_at);
        let answer = exchange.answer(&[target], &outcome);
        if answer.status != 200 {
            return Err((answer.status, answer.json["error"].clone()));
        }
        let claims = exchange.verified(answer.token(), NOW);
        let end = claims["exp"].as_u64().unwrap();
        assert_eq!(answer.json["expires_in"], end - NOW);
        Ok(end)
    };
    assert_eq!(ends(NOW + 1, API), Ok(NOW + 1));
    assert_eq!(ends(NOW + 600, API), Ok(NOW + 600));
    assert_eq!(ends(NOW + 601, API), Ok(NOW + 600), "of the target");
    assert_eq!(
        ends(u64::MAX, ("audience", "other")),
        Ok(NOW + 900),
        "by default"
    );
    for passed in [0, NOW - 1, NOW] {
        assert_eq!(ends(passed, API), Err((400, "invalid_request".into())));
    }
}

#[test]
fn a_token_is_bound_as_the_subject_token_was_or_not_at_all() {
    let exchange = Exchange::new();
    let bound = |cnf: Option<&str>| {
        let outcome = allow(|allowed| allowed.confirmation = cnf.map(str::to_owned));
        let answer = exchange.answer(&[API], &outcome);
        let claims = exchange.verified(answer.token(), NOW);
        (
            claims.get("cnf").cloned(),
            answer.json["token_type"].clone(),
        )
    };
    assert_eq!(bound(None), (None, "Bearer".into()));
    let cnf = json!({ "jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I", "x": [1] });
    assert_eq!(bound(Some(&cnf.to_string())), (Some(cnf), "DPoP".into()));
    let cnf = json!({ "x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2" });
    assert_eq!(bound(Some(&cnf.to_string())), (Some(cnf), "Bearer".into()));
    // What can't be carried over is no reason to leave it out.
    let outcome = allow(|allowed| allowed.confirmation = Some("[]".into()));
    assert_eq!(exchange.answer(&[API], &outcome).status, 503);
}

#[test]
fn a_grant_never_sets_what_the_issuer_speaks_of() {
    let exchange = Exchange::new();
    for name in claimbound::grant::REGISTERED_CLAIMS
        .iter()
        .chain(&["claimbound"])
    {
        let outcome = allow(|allowed| {
            allowed.grant.claims = Some(json!({ *name: "x" }).to_string());
        });
        assert_eq!(exchange.answer(&[API], &outcome).status, 503, "{name}");
    }
}

#[test]
fn each_malformed_request_is_told_what_is_wrong_with_it() {
    use ExchangeError::*;

    let exchange = Exchange::new();
    let long = "a".repeat(LONGEST_BODY);
    let access_token = "urn:ietf:params:oauth:token-type:access_token";
    let of = |name, value| vec![API, (name, value)];
    for (more, error) in [
        (of("grant_type", "-"), NoGrantType),
        (of("grant_type", "client_credentials"), OtherGrantType),
        (of("subject_token", "-"), NoSubjectToken),
        (of("subject_token", ""), NoSubjectToken),
        (of("subject_token", &long), TooLong),
        // A file as an editor leaves it.
        (of("subject_token", "eyJ.a.b\n"), NotAToken),
        (of("subject_token", "eyJ.a.b "), NotAToken),
        (of("subject_token_type", "-"), SubjectTokenType),
        (of("subject_token_type", access_token), SubjectTokenType),
        (of("requested_token_type", "urn:x"), RequestedTokenType),
        (of("actor_token", "x"), ActorToken),
        (of("actor_token_type", JWT), ActorToken),
        (of("client_secret", "x"), ClientCredentials),
        (of("client_assertion", "x"), ClientCredentials),
        (vec![API, ("scope", "a"), ("scope", "a")], Repeated),
        (vec![API, ("x", "a"), ("x", "")], Repeated),
        (vec![API; 64], TooManyParameters),
    ] {
        let refused = exchange.parse(&more).map(|wanted| format!("{wanted:?}"));
        assert_eq!(refused, Err(error), "{more:?}");
    }
    for good in [
        of(
            "subject_token_type",
            "urn:ietf:params:oauth:token-type:id_token",
        ),
        of("requested_token_type", access_token),
        of("requested_token_type", ""),
        of("actor_token", ""),
        of("client_id", "whoever"),
        of("unknown", "x"),
    ] {
        assert!(exchange.parse(&good).is_ok(), "{good:?}");
    }
    let answer = exchange.answer(&of("requested_token_type", JWT), &allow(|_| ()));
    assert_eq!(answer.json["issued_token_type"], JWT);
}

#[test]
fn bodies_of_another_type_and_hostile_ones_are_refused() {
    let exchange = Exchange::new();
    let good = form(&[API]);
    let parse = |kind: Option<&str>, body: &[u8]| exchange.exchanger.parse(kind, body).map(drop);
    for kind in [
        FORM,
        "application/x-www-form-urlencoded; charset=UTF-8",
        "Application/X-WWW-Form-URLEncoded",
    ] {
        assert_eq!(parse(Some(kind), good.as_bytes()), Ok(()), "{kind}");
    }
    for kind in [
        None,
        Some(""),
        Some("application/json"),
        Some("text/plain"),
        Some("application/x-www-form-urlencodedx"),
        Some("multipart/form-data; boundary=application/x-www-form-urlencoded"),
    ] {
        let refused = parse(kind, good.as_bytes());
        assert_eq!(refused, Err(ExchangeError::NotAForm), "{kind:?}");
    }
    for more in [
        &b"&x=%ff"[..],
        b"&x=\xff\xfe",
        b"&%00=x",
        b"&x=%00",
        b"&x=%c0%80",
    ] {
        let body = [good.as_bytes(), more].concat();
        let refused = parse(Some(FORM), &body);
        assert_eq!(refused, Err(ExchangeError::Unreadable), "{more:?}");
    }
    for body in [&b""[..], b"&", b"====", b"\0", &[b'&'; 1000], &[0xff; 1000]] {
        assert!(parse(Some(FORM), body).is_err());
    }
}

#[test]
fn a_denial_tells_nothing_and_a_failure_may_be_tried_again() {
    let exchange = Exchange::new();
    let deny = |code, message: &str| {
        Outcome::Deny(Denied {
            reasons: vec![Reason::new(code, message)],
            truncated: false,
        })
    };
    let one = exchange.answer(&[API], &deny(Code::TokenExpired, "secret"));
    let other = exchange.answer(&[API], &deny(Code::ClaimMismatch, "other"));
    assert_eq!((one.status, &one.json), (400, &other.json));
    assert_eq!(one.json["error"], "invalid_request");
    assert!(!one.json.to_string().contains("secret"));

    let failed = Outcome::Error(HostError::new(HostCode::Store, "secret"));
    let failed = exchange.answer(&[API], &failed);
    assert_eq!(failed.status, 503);
    assert_eq!(failed.json["error"], "temporarily_unavailable");
    assert!(!failed.json.to_string().contains("secret"));

    assert_eq!(
        one.json["error_description"],
        ExchangeError::NotAccepted.to_string()
    );
}

#[test]
fn every_error_says_what_to_do_in_the_characters_of_its_rfc() {
    // RFC 6749 §5.2: %x20-21 / %x23-5B / %x5D-7E.
    let fits = |byte: u8| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    for error in ExchangeError::ALL {
        let answer = Answer::of(&error.response());
        assert_eq!(answer.status, error.status());
        assert_eq!(answer.json["error"], error.code());
        let description = answer.json["error_description"].as_str().unwrap();
        assert!(description.bytes().all(fits), "{description}");
        let (wrong, action) = description.split_once(": ").expect(description);
        assert!(!wrong.is_empty() && !action.is_empty(), "{description}");
        // What `token fetch` shows of one.
        assert!(description.len() <= 200, "{description}");
    }
    let page = std::fs::read_to_string(crate::tree::root().join("docs/token-exchange.md"));
    let page = page.unwrap();
    for error in ExchangeError::ALL {
        let line = format!("| `{}` | {} | ", error.code(), error.status());
        assert!(page.contains(&line), "{line}");
    }
    let most = ExchangeError::TooLong.to_string();
    assert!(most.contains(&LONGEST_BODY.to_string()), "{most}");
}

#[test]
fn what_is_signed_verifies_by_what_was_published_before_and_after() {
    let exchange = Exchange::new();
    let keys = exchange.exchanger.keys();
    let hour = 3600;
    // What somebody fetched, at most as old as they may keep it, an hour here.
    let mut fetched = exchange.exchanger.jwks();
    let mut tokens: Vec<(u64, String)> = Vec::new();
    for step in 0..24 * 120 {
        let now = NOW + step * hour;
        if step % 7 != 3 {
            keys.tick(now).unwrap();
        }
        let wanted = exchange.parse(&[API]).unwrap();
        let outcome = allow(|allowed| allowed.ends_at = now + DAY);
        let response = exchange.exchanger.answer(&wanted, &outcome, now);
        let token = Answer::of(&response.unwrap()).token().to_owned();
        assert!(verified(&fetched, &token, now).is_some(), "hour {step}");
        fetched = exchange.exchanger.jwks();
        assert!(fetched["keys"].as_array().unwrap().len() <= 3);
        tokens.push((now + DAY, token));
        tokens.retain(|(end, _)| *end > now);
        if step % 24 == 0 {
            for (_, token) in &tokens {
                assert!(verified(&fetched, token, now).is_some(), "hour {step}");
            }
        }
    }
}

#[test]
fn published_keys_are_public_and_named_by_their_thumbprint() {
    for algorithm in [SigningAlgorithm::Es256, SigningAlgorithm::EdDsa] {
        let exchange = Exchange::by(algorithm, CONFIG);
        let jwks = exchange.exchanger.jwks();
        let key = jwks["keys"][0].as_object().unwrap();
        assert!(!key.contains_key("d"));
        assert_eq!(
            (&key["use"], &key["alg"]),
            (&json!("sig"), &json!(algorithm.as_str()))
        );
        let known: JwkSet = serde_json::from_value(jwks.clone()).unwrap();
        let thumbprint = known.keys[0].thumbprint(jsonwebtoken::jwk::ThumbprintHash::SHA256);
        assert_eq!(key["kid"], json!(thumbprint.unwrap()));
    }
}

#[test]
fn the_discovery_document_is_where_its_issuer_says() {
    let exchange = Exchange::new();
    let document = exchange.exchanger.discovery(NOW);
    let paths = exchange.exchanger.paths();
    let issuer = "https://id.acme.example/tokens";
    assert_eq!(document["issuer"], issuer);
    let at = |path: &str| format!("https://id.acme.example{path}");
    assert_eq!(document["token_endpoint"], at(&paths.token));
    assert_eq!(document["jwks_uri"], at(&paths.jwks));
    assert_eq!(
        paths.documents,
        [
            "/.well-known/oauth-authorization-server/tokens",
            "/tokens/.well-known/openid-configuration"
        ]
    );
    assert_eq!(document["response_types_supported"], json!([]));
    assert_eq!(
        document["token_endpoint_auth_methods_supported"],
        json!(["none"])
    );
    assert_eq!(
        document["id_token_signing_alg_values_supported"],
        json!(["ES256"])
    );
    // Nothing remembers proofs here.
    assert_eq!(document.get("dpop_signing_alg_values_supported"), None);
    let with_ledger = format!("{CONFIG}[ledger]\nsqlite = \"ledger.db\"\n");
    let exchange = Exchange::by(SigningAlgorithm::Es256, &with_ledger);
    assert_eq!(
        exchange.exchanger.discovery(NOW)["dpop_signing_alg_values_supported"],
        json!(["ES256", "EdDSA", "RS256", "PS256"])
    );
}

#[test]
fn a_configuration_that_would_be_unsafe_is_refused() {
    assert_eq!(Exchanger::check(&config(CONFIG)), Ok(()));
    assert_eq!(Exchanger::check(&config("claimbound = 1")), Ok(()));
    let issuer = |url: &str| {
        (
            "issuer = \"https://id.acme.example/tokens\"",
            format!("issuer = \"{url}\""),
        )
    };
    let longest = |span: &str| {
        (
            "longest_lifetime = \"10m\"",
            format!("longest_lifetime = \"{span}\""),
        )
    };
    for ((from, to), at) in [
        (issuer("http://id.acme.example"), "exchange.issuer"),
        (issuer("https://"), "exchange.issuer"),
        (issuer("https:///x"), "exchange.issuer"),
        (issuer("https://id.acme.example?x"), "exchange.issuer"),
        (issuer("https://id.acme.example#x"), "exchange.issuer"),
        (issuer("https://u@id.acme.example"), "exchange.issuer"),
        (issuer("https://id.acme.example/"), "exchange.issuer"),
        // Its own issuer is never one whose tokens are taken, by whatever spelling.
        (issuer(FORGE), "exchange.issuer"),
        (issuer("https://cluster.acme.example"), "exchange.issuer"),
        (
            issuer("https://CLUSTER.acme.example:443"),
            "exchange.issuer",
        ),
        (("issuer.cluster", "issuer.\"a:b\"".into()), "issuer.a:b"),
        (
            ("route = \"exchange\"", "route = \"none\"".into()),
            "exchange.target.api.route",
        ),
        (
            ("audience = \"other\"", "audience = \"urn:acme:api\"".into()),
            "exchange.target.other",
        ),
        (
            ("audience = \"other\"", format!("audience = \"{}\"", API.1)),
            "exchange.target.other",
        ),
        (
            (
                "audience = \"other\"",
                "audience = \"https://id.acme.example\"".into(),
            ),
            "exchange.target.other.audience",
        ),
        (
            ("audience = \"other\"", "audience = \"\"".into()),
            "exchange.target.other.audience",
        ),
        (
            ("\"urn:acme:api\"", "\"x\"".into()),
            "exchange.target.api.resources",
        ),
        (
            ("\"read\"", "\"re ad\"".into()),
            "exchange.target.api.scopes",
        ),
        (longest("0s"), "exchange.target.api.longest_lifetime"),
        (longest("24h 1s"), "exchange.target.api.longest_lifetime"),
        (
            (
                "keys = \"keys\"",
                "keys = \"keys\"\nrotation = { every = \"1m\" }".into(),
            ),
            "exchange.rotation",
        ),
        (
            (
                "policy = \"policy.wasm\"",
                "policy = \"policy.wasm\"\nattributes = { exchange_scope = { value = \"x\" } }"
                    .into(),
            ),
            "route.exchange.attributes",
        ),
    ] {
        let text = CONFIG.replace(from, &to);
        assert_ne!(text, CONFIG);
        match Exchanger::check(&config(&text)) {
            Err(ConfigError::Invalid { at: found, .. }) => assert_eq!(found, at, "{to}"),
            other => panic!("{to}: {other:?}"),
        }
    }
}

#[test]
fn nothing_of_a_subject_token_is_shown() {
    let exchange = Exchange::new();
    let wanted = exchange.parse(&[API]).unwrap();
    assert_eq!(wanted.token().expose(), "eyJ.secret.token");
    assert!(!format!("{wanted:?}").contains("secret"));
}

//! Signatures of tokens and private parts of keys are never printed, wherever
//! the file that holds them was named.

use super::program::{Program, Ran};

// RFC 8037 §A.1
const JWK: &str = r#"{"kty":"OKP","crv":"Ed25519",
"d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
"x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
const PRIVATE: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
// RFC 8410 §10.3
const PEM: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----
";
const PEM_BODY: &str = "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp";

/// Every place of a file; it stands where `@` does.
const PLACES: &str = "
check --claims claims.json --policy @
explain --claims claims.json --policy @
check --policy policy.toml --claims @
check --policy policy.toml --claims claims.json --code-cache code --code-key @
check --policy policy.toml --token @ --jwks keys.json
check --policy policy.toml --token token.jwt --jwks @
check --policy policy.toml --token @ --jwks @
build @
build policy.toml --cases @ -o out.wasm
inspect @
test @
test policy.toml --cases @
token decode @
token verify --jwks keys.json @
token verify --jwks @ token.jwt
token verify --raw --jwks @ @
token mint --claims @
token mint --like @:trust.production
new proposed --from-token @
check --policy policy.toml --claims claims.json --ledger @
subject init --ledger @
subject approve --ledger ledger.db --by a --reason b --token @ --jwks keys.json
subject approve --ledger ledger.db --by a --reason b --token token.jwt --jwks @
subject approve --ledger ledger.db --by a --reason b --claims @
subject import --ledger ledger.db --by a --reason b @
subject export --ledger ledger.db @
revoke token --ledger ledger.db --by a --reason b --file @
revoke key --ledger ledger.db --by a --reason b --jwk @
sign @ --key release.key
sign out.wasm --key @
verify @ --key release.pub
verify out.wasm --key @
verify out.wasm --key release.pub --signature @
";

/// Files with secrets, and the secret of each.
fn secret_files(program: &Program) -> Vec<(&'static str, String)> {
    let token = String::from_utf8(program.read("token.jwt")).unwrap();
    let token = token.trim();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let broken = format!("{signed}.\n{}\n{}", &signature[..40], &signature[40..]);
    let tail = signature[40..].to_owned();
    let private = PRIVATE.to_owned();
    let body = PEM_BODY.to_owned();
    let inside = format!("{{\"claimbound\": 1, \"key\": {JWK}, \"d\": {{}} }}");
    for (name, text) in [
        ("g.jwt", token.to_owned()),
        ("bearer", format!("Bearer {token}")),
        ("broken", broken.clone()),
        ("env", format!("ID_TOKEN={token}\n")),
        ("token.json", format!("{{\"value\": \"{token}\"}}")),
        (
            "token.toml",
            format!("claimbound = 1\ntoken = \"{token}\"\n"),
        ),
        ("broken.toml", format!("x = 1\n{broken}\n")),
        ("key.pem", PEM.to_owned()),
        (
            "pem.toml",
            format!("claimbound = 1\nkey = \"\"\"\n{PEM}\"\"\"\n"),
        ),
        ("pem.json", serde_json::json!({ "key": PEM }).to_string()),
        ("private.jwk", JWK.to_owned()),
        ("set.json", format!("{{\"keys\":[{JWK}]}}")),
        ("half.jwk", JWK.replace('}', "")),
        ("inside.json", inside),
        ("jwk.toml", format!("kty = \"OKP\"\nd = \"{PRIVATE}\"\n")),
    ] {
        program.write(name, text);
    }
    let whole = signature.to_owned();
    vec![
        ("g.jwt", whole.clone()),
        ("bearer", whole.clone()),
        ("broken", tail.clone()),
        ("env", whole.clone()),
        ("token.json", whole.clone()),
        ("token.toml", whole),
        ("broken.toml", tail),
        ("key.pem", body.clone()),
        ("pem.toml", body.clone()),
        ("pem.json", body),
        ("private.jwk", private.clone()),
        ("set.json", private.clone()),
        ("half.jwk", private.clone()),
        ("inside.json", private.clone()),
        ("jwk.toml", private),
    ]
}

#[test]
fn no_place_of_a_file_prints_a_secret() {
    let program = Program::with_token();
    let made = program.run(&["subject", "init", "--ledger", "ledger.db"]);
    assert_eq!(made.status, 0, "{made:?}");
    for call in [
        "build policy.toml -o out.wasm",
        "modules keygen release",
        "sign out.wasm --key release.key",
    ] {
        let ran = program.run(&call.split(' ').collect::<Vec<_>>());
        assert_eq!(ran.status, 0, "{call}: {ran:?}");
    }
    for (file, secret) in secret_files(&program) {
        for place in PLACES.trim().lines() {
            for format in ["human", "json"] {
                let call = format!("{} --format {format}", place.replace('@', file));
                let words: Vec<_> = call.split(' ').collect();
                let ran = program.run(&words);
                // What was proposed from a real token is in the way next time.
                let _ = std::fs::remove_dir_all(program.path("proposed"));
                assert_hidden(&call, &ran, &secret);
            }
        }
    }
}

#[test]
fn a_token_inside_a_claim_is_shown_without_its_signature() {
    let program = Program::with_token();
    let token = String::from_utf8(program.read("token.jwt")).unwrap();
    let signature = token.trim().rsplit('.').next().unwrap();
    let header = token.split('.').next().unwrap();
    let with = serde_json::json!({ "ref": token.trim() });
    program.claims("outer.json", &with);
    let mint = ["token", "mint", "--claims", "outer.json"];
    program.write("outer.jwt", program.run(&mint).out);
    for call in [
        "token decode outer.jwt",
        "check --policy policy.toml --claims outer.json --at 1795428060",
        "explain --policy policy.toml --claims outer.json --at 1795428060",
    ] {
        for format in ["human", "json"] {
            let call = format!("{call} --format {format}");
            let words: Vec<_> = call.split(' ').collect();
            let ran = program.run(&words);
            assert!(
                ran.status < 2 && ran.out.contains(header),
                "{call}: {ran:?}"
            );
            assert_hidden(&call, &ran, &signature[..16]);
            if format == "json" {
                ran.json();
            }
        }
    }
}

fn assert_hidden(call: &str, ran: &Ran, secret: &str) {
    assert!(!ran.out.contains(secret), "{call}: {ran:?}");
    assert!(!ran.err.contains(secret), "{call}: {ran:?}");
}

#[test]
fn what_stands_in_the_wrong_place_is_named() {
    let program = Program::with_token();
    secret_files(&program);
    for (call, said) in [
        (
            "check --claims claims.json --policy g.jwt",
            "is a token, not a policy document",
        ),
        ("build g.jwt", "is a token, not a policy document"),
        ("inspect bearer", "is a token, not a policy document"),
        ("build broken", "is a token, not a policy document"),
        (
            "test policy.toml --cases g.jwt",
            "is a token, not a case file",
        ),
        (
            "build policy.toml --cases key.pem",
            "is a private key, not a case file",
        ),
        ("build key.pem", "is a private key, not a policy document"),
        (
            "build private.jwk",
            "is a private key, not a policy document",
        ),
        ("build half.jwk", "is a private key, not a policy document"),
        ("build keys.json", "is a key set, not a policy document"),
        (
            "check --policy policy.toml --token g.jwt --jwks g.jwt",
            "`g.jwt` is a token, not a key set",
        ),
        (
            "check --policy policy.toml --claims g.jwt",
            "is a token, not a JSON object of claims",
        ),
        (
            "token mint --claims private.jwk",
            "is a private key, not a JSON object of claims",
        ),
        (
            "token mint --like g.jwt:trust.x",
            "is a token, not a policy document",
        ),
        (
            "new x --from-token keys.json",
            "it is a key set, not a token",
        ),
    ] {
        let words: Vec<_> = call.split(' ').collect();
        let ran = program.run(&words);
        assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{call}: {ran:?}");
        assert!(ran.err.contains(said), "{call}: {ran:?}");
        assert_eq!(ran.err.lines().count(), 1, "{call}: {ran:?}");
    }
}

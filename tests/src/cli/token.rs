//! `token decode`, `verify` and `mint`.

use super::program::{AT, POLICY, Program, Ran, settled};

fn verify(program: &Program, more: &[&str]) -> Ran {
    program.run(
        &[
            &["token", "verify", "--jwks", "keys.json", "--at", AT],
            more,
            &["token.jwt"],
        ]
        .concat(),
    )
}

#[test]
fn decoding_believes_nothing_and_shows_no_signature() {
    let program = Program::with_token();
    let token = String::from_utf8(program.read("token.jwt")).unwrap();
    let signature = token.trim().rsplit('.').next().unwrap();
    let ran = program.run(&["token", "decode", "token.jwt"]);
    assert!(ran.out.starts_with("UNVERIFIED"), "{ran:?}");
    assert!(ran.out.contains("2026-11-23T10:00:00Z"), "{ran:?}");
    let json = program.run(&["token", "decode", "token.jwt", "--format", "json"]);
    assert_eq!(json.json()["verified"], false);
    assert_eq!(json.json()["claims"]["ref"], "refs/heads/main");
    for ran in [ran, json] {
        assert_eq!(ran.status, 0);
        assert!(!ran.out.contains(signature));
    }
}

#[test]
fn numbers_of_a_payload_are_shown_as_they_were_written() {
    let program = Program::new();
    let payload = r#"{"iss":"i","sub":"s","n":1.50,"big":123456789012345678901234567890}"#;
    program.write(
        "t",
        format!("eyJhbGciOiJSUzI1NiJ9.{}.AAAA", base64(payload)),
    );
    let ran = program.run(&["token", "decode", "t", "--format", "json"]);
    assert!(
        ran.out.contains("1.50") && ran.out.contains("123456789012345678901234567890"),
        "{ran:?}"
    );
}

fn base64(text: &str) -> String {
    use ::base64::Engine as _;
    ::base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
}

#[test]
fn a_valid_token_names_its_key() {
    let program = Program::with_token();
    let ran = verify(
        &program,
        &[
            "--audience",
            "https://deploy.acme.example",
            "--algorithm",
            "ES256",
        ],
    );
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(ran.out.contains("EC of 256 bits"), "{ran:?}");
    let json = verify(&program, &["--format", "json"]).json();
    assert_eq!(
        (&json["valid"], &json["key"]["algorithm"]),
        (&true.into(), &"ES256".into())
    );
    assert_eq!(json["expires"], 1_795_428_300);
}

#[test]
fn each_refusal_has_its_code_and_status_one() {
    let program = Program::with_token();
    for (more, code) in [
        (&["--audience", "x"][..], "audience.mismatch"),
        (&["--issuer", "https://other.example"], "issuer.unknown"),
        (
            &["--algorithm", "RS256", "--algorithm", "EdDSA"],
            "token.algorithm",
        ),
    ] {
        let ran = verify(&program, &[more, &["--format", "json"]].concat());
        assert_eq!(ran.status, 1, "{ran:?}");
        assert_eq!(ran.json()["reason"]["code"], code);
    }
    let at = |at: &str, leeway: &str| {
        program.run(&[
            "token",
            "verify",
            "--jwks",
            "keys.json",
            "--at",
            at,
            "--leeway",
            leeway,
            "token.jwt",
        ])
    };
    // `exp` is exclusive: 10:05:00Z.
    assert_eq!(at("2026-11-23T10:04:59Z", "0").status, 0);
    assert_eq!(at("2026-11-23T10:05:00Z", "0").status, 1);
    assert_eq!(at("2026-11-23T10:05:00Z", "1").status, 0);
    assert_eq!(at("2026-11-23T09:59:59Z", "0").status, 1);
    assert_eq!(
        at("2026-11-23T10:05:00Z", "301").status,
        2,
        "leeway is bounded"
    );
}

#[test]
fn the_raw_layer_takes_any_payload_and_no_other_flag() {
    let program = Program::with_token();
    let raw = [
        "token",
        "verify",
        "--raw",
        "--jwks",
        "keys.json",
        "token.jwt",
    ];
    let ran = program.run(&raw);
    assert!(ran.status == 0 && ran.out.contains("payload"), "{ran:?}");
    assert_eq!(
        program
            .run(&[&raw[..], &["--audience", "x"]].concat())
            .status,
        2
    );
    let other = Program::with_token();
    program.write("keys.json", other.read("keys.json"));
    let ran = program.run(&raw);
    assert!(
        ran.status == 1 && ran.out.contains("token.signature"),
        "{ran:?}"
    );
}

#[test]
fn keys_may_be_a_set_one_jwk_or_pem() {
    let program = Program::with_token();
    let set: serde_json::Value = serde_json::from_slice(&program.read("keys.json")).unwrap();
    program.write("keys.json", set["keys"][0].to_string());
    assert_eq!(verify(&program, &[]).status, 0);
    program.write(
        "keys.json",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
    );
    let ran = verify(&program, &[]);
    assert!(
        ran.status == 2 && ran.err.contains("`keys.json`"),
        "{ran:?}"
    );
}

#[test]
fn a_minted_token_is_like_what_a_statement_accepts() {
    let program = Program::new();
    let ran = program.run(&[
        "token",
        "mint",
        "--like",
        "policy.toml:trust.production",
        "--at",
        AT,
        "--jwks-out",
        "keys.json",
    ]);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert_eq!(ran.out.lines().count(), 1, "the token alone");
    program.write("token.jwt", &ran.out);
    let check = [
        "check",
        "--policy",
        "policy.toml",
        "--token",
        "token.jwt",
        "--jwks",
        "keys.json",
        "--at",
        AT,
    ];
    assert_eq!(program.run(&check).status, 0);
}

#[test]
fn a_minted_token_lives_for_ten_minutes_or_as_long_as_its_statement_takes() {
    let program = Program::new();
    let lifetime = |policy: &str, more: &[&str]| {
        program.write("policy.toml", policy);
        let like = ["token", "mint", "--like", ".:trust.production", "--at", AT];
        program.write("t", program.run(&[&like[..], more].concat()).out);
        let json = program
            .run(&["token", "decode", "t", "--format", "json"])
            .json();
        let date = |name: &str| json["claims"][name].as_u64().unwrap();
        date("exp") - date("iat")
    };
    let policy = |longest: &str| {
        let usual = "token_lifetime = \"15m\"";
        assert!(POLICY.contains(usual));
        POLICY.replace(usual, longest)
    };
    assert_eq!(lifetime(POLICY, &[]), 600);
    assert_eq!(lifetime(&policy("token_lifetime = \"4m\""), &[]), 240);
    assert_eq!(lifetime(POLICY, &["--lifetime", "15m"]), 900);
}

#[test]
fn settings_are_json_where_they_are_some() {
    let program = Program::new();
    let ran = program.run(&[
        "token",
        "mint",
        "--issuer",
        "https://id.example",
        "--set",
        "sub=a",
        "--set",
        "aud=[\"x\",\"y\"]",
        "--set",
        "admin=true",
        "--set",
        "n=012",
        "--at",
        "1000",
        "--lifetime",
        "5m",
        "--algorithm",
        "EdDSA",
    ]);
    program.write("t", &ran.out);
    let json = program
        .run(&["token", "decode", "t", "--format", "json"])
        .json();
    assert_eq!(
        json["claims"],
        serde_json::json!({
            "iat": 1000, "exp": 1300, "iss": "https://id.example", "sub": "a",
            "aud": ["x", "y"], "admin": true, "n": "012",
        })
    );
}

#[test]
fn what_is_a_text_stays_one() {
    let program = Program::new();
    let like = ["token", "mint", "--like", ".:trust.production"];
    let set = [
        "--set",
        "repository_id=9",
        "--set",
        "run=9",
        "--set",
        "aud=[\"x\"]",
    ];
    program.write("t", program.run(&[&like[..], &set].concat()).out);
    let json = program
        .run(&["token", "decode", "t", "--format", "json"])
        .json();
    let claims = &json["claims"];
    assert_eq!(claims["repository_id"], "9");
    assert_eq!(claims["run"], 9);
    assert_eq!(claims["aud"], serde_json::json!(["x"]));
}

#[test]
fn dates_stay_together() {
    let program = Program::new();
    for (more, start, end) in [
        (&[][..], 1_795_428_000, 1_795_428_300),
        (&["--lifetime", "1m"], 1_795_428_000, 1_795_428_060),
        (&["--at", "1000"], 1_000, 1_300),
        (&["--at", "1000", "--lifetime", "1m"], 1_000, 1_060),
        (&["--set", "iat=5"], 5, 1_795_428_300),
    ] {
        let mint = ["token", "mint", "--claims", "claims.json"];
        program.write("t", program.run(&[&mint[..], more].concat()).out);
        let json = program
            .run(&["token", "decode", "t", "--format", "json"])
            .json();
        let dates = (&json["claims"]["iat"], &json["claims"]["exp"]);
        assert_eq!(dates, (&start.into(), &end.into()), "{more:?}");
    }
}

#[test]
fn only_a_key_set_is_replaced_unless_that_is_asked_for() {
    let program = Program::new();
    let mint = ["token", "mint", "--claims", "claims.json", "--jwks-out"];
    let private = r#"{"keys":[{"kty":"OKP","d":"AAAA"}]}"#;
    program.write("private.json", private);
    for file in ["policy.toml", "private.json"] {
        let before = program.read(file);
        let ran = program.run(&[&mint[..], &[file]].concat());
        assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{ran:?}");
        assert_eq!(program.read(file), before);
    }
    for more in [
        &["keys.json"][..],
        &["keys.json"],
        &["policy.toml", "--force"],
    ] {
        let ran = program.run(&[&mint[..], more].concat());
        assert_eq!(ran.status, 0, "{ran:?}");
    }
}

#[test]
fn what_a_malformed_token_looks_like_is_told() {
    let program = Program::with_token();
    let token = String::from_utf8(program.read("token.jwt")).unwrap();
    let token = token.trim();
    let (header, rest) = token.split_once('.').unwrap();
    for (text, told) in [
        (String::new(), "it is empty"),
        (format!("Bearer {token}"), "it begins with `Bearer `"),
        (
            format!("\u{feff}{token}"),
            "it begins with a byte-order mark",
        ),
        (format!("{header}.\n{rest}"), "it has a line break at byte"),
        (format!("\"{token}\""), "it is quoted"),
        (format!("{{\"value\":\"{token}\"}}"), "it is JSON"),
        ("{\"keys\":[]}".to_owned(), "it is a key set"),
    ] {
        program.write("t", text);
        for call in [
            &["token", "decode", "t"][..],
            &["token", "verify", "--jwks", "keys.json", "t"],
            &[
                "check",
                "--policy",
                ".",
                "--jwks",
                "keys.json",
                "--token",
                "t",
            ],
            &[
                "explain",
                "--policy",
                ".",
                "--jwks",
                "keys.json",
                "--token",
                "t",
            ],
        ] {
            let ran = program.run(call);
            assert_eq!(ran.status, 1, "{ran:?}");
            assert!(ran.out.contains(told), "{told}: {ran:?}");
        }
    }
}

#[test]
fn a_private_key_never_leaves() {
    let program = Program::new();
    // RFC 8037 §A.1
    let secret = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
    let public = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    program.write(
        "key.jwk",
        format!(r#"{{"kty":"OKP","crv":"Ed25519","d":"{secret}","x":"{public}"}}"#),
    );
    let mint = [
        "token",
        "mint",
        "--claims",
        "claims.json",
        "--key",
        "key.jwk",
        "--jwks-out",
        "keys.json",
    ];
    let ran = program.run(&[&mint[..], &["--algorithm", "EdDSA", "--format", "json"]].concat());
    assert_eq!(ran.status, 0, "{ran:?}");
    let wrong = program.run(&[&mint[..], &["--algorithm", "RS256"]].concat());
    assert_eq!((wrong.status, wrong.out.as_str()), (2, ""));
    let keys = String::from_utf8(program.read("keys.json")).unwrap();
    for text in [ran.out, ran.err, wrong.err, keys] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn a_forged_algorithm_is_refused_by_name() {
    let program = Program::with_token();
    program.write("token.jwt", "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UifQ.");
    settled(|| insta::assert_snapshot!("verify-none", verify(&program, &[]).shown()));
}

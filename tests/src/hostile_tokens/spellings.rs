//! What JSON can spell in two ways, or not at all.

use super::{HEADER, claims, decide, gate, signed, spelt};

#[test]
fn one_member_twice_is_refused_however_it_is_spelt() {
    let gate = gate();
    for members in [
        r#""sub":"repo:acme/infra:environment:production","\u0073ub":"x""#,
        r#""sub":"x","s\u0075b":"repo:acme/infra:environment:production""#,
        r#""iss":"https://token.actions.githubusercontent.com","\u0069\u0073\u0073":"x""#,
        r#""\u0061ud":"https://deploy.acme.example""#,
        r#""exp":1795428290,"\u0065xp":9999999999"#,
        r#""\u0065\u0078\u0070":1795428290"#,
        r#""x":{"y":1,"\u0079":2}"#,
        r#""x":[[{"y":{"z":1,"z":1}}]]"#,
        r#""x":{"\/":1,"/":2}"#,
        r#""x":{"\ud83d\ude00":1,"😀":2}"#,
        r#""x":{"":1,"":1}"#,
        r#""x":{"a\u0000":1,"\u0061\u0000":1}"#,
    ] {
        // Beside the members that the token already has.
        let payload = claims();
        let payload = format!("{},{members}}}", payload.strip_suffix('}').unwrap());
        let token = signed(HEADER, &payload);
        assert_eq!(decide(&gate, &token), "token.malformed", "{members}");
    }
}

#[test]
fn one_header_parameter_twice_is_refused_however_it_is_spelt() {
    let gate = gate();
    for header in [
        r#"{"alg":"EdDSA","typ":"JWT","kid":"k","\u0061lg":"EdDSA"}"#,
        r#"{"\u0061lg":"none","alg":"EdDSA","typ":"JWT","kid":"k"}"#,
        r#"{"alg":"EdDSA","typ":"JWT","kid":"k","\u006bid":"other"}"#,
        r#"{"alg":"EdDSA","typ":"dpop+jwt","\u0074yp":"JWT","kid":"k"}"#,
        r#"{"alg":"EdDSA","typ":"JWT","kid":"k","x":{"y":1,"\u0079":1}}"#,
    ] {
        let token = signed(header, &claims());
        assert_eq!(decide(&gate, &token), "token.malformed", "{header}");
    }
    // Spelt with escapes but once, it is the same name and the same value.
    let escaped = r#"{"\u0061lg":"\u0045dDSA","typ":"J\u0057T","kid":"\u006b"}"#;
    assert_eq!(decide(&gate, &signed(escaped, &claims())), "allow");
}

#[test]
fn an_escaped_claim_is_the_claim() {
    let gate = gate();
    for (members, expected) in [
        (r#""ref":"refs\/heads\u002fmain""#, "allow"),
        (r#""ref":"refs/heads/main\u0000""#, "claim.mismatch"),
        (r#""ref":"refs/heads/ma\u0131n""#, "claim.mismatch"),
        (r#""ref":"refs/heads/main\u200b""#, "claim.mismatch"),
        // The same text to a reader, in another Unicode form.
        (r#""environment":"production\u0301""#, "subject.drift"),
        (r#""repository_id":"45678\uff19""#, "subject.mismatch"),
        (
            r#""sub":"repo:acme/infra:environment:production\u0000""#,
            "subject.mismatch",
        ),
    ] {
        let token = signed(HEADER, &spelt(members));
        assert_eq!(decide(&gate, &token), expected, "{members}");
    }
}

#[test]
fn half_a_character_is_refused_wherever_it_stands() {
    let gate = gate();
    for lone in [
        r"\ud800",
        r"\udfff",
        r"\ud800\ud800",
        r"\udc00\ud800",
        r"\ud800x",
        r"\uD83D",
    ] {
        for members in [
            format!(r#""x":"{lone}""#),
            format!(r#""{lone}":1"#),
            format!(r#""x":[{{"y":"{lone}"}}]"#),
            format!(r#""x":{{"{lone}":1}}"#),
        ] {
            let token = signed(HEADER, &spelt(&members));
            assert_eq!(decide(&gate, &token), "token.malformed", "{members}");
        }
        let header = format!(r#"{{"alg":"EdDSA","typ":"JWT","kid":"k","x":"{lone}"}}"#);
        assert_eq!(
            decide(&gate, &signed(&header, &claims())),
            "token.malformed"
        );
    }
}

#[test]
fn nesting_ends_at_its_thirty_second_level() {
    let gate = super::sizes::generous();
    for (open, close) in [("[", "]"), (r#"{"x":"#, "}")] {
        // The object itself is the first level.
        for (levels, expected) in [
            (31, "allow"),
            (32, "token.malformed"),
            (4000, "token.malformed"),
        ] {
            let value = format!("{}1{}", open.repeat(levels), close.repeat(levels));
            let payload = spelt(&format!(r#""deep":{value}"#));
            let header = format!(r#"{{"alg":"EdDSA","typ":"JWT","kid":"k","deep":{value}}}"#);
            assert_eq!(
                decide(&gate, &signed(HEADER, &payload)),
                expected,
                "{levels}"
            );
            assert_eq!(
                decide(&gate, &signed(&header, &claims())),
                expected,
                "{levels}"
            );
        }
    }
}

#[test]
fn what_is_almost_json_is_refused() {
    let gate = gate();
    let object = claims();
    for payload in [
        format!("\u{feff}{object}"),
        format!("{object}{object}"),
        format!("{object}\0"),
        format!("[{object}]"),
        object.replace("\"iss\"", "'iss'"),
        object.replace('}', ",}"),
        object.replace('{', "{/**/"),
        spelt(r#""x":NaN"#),
        spelt(r#""x":Infinity"#),
        spelt(r#""x":0x10"#),
        spelt(r#""x":01"#),
        spelt(r#""x":+1"#),
        spelt(r#""x":1."#),
        spelt(r#""x":.5"#),
        spelt("\"x\":\"a\tb\""),
        String::new(),
    ] {
        assert_eq!(
            decide(&gate, &signed(HEADER, &payload)),
            "token.malformed",
            "{payload}"
        );
    }
    // RFC 8259 §2: white space around the value is JSON's own.
    assert_eq!(
        decide(&gate, &signed(HEADER, &format!("\r\n\t {object} \n"))),
        "allow"
    );
}

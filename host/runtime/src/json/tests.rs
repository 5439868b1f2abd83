//! Hostile JSON, and a differential against a reader that others wrote.

use proptest::prelude::*;

use super::*;

fn refused(text: impl Into<Vec<u8>>) -> JsonError {
    Document::parse(text, &Limits::TOKEN).unwrap_err()
}

fn fault(text: impl Into<Vec<u8>>) -> String {
    refused(text).to_string()
}

#[test]
fn every_fault_is_named_with_its_byte() {
    for (text, message) in [
        ("", "no JSON object at byte 0"),
        ("[]", "no JSON object at byte 0"),
        ("1", "no JSON object at byte 0"),
        ("\u{feff}{}", "no JSON object at byte 0"),
        ("{}{}", "more text after the value at byte 2"),
        ("{} \u{a0}", "more text after the value at byte 3"),
        (r#"{"a":1,"b":2,"a":3}"#, "a second member `a` at byte 13"),
        (r#"{"a":1,"\u0061":2}"#, "a second member `a` at byte 7"),
        (r#"{"o":[{"":0,"":0}]}"#, "a second member `` at byte 12"),
        (r#"{"a":"\ud800"}"#, "a lone surrogate at byte 6"),
        (r#"{"a":"\udc00\ud800"}"#, "a lone surrogate at byte 6"),
        (r#"{"a":"\ud800\ud800"}"#, "a lone surrogate at byte 6"),
        (r#"{"a":"\ud800\ue000"}"#, "a lone surrogate at byte 6"),
        (r#"{"a":"\ud800x"}"#, "a lone surrogate at byte 6"),
        (r#"{"\udfff":1}"#, "a lone surrogate at byte 2"),
        (
            "{\"a\":\"x\ny\"}",
            "an unescaped control character at byte 7",
        ),
        (
            "{\"a\":\"\u{0}\"}",
            "an unescaped control character at byte 6",
        ),
        (r#"{"a":"\x"}"#, "an unknown escape at byte 6"),
        (r#"{"a":"\u12g4"}"#, "an unknown escape at byte 6"),
        (r#"{"a":"\u+123"}"#, "an unknown escape at byte 6"),
        (r#"{"a":"\u12"#, "an unknown escape at byte 6"),
        (r#"{"a":"\u00é"}"#, "an unknown escape at byte 6"),
        (r#"{"a":"b"#, "no end of the string at byte 7"),
        (r#"{"a":}"#, "no value at byte 5"),
        (r#"{"a":tru}"#, "no value at byte 5"),
        (r#"{"a":NaN}"#, "no value at byte 5"),
        (r#"{"a" 1}"#, "no `:` at byte 5"),
        (r#"{"a":1 "b":2}"#, "no `,` or `}` at byte 7"),
        (r#"{"a":1,}"#, "no member name at byte 7"),
        (r"{a:1}", "no member name at byte 1"),
        (r#"{"a":[1,]}"#, "no value at byte 8"),
        (r#"{"a":[1 2]}"#, "no `,` or `]` at byte 8"),
        (r#"{"a":-}"#, "no digit at byte 6"),
        (r#"{"a":.5}"#, "no value at byte 5"),
        (r#"{"a":1.}"#, "no digit at byte 7"),
        (r#"{"a":1e}"#, "no digit at byte 7"),
        (r#"{"a":1e+}"#, "no digit at byte 8"),
        (r#"{"a":+1}"#, "no value at byte 5"),
        (r#"{"a":01}"#, "no `,` or `}` at byte 6"),
        (r#"{"a":0x1}"#, "no `,` or `}` at byte 6"),
        ("{/**/}", "no member name at byte 1"),
    ] {
        assert_eq!(fault(text), message, "{text}");
    }
    assert_eq!(
        fault(b"{\"a\":\"\xff\"}".to_vec()),
        "bytes that are not UTF-8 at byte 6"
    );
    assert_eq!(
        fault(b"{\"\xed\xa0\x80\":1}".to_vec()),
        "bytes that are not UTF-8 at byte 2"
    );
}

#[test]
fn depth_and_length_end_where_they_should() {
    let nested = |levels: usize| {
        format!(
            "{{\"a\":{}{}}}",
            "[".repeat(levels - 1),
            "]".repeat(levels - 1)
        )
    };
    assert!(Document::parse(nested(32), &Limits::TOKEN).is_ok());
    assert_eq!(
        fault(nested(33)),
        "nesting deeper than 32 levels at byte 36"
    );
    assert_eq!(
        fault("{\"a\":".repeat(3000)),
        "nesting deeper than 32 levels at byte 160"
    );
    let unbounded = Limits {
        bytes: usize::MAX,
        depth: usize::MAX,
    };
    let error = Document::parse("{\"a\":".repeat(1_000_000), &unbounded).unwrap_err();
    assert_eq!(error.fault, Fault::TooDeep { limit: DEEPEST });

    let long = |bytes: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8));
    assert!(Document::parse(long(16_384), &Limits::TOKEN).is_ok());
    assert_eq!(
        refused(long(16_385)).fault,
        Fault::TooLong { limit: 16_384 }
    );
}

#[test]
fn a_duplicate_is_found_among_few_and_among_many() {
    for count in [2_usize, 3, 47, 48, 49, 50, 500] {
        let names: Vec<String> = (0..count).map(|index| format!("\"n{index}\":0")).collect();
        assert!(
            Document::parse(format!("{{{}}}", names.join(",")), &Limits::TOKEN).is_ok(),
            "{count}"
        );
        for repeated in [0, count / 2, count - 1] {
            let text = format!("{{{},\"n{repeated}\":1}}", names.join(","));
            let error = refused(text.clone());
            assert_eq!(
                error.fault,
                Fault::DuplicateMember {
                    name: format!("n{repeated}")
                },
                "{count}"
            );
            assert_eq!(
                error.offset,
                text.rfind(&format!("\"n{repeated}\"")).unwrap()
            );
        }
    }
}

#[test]
fn values_are_what_they_say() {
    let text = r#" { "n" : null, "t":true,"f":false,"i":-12,"z":-0,"big":9223372036854775808,
        "d":1.50,"e":1E2,"s":"a\n\u00e9\ud83d\ude00\/","l":[1,"x",[]],"o":{"p":{"q":7}} } "#;
    let document = Document::parse(text, &Limits::TOKEN).unwrap();
    assert!(matches!(document.value(&["n"]), Value::Null));
    assert!(matches!(document.value(&["t"]), Value::Boolean(true)));
    assert!(matches!(document.value(&["f"]), Value::Boolean(false)));
    assert!(matches!(document.value(&["i"]), Value::Integer(-12)));
    assert!(matches!(document.value(&["z"]), Value::Integer(0)));
    assert!(matches!(
        document.value(&["big"]),
        Value::Number("9223372036854775808")
    ));
    assert!(matches!(document.value(&["d"]), Value::Number("1.50")));
    assert!(matches!(document.value(&["e"]), Value::Number("1E2")));
    assert!(matches!(document.value(&["s"]), Value::Text("a\né😀/")));
    assert!(matches!(
        document.value(&["o", "p", "q"]),
        Value::Integer(7)
    ));
    assert!(matches!(document.value(&["o", "x", "q"]), Value::Absent));
    assert!(matches!(document.value(&["s", "x"]), Value::Absent));
    assert_eq!(document.get(&["l"]).unwrap().json(), r#"[1,"x",[]]"#);
    assert_eq!(
        document.get(&["s"]).unwrap().json(),
        r#""a\n\u00e9\ud83d\ude00\/""#
    );
    assert_eq!(document.get(&["l"]).unwrap().items().count(), 3);
    assert_eq!(document.get(&["o"]).unwrap().json(), r#"{"p":{"q":7}}"#);
    let names: Vec<_> = document.members().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        ["n", "t", "f", "i", "z", "big", "d", "e", "s", "l", "o"]
    );
    assert_eq!(document.text(), text);
}

#[test]
fn a_member_is_found_by_its_whole_name() {
    let document = Document::parse(r#"{"ab":1,"a":2,"A":3,"\u0061c":4}"#, &Limits::TOKEN).unwrap();
    assert!(matches!(document.value(&["a"]), Value::Integer(2)));
    assert!(matches!(document.value(&["ac"]), Value::Integer(4)));
    assert!(matches!(document.value(&["b"]), Value::Absent));
    assert!(matches!(document.value(&[""; 1]), Value::Absent));
    assert!(matches!(document.value(&[""; 0]), Value::Object(_)));
}

#[test]
fn a_document_is_not_printed() {
    let document = Document::parse(r#"{"password":"x"}"#, &Limits::TOKEN).unwrap();
    assert_eq!(format!("{document:?}"), "Document { bytes: 16, .. }");
}

/// Rebuilds what `serde_json` reads; numbers by their text.
fn rebuild(node: Node<'_>) -> serde_json::Value {
    match node.value() {
        Value::Absent | Value::Null => serde_json::Value::Null,
        Value::Boolean(value) => value.into(),
        Value::Integer(value) => value.into(),
        Value::Number(text) => serde_json::from_str(text).unwrap_or(serde_json::Value::Null),
        Value::Text(text) => text.into(),
        Value::List(items) => items.map(rebuild).collect(),
        Value::Object(members) => members
            .map(|(name, node)| (name.to_owned(), rebuild(node)))
            .collect(),
    }
}

fn any_value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
        "[ -~]{0,24}".prop_map(Into::into),
    ];
    leaf.prop_recursive(6, 96, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Into::into),
            prop::collection::vec((any::<String>(), inner), 0..8).prop_map(|members| members
                .into_iter()
                .collect::<serde_json::Map<_, _>>()
                .into()),
        ]
    })
}

fn any_object() -> impl Strategy<Value = serde_json::Value> {
    prop::collection::vec((any::<String>(), any_value()), 0..8).prop_map(|members| {
        members
            .into_iter()
            .collect::<serde_json::Map<_, _>>()
            .into()
    })
}

/// What a careless hand or a hostile one does to a text.
fn damage(text: &str, at: prop::sample::Index, byte: u8) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    let at = at.index(bytes.len());
    bytes[at] = byte;
    bytes
}

/// The other reader refuses numbers that no float can hold; they stay text here.
fn is_past_floats(error: &serde_json::Error) -> bool {
    error.to_string().starts_with("number out of range")
}

proptest! {
    #[test]
    fn what_another_reader_wrote_reads_the_same(value in any_object(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        let document = Document::parse(text, &Limits::FILE).unwrap();
        prop_assert_eq!(rebuild(document.root()), value);
    }

    #[test]
    fn a_damaged_text_is_accepted_only_where_another_reader_does(
        value in any_object(), at in any::<prop::sample::Index>(),
        byte in prop_oneof![any::<u8>(), prop::sample::select(&b"{}[]\",:\\u0e-+.tn "[..])],
    ) {
        let bytes = damage(&value.to_string(), at, byte);
        if let Ok(document) = Document::parse(bytes.clone(), &Limits::FILE) {
            match serde_json::from_slice::<serde_json::Value>(&bytes) {
                Ok(other) => prop_assert_eq!(rebuild(document.root()), other),
                Err(error) => prop_assert!(is_past_floats(&error), "{}", error),
            }
        }
    }

    #[test]
    fn any_bytes_are_answered_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _answer = Document::parse(bytes, &Limits::TOKEN);
    }

    #[test]
    fn the_same_texts_are_refused_but_for_strictness(text in "[{}\\[\\]\",:a\\\\u0-9e.+ -]{0,24}") {
        let text = format!("{{{text}}}");
        let ours = Document::parse(text.clone(), &Limits::TOKEN);
        let theirs = serde_json::from_str::<serde_json::Value>(&text);
        match ours {
            Ok(_) => {
                prop_assert!(theirs.as_ref().map_or_else(is_past_floats, |_| true), "{}", text);
            }
            Err(JsonError { fault: Fault::DuplicateMember { .. }, .. }) => {}
            Err(error) => prop_assert!(theirs.is_err(), "{}: {}", text, error),
        }
    }

    #[test]
    fn plain_text_ends_at_its_first_special_byte(prefix in "[!#-\\[\\]-~é]{0,40}", rest in "[\"\\\\\u{0}-\u{1f}]?.{0,9}") {
        let text = format!("{prefix}{rest}");
        let expected = text.bytes().take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..0x20)).count();
        prop_assert_eq!(parse::plain_length(text.as_bytes()), expected);
    }
}

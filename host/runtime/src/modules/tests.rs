//! Documents, keys and signatures, from outside.

use proptest::prelude::*;

use super::*;
use crate::clock;

const TIME: u64 = 1_795_802_400;

fn id(text: &str) -> ModuleId {
    text.parse().unwrap()
}

fn name(text: &str) -> ModuleName {
    text.parse().unwrap()
}

fn statement() -> Statement {
    Statement {
        id: id("acme-deploy@1.4.0"),
        digest: Digest::of(b"component"),
        contract: Contract::served(),
        time: TIME,
        document: None,
    }
}

fn listed(version: &str) -> Listed {
    Listed {
        version: parse_version(version).unwrap(),
        digest: Digest::of(b"component"),
        yanked: None,
    }
}

fn index(versions: Vec<Listed>) -> Index {
    Index::new(name("acme-deploy"), 7, TIME, TIME + 60, versions).unwrap()
}

fn comparison(outcome: Relation) -> Comparison {
    let compared = |version: &str, component: &[u8]| Compared {
        version: parse_version(version).unwrap(),
        digest: Digest::of(component),
    };
    Comparison {
        name: name("acme-deploy"),
        old: compared("1.3.0", b"older"),
        new: compared("1.4.0", b"component"),
        outcome,
        time: TIME,
        release: Version::new(0, 1, 0),
    }
}

fn key() -> SigningKey {
    SigningKey::generate(KeyAlgorithm::Ed25519).unwrap()
}

fn trusted(key: &SigningKey, called: &str, roles: &[Role]) -> TrustedKey {
    TrustedKey {
        name: called.to_owned(),
        key: key.public().clone(),
        modules: vec![name("acme-deploy")],
        roles: roles.to_vec(),
    }
}

fn authority<const N: usize>(keys: [TrustedKey; N]) -> Authority {
    Authority::new(keys).unwrap()
}

fn signed(document: Vec<u8>, keys: &[&SigningKey]) -> Signed {
    let sign = |key: &&SigningKey| key.sign(&document, Form::Bundle).unwrap();
    let signatures = keys.iter().map(sign).collect();
    Signed {
        document,
        signatures,
    }
}

fn published(key: &SigningKey) -> Published {
    Published {
        component: b"component".to_vec(),
        statements: vec![signed(statement().to_bytes(), &[key])],
        comparisons: Vec::new(),
        provenance: None,
    }
}

mod documents {
    use super::*;

    #[test]
    fn a_statement_is_written_for_people_and_ends_with_a_line_feed() {
        let text = String::from_utf8(statement().to_bytes()).unwrap();
        let digest = Digest::of(b"component");
        assert_eq!(
            text,
            format!(
                r#"{{
  "type": "claimbound.module.v1",
  "name": "acme-deploy",
  "version": "1.4.0",
  "digest": "{digest}",
  "contract": "claimbound:policy@0.1.0",
  "time": "2026-11-27T18:00:00Z"
}}
"#
            )
        );
    }

    #[test]
    fn an_index_stands_one_version_a_line() {
        let mut yanked = listed("1.3.9");
        yanked.yanked = Some("lets \"forks\" in".to_owned());
        let text = String::from_utf8(index(vec![listed("1.4.0"), yanked]).to_bytes()).unwrap();
        assert_eq!(text.lines().count(), 11, "{text}");
        assert!(
            text.contains(r#""yanked": "lets \"forks\" in" },"#)
                || text.contains(r#""yanked": "lets \"forks\" in" }"#)
        );
        assert_eq!(index(Vec::new()).versions(), []);
    }

    fn spoilt(text: &str, with: &str) -> Vec<u8> {
        let document = String::from_utf8(statement().to_bytes()).unwrap();
        assert!(document.contains(text), "{text}");
        document.replace(text, with).into_bytes()
    }

    #[test]
    fn a_statement_is_read_strictly() {
        let zeros = "0".repeat(64);
        let digest = Digest::of(b"component").to_string();
        for (text, with) in [
            ("\"acme-deploy\"", "\"Acme\""),
            ("\"acme-deploy\"", "7"),
            ("1.4.0\"", "1.4.0+b\""),
            (&digest, &zeros),
            ("claimbound:policy@0.1.0", ""),
            ("2026-11-27T18:00:00Z", "2026-11-27T18:00:00+00:00"),
            ("2026-11-27T18:00:00Z", "2026-11-27T18:00:00.5Z"),
            ("2026-11-27T18:00:00Z", "1795802400"),
            ("\"time\"", "\"times\""),
            ("\"name\"", "\"digest\": \"\", \"name\""),
            ("\"name\"", "\"document\": null, \"name\""),
            ("\"name\"", "\"more\": 1, \"name\""),
            ("claimbound.module.v1", "claimbound.index.v1"),
            ("claimbound.module.v1", "claimbound.module.v2"),
            ("}", "} x"),
        ] {
            let refused = Statement::parse(&spoilt(text, with));
            assert!(refused.is_err(), "{text} as {with}");
        }
        let long = spoilt("}\n", &format!("}}{}", " ".repeat(64 * 1024)));
        assert!(matches!(
            Statement::parse(&long),
            Err(DocumentError::Json(_))
        ));
    }

    #[test]
    fn a_document_of_another_type_is_named_for_what_it_is() {
        let bytes = index(Vec::new()).to_bytes();
        let message = Statement::parse(&bytes).unwrap_err().to_string();
        assert_eq!(
            message,
            "its `type` is `claimbound.index.v1`, not `claimbound.module.v1`"
        );
        assert_eq!(DocumentKind::of(&bytes), Ok(DocumentKind::Index));
        let unknown = DocumentKind::of(br#"{"type":"x"}"#);
        assert_eq!(unknown, Err(DocumentError::UnknownType("x".to_owned())));
    }

    #[test]
    fn an_index_holds_a_version_once_and_ends_after_it_begins() {
        let new = |serial, time, expires, versions| {
            Index::new(name("acme-deploy"), serial, time, expires, versions)
        };
        let twice = vec![listed("1.0.0"), listed("1.0.0")];
        assert_eq!(new(1, 1, 2, twice), Err(IndexError::Twice("1.0.0".into())));
        assert_eq!(new(1, 2, 2, Vec::new()), Err(IndexError::Times));
        assert_eq!(
            new(1, 2, clock::LAST + 1, Vec::new()),
            Err(IndexError::Times)
        );
        assert_eq!(new(u64::MAX, 1, 2, Vec::new()), Err(IndexError::Serial));
        for why in ["", "a\nb", &"x".repeat(1025)] {
            let mut yanked = listed("1.0.0");
            yanked.yanked = Some(why.to_owned());
            let refused = new(1, 1, 2, vec![yanked]);
            assert_eq!(refused, Err(IndexError::Reason("1.0.0".into())));
        }
    }

    #[test]
    fn an_index_takes_as_much_as_can_be_read_and_no_more() {
        let many = |count: u64| {
            (0..count)
                .map(|minor| Listed {
                    version: Version::new(1, minor, 0),
                    ..listed("1.0.0")
                })
                .collect::<Vec<_>>()
        };
        let full = index(many(8_000));
        assert_eq!(Index::parse(&full.to_bytes()), Ok(full));
        let new = |versions| Index::new(name("acme-deploy"), 1, 1, 2, versions);
        assert_eq!(new(many(9_900)), Err(IndexError::TooLong));
        assert_eq!(new(many(10_001)), Err(IndexError::TooLong));
    }

    #[test]
    fn times_of_an_index_are_those_of_a_half_open_span() {
        let index = index(Vec::new());
        assert!(!index.is_expired_at(TIME + 59));
        assert!(index.is_expired_at(TIME + 60));
    }

    prop_compose! {
        fn any_version()(
            numbers in any::<(u64, u64, u64)>(), pre in "(-[a-z][a-z0-9]{0,9}(\\.[1-9][0-9]{0,3})?)?"
        ) -> Version {
            parse_version(&format!("{}.{}.{}{pre}", numbers.0, numbers.1, numbers.2)).unwrap()
        }
    }

    prop_compose! {
        fn any_digest()(bytes in any::<[u8; 32]>()) -> Digest {
            bytes.into()
        }
    }

    prop_compose! {
        fn any_name()(text in "[a-z0-9][a-z0-9_-]{0,20}(\\.[a-z0-9]{1,9})?") -> ModuleName {
            name(&text)
        }
    }

    prop_compose! {
        fn any_listed()(
            version in any_version(),
            digest in any_digest(),
            yanked in prop::option::of("[^\\pC]{1,40}"),
        ) -> Listed {
            Listed { version, digest, yanked }
        }
    }

    prop_compose! {
        fn any_compared()(version in any_version(), digest in any_digest()) -> Compared {
            Compared { version, digest }
        }
    }

    proptest! {
        #[test]
        fn a_statement_is_read_as_it_was_written(
            name in any_name(),
            version in any_version(),
            digest in any_digest(),
            contract in "[!-~]{1,128}",
            time in 0..=clock::LAST,
            document in prop::option::of(any_digest()),
        ) {
            let statement = Statement {
                id: ModuleId::new(name, version).unwrap(),
                digest,
                contract: contract.parse().unwrap(),
                time,
                document,
            };
            prop_assert_eq!(Statement::parse(&statement.to_bytes()), Ok(statement));
        }

        #[test]
        fn an_index_is_read_as_it_was_written(
            name in any_name(),
            serial in 0..i64::MAX.cast_unsigned(),
            times in (0..clock::LAST, 1..1_000_000_u64),
            versions in prop::collection::vec(any_listed(), 0..8),
        ) {
            let (time, expires) = (times.0, (times.0 + times.1).min(clock::LAST));
            let made = Index::new(name, serial, time, expires, versions);
            prop_assume!(!matches!(made, Err(IndexError::Twice(_))));
            let index = made.unwrap();
            prop_assert_eq!(Index::parse(&index.to_bytes()), Ok(index));
        }

        #[test]
        fn a_comparison_is_read_as_it_was_written(
            name in any_name(),
            old in any_compared(),
            new in any_compared(),
            outcome in prop::sample::select(&Relation::ALL[..]),
            time in 0..=clock::LAST,
            release in any_version(),
        ) {
            let comparison = Comparison { name, old, new, outcome, time, release };
            prop_assert_eq!(Comparison::parse(&comparison.to_bytes()), Ok(comparison));
        }

        #[test]
        fn what_is_read_is_written_as_the_same_document(
            at in 0..400_usize, byte in any::<u8>()
        ) {
            let mut bytes = statement().to_bytes();
            if let Some(there) = bytes.get_mut(at) {
                *there = byte;
            }
            if let Ok(read) = Statement::parse(&bytes) {
                prop_assert_eq!(Statement::parse(&read.to_bytes()), Ok(read));
            }
        }

        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = (Statement::parse(&bytes), Index::parse(&bytes), Comparison::parse(&bytes));
            let text = String::from_utf8_lossy(&bytes);
            let _ = (PublicKey::from_pem(&text), SigningKey::from_pem(&text));
            let _ = Provenance::verify(&bytes, key().public(), &Digest::of(b""));
            if let Ok(signature) = Signature::parse(&bytes) {
                prop_assert!(!signature.is_by(key().public(), &bytes));
            }
        }
    }
}

mod keys {
    use super::*;

    #[test]
    fn a_key_of_either_kind_signs_in_either_form_and_is_read_back() {
        for algorithm in KeyAlgorithm::ALL {
            let made = SigningKey::generate(algorithm).unwrap();
            let key = SigningKey::from_pem(&made.to_pem().unwrap()).unwrap();
            let public = PublicKey::from_pem(&key.public().to_pem()).unwrap();
            assert_eq!((&public, public.algorithm()), (made.public(), algorithm));
            for form in Form::ALL {
                let signature = key.sign(b"document", form).unwrap();
                let read = Signature::parse(signature.as_bytes()).unwrap();
                assert_eq!((read.form(), &read), (form, &signature));
                assert!(read.is_by(&public, b"document"));
                assert!(!read.is_by(&public, b"Document"));
                assert!(!read.is_by(super::key().public(), b"document"));
            }
        }
    }

    #[test]
    fn a_bundle_is_as_cosign_writes_it() {
        let key = key();
        let signature = key.sign(b"document", Form::Bundle).unwrap();
        let json: serde_json::Value = serde_json::from_slice(signature.as_bytes()).unwrap();
        assert_eq!(
            json["mediaType"],
            "application/vnd.dev.sigstore.bundle.v0.3+json"
        );
        assert_eq!(
            json["verificationMaterial"]["publicKey"]["hint"],
            key.public().hint()
        );
        let message = &json["messageSignature"];
        assert_eq!(message["messageDigest"]["algorithm"], "SHA2_256");
        assert!(message["signature"].is_string());
    }

    // RFC 8410 §10.3, and a key of RFC 5915 made by `openssl ecparam -genkey`.
    const ED25519: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";

    #[test]
    fn a_key_shows_nothing_of_itself() {
        let key = SigningKey::from_pem(ED25519).unwrap();
        let shown = format!("{key:?}");
        assert!(
            shown.contains("Ed25519") && !shown.contains("d4ee72"),
            "{shown}"
        );
        let spoilt = ED25519.replace("MC4CAQAw", "MC4CAQAx");
        let message = SigningKey::from_pem(&spoilt).unwrap_err().to_string();
        assert!(!message.contains("INTuctv5"), "{message}");
    }

    #[test]
    fn a_key_in_the_wrong_place_is_named_for_what_it_is() {
        let public = key().public().to_pem();
        let block = |label: &str| format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
        assert_eq!(PublicKey::from_pem(ED25519), Err(UnusableKey::Private));
        let private = |text: &str| SigningKey::from_pem(text).unwrap_err();
        assert_eq!(private(&public), UnusableKey::Public);
        for label in ["SIGSTORE", "COSIGN"] {
            let text = block(&format!("ENCRYPTED {label} PRIVATE KEY"));
            assert_eq!(private(&text), UnusableKey::Cosign);
        }
        assert_eq!(
            private(&block("ENCRYPTED PRIVATE KEY")),
            UnusableKey::Encrypted
        );
        assert!(matches!(
            private(&block("RSA PRIVATE KEY")),
            UnusableKey::Other(_)
        ));
        assert!(matches!(
            private(&block("CERTIFICATE")),
            UnusableKey::Label(_)
        ));
        let certificate = PublicKey::from_pem(&block("CERTIFICATE"));
        assert!(matches!(certificate, Err(UnusableKey::Label(_))));
        for text in ["", "key", &public.repeat(2), &public.replace("END", "XXX")] {
            assert!(matches!(
                PublicKey::from_pem(text),
                Err(UnusableKey::Pem(_))
            ));
        }
        let around = format!("Public Key:\n{public}\nthat was it\n");
        assert!(PublicKey::from_pem(&around).is_ok());
    }
}

mod signatures {
    use super::*;

    fn bundle(change: impl Fn(&mut serde_json::Value)) -> Result<Signature, SignatureError> {
        let made = key().sign(b"document", Form::Bundle).unwrap();
        let mut json = serde_json::from_slice(made.as_bytes()).unwrap();
        change(&mut json);
        Signature::parse(json.to_string().as_bytes())
    }

    #[test]
    fn bundles_of_other_versions_are_refused_by_name() {
        let of = |media_type: &str| bundle(|json| json["mediaType"] = media_type.into());
        assert!(of("application/vnd.dev.sigstore.bundle+json;version=0.3").is_ok());
        for version in ["0.1", "0.2", "0.4"] {
            let name = format!("application/vnd.dev.sigstore.bundle+json;version={version}");
            assert_eq!(of(&name), Err(SignatureError::Version(name)));
        }
    }

    #[test]
    fn a_bundle_without_what_it_needs_is_refused() {
        let take = |path: &'static str| {
            bundle(move |json| *json.pointer_mut(path).unwrap() = serde_json::Value::Null)
        };
        for path in [
            "/mediaType",
            "/messageSignature",
            "/messageSignature/signature",
            "/messageSignature/messageDigest",
            "/messageSignature/messageDigest/digest",
            "/messageSignature/messageDigest/algorithm",
        ] {
            assert!(
                matches!(take(path), Err(SignatureError::Bundle(_))),
                "{path}"
            );
        }
        assert!(take("/verificationMaterial").is_ok());
        let empty = bundle(|json| json["messageSignature"]["signature"] = "".into());
        assert_eq!(empty, Err(SignatureError::Length));
        let broken = bundle(|json| json["messageSignature"]["signature"] = "!!".into());
        assert_eq!(broken, Err(SignatureError::Base64));
        let short =
            bundle(|json| json["messageSignature"]["messageDigest"]["digest"] = "AAAA".into());
        assert!(matches!(short, Err(SignatureError::Bundle(_))));
        let attestation = bundle(|json| json["dsseEnvelope"] = serde_json::json!({}));
        assert_eq!(attestation, Err(SignatureError::Attestation));
        let other = bundle(|json| {
            json["messageSignature"]["messageDigest"]["algorithm"] = "SHA2_512".into();
        });
        assert_eq!(other, Err(SignatureError::Algorithm("SHA2_512".into())));
    }

    #[test]
    fn a_detached_signature_may_be_broken_into_lines_and_nothing_else() {
        let key = key();
        let made = key.sign(b"document", Form::Detached).unwrap();
        let text = String::from_utf8(made.as_bytes().to_vec()).unwrap();
        let (begin, end) = text.split_at(64);
        for text in [format!("{text}\n"), format!("{begin}\r\n{end}\r\n")] {
            let read = Signature::parse(text.as_bytes()).unwrap();
            assert!(read.is_by(key.public(), b"document"));
        }
        let long = "A".repeat(1_028);
        for text in ["", "\n", "A", "AA=A", "not base64!", &long] {
            assert!(Signature::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_bundle_of_another_document_is_one_whoever_signed_it() {
        let key = key();
        let statement = statement().to_bytes();
        let other = key.sign(b"other", Form::Bundle).unwrap();
        let signed = Signed {
            document: statement,
            signatures: vec![other],
        };
        let authority = authority([trusted(&key, "release", &Role::ALL)]);
        let refused = authority.statement(&signed, &name("acme-deploy"));
        assert_eq!(refused, Err(Untrusted::Elsewhere));
    }
}

mod trust {
    use super::*;

    #[test]
    fn what_a_key_of_the_name_and_role_signed_is_vouched_for() {
        let key = key();
        let authority = authority([trusted(&key, "release", &[Role::Module])]);
        let signed = signed(statement().to_bytes(), &[&key, &key]);
        let vouched = authority.statement(&signed, &name("acme-deploy")).unwrap();
        assert_eq!(vouched.document(), &statement());
        let keys = vouched.signers().iter().map(|one| &one.key);
        assert_eq!(keys.collect::<Vec<_>>(), ["release"]);
    }

    fn refused(signed: &Signed, key: TrustedKey) -> Untrusted {
        let authority = authority([key]);
        authority
            .statement(signed, &name("acme-deploy"))
            .unwrap_err()
    }

    #[test]
    fn nobody_else_is() {
        let key = key();
        let document = statement().to_bytes();
        let release = trusted(&key, "release", &[Role::Module]);
        let none = signed(document.clone(), &[]);
        assert_eq!(refused(&none, release.clone()), Untrusted::Unsigned);
        let mut many = signed(document.clone(), &[&key]);
        many.signatures = vec![many.signatures[0].clone(); MOST_LOOKED_AT + 1];
        let found = many.signatures.len();
        assert_eq!(
            refused(&many, release.clone()),
            Untrusted::TooMany { found }
        );
        let by_stranger = signed(document.clone(), &[&super::key()]);
        assert_eq!(refused(&by_stranger, release.clone()), Untrusted::Stranger);
        let by_key = signed(document, &[&key]);
        let index_only = trusted(
            &key,
            "release",
            &[Role::Index, Role::Comparison, Role::Wider],
        );
        assert_eq!(
            refused(&by_key, index_only),
            Untrusted::NotForRole {
                key: "release".into(),
                role: Role::Module
            }
        );
        let elsewhere = TrustedKey {
            modules: vec![name("acme-other")],
            ..release
        };
        assert_eq!(
            refused(&by_key, elsewhere),
            Untrusted::NotForName {
                key: "release".into(),
                name: name("acme-deploy")
            }
        );
    }

    #[test]
    fn one_byte_more_or_another_type_is_another_document() {
        let key = key();
        let release = trusted(&key, "release", &Role::ALL);
        let signed_index = signed(index(Vec::new()).to_bytes(), &[&key]);
        assert!(matches!(
            refused(&signed_index, release.clone()),
            Untrusted::Document(DocumentError::Type { .. })
        ));
        let mut changed = signed(statement().to_bytes(), &[]);
        changed.signatures = vec![key.sign(&changed.document, Form::Detached).unwrap()];
        changed.document.push(b'\n');
        assert_eq!(refused(&changed, release), Untrusted::Stranger);
    }

    #[test]
    fn a_statement_about_another_name_is_refused() {
        let key = key();
        let mut both = trusted(&key, "release", &[Role::Module]);
        both.modules.push(name("acme-other"));
        let signed = signed(statement().to_bytes(), &[&key]);
        let refused = authority([both]).statement(&signed, &name("acme-other"));
        assert_eq!(
            refused,
            Err(Untrusted::Name {
                asked: name("acme-other"),
                found: name("acme-deploy")
            })
        );
    }

    #[test]
    fn a_wider_comparison_takes_two_keys() {
        let (one, two) = (key(), key());
        let vouched = |keys: &[&SigningKey], authority: &Authority| {
            let signed = signed(comparison(Relation::Wider).to_bytes(), keys);
            authority.comparison(&signed, &name("acme-deploy"))
        };
        let both = [Role::Comparison, Role::Wider];
        let split = authority([
            trusted(&one, "one", &[Role::Comparison]),
            trusted(&two, "two", &[Role::Wider]),
        ]);
        assert!(vouched(&[&one, &two], &split).unwrap().counts_if_wider());
        assert!(!vouched(&[&one, &one], &split).unwrap().counts_if_wider());
        assert!(vouched(&[&two], &split).is_err());
        let alone = authority([trusted(&one, "one", &both)]);
        assert!(!vouched(&[&one, &one], &alone).unwrap().counts_if_wider());
        let equals = authority([trusted(&one, "one", &both), trusted(&two, "two", &both)]);
        assert!(vouched(&[&one, &two], &equals).unwrap().counts_if_wider());
        let comparing = authority([
            trusted(&one, "one", &[Role::Comparison]),
            trusted(&two, "two", &[Role::Comparison]),
        ]);
        assert!(
            !vouched(&[&one, &two], &comparing)
                .unwrap()
                .counts_if_wider()
        );
    }

    #[test]
    fn keys_of_an_authority_are_told_apart() {
        let key = key();
        let one = |called: &str| trusted(&key, called, &[Role::Module]);
        let new = |keys: Vec<TrustedKey>| Authority::new(keys).unwrap_err();
        let other = trusted(&super::key(), "a", &[Role::Index]);
        assert_eq!(new(vec![one("a"), other]), AuthorityError::Name("a".into()));
        assert_eq!(
            new(vec![one("a"), one("b")]),
            AuthorityError::Same {
                first: "a".into(),
                second: "b".into()
            }
        );
        let idle = trusted(&key, "a", &[]);
        assert_eq!(new(vec![idle]), AuthorityError::Idle("a".into()));
        let many =
            (0..=MOST_KEYS).map(|at| trusted(&super::key(), &at.to_string(), &[Role::Index]));
        assert_eq!(Authority::new(many), Err(AuthorityError::TooMany));
    }
}

mod releases {
    use super::*;
    use crate::danger;
    use crate::policy::PolicyId;

    fn take(
        asked: &str,
        listed: Option<&Listed>,
        change: impl FnOnce(&SigningKey, &mut Published),
    ) -> Result<Release, Refused> {
        let key = key();
        let mut published = published(&key);
        change(&key, &mut published);
        let authority = authority([trusted(&key, "release", &Role::ALL)]);
        authority.release(&id(asked), listed, published)
    }

    #[test]
    fn a_component_that_is_as_stated_and_listed_is_a_release() {
        let listed = listed("1.4.0");
        let release = take("acme-deploy@1.4.0", Some(&listed), |key, published| {
            let comparison = comparison(Relation::Narrower).to_bytes();
            published.comparisons = vec![signed(comparison, &[key])];
        });
        let release = release.unwrap();
        assert_eq!(release.component(), b"component");
        assert_eq!(release.signers().len(), 1);
        assert_eq!(release.passed_over(), []);
        let (version, old) = (Version::new(1, 3, 0), Digest::of(b"older"));
        let compared = release.compared_with(&version, &old).next().unwrap();
        assert_eq!(compared.document().outcome, Relation::Narrower);
        let policy = |name: &str, version: &str, digest: &Digest| PolicyId {
            name: name.into(),
            version: version.into(),
            digest: digest.to_string(),
        };
        let agrees = |policy: PolicyId| release.agrees_with(&policy).is_ok();
        assert!(agrees(policy("acme-deploy", "1.4.0", release.digest())));
        assert!(!agrees(policy("acme-other", "1.4.0", release.digest())));
        assert!(!agrees(policy("acme-deploy", "1.3.0", release.digest())));
        assert!(!agrees(policy("acme-deploy", "1.4.0", &old)));
    }

    #[test]
    fn anything_else_is_refused_for_what_it_is() {
        let asked = "acme-deploy@1.4.0";
        let other = take("acme-deploy@1.4.1", None, |_, _| {});
        assert!(matches!(
            other,
            Err(Refused::OtherModule {
                by: "the statement",
                ..
            })
        ));
        let other = take(asked, Some(&listed("1.4.1")), |_, _| {});
        assert!(matches!(
            other,
            Err(Refused::OtherModule {
                by: "the index",
                ..
            })
        ));
        let other = take(asked, None, |_, published| published.component.push(0));
        assert!(matches!(
            other,
            Err(Refused::OtherComponent {
                by: "the statement",
                ..
            })
        ));
        let mut otherwise = listed("1.4.0");
        otherwise.digest = Digest::of(b"otherwise");
        let other = take(asked, Some(&otherwise), |_, _| {});
        assert!(matches!(
            other,
            Err(Refused::OtherComponent {
                by: "the index",
                ..
            })
        ));
        let mut yanked = listed("1.4.0");
        yanked.yanked = Some("lets forks in".into());
        let refused = take(asked, Some(&yanked), |_, _| {});
        assert_eq!(refused, Err(Refused::Yanked("lets forks in".into())));
        let foreign = take(asked, None, |key, published| {
            let mut statement = statement();
            statement.contract = "claimbound:policy@9.0.0".parse().unwrap();
            published.statements = vec![signed(statement.to_bytes(), &[key])];
        });
        assert!(matches!(foreign, Err(Refused::Contract(_))));
        let unsigned = take(asked, None, |_, published| {
            published.statements[0].signatures.clear();
        });
        assert_eq!(unsigned, Err(Refused::Untrusted(Untrusted::Unsigned)));
        let crowded = take(asked, None, |_, published| {
            let one = signed(comparison(Relation::Equivalent).to_bytes(), &[]);
            published.comparisons = vec![one; MOST_COMPARISONS + 1];
        });
        assert_eq!(
            crowded,
            Err(Refused::TooManyComparisons(MOST_COMPARISONS + 1))
        );
        let unstated = take(asked, None, |_, published| published.statements.clear());
        assert_eq!(unstated, Err(Refused::Unstated));
    }

    /// As many signatures as that on a document, by nobody that is known.
    fn junk(document: &[u8], count: usize) -> Signed {
        let key = key();
        // Each is written otherwise, so that none is another's double.
        let one = key.sign(document, Form::Detached).unwrap();
        let spaced = |count: usize| [one.as_bytes(), &vec![b'\n'; count]].concat();
        Signed {
            document: document.to_vec(),
            signatures: (0..count)
                .map(|number| Signature::parse(&spaced(number)).unwrap())
                .collect(),
        }
    }

    #[test]
    fn what_anybody_attached_hides_no_statement_that_counts() {
        let mut other = statement();
        other.time += 1;
        let other = other.to_bytes();
        let release = take("acme-deploy@1.4.0", None, |key, published| {
            let genuine = &mut published.statements[0];
            let crowd = junk(&genuine.document, 500);
            let own = std::mem::replace(&mut genuine.signatures, crowd.signatures);
            genuine.signatures.extend(own);
            let mut elsewhere = statement();
            elsewhere.id = id("acme-deploy@9.9.9");
            published.statements.insert(0, junk(&other, 500));
            let elsewhere = signed(elsewhere.to_bytes(), &[key]);
            published.statements.insert(0, elsewhere);
            published.statements.push(junk(&other, 500));
        });
        let release = release.unwrap();
        assert_eq!(release.statement(), Some(&statement()));
        assert_eq!(release.signers().len(), 1);
        let [counted] = release.counted().statements.as_slice() else {
            panic!("one counted");
        };
        assert_eq!(counted.signatures.len(), MOST_SIGNATURES);
        let first = counted.signatures.first().unwrap();
        assert_eq!(first.form(), Form::Bundle, "those that count come first");
    }

    #[test]
    fn a_refusal_tells_of_the_statement_that_a_key_signed() {
        let other = statement().to_bytes();
        let refused = take("acme-deploy@1.4.1", None, |_, published| {
            published.statements.insert(0, junk(&other, 1));
            published.statements.push(signed(other.clone(), &[]));
        });
        assert!(
            matches!(refused, Err(Refused::OtherModule { .. })),
            "{refused:?}"
        );
        let refused = take("acme-deploy@1.4.0", None, |_, published| {
            let (crowd, half) = (junk(&other, 700), junk(&other, 700));
            published.statements.extend([crowd.clone(), crowd]);
            published.comparisons.push(half);
        });
        assert_eq!(refused, Err(Refused::TooManySignatures(2101)));
    }

    #[test]
    fn what_counted_is_one_comparison_with_each_older_version() {
        let release = take("acme-deploy@1.4.0", None, |key, published| {
            let stranger = super::key();
            let narrower = comparison(Relation::Narrower).to_bytes();
            let wider = comparison(Relation::Wider).to_bytes();
            let mut older = comparison(Relation::Equivalent);
            older.old.version = Version::new(1, 2, 0);
            published.comparisons = vec![
                signed(wider.clone(), &[&stranger]),
                signed(narrower, &[key]),
                signed(wider, &[key]),
                signed(older.to_bytes(), &[key, &stranger]),
            ];
        });
        let release = release.unwrap();
        assert_eq!(release.comparisons().len(), 3);
        let counted = &release.counted().comparisons;
        let outcome = |signed: &Signed| Comparison::parse(&signed.document).unwrap().outcome;
        let outcomes: Vec<_> = counted.iter().map(outcome).collect();
        assert_eq!(outcomes, [Relation::Narrower, Relation::Equivalent]);
        assert_eq!(counted[1].signatures.len(), 2);
    }

    #[test]
    fn what_nobody_vouches_for_beside_it_is_passed_over() {
        let release = take("acme-deploy@1.4.0", None, |key, published| {
            let mut newer = comparison(Relation::Equivalent);
            newer.new.version = Version::new(1, 5, 0);
            let unsigned = comparison(Relation::Equivalent).to_bytes();
            published.comparisons = vec![signed(unsigned, &[]), signed(newer.to_bytes(), &[key])];
            published.provenance = Some(b"{}".to_vec());
        });
        let release = release.unwrap();
        assert_eq!(release.passed_over().len(), 3);
        assert!(release.comparisons().is_empty() && release.provenance().is_none());
    }

    #[test]
    fn without_signatures_only_danger_makes_one_and_digests_count_all_the_same() {
        let asked = id("acme-deploy@1.4.0");
        let (statement, listed) = (statement().to_bytes(), listed("1.4.0"));
        let take = |component: &[u8]| {
            let component = component.to_vec();
            danger::unsigned_release(&asked, Some(&listed), Some(&statement), component)
        };
        let release = take(b"component").unwrap();
        assert!(release.signers().is_empty() && release.statement().is_some());
        assert!(take(b"another").is_err());
        let bare = danger::unsigned_release(&asked, None, None, b"any".to_vec()).unwrap();
        assert_eq!(bare.digest(), &Digest::of(b"any"));
        let broken = danger::unsigned_release(&asked, None, Some(b"{}"), b"any".to_vec());
        assert!(matches!(broken, Err(Refused::Statement(_))));
    }
}

mod provenance {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::{Value, json};

    use super::*;

    fn envelope(key: &SigningKey, kind: &str, payload: &Value) -> Value {
        let payload = payload.to_string();
        let message = format!("DSSEv1 {} {kind} {} {payload}", kind.len(), payload.len());
        let signature = key.sign(message.as_bytes(), Form::Detached).unwrap();
        let signature = std::str::from_utf8(signature.as_bytes())
            .unwrap()
            .to_owned();
        json!({
            "payloadType": kind,
            "payload": STANDARD.encode(payload),
            "signatures": [{ "keyid": "", "sig": signature }],
        })
    }

    fn said(subject: &Value) -> Value {
        json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": subject,
            "predicateType": "https://slsa.dev/provenance/v1",
            "predicate": {},
        })
    }

    const KIND: &str = "application/vnd.in-toto+json";

    #[test]
    fn an_attestation_is_about_the_component_and_by_the_key() {
        let key = key();
        let component = Digest::of(b"component");
        let subject = json!([{ "name": "x" }, { "digest": { "sha256": component.to_digits() } }]);
        let envelope = envelope(&key, KIND, &said(&subject));
        let bundle = |version: &str| {
            json!({
                "mediaType": format!("application/vnd.dev.sigstore.bundle+json;version={version}"),
                "dsseEnvelope": envelope,
            })
        };
        for text in [
            envelope.clone(),
            bundle("0.1"),
            bundle("0.2"),
            bundle("0.3"),
        ] {
            let bytes = text.to_string().into_bytes();
            let read = Provenance::verify(&bytes, key.public(), &component).unwrap();
            assert_eq!(read.predicate_type(), "https://slsa.dev/provenance/v1");
            let stranger = Provenance::verify(&bytes, super::key().public(), &component);
            assert_eq!(stranger, Err(ProvenanceError::Stranger));
            let other = Digest::of(b"other");
            let about = Provenance::verify(&bytes, key.public(), &other);
            assert_eq!(about, Err(ProvenanceError::Subject(other)));
            let authority = authority([trusted(&key, "release", &[Role::Module])]);
            let vouched = authority.provenance(&bytes, &name("acme-deploy"), &component);
            assert_eq!(vouched.unwrap().signers().len(), 1);
        }
        let refused = Provenance::verify(
            bundle("0.9").to_string().as_bytes(),
            key.public(),
            &component,
        );
        assert!(matches!(
            refused,
            Err(ProvenanceError::Bundle(SignatureError::Version(_)))
        ));
    }

    #[test]
    fn an_attestation_of_nothing_or_of_another_kind_is_refused() {
        let key = key();
        let component = Digest::of(b"component");
        let verify = |envelope: &Value| {
            let bytes = envelope.to_string().into_bytes();
            Provenance::verify(&bytes, key.public(), &component).unwrap_err()
        };
        for subject in [json!([]), json!({}), Value::Null] {
            let refused = verify(&envelope(&key, KIND, &said(&subject)));
            assert_eq!(refused, ProvenanceError::NoSubject);
        }
        let by_other_digest = json!([{ "digest": { "sha512": component.to_digits() } }]);
        let refused = verify(&envelope(&key, KIND, &said(&by_other_digest)));
        assert_eq!(refused, ProvenanceError::Subject(component));
        let subject = json!([{ "digest": { "sha256": component.to_digits() } }]);
        let refused = verify(&envelope(&key, "text/plain", &said(&subject)));
        assert_eq!(refused, ProvenanceError::Type("text/plain".into()));
        let mut other = said(&subject);
        other["_type"] = "x".into();
        let refused = verify(&envelope(&key, KIND, &other));
        assert_eq!(refused, ProvenanceError::Type("x".into()));
    }
}

//! Whose word counts, and for what.

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
fn where_no_key_may_sign_it_what_each_may_sign_is_told() {
    let by_stranger = signed(statement().to_bytes(), &[&key()]);
    let release = trusted(&key(), "release", &[Role::Index, Role::Wider]);
    let elsewhere = TrustedKey {
        modules: vec![name("acme-other")],
        ..trusted(&key(), "other", &[Role::Module])
    };
    let authority = authority([release, elsewhere]);
    let refused = authority.statement(&by_stranger, &name("acme-deploy"));
    assert_eq!(
        refused.unwrap_err().to_string(),
        "no known key signed it, and none may sign `module` of `acme-deploy`; known: \
         `release`, for `index`, `wider` of `acme-deploy`; `other`, for `module` of \
         `acme-other`"
    );
    let refused = Authority::default().statement(&by_stranger, &name("acme-deploy"));
    let told = refused.unwrap_err().to_string();
    assert!(told.ends_with("`acme-deploy`; no key is known"), "{told}");
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
    let many = (0..=MOST_KEYS).map(|at| trusted(&super::key(), &at.to_string(), &[Role::Index]));
    assert_eq!(Authority::new(many), Err(AuthorityError::TooMany));
}

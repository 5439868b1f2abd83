//! What a store gave, and what becomes of it.

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
    let [counted] = counted.signatures.as_slice() else {
        panic!("by one key");
    };
    assert_eq!(counted.form(), Form::Bundle, "the one that counts");
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
    assert_eq!(
        counted[1].signatures.len(),
        1,
        "a stranger's does not count"
    );
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

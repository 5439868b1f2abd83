//! What every store keeps to, whatever kind it is.

use claimbound::modules::{Comparison, Digest, Form, ModuleName, Relation, Signed};
use claimbound_server::store::{Store, StoreError};

use super::world::{authority, comparison, component, crowded, id, index, key, published, sign};

/// How a store tells two states apart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    Files,
    Manifests,
}

pub(crate) async fn gives_back_what_was_pushed(store: &Store) {
    let (id, key) = (id("acme-deploy@1.4.0-rc.1"), key());
    let mut module = published(&id, component("one"), &key);
    let digest = Digest::of(&module.component);
    module.comparisons = vec![
        comparison(&id, digest, "1.3.0", &key),
        comparison(&id, digest, "1.2.0-beta.1", &key),
    ];
    module.provenance = Some(b"{\"payload\":\"\"}".to_vec());
    store.push(&id, &module).await.unwrap();
    let mut fetched = store.fetch(&id, Some(&digest)).await.unwrap();
    let order = |signed: &Signed| signed.document.clone();
    fetched.comparisons.sort_by_key(order);
    module.comparisons.sort_by_key(order);
    assert_eq!(fetched, module);
    let versions = store.versions(id.name()).await.unwrap();
    assert_eq!(versions, [id.version().clone()]);
    assert_eq!(store.names().await.unwrap(), [id.name().clone()]);
    let other = super::world::id("acme-deploy@1.4.0");
    let absent = store.fetch(&other, None).await.unwrap_err();
    assert!(matches!(absent, StoreError::Absent { .. }), "{absent}");
    let none: ModuleName = "nothing".parse().unwrap();
    assert_eq!(store.index(&none).await.unwrap(), None);
    assert_eq!(store.versions(&none).await.unwrap(), []);
}

pub(crate) async fn one_version_has_one_digest_for_ever(store: &Store) {
    let (id, key) = (id("acme@1.4.0"), key());
    let first = published(&id, component("one"), &key);
    store.push(&id, &first).await.unwrap();
    let other = published(&id, component("two"), &key);
    let error = store.push(&id, &other).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { .. }), "{error}");
    assert!(error.to_string().contains("another version"), "{error}");
    assert_eq!(store.fetch(&id, None).await.unwrap(), first);
}

pub(crate) async fn pushed_again_a_version_gets_what_it_lacks(store: &Store) {
    let (id, first, second) = (id("acme@1.4.0"), key(), key());
    let mut module = published(&id, component("one"), &first);
    let digest = Digest::of(&module.component);
    store.push(&id, &module).await.unwrap();
    store.push(&id, &module).await.unwrap();
    let once = store.fetch(&id, None).await.unwrap();
    assert_eq!(once, module, "the same again changes nothing");

    let document = module.statements[0].document.clone();
    let also = sign(
        document.clone(),
        &[(&second, Form::Detached), (&second, Form::Bundle)],
    );
    module.statements[0].signatures = also.signatures;
    module.provenance = Some(b"{}".to_vec());
    store.push(&id, &module).await.unwrap();
    let compared = comparison(&id, digest, "1.3.0", &first);
    store.push_comparison(&id, &compared).await.unwrap();
    let again = sign(compared.document.clone(), &[(&second, Form::Bundle)]);
    store.push_comparison(&id, &again).await.unwrap();

    let fetched = store.fetch(&id, None).await.unwrap();
    assert_eq!(fetched.statements[0].document, document);
    assert_eq!(fetched.statements[0].signatures.len(), 3);
    for key in [&first, &second] {
        let by = |signed: &Signed| {
            let mut all = signed.signatures.iter();
            all.any(|one| one.is_by(key.public(), &signed.document))
        };
        assert!(by(&fetched.statements[0]));
        assert!(fetched.comparisons.iter().all(by));
    }
    assert_eq!(fetched.comparisons.len(), 1);
    assert_eq!(fetched.provenance.as_deref(), Some(&b"{}"[..]));

    // Said otherwise, it stays as it was signed.
    let mut other = module.clone();
    other.provenance = Some(b"{ }".to_vec());
    let error = store.push(&id, &other).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { .. }), "{error}");
    let absent = store
        .push_comparison(&super::world::id("acme@9.0.0"), &compared)
        .await;
    assert!(absent.is_err(), "{absent:?}");
}

pub(crate) async fn an_index_gives_way_to_a_later_edition_alone(store: &Store, kept: Kept) {
    let (name, key, other): (ModuleName, _, _) = ("acme".parse().unwrap(), key(), key());
    let first = index("acme", 7, &["1.4.0"], &key);
    store.push_index(&name, &first).await.unwrap();
    store.push_index(&name, &first).await.unwrap();
    assert_eq!(store.index(&name).await.unwrap().as_ref(), Some(&first));
    let also = sign(first.document.clone(), &[(&other, Form::Bundle)]);
    store.push_index(&name, &also).await.unwrap();
    let both = store.index(&name).await.unwrap().unwrap();
    assert_eq!((both.document, both.signatures.len()), (first.document, 2));
    for serial in [6, 7] {
        let old = index("acme", serial, &["1.4.0", "1.3.0"], &key);
        let error = store.push_index(&name, &old).await.unwrap_err();
        assert!(matches!(error, StoreError::Conflict { .. }), "{error}");
    }
    let next = index("acme", 8, &["1.4.0", "1.3.0"], &key);
    store.push_index(&name, &next).await.unwrap();
    assert_eq!(store.index(&name).await.unwrap(), Some(next));
    let versions = store.versions(&name).await.unwrap();
    assert_eq!(versions, [], "no version is called so");
    let elsewhere = store.push_index(&"other".parse().unwrap(), &also).await;
    assert!(
        matches!(elsewhere, Err(StoreError::Malformed { .. })),
        "{elsewhere:?}"
    );
    if kept == Kept::Files {
        assert_eq!(store.names().await.unwrap(), [name]);
    }
}

pub(crate) async fn what_is_pushed_is_of_one_version(store: &Store) {
    let key = key();
    let (id, other) = (id("acme@1.4.0"), id("acme@1.5.0"));
    let module = published(&id, component("one"), &key);
    let elsewhere = store.push(&other, &module).await.unwrap_err();
    assert!(
        matches!(elsewhere, StoreError::Malformed { .. }),
        "{elsewhere}"
    );
    let mut swapped = module.clone();
    swapped.component = component("two");
    let error = store.push(&id, &swapped).await.unwrap_err();
    assert!(matches!(error, StoreError::WrongDigest { .. }), "{error}");
    let mut compared = module.clone();
    let digest = Digest::of(&module.component);
    compared.comparisons = vec![comparison(&other, digest, "1.3.0", &key)];
    let error = store.push(&id, &compared).await.unwrap_err();
    assert!(matches!(error, StoreError::Malformed { .. }), "{error}");
    compared.comparisons = vec![comparison(&id, Digest::of(b"x"), "1.3.0", &key)];
    let error = store.push(&id, &compared).await.unwrap_err();
    assert!(matches!(error, StoreError::WrongDigest { .. }), "{error}");
    let mut many = module.clone();
    let one = many.statements[0].signatures[0].clone();
    many.statements[0].signatures = vec![one; 17];
    let error = store.push(&id, &many).await.unwrap_err();
    assert!(matches!(error, StoreError::Malformed { .. }), "{error}");
}

/// Of a registry, where whoever may push can attach what he likes: it was there
/// before what counts, and comes after it.
pub(crate) async fn what_others_attach_hides_nothing(store: &Store) {
    let (id, key, stranger) = (id("acme@1.4.0"), key(), key());
    let mut module = published(&id, component("one"), &key);
    let digest = Digest::of(&module.component);
    module.comparisons = vec![comparison(&id, digest, "1.3.0", &key)];
    let mut forged = crowded(&module, 0);
    let mut wider = Comparison::parse(&module.comparisons[0].document).unwrap();
    wider.outcome = Relation::Equivalent;
    forged.comparisons = vec![sign(wider.to_bytes(), &[(&stranger, Form::Bundle)])];
    store.push(&id, &forged).await.unwrap();
    store.push(&id, &crowded(&module, 1)).await.unwrap();
    store.push(&id, &module).await.unwrap();
    store.push(&id, &crowded(&module, 0)).await.unwrap();
    store.push(&id, &crowded(&module, 2)).await.unwrap();

    let fetched = store.fetch(&id, Some(&digest)).await.unwrap();
    assert_eq!(fetched.statements.len(), 3);
    let release = authority(&key).release(&id, None, fetched).unwrap();
    let signers = release.signers().iter();
    let signers: Vec<_> = signers.map(|signer| signer.key.as_str()).collect();
    assert_eq!(signers, ["release"]);
    let counted = release.counted();
    let signed = &counted.statements[0];
    assert_eq!(signed.document, module.statements[0].document);
    assert!(signed.verify(key.public()).is_ok());
    assert_eq!(counted.comparisons, module.comparisons);
    let forged = authority(&stranger).release(&id, None, module);
    assert!(forged.is_err(), "{forged:?}");
}

//! Folders: what is written whole, what is never overwritten, and what is not
//! followed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;

use claimbound::modules::{Digest, Form, ModuleName, Signed};
use claimbound_server::store::{Bounds, Credentials, Store, StoreError};

use super::served::{self, Kept};
use super::world::{component, id, index, key, open, open_with, published, sign};

fn store(folder: &Path) -> Store {
    open(folder.to_str().unwrap())
}

/// A folder with one version.
async fn filled() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let id = id("acme@1.4.0");
    let module = published(&id, component("one"), &key());
    store.push(&id, &module).await.unwrap();
    (folder, store)
}

#[tokio::test]
async fn a_folder_gives_back_what_was_pushed() {
    let folder = tempfile::tempdir().unwrap();
    served::gives_back_what_was_pushed(&store(&folder.path().join("new"))).await;
}

#[tokio::test]
async fn one_version_has_one_digest_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    served::one_version_has_one_digest_for_ever(&store(folder.path())).await;
}

#[tokio::test]
async fn pushed_again_a_version_gets_what_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    served::pushed_again_a_version_gets_what_it_lacks(&store(folder.path())).await;
}

#[tokio::test]
async fn an_index_gives_way_to_a_later_edition_alone() {
    let folder = tempfile::tempdir().unwrap();
    served::an_index_gives_way_to_a_later_edition_alone(&store(folder.path()), Kept::Files).await;
}

#[tokio::test]
async fn what_is_pushed_is_of_one_version() {
    let folder = tempfile::tempdir().unwrap();
    served::what_is_pushed_is_of_one_version(&store(folder.path())).await;
}

#[tokio::test]
async fn files_are_where_the_documentation_says() {
    let (folder, store) = filled().await;
    let (name, key) = ("acme".parse().unwrap(), key());
    let edition = index("acme", 1, &["1.4.0"], &key);
    store.push_index(&name, &edition).await.unwrap();
    let files = |at: &str| {
        let entries = fs::read_dir(folder.path().join(at)).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(
        files("acme"),
        [".lock", "1.4.0", "index.json", "index.json.sig"]
    );
    let version = [
        "module.wasm",
        "statement.json",
        "statement.json.sigstore.json",
    ];
    assert_eq!(files("acme/1.4.0"), version);
}

#[tokio::test]
async fn a_link_inside_a_store_is_not_followed() {
    for linked in [
        "acme",
        "acme/1.4.0",
        "acme/1.4.0/module.wasm",
        "acme/1.4.0/statement.json",
    ] {
        let (folder, store) = filled().await;
        let elsewhere = tempfile::tempdir().unwrap();
        let (inside, outside) = (folder.path().join(linked), elsewhere.path().join("moved"));
        fs::rename(&inside, &outside).unwrap();
        symlink(&outside, &inside).unwrap();
        let error = store.fetch(&id("acme@1.4.0"), None).await.unwrap_err();
        assert!(
            matches!(error, StoreError::Path { .. }),
            "{linked}: {error}"
        );
        assert!(error.to_string().contains("is a link"), "{linked}: {error}");
    }
}

#[tokio::test]
async fn nothing_is_written_through_a_link() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    symlink(elsewhere.path(), folder.path().join("acme")).unwrap();
    let id = id("acme@1.4.0");
    let module = published(&id, component("one"), &key());
    let error = store(folder.path()).push(&id, &module).await.unwrap_err();
    assert!(matches!(error, StoreError::Path { .. }), "{error}");
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_store_s_own_path_may_be_a_link_as_that_of_a_mounted_volume() {
    // As Kubernetes mounts a volume: `..data` leads to a folder of a date.
    let (folder, _) = filled().await;
    let mount = tempfile::tempdir().unwrap();
    symlink(folder.path(), mount.path().join("..data")).unwrap();
    symlink("..data/acme", mount.path().join("acme")).unwrap();
    let through = store(&mount.path().join("..data"));
    assert!(through.fetch(&id("acme@1.4.0"), None).await.is_ok());
    // One that begins above it meets a link inside.
    let above = store(mount.path()).fetch(&id("acme@1.4.0"), None).await;
    assert!(matches!(above, Err(StoreError::Path { .. })), "{above:?}");
    let names = store(mount.path()).names().await.unwrap();
    assert_eq!(names.len(), 1, "what begins with a dot is no name");
}

#[tokio::test]
async fn what_might_never_end_is_not_read() {
    for name in ["module.wasm", "statement.json", "statement.json.sig"] {
        let (folder, store) = filled().await;
        let path = folder.path().join("acme/1.4.0").join(name);
        let _ = fs::remove_file(&path);
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        let error = store.fetch(&id("acme@1.4.0"), None).await.unwrap_err();
        assert!(matches!(error, StoreError::Path { .. }), "{name}: {error}");
    }
}

#[tokio::test]
async fn what_is_too_large_is_not_held() {
    let (folder, store) = filled().await;
    let version = folder.path().join("acme/1.4.0");
    let bounds = Bounds::default().with_component(8);
    let small = open_with(folder.path().to_str().unwrap(), Credentials::none(), bounds);
    let error = small.fetch(&id("acme@1.4.0"), None).await.unwrap_err();
    assert!(
        matches!(error, StoreError::TooLarge { limit: 8, .. }),
        "{error}"
    );
    for name in [
        "statement.json",
        "statement.json.sig",
        "provenance.json",
        "module.wasm",
    ] {
        let path = version.join(name);
        let before = fs::read(&path).ok();
        // It has no blocks on the disk, and would have a terabyte in memory.
        fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
        let error = store.fetch(&id("acme@1.4.0"), None).await.unwrap_err();
        assert!(
            matches!(error, StoreError::TooLarge { .. }),
            "{name}: {error}"
        );
        match before {
            Some(before) => fs::write(&path, before).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
    }
    assert!(store.fetch(&id("acme@1.4.0"), None).await.is_ok());
}

#[tokio::test]
async fn a_version_that_is_not_whole_is_none() {
    for missing in ["module.wasm", "statement.json"] {
        let (folder, store) = filled().await;
        fs::remove_file(folder.path().join("acme/1.4.0").join(missing)).unwrap();
        let error = store.fetch(&id("acme@1.4.0"), None).await.unwrap_err();
        assert!(
            matches!(error, StoreError::Absent { .. }),
            "{missing}: {error}"
        );
    }
    let (folder, store) = filled().await;
    // What a writer left that was stopped, and what others keep beside it.
    fs::create_dir(folder.path().join("acme/.unfinished-1.5.0")).unwrap();
    fs::create_dir(folder.path().join("acme/notes")).unwrap();
    let versions = store.versions(&"acme".parse().unwrap()).await.unwrap();
    assert_eq!(versions.len(), 1, "{versions:?}");
}

#[tokio::test]
async fn what_is_there_is_held_against_what_was_promised() {
    let (folder, store) = filled().await;
    let promised = Digest::of(&component("one"));
    let fetched = store.fetch(&id("acme@1.4.0"), Some(&promised)).await;
    assert_eq!(fetched.unwrap().component, component("one"));
    fs::write(
        folder.path().join("acme/1.4.0/module.wasm"),
        component("two"),
    )
    .unwrap();
    let error = store.fetch(&id("acme@1.4.0"), Some(&promised)).await;
    assert!(
        matches!(error, Err(StoreError::WrongDigest { .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_signature_that_is_none_is_told() {
    let (folder, store) = filled().await;
    let path = folder.path().join("acme/1.4.0/statement.json.sig");
    fs::write(path, "<html>").unwrap();
    let error = store.fetch(&id("acme@1.4.0"), None).await.unwrap_err();
    assert!(matches!(error, StoreError::Malformed { .. }), "{error}");
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_no_empty_store() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder.path().join("none"));
    let name = "acme".parse().unwrap();
    let error = store.index(&name).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error}");
    assert!(store.versions(&name).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_writers_at_once_each_has_its_turn() {
    let folder = tempfile::tempdir().unwrap();
    let key = key();
    let id = id("acme@1.4.0");
    let modules = ["one", "two"].map(|note| published(&id, component(note), &key));
    let pushes = (0..16).map(|number| {
        let (store, id, module) = (
            store(folder.path()),
            id.clone(),
            modules[number % 2].clone(),
        );
        tokio::spawn(async move { (number % 2, store.push(&id, &module).await) })
    });
    let mut won = [0, 0];
    for push in pushes.collect::<Vec<_>>() {
        match push.await.unwrap() {
            (which, Ok(())) => won[which] += 1,
            (_, Err(StoreError::Conflict { .. })) => {}
            (_, Err(other)) => panic!("{other}"),
        }
    }
    assert!(won == [8, 0] || won == [0, 8], "{won:?}");
    let there = store(folder.path()).fetch(&id, None).await.unwrap();
    assert_eq!(there, modules[usize::from(won[0] == 0)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_reads_sees_an_index_with_its_own_signatures() {
    let folder = tempfile::tempdir().unwrap();
    let (key, name) = (Arc::new(key()), "acme".parse().unwrap());
    store(folder.path())
        .push_index(&name, &index("acme", 1, &[], &key))
        .await
        .unwrap();
    let writer = {
        let (store, key) = (store(folder.path()), Arc::clone(&key));
        let name: ModuleName = ModuleName::clone(&name);
        tokio::spawn(async move {
            for serial in 2..60 {
                let edition = index("acme", serial, &["1.4.0"], &key);
                // Two, of which readers must never see one alone.
                let second = sign(edition.document.clone(), &[(&key, Form::Bundle)]);
                let signatures = [edition.signatures, second.signatures].concat();
                let edition = Signed {
                    document: edition.document,
                    signatures,
                };
                store.push_index(&name, &edition).await.unwrap();
            }
        })
    };
    let reader = store(folder.path());
    while !writer.is_finished() {
        let Ok(Some(seen)) = reader.index(&name).await else {
            continue;
        };
        let good = |one: &claimbound::modules::Signature| one.is_by(key.public(), &seen.document);
        let found = seen.signatures.iter().filter(|one| good(one)).count();
        assert!(
            (1..=2).contains(&found),
            "{found} of {}",
            seen.signatures.len()
        );
    }
    writer.await.unwrap();
    let last = reader.index(&name).await.unwrap().unwrap();
    assert_eq!(
        last.signatures.len(),
        2,
        "those of editions before are gone"
    );
}

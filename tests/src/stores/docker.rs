//! A real registry on the loopback: Debian's `docker-registry`, which has no
//! list of referrers.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use claimbound_server::store::{Bounds, Store, StoreError};
use tempfile::TempDir;

use super::served::{self, Kept};
use super::world::{
    component, credentials, docker_configuration, id, key, large_component, open, open_with,
    published,
};
use crate::skipped::skipped;

const PROGRAM: &str = "/usr/bin/docker-registry";
/// The user `me` with the password `hunter2`, as `htpasswd -B` writes them.
const USERS: &str = "me:$2y$04$MrdTMEx63rvNWL0Z9IfJZ.ovrd1aZQ0NYuFsB8fLrb7HdOqOVtjsO\n";
/// The same two, in base64.
const ME: &str = "bWU6aHVudGVyMg==";
/// The same user with the password `hunter3`.
const NOT_ME: &str = "bWU6aHVudGVyMw==";

/// A registry that runs; it is stopped where it is dropped.
pub(crate) struct Registry {
    child: Child,
    pub(crate) host: String,
    _folder: TempDir,
}

impl Registry {
    /// None where there is no such program, which is said.
    pub(crate) fn start(has_users: bool) -> Option<Self> {
        if !Path::new(PROGRAM).exists() {
            let why = format!("{PROGRAM} is not there; Debian has it in `docker-registry`");
            skipped("docker-registry", &why);
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let host = format!("127.0.0.1:{port}");
        std::fs::write(at("users"), USERS).unwrap();
        let users = format!(
            "auth: {{htpasswd: {{realm: here, path: {}}}}}\n",
            at("users").display()
        );
        let configuration = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\n\
             http: {{addr: '{host}'}}\n{}",
            at("data").display(),
            if has_users { &users } else { "" }
        );
        std::fs::write(at("registry.yml"), configuration).unwrap();
        let child = Command::new(PROGRAM)
            .arg("serve")
            .arg(at("registry.yml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut registry = Self {
            child,
            host,
            _folder: folder,
        };
        registry.wait();
        Some(registry)
    }

    fn wait(&mut self) {
        while TcpStream::connect(&self.host).is_err() {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "the registry ended: {ended:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn store(&self, prefix: &str) -> Store {
        open(&format!("oci://{}/{prefix}", self.host))
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_registry_that_runs_is_a_store() {
    let Some(registry) = Registry::start(false) else {
        return;
    };
    served::gives_back_what_was_pushed(&registry.store("one")).await;
    served::one_version_has_one_digest_for_ever(&registry.store("two/deep")).await;
    served::pushed_again_a_version_gets_what_it_lacks(&registry.store("three")).await;
    let four = registry.store("four");
    served::an_index_gives_way_to_a_later_edition_alone(&four, Kept::Manifests).await;
    served::what_is_pushed_is_of_one_version(&registry.store("five")).await;
    served::what_others_attach_hides_nothing(&registry.store("six")).await;
}

#[tokio::test]
async fn a_large_component_arrives_whole() {
    let Some(registry) = Registry::start(false) else {
        return;
    };
    let (store, id) = (registry.store(""), id("acme@1.4.0"));
    let module = published(&id, large_component(5 << 20), &key());
    store.push(&id, &module).await.unwrap();
    assert_eq!(store.fetch(&id, None).await.unwrap(), module);
    let place = format!("oci://{}", registry.host);
    let bounds = Bounds::default().with_component(1 << 20);
    let small = open_with(
        &place,
        claimbound_server::store::Credentials::none(),
        bounds,
    );
    let error = small.fetch(&id, None).await.unwrap_err();
    assert!(matches!(error, StoreError::TooLarge { .. }), "{error}");
    let error = small.push(&id, &module).await.unwrap_err();
    assert!(matches!(error, StoreError::TooLarge { .. }), "{error}");
}

#[tokio::test]
async fn a_registry_with_users_is_shown_the_password_of_docker_s_configuration() {
    let Some(registry) = Registry::start(true) else {
        return;
    };
    let place = format!("oci://{}/acme", registry.host);
    let (id, key) = (id("acme@1.4.0"), key());
    let module = published(&id, component("one"), &key);
    let configuration = docker_configuration(&registry.host, ME);
    let store = open_with(&place, credentials(&configuration), Bounds::default());
    store.push(&id, &module).await.unwrap();
    assert_eq!(store.fetch(&id, None).await.unwrap(), module);
    let wrong = docker_configuration(&registry.host, NOT_ME);
    let elsewhere = docker_configuration("127.0.0.1:1", ME);
    for configuration in [wrong, elsewhere] {
        let store = open_with(&place, credentials(&configuration), Bounds::default());
        let error = store.fetch(&id, None).await.unwrap_err();
        assert!(matches!(error, StoreError::Refused { .. }), "{error}");
        assert!(!error.to_string().contains("hunter"), "{error}");
    }
}

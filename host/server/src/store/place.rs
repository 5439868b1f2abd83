//! Where a store is: a folder, or a registry and what its repositories' names
//! begin with.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use claimbound::modules::ModuleName;
use reqwest::Url;

use super::error::StoreError;

/// Longest name of a repository, in bytes: what Docker's registries take.
const LONGEST_REPOSITORY: usize = 255;
/// Longest URL of a store, in bytes.
const LONGEST_URL: usize = 2048;

/// Where a store is.
///
/// A text with `://` is a registry: `https://host/prefix`, or `oci://host/prefix`,
/// which is the same but for a registry on this machine's loopback, which is
/// asked without TLS. `http://host/prefix` is without TLS wherever it is. Any
/// other text is the path of a folder.
///
/// ```
/// use claimbound_server::store::Place;
///
/// let place: Place = "oci://registry.example/acme".parse()?;
/// assert_eq!(place.to_string(), "https://registry.example/acme");
/// assert!(matches!("./modules".parse()?, Place::Folder(_)));
/// # Ok::<(), claimbound_server::store::StoreError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A folder.
    Folder(PathBuf),
    /// A registry.
    Registry(RegistryPlace),
}

/// A registry, and what the names of its repositories begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryPlace {
    origin: Url,
    prefix: String,
}

impl FromStr for Place {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        match text.split_once("://") {
            Some(_) => text.parse().map(Self::Registry),
            None if text.is_empty() => Err(StoreError::path(text, "it is empty")),
            None => Ok(Self::Folder(text.into())),
        }
    }
}

impl Place {
    /// What may help where a registry of this machine does not answer by TLS. Of no
    /// other one is it said: whoever is between would read along.
    pub fn without_tls(&self, error: &StoreError) -> Option<String> {
        let (Self::Registry(place), StoreError::Unreachable { cause, .. }) = (self, error) else {
            return None;
        };
        let spoke = cause.contains("corrupt message") || cause.contains("InvalidContentType");
        let shown = place.to_string();
        let rest = shown.strip_prefix("https://")?;
        let hint = format!("it seems to be without TLS, which is written `http://{rest}`");
        (spoke && is_loopback(&place.origin)).then_some(hint)
    }
}

impl FromStr for RegistryPlace {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        // A password in it would be shown.
        let shown = without_user(text);
        let wrong = |cause: &str| StoreError::path(&*shown, cause);
        if text.len() > LONGEST_URL {
            return Err(wrong("it has more than 2048 bytes"));
        }
        if !text.is_empty() && !text.contains("://") {
            return Err(wrong(&format!(
                "it has no scheme: a registry is written `https://{shown}`, or `http://{shown}` \
                 where it is without TLS"
            )));
        }
        let https = text
            .strip_prefix("oci://")
            .map(|rest| format!("https://{rest}"));
        let mut url: Url = https
            .as_deref()
            .unwrap_or(text)
            .parse()
            .map_err(|_| wrong("it is no URL"))?;
        if https.is_some() && is_loopback(&url) {
            url.set_scheme("http").map_err(|()| wrong("it is no URL"))?;
        }
        if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none() {
            return Err(wrong(
                "a registry's URL begins with `https://`, `oci://` or `http://`",
            ));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong(
                "a user stands in Docker's configuration, not in a URL",
            ));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("a registry's URL has no query and no fragment"));
        }
        let prefix = url.path().trim_matches('/').to_owned();
        if !prefix.is_empty() && !is_repository(&prefix) {
            return Err(wrong("no repository's name begins so"));
        }
        url.set_path("/");
        Ok(Self {
            origin: url,
            prefix,
        })
    }
}

impl RegistryPlace {
    /// Scheme, host and port, with the path `/`.
    pub(super) fn origin(&self) -> &Url {
        &self.origin
    }

    /// The repository of a name.
    ///
    /// # Errors
    /// [`StoreError::Path`] where no repository can be called so.
    pub(super) fn repository(&self, name: &ModuleName) -> Result<String, StoreError> {
        let repository = match self.prefix.as_str() {
            "" => name.to_string(),
            prefix => format!("{prefix}/{name}"),
        };
        if is_repository(&repository) {
            Ok(repository)
        } else {
            Err(StoreError::path(
                repository,
                "no repository can be called so",
            ))
        }
    }

    /// The name whose repository it is; none of a repository elsewhere.
    pub(super) fn name_of(&self, repository: &str) -> Option<ModuleName> {
        let name = match self.prefix.as_str() {
            "" => repository,
            prefix => repository.strip_prefix(prefix)?.strip_prefix('/')?,
        };
        name.parse().ok()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => path.display().fmt(formatter),
            Self::Registry(place) => place.fmt(formatter),
        }
    }
}

impl fmt::Display for RegistryPlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.origin, self.prefix)
    }
}

/// A URL for a message, less what may be a password.
fn without_user(text: &str) -> String {
    match text.split_once("://") {
        Some((scheme, rest)) => format!("{scheme}://{}", after_user(rest)),
        None => after_user(text).to_owned(),
    }
}

fn after_user(text: &str) -> &str {
    text.rsplit_once('@').map_or(text, |(_, rest)| rest)
}

/// Whether a URL's host is this machine, by a name or an address that leads
/// nowhere else.
pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    host == "localhost" || address.is_some_and(|address| address.is_loopback())
}

/// Whether a repository can be called so (distribution specification 1.1,
/// "Pulling manifests").
fn is_repository(name: &str) -> bool {
    name.len() <= LONGEST_REPOSITORY && name.split('/').all(is_component)
}

/// Words of small letters and digits, with `.`, `_`, `__` or any number of `-`
/// between two.
fn is_component(component: &str) -> bool {
    let is_word = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit();
    let separators = component
        .split(is_word)
        .filter(|between| !between.is_empty());
    let mut known = separators.map(|between| {
        matches!(between, "." | "_" | "__") || between.bytes().all(|byte| byte == b'-')
    });
    component.starts_with(is_word) && component.ends_with(is_word) && known.all(|known| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_a_registry_and_all_else_a_folder() {
        let shown = |text: &str| text.parse::<Place>().map(|place| place.to_string());
        for (text, place) in [
            (
                "oci://registry.example/acme/",
                "https://registry.example/acme",
            ),
            (
                "https://registry.example:5000",
                "https://registry.example:5000/",
            ),
            ("oci://localhost:5000/a", "http://localhost:5000/a"),
            ("oci://127.0.0.2:5000/a", "http://127.0.0.2:5000/a"),
            ("oci://[::1]:5000/a", "http://[::1]:5000/a"),
            ("https://localhost:5000/a", "https://localhost:5000/a"),
            ("http://registry.example/a", "http://registry.example/a"),
            ("modules", "modules"),
        ] {
            assert_eq!(shown(text).as_deref(), Ok(place), "{text}");
        }
        for text in [
            "",
            "ftp://registry.example/a",
            "https://",
            "https://registry.example/A",
            "https://registry.example/a//b",
            "https://registry.example/a/../..",
            "https://registry.example/a?b",
            "https://registry.example/a#b",
        ] {
            let place = shown(text);
            let is_root = place.as_deref() == Ok("https://registry.example/");
            assert!(place.is_err() || is_root, "{text}: {place:?}");
        }
    }

    #[test]
    fn a_password_in_a_url_is_refused_and_not_shown() {
        let error = "https://me:hunter2@registry.example/a".parse::<Place>();
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains("a user stands in Docker's configuration"),
            "{error}"
        );
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_registry_without_a_scheme_is_told_with_one() {
        for text in ["localhost:5000/a", "me:hunter2@localhost:5000/a"] {
            let error = text.parse::<RegistryPlace>().unwrap_err().to_string();
            let told = "`localhost:5000/a` can't be used: it has no scheme: a registry is written \
                        `https://localhost:5000/a`, or `http://localhost:5000/a`";
            assert!(error.starts_with(told), "{error}");
        }
    }

    #[test]
    fn a_name_that_is_no_repository_is_refused_before_anything_is_asked() {
        let place: RegistryPlace = "https://registry.example/acme".parse().unwrap();
        let repository = |name: &str| place.repository(&name.parse().unwrap());
        assert_eq!(
            repository("a-b--c.d_e__f").as_deref(),
            Ok("acme/a-b--c.d_e__f")
        );
        for name in ["a-", "a._b", "a___b", "a."] {
            assert!(
                matches!(repository(name), Err(StoreError::Path { .. })),
                "{name}"
            );
        }
        let name = |repository: &str| place.name_of(repository).map(|name| name.to_string());
        assert_eq!(name("acme/infra").as_deref(), Some("infra"));
        for other in [
            "infra",
            "acme",
            "acmeinfra",
            "acme/",
            "acme/a/b",
            "other/infra",
        ] {
            assert_eq!(name(other), None, "{other}");
        }
    }
}

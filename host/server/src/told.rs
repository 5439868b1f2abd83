//! What is told of a request that failed: what went wrong and where, without the
//! query of a URL, which may hold a secret.

use std::error::Error;
use std::fmt::Write as _;

use reqwest::Url;

/// A URL for whoever reads logs and monitors.
pub(crate) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

/// An error with what caused it, in one line.
pub(crate) fn told(error: reqwest::Error) -> String {
    let place = error.url().map(|url| format!("`{}`: ", shown(url)));
    place.unwrap_or_default() + &cause(error)
}

/// As [`told`], for whoever says the place by itself.
pub(crate) fn cause(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(line, ": {error}");
        cause = error.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_told_of_a_place_has_no_query() {
        let url: Url = "https://127.0.0.1:1/keys?token=hunter2#x".parse().unwrap();
        assert_eq!(shown(&url), "https://127.0.0.1:1/keys");
        let error = reqwest::Client::new().get(url).send().await.unwrap_err();
        let line = told(error);
        assert!(line.starts_with("`https://127.0.0.1:1/keys`: "), "{line}");
        assert!(!line.contains("hunter2"), "{line}");
    }
}

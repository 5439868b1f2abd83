//! Lists that a registry gives page by page.

use std::collections::BTreeSet;

use reqwest::header::LINK;
use reqwest::{Response, StatusCode, Url};
use serde::de::DeserializeOwned;

use super::super::error::StoreError;
use super::body;
use super::client::{Ask, Client, Scope, text};

/// Most pages of one list.
const MOST: usize = 64;

/// A list that is asked for.
pub(super) struct Pages<'a> {
    pub(super) client: &'a Client,
    pub(super) first: Url,
    pub(super) scope: Scope,
    pub(super) accept: Option<&'static str>,
    /// What it is called in errors.
    pub(super) what: &'a str,
}

impl Pages<'_> {
    /// All of it; none where the registry has no such list. `more` takes a page,
    /// and says whether it wants another.
    pub(super) async fn each<T: DeserializeOwned>(
        &self,
        mut more: impl FnMut(T) -> Result<(), StoreError>,
    ) -> Result<bool, StoreError> {
        let mut next = Some(self.first.clone());
        let mut seen = BTreeSet::new();
        while let Some(url) = next {
            if seen.len() >= MOST || !seen.insert(url.to_string()) {
                let cause = format!("it has more than {MOST} pages, or leads in a circle");
                return Err(StoreError::malformed(self.what, cause));
            }
            let response = self.page(url).await?;
            if response.status() == StatusCode::NOT_FOUND {
                return Ok(false);
            }
            next = self.next(&response)?;
            more(body::json(response, self.what, self.client.bounds()).await?)?;
        }
        Ok(true)
    }

    async fn page(&self, url: Url) -> Result<Response, StoreError> {
        let ask = Ask {
            method: reqwest::Method::GET,
            url,
            scope: self.scope.clone(),
            accept: self.accept,
            body: None,
        };
        let response = self.client.ask(&ask).await?;
        match response.status() {
            StatusCode::OK | StatusCode::NOT_FOUND => Ok(response),
            _ => Err(self.client.unwelcome(response).await),
        }
    }

    /// The page after an answer: on the same registry, or nowhere.
    fn next(&self, response: &Response) -> Result<Option<Url>, StoreError> {
        let Some(link) = text(response.headers(), &LINK).and_then(linked) else {
            return Ok(None);
        };
        let next = response.url().join(link).ok();
        match next.filter(|next| next.origin() == self.first.origin()) {
            Some(next) => Ok(Some(next)),
            None => Err(StoreError::malformed(
                self.what,
                "its next page is not on the same registry",
            )),
        }
    }
}

/// The target of a link to what comes next (RFC 8288 §3).
fn linked(header: &str) -> Option<&str> {
    let (target, parameters) = header.trim().strip_prefix('<')?.split_once('>')?;
    let mut parameters = parameters.split(';').map(str::trim);
    let is_next = parameters.any(|parameter| {
        let value = parameter.strip_prefix("rel=");
        value.is_some_and(|value| value.trim_matches('"').eq_ignore_ascii_case("next"))
    });
    is_next.then_some(target)
}

#[cfg(test)]
mod tests {
    use super::linked;

    #[test]
    fn a_link_leads_to_what_comes_next_alone() {
        assert_eq!(linked(r#"</v2/a?n=1>; rel="next""#), Some("/v2/a?n=1"));
        assert_eq!(linked("</v2/a>;rel=next"), Some("/v2/a"));
        for other in [
            "",
            "</v2/a>",
            r#"</v2/a>; rel="prev""#,
            "/v2/a; rel=next",
            "<x",
        ] {
            assert_eq!(linked(other), None, "{other}");
        }
    }
}

//! One request, and its whole answer.

use anyhow::{Context as _, anyhow, bail};
use reqwest::{RequestBuilder, StatusCode};

/// Sends a request; the status, and the answer's text of at most so many bytes.
pub(crate) fn sent(
    request: RequestBuilder,
    longest: usize,
) -> anyhow::Result<(StatusCode, String)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no connection can be made")?;
    runtime.block_on(async {
        let failed = |error: reqwest::Error| anyhow::Error::new(error.without_url());
        let mut response = request.send().await.map_err(failed)?;
        let status = response.status();
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if bytes.len() + chunk.len() > longest {
                bail!("the answer is longer than {longest} bytes");
            }
            bytes.extend_from_slice(&chunk);
        }
        let text = String::from_utf8(bytes).map_err(|_| anyhow!("the answer is not UTF-8"))?;
        Ok((status, text))
    })
}

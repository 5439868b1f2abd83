//! An example: a token that analysis found, as people and programs read it.

use claimbound_language::Example;
use serde_json::{Map, Value, json};

use crate::page::{Cell, Ink, Page};
use crate::time;

/// The token, and when and where it is presented.
pub(crate) fn show(page: &mut Page, example: &Example) {
    let request = &example.request;
    page.field("at", time::date(request.now));
    page.field("route", &request.audience);
    for (name, value) in &request.attributes {
        page.field("attribute", format!("{name}={value}"));
    }
    claims(page, &example.claims);
}

/// The claims of a token, one a line.
fn claims(page: &mut Page, claims: &Map<String, Value>) {
    page.put(Ink::Faint, "  claims").end();
    let rows = claims.iter().map(|(name, value)| {
        let text = value.as_str().map(str::to_owned);
        let text = text.unwrap_or_else(|| value.to_string());
        vec![Cell::new(Ink::Faint, name), Cell::plain(text)]
    });
    page.table(4, &rows.collect::<Vec<_>>());
}

/// The same for a program.
pub(crate) fn to_json(example: &Example) -> Value {
    let (key, request) = (&example.key, &example.request);
    json!({
        "claims": example.claims,
        "key": {
            "type": key.key_type,
            "algorithm": key.algorithm,
            "bits": key.bits,
            "thumbprint": key.thumbprint,
        },
        "at": request.now,
        "audience": request.audience,
        "attributes": request.attributes,
    })
}

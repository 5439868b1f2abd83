//! What a policy is told about a token, packed: one text and its marks, in the
//! order that `wit/policy.wit` gives.

use crate::floor::Admissible;
use crate::json::{Node, Value};
use crate::key::Key;
use crate::policy::{Manifest, Request};

/// A packed input.
pub(super) struct Packed {
    pub(super) texts: String,
    pub(super) marks: Vec<u32>,
}

impl Packed {
    pub(super) fn new(
        manifest: &Manifest,
        token: &Admissible,
        request: &Request,
        now: u64,
    ) -> Self {
        let mut packed = Self {
            // What a token of a few kilobytes needs, unless it is asked for whole.
            texts: String::with_capacity(1024),
            marks: Vec::with_capacity(128),
        };
        packed.token(token, now);
        packed.workload(manifest, token);
        packed.claims(manifest, token);
        packed.key(token);
        packed.request(manifest, token, request);
        packed.published(manifest, token);
        packed
    }

    fn token(&mut self, token: &Admissible, now: u64) {
        let verified = token.token();
        self.wide(now);
        self.wide(token.expires_at());
        self.maybe_wide(verified.issued_at());
        self.maybe_wide(verified.not_before());
        self.text(verified.issuer().url());
        self.text(verified.subject());
        self.maybe_text(verified.header().token_type());
        self.text(verified.header().algorithm().as_str());
        self.maybe_text(verified.token_id());
    }

    fn workload(&mut self, manifest: &Manifest, token: &Admissible) {
        let workload = token.workload();
        self.text(&workload.model);
        self.text(&workload.form);
        self.texts(token.token().audience());
        self.count(manifest.parts.len());
        for part in &manifest.parts {
            self.maybe_text(workload.part(part));
        }
        self.count(manifest.names.len());
        for kind in &manifest.names {
            let name = workload.name(kind);
            self.maybe_text(name.map(|name| name.name.as_str()));
            if let Some(name) = name {
                self.maybe_text(name.id.as_deref());
                self.maybe_text(name.parent.as_deref());
            }
        }
    }

    fn claims(&mut self, manifest: &Manifest, token: &Admissible) {
        let claims = token.token().claims();
        let Some(paths) = &manifest.claims else {
            self.count(0);
            self.maybe_text(Some(claims.text()));
            return;
        };
        self.count(paths.len());
        for path in paths {
            match claims.get(path) {
                None => self.marks.push(0),
                Some(node) => self.claim(node),
            }
        }
        self.maybe_text(None);
    }

    fn claim(&mut self, node: Node<'_>) {
        if let Some(texts) = node.texts() {
            self.marks.push(7);
            return self.texts(texts);
        }
        let (case, text) = match node.value() {
            Value::Absent => return self.marks.push(0),
            Value::Null => return self.marks.push(1),
            Value::Boolean(false) => return self.marks.push(2),
            Value::Boolean(true) => return self.marks.push(3),
            Value::Integer(integer) => {
                self.marks.push(4);
                return self.wide(integer.cast_unsigned());
            }
            Value::Number(text) => (5, text),
            Value::Text(text) => (6, text),
            Value::List(_) | Value::Object(_) => (8, node.json()),
        };
        self.marks.push(case);
        self.text(text);
    }

    fn key(&mut self, token: &Admissible) {
        let key = token.token().verified_by();
        self.maybe_text(key.id());
        self.text(key.key_type());
        self.text(key.algorithm().as_str());
        self.marks.push(key.bits());
        self.text(key.thumbprint());
    }

    fn request(&mut self, manifest: &Manifest, token: &Admissible, request: &Request) {
        self.text(token.audience());
        let asked = |(name, _): &&(String, String)| manifest.attributes.contains(name);
        let attributes = request.attributes.iter().filter(asked);
        self.count(attributes.clone().count());
        for (name, value) in attributes {
            self.text(name);
            self.text(value);
        }
    }

    fn published(&mut self, manifest: &Manifest, token: &Admissible) {
        if !manifest.published_keys {
            return self.count(0);
        }
        let keys = token.token().issuer().keys();
        self.count(keys.keys().len());
        for key in keys.keys() {
            self.published_key(key);
        }
    }

    fn published_key(&mut self, key: &Key) {
        self.maybe_text(key.id());
        self.text(key.key_type().as_str());
        self.text(key.usual_algorithm());
        self.marks.push(key.bits());
        self.text(key.thumbprint());
    }

    fn wide(&mut self, number: u64) {
        #[expect(clippy::cast_possible_truncation, reason = "each half is wanted")]
        self.marks
            .extend_from_slice(&[number as u32, (number >> 32) as u32]);
    }

    fn maybe_wide(&mut self, number: Option<u64>) {
        match number {
            None => self.marks.push(0),
            Some(number) => {
                self.marks.push(1);
                self.wide(number);
            }
        }
    }

    // INVARIANT: tokens, key sets and requests are far shorter than 4 GiB.
    fn count(&mut self, count: usize) {
        self.marks.push(u32::try_from(count).unwrap_or(u32::MAX));
    }

    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.texts.push_str(text);
    }

    fn maybe_text(&mut self, text: Option<&str>) {
        match text {
            None => self.marks.push(0),
            Some(text) => {
                self.count(text.len() + 1);
                self.texts.push_str(text);
            }
        }
    }

    fn texts<'t, T: Iterator<Item = &'t str>>(&mut self, texts: T) {
        let place = self.marks.len();
        self.count(0);
        let mut count = 0;
        for text in texts {
            self.text(text);
            count += 1;
        }
        if let Some(mark) = self.marks.get_mut(place) {
            *mark = count;
        }
    }
}

#[cfg(test)]
mod tests;

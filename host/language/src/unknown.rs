//! Claims that a model does not know, and that are nearly ones that it knows: an
//! author meant those, more often than not.

use claimbound_issuers::{Kind, Model, Part};

use crate::diagnostic::Sink;
use crate::document::ClaimCondition;
use crate::rule::Rule;

/// Warns of a claim that is nearly one that the model knows.
///
/// An issuer may have claims that no model knows, so it is no more than that.
pub(crate) fn check(model: &Model, condition: &ClaimCondition, sink: &mut Sink) {
    let path = &condition.path.value;
    let known = known(model);
    if known.iter().any(|one| one == path) {
        return;
    }
    let place = &condition.path.place;
    let label = condition.label();
    if let Some(nested) = known.iter().find(|one| one.join(".") == path.join(".")) {
        let message = format!("no token of `{}` has a claim of this name", model.name());
        sink.warning(Rule::UnknownClaim, place, message)
            .expected("a name with dots is one name")
            .hint(format!("write it under `nested`, with `path = {nested:?}`"));
        return;
    }
    let [name] = path.as_slice() else { return };
    let tops = known.iter().filter_map(|one| one.first());
    if tops.clone().any(|one| one == name) {
        return;
    }
    let near = tops.filter_map(|one| Some((distance(name, one)?, one)));
    if let Some((_, near)) = near.min() {
        let message = format!("`{}` knows no claim `{name}`", model.name());
        sink.warning(Rule::UnknownClaim, place, message)
            .expected(format!("`{label}` is unknown where a token lacks it"))
            .hint(format!("did you mean `{near}`?"));
    }
}

/// The paths of the claims that a model speaks of.
fn known(model: &Model) -> Vec<Vec<String>> {
    let parts = model.parts().iter().filter_map(Part::claim);
    let kinds = model.names().iter();
    let kinds = kinds.flat_map(|kind| [Kind::claim(kind), kind.id_claim()]);
    let claims = model
        .claims()
        .iter()
        .map(claimbound_issuers::ClaimRule::path);
    claims
        .chain(parts)
        .chain(kinds.flatten())
        .map(|path| path.iter().map(ToString::to_string).collect())
        .collect()
}

/// How far a name is from a known one that may be meant: mistyped, or put
/// together in another way.
fn distance(wrong: &str, known: &str) -> Option<usize> {
    // Short names are near to many, and the distance is quadratic.
    if !(5..=100).contains(&wrong.len()) {
        return None;
    }
    let letters = |name: &str| -> String {
        let letters = name.chars().filter(|one| one.is_alphanumeric());
        letters.map(|one| one.to_ascii_lowercase()).collect()
    };
    if letters(wrong) == letters(known) {
        return Some(0);
    }
    let most = if wrong.len() < 10 { 1 } else { 2 };
    let distance = strsim::damerau_levenshtein(wrong, known);
    (distance <= most).then_some(distance)
}

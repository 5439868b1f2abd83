//! What a mistyped name was meant to be.

/// ` (did you mean …?)` for the nearest of the known names, if one is near. What
/// was mistyped is not repeated: it may be a secret at the wrong place.
pub(crate) fn did_you_mean<'n>(wrong: &'n str, known: impl IntoIterator<Item = &'n str>) -> String {
    // Nobody mistypes a hundred letters, and the distance is quadratic.
    if wrong.is_empty() || wrong.len() > 100 {
        return String::new();
    }
    let most = (wrong.chars().count() / 3).max(1);
    let near = known.into_iter().map(|one| {
        let distance = if one.starts_with(wrong) {
            0
        } else {
            strsim::damerau_levenshtein(wrong, one)
        };
        (distance, one)
    });
    near.filter(|(distance, _)| *distance <= most)
        .min()
        .map_or_else(String::new, |(_, one)| format!(" (did you mean `{one}`?)"))
}

/// Names in backticks, between commas.
pub(crate) fn listed<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> String {
    let names = names.into_iter();
    let names: Vec<_> = names.map(|name| format!("`{}`", name.as_ref())).collect();
    names.join(", ")
}

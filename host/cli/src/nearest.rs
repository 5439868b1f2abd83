//! What a mistyped name was meant to be.

/// ` (did you mean …?)` for the nearest of the known names, if one is near.
pub(crate) fn did_you_mean(wrong: &str, known: &[&str]) -> String {
    // Nobody mistypes a hundred letters, and the distance is quadratic.
    if wrong.is_empty() || wrong.len() > 100 {
        return String::new();
    }
    let most = (wrong.chars().count() / 3).max(1);
    let distance = |one: &&str| {
        if one.starts_with(wrong) {
            return 0;
        }
        strsim::damerau_levenshtein(wrong, one)
    };
    let near = known.iter().map(|one| (distance(one), one));
    near.filter(|(distance, _)| *distance <= most)
        .min()
        .map_or_else(String::new, |(_, one)| format!(" (did you mean `{one}`?)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_name_or_the_rest_of_one_is_offered() {
        let known = ["github-actions", "gitlab", "google"];
        assert_eq!(did_you_mean("gitlub", &known), " (did you mean `gitlab`?)");
        assert_eq!(
            did_you_mean("github", &known),
            " (did you mean `github-actions`?)"
        );
        assert_eq!(did_you_mean("spire", &known), "");
        assert_eq!(did_you_mean("", &known), "");
    }
}

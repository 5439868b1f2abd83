//! Names of modules, with and without a version, as arguments.

use anyhow::bail;
use claimbound::modules::{IdError, ModuleId, ModuleName};

/// Reads a name that stands alone.
///
/// # Errors
/// Where it is none; of `name@version`, which part is wanted.
pub(crate) fn parse(text: &str) -> anyhow::Result<ModuleName> {
    if let Ok(id) = text.parse::<ModuleId>() {
        let name = id.name();
        bail!("`{text}` has a version, and here goes the name alone: `{name}`");
    }
    Ok(text.parse()?)
}

/// Reads a name with a version.
///
/// # Errors
/// Where it is none; of a name alone, how the versions that there are can be seen.
pub(crate) fn parse_id(text: &str) -> anyhow::Result<ModuleId> {
    match text.parse() {
        Ok(id) => Ok(id),
        Err(IdError::Malformed(_)) if text.parse::<ModuleName>().is_ok() => bail!(
            "`{text}` has no version: it is written `{text}@1.4.0`, and `claimbound modules list \
             STORE {text}` shows those that there are"
        ),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_version_is_told_the_name_alone() {
        assert_eq!(parse("acme").unwrap().as_str(), "acme");
        let error = parse("acme@1.4.0").unwrap_err().to_string();
        assert!(error.ends_with("the name alone: `acme`"), "{error}");
        let error = parse("Acme").unwrap_err().to_string();
        assert!(error.contains("`Acme` is no name of a module"), "{error}");
    }

    #[test]
    fn a_name_without_a_version_is_told_where_versions_are_shown() {
        assert_eq!(parse_id("acme@1.4.0").unwrap().to_string(), "acme@1.4.0");
        let error = parse_id("acme").unwrap_err().to_string();
        assert!(
            error.contains("claimbound modules list STORE acme"),
            "{error}"
        );
        let error = parse_id("Acme").unwrap_err().to_string();
        assert_eq!(error, "`Acme` is no `name@version`");
    }
}

//! The path of a policy, as those who read reports look it up.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What a path's segment may not have as it is: all but RFC 3986's unreserved
/// characters. A colon in the first one would be read as the end of a scheme.
const UNSAFE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// The path with forward slashes, and without the folder that it begins in.
pub(super) fn relative(file: &str) -> String {
    let file = if cfg!(windows) {
        file.replace('\\', "/")
    } else {
        file.to_owned()
    };
    let mut path = file.as_str();
    while let Some(rest) = path.strip_prefix("./") {
        path = rest.trim_start_matches('/');
    }
    path.to_owned()
}

/// The path as a URI's reference, RFC 3986 §4.1; an absolute one as RFC 8089 has it.
pub(super) fn uri(file: &str) -> String {
    let path = relative(file);
    let encoded = utf8_percent_encode(&path, UNSAFE).to_string();
    if path.starts_with('/') {
        format!("file://{encoded}")
    } else if std::path::Path::new(file).is_absolute() {
        format!("file:///{encoded}")
    } else {
        encoded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_reference_whatever_it_is_called() {
        for (file, expected) in [
            (
                "./policies/deploy/policy.toml",
                "policies/deploy/policy.toml",
            ),
            (".//a.toml", "a.toml"),
            ("../a.toml", "../a.toml"),
            ("a b/ü,#?.toml", "a%20b/%C3%BC%2C%23%3F.toml"),
            ("javascript:x", "javascript%3Ax"),
            ("100%\n", "100%25%0A"),
        ] {
            assert_eq!(uri(file), expected);
        }
    }

    #[cfg(unix)]
    #[test]
    fn an_absolute_path_is_the_uri_of_a_file() {
        assert_eq!(uri("/srv/a b.toml"), "file:///srv/a%20b.toml");
        assert_eq!(uri(r"a\b.toml"), "a%5Cb.toml");
    }
}

//! The characters that a part may hold, and the shapes that some parts have.

use serde::Deserialize;

/// The characters a part may hold: any set of ASCII, and all or none of the rest.
///
/// Control characters (C0 and DEL) are never in a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CharSet {
    ascii: u128,
    beyond_ascii: bool,
}

/// C0 controls and DEL: nobody's name holds one, and logs suffer from them.
const CONTROLS: u128 = 0xffff_ffff | (1 << 0x7f);

impl CharSet {
    /// Everything but control characters.
    pub(crate) const ANY: Self = Self {
        ascii: !CONTROLS,
        beyond_ascii: true,
    };

    /// The ASCII characters for which `test` holds.
    fn ascii_where(test: impl Fn(u8) -> bool) -> Self {
        let ascii = (0..128u8)
            .filter(|&byte| test(byte))
            .fold(0, |set, byte| set | (1 << byte));
        Self {
            ascii,
            beyond_ascii: false,
        }
    }

    /// The set without `characters`, which are ASCII.
    pub(crate) fn without(mut self, characters: &str) -> Self {
        for byte in characters.bytes().filter(u8::is_ascii) {
            self.ascii &= !(1 << byte);
        }
        self
    }

    /// Whether the set holds every character whose UTF-8 begins or goes on with `byte`.
    pub(crate) fn holds(self, byte: u8) -> bool {
        if byte < 128 {
            self.ascii & (1 << byte) != 0
        } else {
            self.beyond_ascii
        }
    }

    /// Splits `text` before the first character that is not in the set.
    pub(crate) fn split(self, text: &str) -> (&str, &str) {
        let end = text
            .bytes()
            .position(|byte| !self.holds(byte))
            .unwrap_or(text.len());
        // INVARIANT: all bytes of one non-ASCII character are in the set or out
        // of it together, so `end` is a boundary.
        text.split_at_checked(end).unwrap_or(("", text))
    }

    /// Whether every character of `text` is in the set.
    pub(crate) fn holds_all(self, text: &str) -> bool {
        text.bytes().all(|byte| self.holds(byte))
    }
}

/// The shape of a part's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Any text without control characters.
    #[default]
    Any,
    /// ASCII letters, digits, `.`, `_` and `-`.
    Slug,
    /// ASCII digits.
    Digits,
    /// ASCII hexadecimal digits.
    Hex,
    /// Base64url without padding: ASCII letters, digits, `_` and `-`.
    Base64url,
    /// A UUID, 8-4-4-4-12 hexadecimal digits (RFC 9562 §4).
    Uuid,
    /// A UUID in braces.
    BracedUuid,
    /// Any text without `/`.
    Segment,
    /// Segments of ASCII letters, digits, `.`, `_`, `~` and `-` between single
    /// slashes; none is empty, `.` or `..`.
    Path,
    /// What may stand behind a URL's host and its slash: ASCII letters, digits,
    /// `.`, `_`, `~`, `-`, `:`, `+`, `%` and slashes, also at the end.
    UrlPath,
    /// A lower-case host name, with a port or without.
    Host,
}

impl Class {
    /// The characters that a value of this class may hold.
    pub(crate) fn set(self) -> CharSet {
        fn ascii(test: impl Fn(u8) -> bool) -> CharSet {
            CharSet::ascii_where(test)
        }
        match self {
            Self::Any => CharSet::ANY,
            Self::Segment => CharSet::ANY.without("/"),
            Self::Slug => ascii(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)),
            Self::Digits => ascii(|byte| byte.is_ascii_digit()),
            Self::Hex => ascii(|byte| byte.is_ascii_hexdigit()),
            Self::Base64url => ascii(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)),
            Self::Uuid => ascii(|byte| byte.is_ascii_hexdigit() || byte == b'-'),
            Self::BracedUuid => ascii(|byte| byte.is_ascii_hexdigit() || b"-{}".contains(&byte)),
            Self::Path => ascii(|byte| byte.is_ascii_alphanumeric() || b"._~-/".contains(&byte)),
            Self::UrlPath => {
                ascii(|byte| byte.is_ascii_alphanumeric() || b"._~-:+%/".contains(&byte))
            }
            Self::Host => ascii(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".:-".contains(&byte)
            }),
        }
    }

    /// Whether `value`, whose characters are in the set, has the shape.
    pub(crate) fn has_shape(self, value: &str) -> bool {
        match self {
            Self::Any
            | Self::Segment
            | Self::Slug
            | Self::Digits
            | Self::Hex
            | Self::Base64url
            | Self::UrlPath => true,
            Self::Uuid => is_uuid(value),
            Self::BracedUuid => value
                .strip_prefix('{')
                .and_then(|value| value.strip_suffix('}'))
                .is_some_and(is_uuid),
            Self::Path => value
                .split('/')
                .all(|segment| !matches!(segment, "" | "." | "..")),
            Self::Host => is_host(value),
        }
    }
}

fn is_uuid(value: &str) -> bool {
    let mut groups = value.split('-');
    let lengths = [8, 4, 4, 4, 12];
    lengths.iter().all(|&length| {
        groups.next().is_some_and(|group| {
            group.len() == length && group.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
    }) && groups.next().is_none()
}

/// RFC 1123 §2.1 labels in lower case, and a port of one to five digits.
fn is_host(value: &str) -> bool {
    let (host, port) = match value.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (value, None),
    };
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.contains(':')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_port = |port: &str| {
        (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit())
    };
    host.len() <= 253 && host.split('.').all(is_label) && port.is_none_or(is_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(class: Class, value: &str) -> bool {
        class.set().holds_all(value) && class.has_shape(value)
    }

    #[test]
    fn control_characters_are_in_no_set() {
        let classes = [
            Class::Any,
            Class::Slug,
            Class::Digits,
            Class::Hex,
            Class::Base64url,
            Class::Uuid,
            Class::BracedUuid,
            Class::Segment,
            Class::Path,
            Class::UrlPath,
            Class::Host,
        ];
        for byte in (0..0x20).chain([0x7f]) {
            assert!(
                classes.iter().all(|class| !class.set().holds(byte)),
                "{byte:#x}"
            );
        }
        assert!(accepts(Class::Any, "é %3A"));
    }

    #[test]
    fn a_split_falls_on_a_character_boundary() {
        assert_eq!(CharSet::ANY.without(":").split("größe:x"), ("größe", ":x"));
        assert_eq!(Class::Slug.set().split("größe"), ("gr", "öße"));
    }

    #[test]
    fn shapes_are_whole() {
        let uuid = "a087d5a0-e1dd-43ec-93ac-f13d89cd13af";
        assert!(accepts(Class::Uuid, uuid));
        assert!(!accepts(Class::Uuid, "a087d5a0e1dd43ec93acf13d89cd13af"));
        assert!(accepts(Class::BracedUuid, &format!("{{{uuid}}}")));
        assert!(!accepts(Class::BracedUuid, uuid));
        for bad in ["a//b", "/a", "a/", "a/../b", "./a", ""] {
            assert!(!accepts(Class::Path, bad), "{bad}");
        }
        for good in ["a.example", "localhost:8443"] {
            assert!(accepts(Class::Host, good), "{good}");
        }
        for bad in [
            "A.example",
            "a..example",
            "-a",
            "a:",
            "a:b",
            "user@a",
            "a:1:2",
            "",
        ] {
            assert!(!accepts(Class::Host, bad), "{bad}");
        }
    }
}

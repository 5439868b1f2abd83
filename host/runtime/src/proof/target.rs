//! The URL that a proof was made for, and when two of them are the same
//! (RFC 9449 §4.3, RFC 3986 §6.2).

use std::fmt::{self, Write as _};
use std::net::Ipv6Addr;

/// An `http` or `https` URL without query and fragment, normalised.
///
/// Case of scheme and host, the default port, an empty path and the percent
/// encoding of unreserved characters make no difference (RFC 3986 §6.2.2.1,
/// §6.2.2.2, §6.2.3). What servers and proxies read in different ways is refused
/// rather than normalised: dot segments, user information, backslashes, and hosts
/// that are no plain names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target(String);

/// Why a URL can't be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TargetError {
    Characters,
    Scheme,
    UserInformation,
    Host,
    Port,
    Encoding,
    DotSegment,
}

impl fmt::Display for TargetError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Characters => "holds characters that no URL has",
            Self::Scheme => "is no `http` or `https` URL",
            Self::UserInformation => "holds user information",
            Self::Host => "has no host, or one that is neither a name nor an address",
            Self::Port => "has a port that is no number up to 65535",
            Self::Encoding => "has an incomplete percent encoding",
            Self::DotSegment => "has a `.` or `..` segment",
        })
    }
}

impl Target {
    pub(super) fn parse(url: &str) -> Result<Self, TargetError> {
        // RFC 3986 §2: of ASCII alone, and of that neither blanks nor these. The
        // query is left out of the comparison, but is no place for them either.
        let is_foreign = |byte: &u8| {
            !matches!(byte, 0x21..=0x7e)
                || matches!(
                    byte,
                    b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}'
                )
        };
        if url.as_bytes().iter().any(is_foreign) {
            return Err(TargetError::Characters);
        }
        let (scheme, rest) = url.split_once("://").ok_or(TargetError::Scheme)?;
        let (scheme, default_port) = if scheme.eq_ignore_ascii_case("https") {
            ("https", 443)
        } else if scheme.eq_ignore_ascii_case("http") {
            ("http", 80)
        } else {
            return Err(TargetError::Scheme);
        };
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at_checked(at).unwrap_or((rest, "")),
            None => (rest, "/"),
        };
        let (host, port) = split_port(authority)?;
        let port = port.filter(|port| *port != default_port);
        let port = port.map_or_else(String::new, |port| format!(":{port}"));
        let (host, path) = (read_host(host)?, read_path(path)?);
        Ok(Self(format!("{scheme}://{host}{port}{path}")))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The host as it stands, and the port where one is given.
fn split_port(authority: &str) -> Result<(&str, Option<u16>), TargetError> {
    if authority.contains('@') {
        return Err(TargetError::UserInformation);
    }
    let colon = match authority.rfind(']') {
        Some(bracket) => authority
            .get(bracket..)
            .and_then(|rest| rest.find(':'))
            .map(|at| bracket + at),
        None => authority.find(':'),
    };
    let Some((host, port)) = colon.and_then(|at| authority.split_at_checked(at)) else {
        return Ok((authority, None));
    };
    let digits = port.strip_prefix(':').unwrap_or_default();
    // RFC 3986 §6.2.3: an empty port is the default one.
    if digits.is_empty() {
        return Ok((host, None));
    }
    if digits.len() > 5 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(TargetError::Port);
    }
    let port = digits.parse().map_err(|_| TargetError::Port)?;
    Ok((host, Some(port)))
}

fn read_host(host: &str) -> Result<String, TargetError> {
    if let Some(address) = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        let address: Ipv6Addr = address.parse().map_err(|_| TargetError::Host)?;
        return Ok(format!("[{address}]"));
    }
    // Names of more than ASCII stand here in their `xn--` form (RFC 5890 §2.3.2.1).
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if host.is_empty() || !host.bytes().all(is_name) {
        return Err(TargetError::Host);
    }
    Ok(host.to_ascii_lowercase())
}

/// The path with unreserved characters in clear, and the digits of all other
/// percent encodings in upper case.
fn read_path(path: &str) -> Result<String, TargetError> {
    let mut normal = String::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            normal.push(char::from(byte));
            continue;
        }
        let mut digit = || {
            bytes
                .next()
                .and_then(|digit| char::from(digit).to_digit(16))
        };
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return Err(TargetError::Encoding);
        };
        let byte = u8::try_from(high * 16 + low).map_err(|_| TargetError::Encoding)?;
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            normal.push(char::from(byte));
        } else {
            // Writing to a string can't fail.
            let _ = write!(normal, "%{byte:02X}");
        }
    }
    if normal
        .split('/')
        .any(|segment| matches!(segment, "." | ".."))
    {
        return Err(TargetError::DotSegment);
    }
    Ok(normal)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn normal(url: &str) -> String {
        Target::parse(url)
            .unwrap_or_else(|error| panic!("{url}: {error}"))
            .0
    }

    #[test]
    fn urls_that_mean_the_same_are_the_same() {
        for (url, expected) in [
            ("https://a.example", "https://a.example/"),
            ("https://a.example/", "https://a.example/"),
            ("HTTPS://A.Example/P", "https://a.example/P"),
            ("https://a.example:443/p", "https://a.example/p"),
            ("https://a.example:/p", "https://a.example/p"),
            ("https://a.example:00443/p", "https://a.example/p"),
            ("http://a.example:80", "http://a.example/"),
            ("http://a.example:443/", "http://a.example:443/"),
            ("https://a.example:80/", "https://a.example:80/"),
            ("https://a.example/p?q=1#f", "https://a.example/p"),
            ("https://a.example?q=/x", "https://a.example/"),
            ("https://a.example#/x", "https://a.example/"),
            ("https://a.example/%7Eme/%61", "https://a.example/~me/a"),
            ("https://a.example/%2f%2F%00", "https://a.example/%2F%2F%00"),
            ("https://a.example//p/", "https://a.example//p/"),
            (
                "https://[2001:DB8:0::1]:8443/",
                "https://[2001:db8::1]:8443/",
            ),
            ("https://[::1]", "https://[::1]/"),
            (
                "https://xn--bcher-kva.example/",
                "https://xn--bcher-kva.example/",
            ),
            (
                "https://a.example/.well-known/..a",
                "https://a.example/.well-known/..a",
            ),
            ("https://a.example/a:b@c", "https://a.example/a:b@c"),
        ] {
            assert_eq!(normal(url), expected, "{url}");
        }
    }

    #[test]
    fn urls_that_are_read_in_two_ways_are_refused() {
        use TargetError::*;
        for (url, why) in [
            ("", Scheme),
            ("/p", Scheme),
            ("//a.example/p", Scheme),
            ("a.example/p", Scheme),
            ("https:/a.example", Scheme),
            ("https:a.example", Scheme),
            ("ftp://a.example/", Scheme),
            ("javascript://a.example/", Scheme),
            ("xhttps://a.example/", Scheme),
            ("https://", Host),
            ("https:///p", Host),
            ("https://:443/", Host),
            ("https://?q", Host),
            ("https://user@a.example/", UserInformation),
            ("https://a.example@b.example/", UserInformation),
            ("https://a.example:443@b.example/", UserInformation),
            ("https://@a.example/", UserInformation),
            ("https://a.example\\@b.example/", Characters),
            ("https://a.example\\p", Characters),
            ("https://a.example/a b", Characters),
            ("https://a.example/\n", Characters),
            (" https://a.example/", Characters),
            ("https://a.example/\u{0}", Characters),
            ("https://a.example/?q=\u{e4}", Characters),
            ("https://b\u{fc}cher.example/", Characters),
            ("https://\u{ff41}.example/", Characters),
            ("https://a%2eexample/", Host),
            ("https://a.example%00.b.example/", Host),
            ("https://a.example,b.example/", Host),
            ("https://a.example;/", Host),
            ("https://a.example:443:443/", Port),
            ("https://a.example:65536/", Port),
            ("https://a.example:+443/", Port),
            ("https://a.example:-1/", Port),
            ("https://a.example:0x1bb/", Port),
            ("https://a.example:000443/", Port),
            ("https://[::1/", Port),
            ("https://::1/", Port),
            ("https://[::1]x/", Host),
            ("https://[::1%25eth0]/", Host),
            ("https://[v1.a]/", Host),
            ("https://[127.0.0.1]/", Host),
            ("https://[]/", Host),
            ("https://a.example/%", Encoding),
            ("https://a.example/%2", Encoding),
            ("https://a.example/%zz", Encoding),
            ("https://a.example/%+1", Encoding),
            ("https://a.example/.", DotSegment),
            ("https://a.example/a/../b", DotSegment),
            ("https://a.example/a/%2e%2E/b", DotSegment),
            ("https://a.example/a/.%2e", DotSegment),
            ("https://a.example/./b", DotSegment),
        ] {
            assert_eq!(Target::parse(url), Err(why), "{url}");
        }
    }

    #[test]
    fn urls_that_differ_are_not_the_same() {
        for (one, other) in [
            ("https://a.example/p", "http://a.example/p"),
            ("https://a.example/p", "https://a.example/P"),
            ("https://a.example/p", "https://a.example/p/"),
            ("https://a.example/p", "https://a.example//p"),
            ("https://a.example/", "https://a.example./"),
            ("https://a.example/", "https://a.example:8443/"),
            ("https://127.0.0.1/", "https://127.1/"),
            ("https://a.example/a/b", "https://a.example/a%2Fb"),
            ("https://a.example/a+b", "https://a.example/a%20b"),
            ("https://a.example/a;b", "https://a.example/a%3Bb"),
        ] {
            assert_ne!(normal(one), normal(other));
        }
    }

    proptest! {
        #[test]
        fn what_is_normal_stays_so(url in "https?://[a-zA-Z.]{1,8}(:[0-9]{0,4})?(/[a-z%0-9A-F.~]{0,6}){0,3}(\\?.{0,4})?") {
            if let Ok(target) = Target::parse(&url) {
                prop_assert_eq!(Target::parse(target.as_str()), Ok(target.clone()));
            }
        }

        #[test]
        fn any_text_is_answered(url in any::<String>()) {
            let _answer = Target::parse(&url);
        }
    }
}

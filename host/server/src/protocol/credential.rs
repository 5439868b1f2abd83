//! The one credential of a request.

use claimbound::proof::Scheme;
use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::host::PresentedToken;

/// The header of a DPoP proof (RFC 9449 §4.1).
pub(crate) const DPOP: &str = "dpop";

/// A token, and how it was presented.
#[derive(Debug)]
pub(crate) struct Credential {
    pub(crate) scheme: Scheme,
    pub(crate) token: PresentedToken,
    /// The proof beside it.
    pub(crate) proof: Option<String>,
}

/// Why there is no one credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// There is none, or of a scheme that is not for tokens (RFC 6750 §3.1:
    /// the answer names no error).
    Absent,
    /// There are several, or it can't be read.
    Malformed,
}

impl Credential {
    /// The credential of a request with these headers. It is taken from the
    /// header `Authorization` alone: neither a body nor a query can hold one
    /// (RFC 6750 §2.2, §2.3, which RFC 9700 §4.3.2 advises against).
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Fault> {
        let authorization = only(headers, AUTHORIZATION.as_str())?;
        let proof = match only(headers, DPOP) {
            Ok(proof) => Some(proof.to_owned()),
            Err(Fault::Absent) => None,
            Err(Fault::Malformed) => return Err(Fault::Malformed),
        };
        Self::read(authorization, proof)
    }

    /// The credential in the value of an `Authorization` header (RFC 6750 §2.1,
    /// RFC 9449 §7.1).
    pub(crate) fn read(authorization: &str, proof: Option<String>) -> Result<Self, Fault> {
        let (scheme, token) = authorization.split_once(' ').ok_or(Fault::Absent)?;
        // RFC 9110 §11.1: schemes are compared without case.
        let scheme = if scheme.eq_ignore_ascii_case("bearer") {
            Scheme::Bearer
        } else if scheme.eq_ignore_ascii_case("dpop") {
            Scheme::Dpop
        } else {
            return Err(Fault::Absent);
        };
        let token = token.trim_matches(' ');
        // RFC 6750 §2.1, `b64token`. A comma would be a second credential, as
        // proxies join header lines.
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        if token.is_empty() || !token.bytes().all(fits) {
            return Err(Fault::Malformed);
        }
        Ok(Self {
            scheme,
            token: PresentedToken::new(token),
            proof,
        })
    }
}

/// The value of a header that must stand once.
pub(crate) fn only<'h>(headers: &'h HeaderMap, name: &str) -> Result<&'h str, Fault> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Err(Fault::Absent),
        (Some(value), None) => value.to_str().map_err(|_| Fault::Malformed),
        (Some(_), Some(_)) => Err(Fault::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[(&'static str, &'static str)]) -> Result<Scheme, Fault> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        Credential::of(&headers).map(|credential| credential.scheme)
    }

    #[test]
    fn there_is_exactly_one_credential_or_none() {
        assert_eq!(of(&[("authorization", "Bearer a.b.c")]), Ok(Scheme::Bearer));
        assert_eq!(
            of(&[("authorization", "bEARER   a.b.c ")]),
            Ok(Scheme::Bearer)
        );
        assert_eq!(
            of(&[("authorization", "DPoP a.b.c"), ("dpop", "x")]),
            Ok(Scheme::Dpop)
        );
        for absent in [
            &[][..],
            &[("authorization", "Basic eDp5")],
            &[("authorization", "a.b.c")],
        ] {
            assert_eq!(of(absent), Err(Fault::Absent), "{absent:?}");
        }
        for malformed in [
            &[
                ("authorization", "Bearer a.b.c"),
                ("authorization", "Bearer a.b.c"),
            ][..],
            &[("authorization", "Bearer a.b.c, Bearer d.e.f")],
            &[("authorization", "Bearer a.b.c d.e.f")],
            &[("authorization", "Bearer ")],
            &[
                ("authorization", "DPoP a.b.c"),
                ("dpop", "x"),
                ("dpop", "y"),
            ],
        ] {
            assert_eq!(of(malformed), Err(Fault::Malformed), "{malformed:?}");
        }
    }
}

//! Certificates that proxies pass on, as the thumbprint that a token is bound
//! to: `x5t#S256`, the SHA-256 of the certificate's DER (RFC 8705 §3.1).
//!
//! Do not use these on what a client sent: a header says whose certificate it
//! was only where an authenticated proxy has written it, and has removed whatever
//! came under its name (RFC 9440 §4). No certificate is validated here; the proxy
//! has done so, or has only learnt that its caller holds the key.
//!
//! | passed on by | as | read by |
//! |---|---|---|
//! | RFC 9440 `Client-Cert` | `:MII…=:` | [`from_client_cert`] |
//! | nginx `$ssl_client_escaped_cert` | percent-encoded PEM | [`from_escaped_pem`] |
//! | Envoy `x-forwarded-client-cert`, `Cert="…"`, without its quotes | percent-encoded PEM | [`from_escaped_pem`] |
//! | Envoy external authorization, `source.certificate` | percent-encoded PEM | [`from_escaped_pem`] |
//! | Envoy `x-forwarded-client-cert`, `Hash=…` | hexadecimal SHA-256 | [`from_hexadecimal`] |
//! | a connection of this host's own | DER | [`from_der`] |
//!
//! Each refuses what is more than one certificate, or goes on behind it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::sha256::sha256;

/// Longest certificate, in bytes of its DER, inclusive: those with many names or
/// post-quantum keys take some 10,000.
pub const LONGEST: usize = 16 * 1024;

/// Longest text around one, in bytes, inclusive: base64 takes four for three, and
/// of these some are escaped, by three for one.
const LONGEST_TEXT: usize = 4 * LONGEST + 1024;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// A certificate that can't be read from what was passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// It is longer than [`LONGEST`], or the text around it than that allows.
    #[error("the certificate is longer than {LONGEST} bytes")]
    TooLong,
    /// It does not stand between two colons (RFC 9440 §2.1, RFC 9651 §3.3.5).
    #[error("the certificate is no byte sequence between two colons")]
    NoByteSequence,
    /// The text is not percent-encoded ASCII.
    #[error("the certificate's percent encoding is broken at byte {at}")]
    Encoding {
        /// The place, from zero.
        at: usize,
    },
    /// The text is not one PEM block of a certificate (RFC 7468 §5).
    #[error("the text is not one PEM block labelled `CERTIFICATE`")]
    NoPem,
    /// What should be base64 is not, or not in its one canonical form.
    #[error("the certificate is not canonical base64")]
    NoBase64,
    /// The bytes are not one DER sequence and nothing else (RFC 5280 §4.1).
    #[error("the certificate is not one DER sequence")]
    NoDer,
    /// The text is not 64 hexadecimal digits.
    #[error("the certificate's SHA-256 is not 64 hexadecimal digits")]
    NoDigest,
}

type Read = Result<[u8; 32], CertificateError>;

/// The thumbprint of a certificate in DER.
///
/// # Errors
/// [`CertificateError::TooLong`], [`CertificateError::NoDer`].
///
/// ```
/// use claimbound::proof::certificate::{CertificateError, from_der};
///
/// assert!(from_der(&[0x30, 0x02, 0x30, 0x00]).is_ok());
/// assert_eq!(from_der(b"-----BEGIN"), Err(CertificateError::NoDer));
/// ```
pub fn from_der(der: &[u8]) -> Read {
    if der.len() > LONGEST {
        return Err(CertificateError::TooLong);
    }
    let contents = sequence(der).ok_or(CertificateError::NoDer)?;
    // RFC 5280 §4.1: `tbsCertificate` comes first, a sequence itself.
    if contents.first() != Some(&SEQUENCE) {
        return Err(CertificateError::NoDer);
    }
    Ok(sha256(der))
}

/// The thumbprint of the certificate in a `Client-Cert` field (RFC 9440 §2.2).
///
/// # Errors
/// [`CertificateError`].
///
/// ```
/// use claimbound::proof::certificate::{from_client_cert, from_der};
///
/// assert_eq!(from_client_cert(":MAIwAA==:"), from_der(&[0x30, 0x02, 0x30, 0x00]));
/// assert!(from_client_cert("MAIwAA==").is_err());
/// ```
pub fn from_client_cert(field: &str) -> Read {
    let bytes = short(field)?
        .strip_prefix(':')
        .and_then(|rest| rest.strip_suffix(':'))
        .ok_or(CertificateError::NoByteSequence)?;
    from_base64(bytes)
}

/// The thumbprint of a certificate in PEM (RFC 7468 §5).
///
/// # Errors
/// [`CertificateError`].
///
/// ```
/// use claimbound::proof::certificate::{from_der, from_pem};
///
/// let pem = "-----BEGIN CERTIFICATE-----\nMAIwAA==\n-----END CERTIFICATE-----\n";
/// assert_eq!(from_pem(pem), from_der(&[0x30, 0x02, 0x30, 0x00]));
/// assert!(from_pem(&pem.repeat(2)).is_err(), "a chain names nobody");
/// ```
pub fn from_pem(text: &str) -> Read {
    let body = short(text)?
        .trim_ascii()
        .strip_prefix(BEGIN)
        .and_then(|rest| rest.strip_suffix(END))
        .ok_or(CertificateError::NoPem)?;
    if body.contains('-') {
        return Err(CertificateError::NoPem);
    }
    from_base64(&body.split_ascii_whitespace().collect::<String>())
}

/// The thumbprint of a certificate in percent-encoded PEM (RFC 3986 §2.1), as
/// nginx and Envoy write it. A plus sign is a plus sign.
///
/// # Errors
/// [`CertificateError`].
///
/// ```
/// use claimbound::proof::certificate::{from_der, from_escaped_pem};
///
/// let escaped = "-----BEGIN%20CERTIFICATE-----%0AMAIwAA%3D%3D%0A-----END%20CERTIFICATE-----%0A";
/// assert_eq!(from_escaped_pem(escaped), from_der(&[0x30, 0x02, 0x30, 0x00]));
/// ```
pub fn from_escaped_pem(text: &str) -> Read {
    from_pem(&unescape(short(text)?)?)
}

/// The thumbprint where a proxy passes it on by itself, in hexadecimal digits of
/// either case.
///
/// # Errors
/// [`CertificateError::NoDigest`]: 40 digits, for one, are a SHA-1.
///
/// ```
/// use claimbound::proof::certificate::from_hexadecimal;
///
/// assert_eq!(from_hexadecimal(&"0A".repeat(32)), Ok([10; 32]));
/// assert!(from_hexadecimal(&"0a".repeat(20)).is_err());
/// ```
pub fn from_hexadecimal(digits: &str) -> Read {
    if digits.len() != 64 {
        return Err(CertificateError::NoDigest);
    }
    crate::hexadecimal::decode(&digits.to_ascii_lowercase()).ok_or(CertificateError::NoDigest)
}

fn short(text: &str) -> Result<&str, CertificateError> {
    if text.len() > LONGEST_TEXT {
        return Err(CertificateError::TooLong);
    }
    Ok(text)
}

fn from_base64(text: &str) -> Read {
    let der = STANDARD.decode(text);
    from_der(&der.map_err(|_| CertificateError::NoBase64)?)
}

fn unescape(text: &str) -> Result<String, CertificateError> {
    let mut plain = String::with_capacity(text.len());
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        let broken = CertificateError::Encoding { at };
        let byte = if byte == b'%' {
            let mut digit = || {
                bytes
                    .next()
                    .and_then(|(_, digit)| char::from(digit).to_digit(16))
            };
            let (Some(high), Some(low)) = (digit(), digit()) else {
                return Err(broken);
            };
            u8::try_from(high * 16 + low).map_err(|_| broken)?
        } else {
            byte
        };
        if !byte.is_ascii() {
            return Err(broken);
        }
        plain.push(char::from(byte));
    }
    Ok(plain)
}

const SEQUENCE: u8 = 0x30;

/// The contents of the one sequence that these bytes are (X.690 §8.9, §10.1).
fn sequence(der: &[u8]) -> Option<&[u8]> {
    let (length, contents) = match der.strip_prefix(&[SEQUENCE])? {
        [length @ 0..=0x7f, rest @ ..] | [0x81, length @ 0x80..=0xff, rest @ ..] => {
            (usize::from(*length), rest)
        }
        [0x82, high @ 1..=0xff, low, rest @ ..] => {
            (usize::from(u16::from_be_bytes([*high, *low])), rest)
        }
        _ => return None,
    };
    (contents.len() == length).then_some(contents)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 9440 §A, Figure 1: a client's certificate, and its field.
    const CLIENT: &str = "MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6MRswGQYDVQQKDBJMZXQncyBBdXRoZW50aWNhdGUxGzAZBgNVBAMMEkxBIEludGVybWVkaWF0ZSBDQTAeFw0yMDAxMTQyMjU1MzNaFw0yMTAxMjMyMjU1MzNaMA0xCzAJBgNVBAMMAkJDMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8YnXXfaUgmnMtOXU/IncWalRhebrXmckC8vdgJ1p5Be5F/3YC8OthxM4+k1M6aEAEFcGzkJiNy6J84y7uzo9M6NyMHAwCQYDVR0TBAIwADAfBgNVHSMEGDAWgBRm3WjLa38lbEYCuiCPct0ZaSED2DAOBgNVHQ8BAf8EBAMCBsAwEwYDVR0lBAwwCgYIKwYBBQUHAwIwHQYDVR0RAQH/BBMwEYEPYmRjQGV4YW1wbGUuY29tMAoGCCqGSM49BAMCA0gAMEUCIBHda/r1vaL6G3VliL4/Di6YK0Q6bMjeSkC3dFCOOB8TAiEAx/kHSB4urmiZ0NX5r5XarmPk0wmuydBVoU4hBVZ1yhk=";

    fn pem() -> String {
        let lines: Vec<_> = CLIENT
            .as_bytes()
            .chunks(64)
            .map(|line| str::from_utf8(line).unwrap())
            .collect();
        format!("{BEGIN}\n{}\n{END}\n", lines.join("\n"))
    }

    /// As nginx and Envoy do it.
    fn escape(text: &str) -> String {
        let each = |byte: u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        };
        text.bytes().map(each).collect()
    }

    #[test]
    fn every_way_to_pass_a_certificate_on_gives_the_same_thumbprint() {
        let der = STANDARD.decode(CLIENT).unwrap();
        let expected = sha256(&der);
        assert_eq!(from_der(&der), Ok(expected));
        assert_eq!(from_client_cert(&format!(":{CLIENT}:")), Ok(expected));
        assert_eq!(from_pem(&pem()), Ok(expected));
        assert_eq!(from_pem(&pem().replace('\n', "\r\n")), Ok(expected));
        assert_eq!(from_escaped_pem(&escape(&pem())), Ok(expected));
        let lower = escape(&pem()).to_lowercase();
        assert!(from_escaped_pem(&lower).is_err(), "base64 has case");
        let hexadecimal = crate::hexadecimal::encode("", &expected);
        assert_eq!(from_hexadecimal(&hexadecimal), Ok(expected));
        assert_eq!(from_hexadecimal(&hexadecimal.to_uppercase()), Ok(expected));
    }

    #[test]
    fn a_plus_sign_is_no_blank() {
        let with_plus = escape(&pem()).replace("%2B", "+");
        assert!(with_plus.contains('+'));
        assert_eq!(from_escaped_pem(&with_plus), from_pem(&pem()));
    }

    #[test]
    fn a_field_is_one_byte_sequence_and_nothing_else() {
        use CertificateError::*;
        for (field, why) in [
            (String::new(), NoByteSequence),
            (":".to_owned(), NoByteSequence),
            ("::".to_owned(), NoDer),
            (CLIENT.to_owned(), NoByteSequence),
            (format!(" :{CLIENT}:"), NoByteSequence),
            (format!(":{CLIENT}:;a=1"), NoByteSequence),
            (format!(":{CLIENT}:, :{CLIENT}:"), NoBase64),
            (format!(":{CLIENT}"), NoByteSequence),
            (format!(":{CLIENT}\n:"), NoBase64),
            (format!(":{}:", CLIENT.trim_end_matches('=')), NoBase64),
            (format!(":{}:", CLIENT.replace("hk=", "hl=")), NoBase64),
            (format!(":{}:", CLIENT.replace('/', "_")), NoBase64),
            (":bm8gY2VydGlmaWNhdGU=:".to_owned(), NoDer),
            (format!(":{}:", "A".repeat(70_000)), TooLong),
            (format!(":{}:", "A".repeat(40_000)), TooLong),
        ] {
            assert_eq!(from_client_cert(&field), Err(why), "{field:.40}");
        }
    }

    #[test]
    fn a_text_is_one_certificate_and_nothing_else() {
        use CertificateError::*;
        for (text, why) in [
            (String::new(), NoPem),
            (pem().repeat(2), NoPem),
            (format!("{}x", pem()), NoPem),
            (format!("x{}", pem()), NoPem),
            (pem().replace("CERTIFICATE", "PUBLIC KEY"), NoPem),
            (pem().replace("CERTIFICATE", "TRUSTED CERTIFICATE"), NoPem),
            (pem().replace("MIIB", "MIIB\0"), NoBase64),
            (pem().replace("MIIB", "Proc-Type: 4\n\nMIIB"), NoPem),
            (pem().replace("MIIB", "MIIC"), NoDer),
            (format!("{BEGIN}{END}"), NoDer),
            ("A".repeat(70_000), TooLong),
        ] {
            assert_eq!(from_pem(&text), Err(why), "{text:.60}");
            assert!(from_escaped_pem(&escape(&text)).is_err());
        }
        for (text, at) in [
            ("%", 0),
            ("ab%2", 2),
            ("%zz", 0),
            ("%ff", 0),
            ("a\u{e4}", 1),
            ("%+1", 0),
        ] {
            assert_eq!(from_escaped_pem(text), Err(Encoding { at }), "{text}");
        }
    }

    #[test]
    fn a_digest_is_of_sha_256() {
        for digits in [
            "",
            "0a",
            &"0a".repeat(20),
            &"0a".repeat(33),
            &"0g".repeat(32),
            &"0\u{e4}1".repeat(16),
            &format!("sha256:{}", "0a".repeat(32)),
        ] {
            assert_eq!(
                from_hexadecimal(digits),
                Err(CertificateError::NoDigest),
                "{digits}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in any::<String>(), bytes in any::<Vec<u8>>()) {
            let _der = from_der(&bytes);
            for read in [from_client_cert, from_pem, from_escaped_pem, from_hexadecimal] {
                let _answer = read(&text);
            }
        }
    }
}

//! What a decision is told of a request, each from the one source that its
//! route trusts.

use std::collections::HashMap;
use std::fmt;

use claimbound::policy::Request;
use claimbound::proof::{DpopProof, Possession, certificate};
use http::HeaderMap;

use super::credential::{Credential, Fault, only};
use crate::config::{CertificateHeader, Source};
use crate::host::{PresentedToken, Route};

/// A request as its proxy, or the program that it came to, describes it.
pub struct Described<'r> {
    /// Its headers; those that the route trusts are the proxy's own.
    pub headers: &'r HeaderMap,
    /// What the proxy's configuration adds.
    pub context: Option<&'r HashMap<String, String>>,
    /// The caller's method and path (with or without its query), where they are
    /// known without a header.
    pub line: Option<(&'r str, &'r str)>,
    /// The certificate by which the caller came.
    pub peer: Peer,
}

/// The certificate by which a caller came over TLS, from the one place that
/// knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Nobody who is trusted says anything of it: it counts as none.
    Unknown,
    /// Its SHA-256 (DER) by whoever accepted the connection; none where none was
    /// shown. No header says another thing: callers write those.
    Known(Option<[u8; 32]>),
    /// In the header that the route names, if it does: who describes the request
    /// is known to be the proxy, which writes that header itself.
    Header,
}

impl fmt::Debug for Described<'_> {
    /// Shows no header: one of them is the token.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Described")
            .field("line", &self.line)
            .finish_non_exhaustive()
    }
}

impl Described<'_> {
    /// The token and the circumstances of its decision on a route.
    ///
    /// # Errors
    /// [`Fault::Malformed`] where a trusted header stands twice or can't be
    /// read: nobody can say then which one counts.
    pub(crate) fn asks(
        &self,
        route: &Route,
        credential: Credential,
    ) -> Result<(PresentedToken, Request), Fault> {
        let Credential {
            scheme,
            token,
            proof,
        } = credential;
        let possession = Possession {
            scheme,
            dpop: self.proof(route, proof)?,
            certificate: self.certificate(route)?,
        };
        let request = Request {
            attributes: self.attributes(route)?,
            possession,
        };
        Ok((token, request))
    }

    fn attributes(&self, route: &Route) -> Result<Vec<(String, String)>, Fault> {
        let mut attributes = Vec::new();
        for (name, source) in &route.config().attributes {
            let value = match source {
                Source::Value(value) => Some(value.clone()),
                Source::Header(header) => self.header(header)?.map(str::to_owned),
                Source::Context(key) => self.context.and_then(|context| context.get(key)).cloned(),
            };
            attributes.extend(value.map(|value| (name.clone(), value)));
        }
        Ok(attributes)
    }

    /// The value of a header that may be absent.
    fn header(&self, name: &str) -> Result<Option<&str>, Fault> {
        match only(self.headers, name) {
            Ok(value) => Ok(Some(value)),
            Err(Fault::Absent) => Ok(None),
            Err(fault @ Fault::Malformed) => Err(fault),
        }
    }

    /// The proof with the request that it is for. Where the route can't know
    /// that request, the proof counts as none.
    fn proof(&self, route: &Route, proof: Option<String>) -> Result<Option<DpopProof>, Fault> {
        let forwarded = &route.config().forwarded;
        let (Some(jwt), Some(origin)) = (proof, &forwarded.origin) else {
            return Ok(None);
        };
        let line = match self.line {
            Some((method, path)) => Some((method, path)),
            None => match (&forwarded.method, &forwarded.uri) {
                (Some(method), Some(uri)) => self.header(method)?.zip(self.header(uri)?),
                (_, _) => None,
            },
        };
        // What is no path can't be appended to an origin.
        let line = line.filter(|(_, path)| path.starts_with('/') && !path.contains('#'));
        Ok(line.map(|(method, path)| DpopProof {
            jwt,
            method: method.to_owned(),
            url: format!("{}{path}", origin.trim_end_matches('/')),
        }))
    }

    fn certificate(&self, route: &Route) -> Result<Option<[u8; 32]>, Fault> {
        let source = match self.peer {
            Peer::Unknown => return Ok(None),
            Peer::Known(certificate) => return Ok(certificate),
            Peer::Header => &route.config().forwarded.certificate,
        };
        let Some(source) = source else {
            return Ok(None);
        };
        let (CertificateHeader::Rfc9440(name)
        | CertificateHeader::EscapedPem(name)
        | CertificateHeader::Sha256Hex(name)) = source;
        // A proxy that was shown none may send the header empty.
        let Some(text) = self.header(name)?.filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        read_certificate(source, text).map(Some)
    }
}

/// The SHA-256 of a certificate as a proxy passes it on.
fn read_certificate(source: &CertificateHeader, text: &str) -> Result<[u8; 32], Fault> {
    let read = match source {
        CertificateHeader::Rfc9440(_) => certificate::from_client_cert(text),
        CertificateHeader::EscapedPem(_) => certificate::from_escaped_pem(text),
        CertificateHeader::Sha256Hex(_) => certificate::from_hexadecimal(text),
    };
    read.map_err(|_| Fault::Malformed)
}

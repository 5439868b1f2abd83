//! Whether connections are encrypted, and who is believed to be the server.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::Postgres;
use crate::ledger::store::{StoreError, StoreFailure};

/// What bytes to the server go through.
#[derive(Clone)]
pub(super) enum Transport {
    /// Nothing that hides or checks them.
    Plain,
    /// TLS, with a certificate for the host's name.
    Tls(Box<MakeRustlsConnect>),
}

impl Transport {
    /// TLS is demanded, or not offered: never asked for and done without.
    pub(super) const fn mode(&self) -> SslMode {
        match self {
            Self::Plain => SslMode::Disable,
            Self::Tls(_) => SslMode::Require,
        }
    }
}

/// TLS, unless the settings say `sslmode=disable`, or say nothing and every host
/// is this one.
pub(super) fn transport(settings: &Postgres) -> Result<Transport, StoreError> {
    if !is_encrypted(&settings.config) {
        return Ok(Transport::Plain);
    }
    let roots = match &settings.ca {
        Some(file) => roots_in(file)?,
        None => native_roots()?,
    };
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(format!("TLS can't be set up: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Transport::Tls(Box::new(MakeRustlsConnect::new(config))))
}

fn is_encrypted(config: &Config) -> bool {
    match config.get_ssl_mode() {
        SslMode::Disable => false,
        SslMode::Prefer => !is_local(config),
        // Modes that this release of the client doesn't have are no weaker.
        SslMode::Require | _ => true,
    }
}

/// Whether nothing leaves this machine.
fn is_local(config: &Config) -> bool {
    let addresses = config.get_hostaddrs();
    if !addresses.is_empty() {
        return addresses.iter().all(IpAddr::is_loopback);
    }
    config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => {
            name == "localhost"
                || name
                    .parse()
                    .is_ok_and(|address: IpAddr| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    })
}

fn roots_in(file: &Path) -> Result<RootCertStore, StoreError> {
    let unreadable = |what: &dyn fmt::Display| {
        let file = file.display();
        unusable(format!(
            "the certificates in `{file}` can't be used: {what}"
        ))
    };
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(file).map_err(|error| unreadable(&error))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| unreadable(&error))?;
        roots.add(certificate).map_err(|error| unreadable(&error))?;
    }
    if roots.is_empty() {
        return Err(unreadable(&"there is none"));
    }
    Ok(roots)
}

fn native_roots() -> Result<RootCertStore, StoreError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        return Err(unusable(
            "this system has no certificates to check the ledger's server by; name a file of them"
                .to_owned(),
        ));
    }
    Ok(roots)
}

fn unusable(message: String) -> StoreError {
    StoreError::new(StoreFailure::Unreachable, message)
}

impl fmt::Debug for Transport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Plain => "Plain",
            Self::Tls(_) => "Tls",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_in_the_clear_on_this_machine_alone_or_where_that_is_said() {
        for (url, encrypted) in [
            ("postgres://db.example/ledger", true),
            ("postgres://db.example/ledger?sslmode=prefer", true),
            ("postgres://db.example/ledger?sslmode=require", true),
            ("postgres://db.example/ledger?sslmode=disable", false),
            ("postgres://localhost/ledger", false),
            ("postgres://127.0.0.9/ledger", false),
            ("postgres://localhost/ledger?sslmode=require", true),
            ("postgres://localhost,db.example/ledger", true),
            ("postgres://localhost.example/ledger", true),
            ("postgres://localhost/ledger?hostaddr=192.0.2.1", true),
            ("postgres://db.example/ledger?hostaddr=127.0.0.1", false),
            ("postgres:///ledger?host=/run/postgresql", false),
        ] {
            let config: Config = url.parse().unwrap();
            assert_eq!(is_encrypted(&config), encrypted, "{url}");
        }
    }
}

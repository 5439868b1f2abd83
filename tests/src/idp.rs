//! An identity provider for tests: HTTPS on loopback, by an authority of its
//! own, that behaves or misbehaves as it is told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// Where the discovery document is.
pub(crate) const DOCUMENT: &str = "/.well-known/openid-configuration";
/// Where the key set is.
pub(crate) const KEYS: &str = "/keys";

/// What is answered to a request for the key set.
#[derive(Clone, Debug)]
pub(crate) enum Behaviour {
    /// The set.
    Honest,
    /// Nothing, ever.
    Hang,
    /// The connection is closed.
    Down,
    /// This status.
    Status(u16),
    /// A redirect to there.
    Redirect(String),
    /// This body.
    Body(String),
    /// A body without an end.
    Endless,
    /// Less than was announced.
    Truncated,
}

/// What was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) path: String,
    /// The head of the request, in lower case.
    pub(crate) head: String,
}

struct State {
    issuer: String,
    jwks_uri: String,
    keys: String,
    etag: Option<String>,
    behaviour: Behaviour,
    asked: Vec<Asked>,
}

/// The provider; it ends with the test's process.
pub(crate) struct Idp {
    address: SocketAddr,
    authority: String,
    state: Arc<Mutex<State>>,
}

impl Idp {
    /// One that publishes this set, on a port of its own.
    pub(crate) fn start(keys: &str) -> Self {
        let (acceptor, authority) = tls();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State {
            issuer: format!("https://{address}"),
            jwks_uri: format!("https://{address}{KEYS}"),
            keys: keys.to_owned(),
            etag: None,
            behaviour: Behaviour::Honest,
            asked: Vec::new(),
        }));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = runtime.enable_all().build().unwrap();
            runtime.block_on(serve(listener, acceptor, shared));
        });
        Self {
            address,
            authority,
            state,
        }
    }

    /// The issuer's URL.
    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The certificate of its authority, in PEM.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// Publishes this set.
    pub(crate) fn publish(&self, keys: &str) {
        keys.clone_into(&mut self.state.lock().unwrap().keys);
    }

    /// Tags the set, and answers 304 to whoever has that tag.
    pub(crate) fn tag(&self, etag: &str) {
        self.state.lock().unwrap().etag = Some(etag.to_owned());
    }

    /// Names this issuer in its document.
    pub(crate) fn claim(&self, issuer: &str) {
        issuer.clone_into(&mut self.state.lock().unwrap().issuer);
    }

    /// Names this place of its keys in its document.
    pub(crate) fn place(&self, jwks_uri: &str) {
        jwks_uri.clone_into(&mut self.state.lock().unwrap().jwks_uri);
    }

    /// Behaves like this from now on.
    pub(crate) fn behave(&self, behaviour: Behaviour) {
        self.state.lock().unwrap().behaviour = behaviour;
    }

    /// What was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.state.lock().unwrap().asked.clone()
    }

    /// How often this path was asked for.
    pub(crate) fn count(&self, path: &str) -> usize {
        let asked = self.asked();
        asked.iter().filter(|asked| asked.path == path).count()
    }
}

fn tls() -> (TlsAcceptor, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    let secret = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], secret)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), authority.pem())
}

async fn serve(listener: std::net::TcpListener, acceptor: TlsAcceptor, state: Arc<Mutex<State>>) {
    let listener = TcpListener::from_std(listener).unwrap();
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, state) = (acceptor.clone(), Arc::clone(&state));
        tokio::spawn(async move {
            // Whoever hangs up has seen enough.
            let _ = answer(stream, acceptor, &state).await;
        });
    }
}

async fn answer(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    state: &Mutex<State>,
) -> std::io::Result<()> {
    let mut stream = acceptor.accept(stream).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let (behaviour, body, etag) = {
        let mut state = state.lock().unwrap();
        state.asked.push(Asked {
            path: path.clone(),
            head: head.clone(),
        });
        if path == DOCUMENT {
            let document = json!({ "issuer": state.issuer, "jwks_uri": state.jwks_uri });
            (Behaviour::Honest, document.to_string(), None)
        } else if path == KEYS {
            let behaviour = state.behaviour.clone();
            (behaviour, state.keys.clone(), state.etag.clone())
        } else {
            (Behaviour::Honest, state.keys.clone(), None)
        }
    };
    let is_held = etag
        .as_ref()
        .is_some_and(|etag| head.contains(&format!("if-none-match: {etag}")));
    let tag = etag.map_or_else(String::new, |etag| format!("etag: {etag}\r\n"));
    let whole = |body: &str| {
        let length = body.len();
        format!(
            "HTTP/1.1 200 OK\r\n{tag}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
        )
    };
    let text = match behaviour {
        Behaviour::Honest if is_held => {
            format!("HTTP/1.1 304 Not Modified\r\n{tag}connection: close\r\n\r\n")
        }
        Behaviour::Honest => whole(&body),
        Behaviour::Hang => std::future::pending().await,
        Behaviour::Down => return Ok(()),
        Behaviour::Status(status) => {
            format!("HTTP/1.1 {status} Told\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        }
        Behaviour::Redirect(to) => format!(
            "HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        ),
        Behaviour::Body(body) => whole(&body),
        Behaviour::Endless => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"keys\":[")
                .await?;
            loop {
                stream.write_all(&[b' '; 4096]).await?;
            }
        }
        Behaviour::Truncated => {
            let text = whole(&body);
            text[..text.len() - body.len() / 2].to_owned()
        }
    };
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await
}

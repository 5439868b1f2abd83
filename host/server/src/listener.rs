//! Sockets, and connections that may be slow, many, or from nobody who may speak
//! here.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use prometheus_client::metrics::gauge::Gauge;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::config::{Address, Listener};

/// Most connections of a listener, unless it is said.
const CONNECTIONS: usize = 1024;
/// Longest time for a request's headers to arrive, unless it is said.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Most bytes of a request's headers, unless it is said: a token, a proof, a
/// certificate, and what browsers send.
const HEADER_BYTES: usize = 64 << 10;
/// Fewest bytes of a buffer that the HTTP library takes.
const FEWEST_BYTES: usize = 8 << 10;
/// What a connection of HTTP/2 begins with (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Requests at once on one connection of HTTP/2.
const STREAMS: u32 = 256;
/// How long accepting rests after the system refused a connection (no more
/// files, for example), so that it does not spin.
const REST: Duration = Duration::from_millis(50);

/// A socket that listens, and how it treats connections.
pub(crate) struct Bound {
    pub(crate) name: Arc<str>,
    socket: Socket,
    limits: Limits,
    /// The users who may connect; none for whoever reaches it.
    uids: Option<Vec<u32>>,
}

/// What a connection may take.
#[derive(Clone, Copy)]
struct Limits {
    connections: usize,
    header_timeout: Duration,
    header_bytes: usize,
}

enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener, SocketFile),
}

/// The file of a Unix socket, which goes with its listener.
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Nobody is left to tell.
        let _ = fs::remove_file(&self.0);
    }
}

impl Bound {
    /// Listens as the configuration says.
    ///
    /// # Errors
    /// Where the address can't be had.
    pub(crate) async fn new(name: &str, listener: &Listener, folder: &Path) -> io::Result<Self> {
        let uids = listener.proxy.as_ref().and_then(|proxy| proxy.uids.clone());
        let limits = Limits {
            connections: listener.connections.unwrap_or(CONNECTIONS).max(1),
            header_timeout: listener
                .header_timeout
                .map_or(HEADER_TIMEOUT, |span| span.0),
            header_bytes: listener
                .header_bytes
                .unwrap_or(HEADER_BYTES)
                .max(FEWEST_BYTES),
        };
        // Whoever may connect is looked at when they do, where that is said.
        let mode = if uids.is_some() { 0o666 } else { 0o660 };
        Self::bind(name, &listener.address, folder, limits, uids, mode).await
    }

    /// Listens for operators and monitors: few connections.
    ///
    /// # Errors
    /// Where the address can't be had.
    pub(crate) async fn few(
        name: &str,
        address: &Address,
        folder: &Path,
        uids: Option<Vec<u32>>,
    ) -> io::Result<Self> {
        let limits = Limits {
            connections: 64,
            header_timeout: HEADER_TIMEOUT,
            header_bytes: FEWEST_BYTES,
        };
        let mode = if uids.is_some() { 0o600 } else { 0o660 };
        Self::bind(name, address, folder, limits, uids, mode).await
    }

    async fn bind(
        name: &str,
        address: &Address,
        folder: &Path,
        limits: Limits,
        uids: Option<Vec<u32>>,
        mode: u32,
    ) -> io::Result<Self> {
        let socket = match address {
            Address::Tcp(address) => Socket::Tcp(TcpListener::bind(address).await?),
            Address::Unix(path) => unix(&folder.join(path), mode).await?,
        };
        Ok(Self {
            name: name.into(),
            socket,
            limits,
            uids,
        })
    }

    /// Where it listens; the port is the one that was given where none was asked
    /// for.
    pub(crate) fn address(&self) -> io::Result<Address> {
        match &self.socket {
            Socket::Tcp(socket) => Ok(Address::Tcp(socket.local_addr()?)),
            Socket::Unix(_, file) => Ok(Address::Unix(file.0.clone())),
        }
    }

    /// Answers until `stop`, and then until what was begun has been answered.
    pub(crate) async fn serve(self, router: Router, stop: CancellationToken, connections: Gauge) {
        let open = Arc::new(Semaphore::new(self.limits.connections));
        let graceful = GracefulShutdown::new();
        loop {
            // One more waits in the system's own queue.
            let permit = tokio::select! {
                permit = Arc::clone(&open).acquire_owned() => permit,
                () = stop.cancelled() => break,
            };
            let Ok(permit) = permit else { break };
            let stream = tokio::select! {
                stream = self.accept() => stream,
                () = stop.cancelled() => break,
            };
            let stream = match stream {
                Ok(Some(stream)) => stream,
                Ok(None) => continue,
                Err(error) => {
                    warn!(listener = &*self.name, %error, "a connection is not accepted");
                    tokio::time::sleep(REST).await;
                    continue;
                }
            };
            let service = TowerToHyperService::new(router.clone());
            let (limits, watcher, stop) = (self.limits, graceful.watcher(), stop.clone());
            let (name, connections) = (Arc::clone(&self.name), connections.clone());
            connections.inc();
            tokio::spawn(async move {
                let opened = tokio::select! {
                    opened = limits.open(stream) => opened,
                    () = stop.cancelled() => None,
                };
                if let Some(stream) = opened {
                    let builder = limits.builder();
                    let connection = builder.serve_connection(TokioIo::new(stream), service);
                    if let Err(error) = watcher.watch(connection.into_owned()).await {
                        debug!(listener = &*name, %error, "a connection ended");
                    }
                }
                connections.dec();
                drop(permit);
            });
        }
        // No more are accepted while those that are open end.
        drop(self);
        graceful.shutdown().await;
    }

    /// The next connection; none where it is from nobody who may speak here.
    async fn accept(&self) -> io::Result<Option<Box<dyn Stream>>> {
        match &self.socket {
            Socket::Tcp(socket) => {
                let (stream, _) = socket.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Some(Box::new(stream)))
            }
            Socket::Unix(socket, _) => {
                let (stream, _) = socket.accept().await?;
                Ok(self.may_speak(&stream)?.then(|| Box::new(stream) as _))
            }
        }
    }

    fn may_speak(&self, stream: &UnixStream) -> io::Result<bool> {
        let Some(uids) = &self.uids else {
            return Ok(true);
        };
        let uid = stream.peer_cred()?.uid();
        let may = uids.contains(&uid);
        if !may {
            warn!(
                listener = &*self.name,
                uid, "a user who may not speak here is turned away"
            );
        }
        Ok(may)
    }
}

impl Limits {
    /// Reads what tells which HTTP is spoken on a connection; none where that
    /// takes longer than headers may. The library would wait for it for ever, and
    /// whoever says nothing would keep a place.
    async fn open(self, mut stream: Box<dyn Stream>) -> Option<impl Stream> {
        let opening = tokio::time::timeout(self.header_timeout, opening(&mut stream));
        let opening = opening.await.ok()?.ok()?;
        let (reader, writer) = tokio::io::split(stream);
        let reader = io::Cursor::new(opening).chain(reader);
        Some(tokio::io::join(reader, writer))
    }

    fn builder(&self) -> Builder<TokioExecutor> {
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.header_timeout)
            .max_buf_size(self.header_bytes);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(u32::try_from(self.header_bytes).unwrap_or(u32::MAX))
            .keep_alive_interval(Duration::from_secs(30))
            .keep_alive_timeout(Duration::from_secs(20));
        builder
    }
}

/// Either kind of connection.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for T {}

/// The first bytes of a connection: the preface of HTTP/2, or some that are none.
async fn opening(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut opening = Vec::with_capacity(PREFACE.len());
    while opening.len() < PREFACE.len() && PREFACE.starts_with(&opening) {
        if stream.read_buf(&mut opening).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(opening)
}

/// Listens at a path. A socket that a dead process left is replaced; one that
/// somebody answers at, or another kind of file, is not.
async fn unix(path: &Path, mode: u32) -> io::Result<Socket> {
    if let Ok(found) = fs::symlink_metadata(path) {
        let taken = |what: &str| {
            let message = format!("`{}` {what}", path.display());
            io::Error::new(io::ErrorKind::AddrInUse, message)
        };
        if !found.file_type().is_socket() {
            return Err(taken("is there, and is no socket"));
        }
        if UnixStream::connect(path).await.is_ok() {
            return Err(taken("is in use by another process"));
        }
        fs::remove_file(path)?;
    }
    let socket = UnixListener::bind(path)?;
    let file = SocketFile(path.to_owned());
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    Ok(Socket::Unix(socket, file))
}

impl std::fmt::Debug for Bound {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Bound")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

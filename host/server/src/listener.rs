//! Sockets, and connections that may be slow, many, or from nobody who may speak
//! here.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use prometheus_client::metrics::gauge::Gauge;
use rustix::process::geteuid;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::Sleep;
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
/// The bytes by which HTTP/2 begins (RFC 9113 §3.4). A request of HTTP/1 has as
/// many, or else the rest of its connection has the same time.
const PREFACE: usize = 24;
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
    /// Whether HTTP/2 is spoken, whose connections may stay without a request.
    speaks_http2: bool,
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
            connections: listener.connections.unwrap_or(CONNECTIONS),
            header_timeout: listener
                .header_timeout
                .map_or(HEADER_TIMEOUT, |span| span.0),
            header_bytes: listener.header_bytes.unwrap_or(HEADER_BYTES),
            speaks_http2: true,
        };
        Self::bind(name, &listener.address, folder, limits, uids).await
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
            speaks_http2: false,
        };
        Self::bind(name, address, folder, limits, uids).await
    }

    async fn bind(
        name: &str,
        address: &Address,
        folder: &Path,
        limits: Limits,
        uids: Option<Vec<u32>>,
    ) -> io::Result<Self> {
        let mode = mode(uids.as_deref());
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
            let builder = self.limits.builder();
            let stream = Prompt::new(stream, self.limits.header_timeout);
            let connection = builder.serve_connection(TokioIo::new(stream), service);
            let connection = graceful.watch(connection.into_owned());
            let (name, connections) = (Arc::clone(&self.name), connections.clone());
            connections.inc();
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    debug!(listener = &*name, %error, "a connection ended");
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
        if self.speaks_http2 {
            builder
        } else {
            builder.http1_only()
        }
    }
}

/// A connection whose first bytes have to come in time, and whose peer has to
/// take what it is sent. The HTTP library waits for as many bytes as tell its
/// versions apart, and for whoever reads an answer, without a limit.
struct Prompt {
    stream: Box<dyn Stream>,
    timeout: Duration,
    /// The end of the time for the first bytes; none once enough have come.
    deadline: Option<Pin<Box<Sleep>>>,
    /// How many bytes have come, until they are enough.
    read: usize,
    /// The end of the time for the peer to take more; none while it does.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Prompt {
    fn new(stream: Box<dyn Stream>, timeout: Duration) -> Self {
        Self {
            stream,
            timeout,
            deadline: Some(Box::pin(tokio::time::sleep(timeout))),
            read: 0,
            stalled: None,
        }
    }

    /// What came of sending, unless the peer has taken nothing for too long.
    fn sent<T>(
        &mut self,
        polled: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.stalled = None;
            return polled;
        }
        let timeout = self.timeout;
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        match stalled.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Prompt {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let Some(deadline) = &mut self.deadline else {
            return polled;
        };
        if polled.is_pending() {
            return match deadline.as_mut().poll(context) {
                Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
                Poll::Pending => Poll::Pending,
            };
        }
        self.read += buffer.filled().len().saturating_sub(before);
        if self.read >= PREFACE {
            self.deadline = None;
        }
        polled
    }
}

impl AsyncWrite for Prompt {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.sent(polled, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(context);
        self.sent(polled, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Either kind of connection.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for T {}

/// The permissions of a Unix socket. Who connects is looked at when they do,
/// where it is said who may; others than this process's user and root need the
/// permission to try.
fn mode(uids: Option<&[u32]>) -> u32 {
    let own = [0, geteuid().as_raw()];
    match uids {
        None => 0o660,
        Some(uids) if uids.iter().all(|uid| own.contains(uid)) => 0o600,
        Some(_) => 0o666,
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt as _;

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_that_is_sent_is_not_waited_for() {
        let (peer, own) = tokio::io::duplex(16);
        let mut stream = Prompt::new(Box::new(own), HEADER_TIMEOUT);
        stream.write_all(&[0; 16]).await.unwrap();
        let error = stream.write_all(&[0; 1]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(peer);
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_it_slowly_is() {
        use tokio::io::AsyncReadExt as _;
        let (mut peer, own) = tokio::io::duplex(16);
        let mut stream = Prompt::new(Box::new(own), HEADER_TIMEOUT);
        let reading = tokio::spawn(async move {
            for _ in 0..64 {
                tokio::time::sleep(HEADER_TIMEOUT / 2).await;
                peer.read_u8().await.unwrap();
            }
        });
        stream.write_all(&[0; 64]).await.unwrap();
        reading.await.unwrap();
    }

    #[test]
    fn a_socket_is_open_to_others_where_others_are_named() {
        assert_eq!(mode(None), 0o660);
        assert_eq!(mode(Some(&[0, geteuid().as_raw()])), 0o600);
        assert_eq!(mode(Some(&[0, geteuid().as_raw() + 1])), 0o666);
    }
}

//! A peer that speaks no more HTTP than it takes to mislead: it answers every
//! request in the same way.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// How it answers.
#[derive(Clone, Debug)]
pub(crate) enum Manner {
    /// It takes the request, and says nothing.
    Silent,
    /// It begins, and says nothing more.
    Stalled,
    /// A byte now and then, for ever.
    Dripping,
    /// As fast as it can, for ever.
    Endless,
    /// It says that this much comes.
    Announcing(u64),
    /// It says that all of this comes, and stops in the middle.
    Cut(Vec<u8>),
    /// This.
    Bytes(Vec<u8>),
    /// This, once it is told to.
    Late(Vec<u8>, Arc<Notify>),
    /// To itself.
    Circling,
}

/// A peer that runs.
pub(crate) struct Raw {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Raw {
    pub(crate) async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&heads);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (manner, seen) = (manner.clone(), Arc::clone(&seen));
                tokio::spawn(async move {
                    // The other side leaves where it has had enough.
                    let _ = answer(stream, &manner, &seen).await;
                });
            }
        });
        Self {
            address,
            heads,
            task,
        }
    }

    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    /// What was asked, with the headers.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn head(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

async fn answer(
    mut stream: TcpStream,
    manner: &Manner,
    seen: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let asked = head(&mut stream).await?;
    seen.lock().unwrap().push(asked);
    match manner {
        Manner::Silent => forever().await,
        Manner::Stalled => {
            stream.write_all(begin(8).as_bytes()).await?;
            forever().await
        }
        Manner::Dripping => {
            stream.write_all(begin(1 << 20).as_bytes()).await?;
            loop {
                stream.write_all(b"x").await?;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Manner::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
            loop {
                stream.write_all(&[b'x'; 1 << 14]).await?;
            }
        }
        Manner::Announcing(length) => {
            stream.write_all(begin(*length).as_bytes()).await?;
            forever().await
        }
        Manner::Cut(bytes) => {
            stream
                .write_all(begin(bytes.len() as u64).as_bytes())
                .await?;
            stream.write_all(&bytes[..bytes.len() / 2]).await
        }
        Manner::Bytes(bytes) => whole(&mut stream, bytes).await,
        Manner::Late(bytes, told) => {
            told.notified().await;
            whole(&mut stream, bytes).await
        }
        Manner::Circling => {
            let again = "HTTP/1.1 307 Again\r\nlocation: /again\r\ncontent-length: 0\r\n\
                         connection: close\r\n\r\n";
            stream.write_all(again.as_bytes()).await
        }
    }
}

fn begin(length: u64) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n")
}

async fn whole(stream: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    let begin = begin(bytes.len() as u64);
    stream.write_all(begin.as_bytes()).await?;
    stream.write_all(bytes).await
}

async fn forever<T>() -> T {
    std::future::pending().await
}

//! A client of one question on a connection.

use std::io;

use claimbound_server::config::Address;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};

/// What is asked.
pub(super) struct Question<'q> {
    method: &'q str,
    path: &'q str,
    headers: Vec<(&'q str, &'q str)>,
    body: &'q str,
}

/// What is answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl<'q> Question<'q> {
    pub(super) fn get(path: &'q str) -> Self {
        Self {
            method: "GET",
            path,
            headers: Vec::new(),
            body: "",
        }
    }

    pub(super) fn post(path: &'q str, body: &'q str) -> Self {
        Self {
            method: "POST",
            body,
            ..Self::get(path)
        }
    }

    pub(super) fn with(mut self, name: &'q str, value: &'q str) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(super) async fn ask(self, address: &Address) -> io::Result<Answer> {
        match address {
            Address::Tcp(address) => self.over(TcpStream::connect(address).await?).await,
            Address::Unix(path) => self.over(UnixStream::connect(path).await?).await,
        }
    }

    async fn over(self, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<Answer> {
        let lines = self.headers.iter();
        let lines = lines.map(|(name, value)| format!("{name}: {value}\r\n"));
        let headers = lines.collect::<Vec<_>>().concat();
        let request = format!(
            "{} {} HTTP/1.1\r\nhost: claimbound\r\nconnection: close\r\ncontent-length: {}\r\n\
             {headers}\r\n{}",
            self.method,
            self.path,
            self.body.len(),
            self.body
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let (head, body) = answer
            .split_once("\r\n\r\n")
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        let status = head.split(' ').nth(1).and_then(|one| one.parse().ok());
        Ok(Answer {
            status: status.ok_or(io::ErrorKind::InvalidData)?,
            body: body.to_owned(),
        })
    }
}

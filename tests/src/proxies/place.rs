//! Ports of a test's own, what stands at them, and who asks there.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Longer than anything here takes.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);

/// Waits until it is so.
pub(super) fn wait(what: &str, told: impl Fn() -> String, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "{what}: {}", told());
        thread::sleep(Duration::from_millis(20));
    }
}

/// Ports below those that the system hands out; each process has its own.
pub(super) fn free_port() -> u16 {
    static NEXT: Mutex<u16> = Mutex::new(0);
    let mut next = NEXT.lock().unwrap();
    let own = u16::try_from(std::process::id() % 1200).unwrap() * 10;
    loop {
        let port = 20_000 + own + *next;
        *next += 1;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// What a proxy protects: it answers 200 to everything, and keeps the heads.
pub(super) struct Upstream {
    pub(super) port: u16,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Upstream {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&heads);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                thread::spawn(move || {
                    let mut head = String::new();
                    let mut reader = BufReader::new(&stream);
                    while !head.ends_with("\r\n\r\n") {
                        if reader.read_line(&mut head).unwrap_or(0) == 0 {
                            return;
                        }
                    }
                    kept.lock().unwrap().push(head);
                    let answer =
                        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n";
                    let _ = (&stream).write_all(format!("{answer}done\n").as_bytes());
                });
            }
        });
        Self { port, heads }
    }

    /// How many requests came through.
    pub(super) fn count(&self) -> usize {
        self.heads.lock().unwrap().len()
    }

    /// The last request that came through.
    pub(super) fn last(&self) -> Head {
        Head(self.heads.lock().unwrap().last().cloned().unwrap())
    }
}

/// The head of a request as it came.
#[derive(Debug)]
pub(super) struct Head(pub(super) String);

impl Head {
    /// The values of a header, whatever the case of its name.
    pub(super) fn values(&self, name: &str) -> Vec<&str> {
        let lines = self.0.lines().filter_map(|line| line.split_once(':'));
        lines
            .filter(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .collect()
    }
}

/// What came back; no status where the connection was closed.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) text: String,
}

/// Sends a request with these headers, each with the end of its line.
pub(super) fn get(port: u16, path: &str, headers: &str) -> Answer {
    let Ok(stream) = TcpStream::connect(("127.0.0.1", port)) else {
        return Answer {
            status: 0,
            text: String::new(),
        };
    };
    exchange(
        stream,
        &format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}\r\n"),
    )
}

/// Sends a text and reads to the end.
pub(super) fn exchange(mut stream: impl std::io::Read + std::io::Write, request: &str) -> Answer {
    // Whoever refuses a request may do so before all of it is sent.
    let _ = stream.write_all(request.as_bytes());
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let status = text.split(' ').nth(1).and_then(|word| word.parse().ok());
    Answer {
        status: status.unwrap_or(0),
        text,
    }
}

/// The header of a token.
pub(super) fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

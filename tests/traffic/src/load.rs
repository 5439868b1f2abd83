//! Callers that send tokens whose right answer is known, one after another
//! without a rest, and look at every answer.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, Instant};

/// Longer than any answer may take.
const PATIENCE: Duration = Duration::from_secs(25);
/// How many wrong answers are told in full.
const TOLD: usize = 20;

/// A kind of token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Good,
    Expired,
    WrongAudience,
    /// Another's signature under the issuer's key id.
    Forged,
    /// A key that the issuer never had.
    UnknownKey,
    /// A condition of the policy does not hold.
    Denied,
    /// Revoked by its id.
    Revoked,
    /// A key that the issuer has withdrawn.
    Withdrawn,
}

impl Kind {
    pub(crate) const ALL: [Self; 8] = [
        Self::Good,
        Self::Expired,
        Self::WrongAudience,
        Self::Forged,
        Self::UnknownKey,
        Self::Denied,
        Self::Revoked,
        Self::Withdrawn,
    ];

    /// Whether it may get this status while everything is up.
    const fn deserves(self, status: u16) -> bool {
        match self {
            Self::Good => status == 200,
            // The module answers 403 to what a server tells apart.
            Self::Denied => status == 403,
            Self::Expired
            | Self::WrongAudience
            | Self::Forged
            | Self::UnknownKey
            | Self::Revoked
            | Self::Withdrawn => status == 401 || status == 403,
        }
    }
}

/// Where requests are sent.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) port: u16,
    pub(crate) path: &'static str,
}

/// What all callers share with whoever changes the world around them.
#[derive(Default)]
pub(crate) struct World {
    tokens: RwLock<BTreeMap<Kind, Arc<[String]>>>,
    /// Odd while the ledger may be away, and then 503 is an answer.
    outages: AtomicU64,
    pub(crate) is_over: AtomicBool,
    tally: Mutex<Tally>,
}

/// What was answered.
#[derive(Clone, Default)]
pub(crate) struct Tally {
    /// By target, kind and status.
    pub(crate) answers: BTreeMap<(&'static str, Kind, u16), u64>,
    pub(crate) excused: u64,
    pub(crate) wrong: u64,
    pub(crate) told: Vec<String>,
}

impl World {
    /// Has callers take these tokens from now on.
    pub(crate) fn put(&self, kind: Kind, tokens: Vec<String>) {
        let mut all = self.tokens.write().expect("tokens");
        all.insert(kind, tokens.into());
    }

    pub(crate) fn take(&self, kind: Kind, number: usize) -> Option<String> {
        let all = self.tokens.read().expect("tokens");
        let tokens = all.get(&kind)?;
        tokens.get(number % tokens.len().max(1)).cloned()
    }

    /// Begins an outage, or ends it.
    pub(crate) fn turn(&self) {
        self.outages.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn goes_on(&self) -> bool {
        !self.is_over.load(Ordering::Relaxed)
    }

    /// Rests, unless the run is over; whether it goes on.
    pub(crate) fn rest(&self, seconds: u64) -> bool {
        let until = Instant::now() + Duration::from_secs(seconds);
        while self.goes_on() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(50));
        }
        self.goes_on()
    }

    pub(crate) fn tally(&self) -> Tally {
        self.tally.lock().expect("a tally").clone()
    }

    /// Something besides an answer went wrong.
    pub(crate) fn wrong(&self, what: String) {
        let mut tally = self.tally.lock().expect("a tally");
        tally.wrong += 1;
        if tally.told.len() < TOLD {
            tally.told.push(what);
        }
    }

    fn answered(
        &self,
        target: &Target,
        kind: Kind,
        status: u16,
        may_be_away: bool,
        took: Duration,
    ) {
        let mut tally = self.tally.lock().expect("a tally");
        *tally
            .answers
            .entry((target.name, kind, status))
            .or_default() += 1;
        if kind.deserves(status) {
            return;
        }
        if status == 503 && may_be_away {
            tally.excused += 1;
            return;
        }
        drop(tally);
        let what = format!("{}: {kind:?}: {status} after {took:?}", target.name);
        self.wrong(what);
    }
}

/// Sends until the run is over.
pub(crate) fn send(world: &World, target: &Target, first: usize) {
    let mut connection = None;
    let mut number = first;
    while world.goes_on() {
        number += 1;
        // Half of them are good.
        let kind = if number.is_multiple_of(2) {
            Kind::Good
        } else {
            Kind::ALL[number / 2 % Kind::ALL.len()]
        };
        let Some(token) = world.take(kind, number) else {
            continue;
        };
        let before = world.outages.load(Ordering::SeqCst);
        let started = Instant::now();
        let answer = ask(&mut connection, target, &token);
        let may_be_away = before % 2 == 1 || world.outages.load(Ordering::SeqCst) != before;
        if answer.is_none() {
            connection = None;
        }
        // No answer at all counts as status 0.
        let status = answer.map_or(0, |answer| answer.status);
        world.answered(target, kind, status, may_be_away, started.elapsed());
    }
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In lower case.
    pub(crate) head: String,
}

/// Asks on a connection that is kept, or a new one.
pub(crate) fn ask(
    connection: &mut Option<BufReader<TcpStream>>,
    target: &Target,
    token: &str,
) -> Option<Answer> {
    let reader = if let Some(reader) = connection {
        reader
    } else {
        let stream = TcpStream::connect(("127.0.0.1", target.port)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.set_nodelay(true).ok()?;
        connection.insert(BufReader::new(stream))
    };
    let path = target.path;
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n");
    reader.get_mut().write_all(request.as_bytes()).ok()?;
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    head.make_ascii_lowercase();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(Some(0), |length| length.trim().parse().ok())?];
    reader.read_exact(&mut body).ok()?;
    if head.contains("connection: close") {
        *connection = None;
    }
    Some(Answer { status, head })
}

//! Databases of a running server of PostgreSQL, and servers of a test's own.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use claimbound::ledger::Postgres;
use postgres::config::Host;
use postgres::{Client, Config, NoTls};

use crate::tree::root;

/// What all tests lock while one of them changes what all databases share.
const SHARED: &str = "SELECT pg_advisory_lock(4)";

/// Who connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The owner of the ledger's tables.
    Owner,
    /// A replica that decides.
    Host,
    /// Who runs the command line.
    Operator,
    /// Both of them at once.
    Both,
}

impl Role {
    const ALL: [Self; 4] = [Self::Owner, Self::Host, Self::Operator, Self::Both];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Owner => "claimbound_test_owner",
            Self::Host => "claimbound_test_host",
            Self::Operator => "claimbound_test_operator",
            Self::Both => "claimbound_test_both",
        }
    }

    /// What it is granted once the tables are there.
    const fn grants(self) -> &'static [&'static str] {
        match self {
            Self::Owner => &[],
            Self::Host => &["claimbound_host"],
            Self::Operator => &["claimbound_operator"],
            Self::Both => &["claimbound_host", "claimbound_operator"],
        }
    }
}

/// The password of every role of the tests.
const PASSWORD: &str = "s3cret of tests";

/// The server that the tests were given, as a superuser of it.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub(super) fn named() -> Option<String> {
    let url = std::env::var("CLAIMBOUND_POSTGRES").ok();
    if url.is_none() {
        eprintln!("skipped: CLAIMBOUND_POSTGRES names no server (tests/run starts one)");
    }
    url
}

/// A database with a ledger; dropped at the end.
pub(crate) struct Database {
    server: Box<Config>,
    name: String,
}

impl Database {
    /// A database with an installed ledger; none where no server is named.
    pub(super) fn new() -> Option<Self> {
        named().map(|url| Self::on(&url))
    }

    /// The same on the server of this URL, as a superuser.
    pub(crate) fn on(url: &str) -> Self {
        let database = Self::empty_on(url);
        let mut admin = database.connect_to_server();
        admin.batch_execute(SHARED).unwrap();
        database.settings(Role::Owner).install().unwrap();
        for role in Role::ALL {
            for granted in role.grants() {
                let grant = format!("GRANT {granted} TO {}", role.name());
                admin.batch_execute(&grant).unwrap();
            }
        }
        database
    }

    /// A database without a ledger.
    pub(super) fn empty_on(url: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let database = Self {
            server: Box::new(url.parse().unwrap()),
            name: format!("claimbound_test_{}_{count}", std::process::id()),
        };
        let mut admin = database.connect_to_server();
        admin.batch_execute(SHARED).unwrap();
        make_roles(&mut admin);
        let Self { name, .. } = &database;
        // One that was left by a process of the same number.
        let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        admin.batch_execute(&drop).unwrap();
        let owner = Role::Owner.name();
        let create = format!("CREATE DATABASE {name} OWNER {owner}");
        admin.batch_execute(&create).unwrap();
        database
    }

    /// A superuser's connection to the server.
    fn connect_to_server(&self) -> Client {
        self.server.connect(NoTls).unwrap()
    }

    /// A superuser's connection to the database.
    pub(super) fn connect(&self) -> Client {
        let mut config = self.server.clone();
        config.dbname(&self.name);
        config.connect(NoTls).unwrap()
    }

    /// A role's connection to the database.
    pub(super) fn connect_as(&self, role: Role) -> Client {
        let mut config = self.server.clone();
        config
            .dbname(&self.name)
            .user(role.name())
            .password(PASSWORD);
        config.connect(NoTls).unwrap()
    }

    /// Where the server listens.
    pub(super) fn address(&self) -> (String, u16) {
        let Host::Tcp(name) = &self.server.get_hosts()[0] else {
            panic!("the tests' server listens on the loopback");
        };
        let port = self.server.get_ports().first().copied().unwrap_or(5432);
        (name.clone(), port)
    }

    /// How a role connects through another address.
    pub(super) fn settings_by(&self, address: SocketAddr, role: Role) -> Postgres {
        let rest = self.url(role);
        let (_, rest) = rest.split_once("dbname=").unwrap();
        let (host, port) = (address.ip(), address.port());
        Postgres::at(&format!("host={host} port={port} dbname={rest}")).unwrap()
    }

    /// How a role connects.
    pub(super) fn url(&self, role: Role) -> String {
        let (host, port) = self.address();
        format!(
            "host='{host}' port={port} dbname={} user={} password='{PASSWORD}'",
            self.name,
            role.name(),
        )
    }

    /// How a role connects, as the command line is told.
    pub(crate) fn link(&self, role: Role) -> String {
        let (host, port) = self.address();
        let (user, password) = (role.name(), PASSWORD.replace(' ', "%20"));
        format!("postgres://{user}:{password}@{host}:{port}/{}", self.name)
    }

    /// The same as settings.
    pub(super) fn settings(&self, role: Role) -> Postgres {
        Postgres::at(&self.url(role)).unwrap()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A server that a test has stopped for good takes the database along.
        if let Ok(mut admin) = self.server.connect(NoTls) {
            let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
            let _ = admin.batch_execute(&drop);
        }
    }
}

fn make_roles(admin: &mut Client) {
    for role in Role::ALL {
        let name = role.name();
        let known = admin.query("SELECT FROM pg_roles WHERE rolname = $1", &[&name]);
        if known.unwrap().is_empty() {
            let rights = if role == Role::Owner {
                "CREATEROLE"
            } else {
                ""
            };
            let create = format!("CREATE ROLE {name} LOGIN {rights} PASSWORD '{PASSWORD}'");
            admin.batch_execute(&create).unwrap();
        }
    }
}

/// A server of a test's own, which may be stopped; stopped at the end.
///
/// Its guard does that, which outlives a test that is killed.
pub(crate) struct Server {
    folder: tempfile::TempDir,
    guard: Child,
    pub(crate) url: String,
}

impl Server {
    /// Starts one; none where the tests have none.
    #[expect(clippy::print_stderr, reason = "a skipped test says so")]
    pub(crate) fn start() -> Option<Self> {
        named()?;
        if script("which", None).is_none() {
            eprintln!("skipped: no server of PostgreSQL can be started (tests/run installs it)");
            return None;
        }
        let folder = tempfile::Builder::new()
            .prefix("claimbound-")
            .tempdir()
            .unwrap();
        let url = script("start", Some(folder.path())).unwrap();
        let guard = Command::new("setsid")
            .arg(root().join("tests/postgres"))
            .arg("guard")
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Some(Self { folder, guard, url })
    }

    pub(crate) fn stop(&self) {
        script("stop", Some(self.folder.path())).unwrap();
    }

    pub(crate) fn start_again(&self) {
        script("again", Some(self.folder.path())).unwrap();
    }

    /// Sends a signal to all its processes.
    pub(super) fn signal(&self, signal: &str) {
        let file = self.folder.path().join("data/postmaster.pid");
        let first = std::fs::read_to_string(file).unwrap();
        let first = first.lines().next().unwrap();
        let children = format!("/proc/{first}/task/{first}/children");
        let children = std::fs::read_to_string(children).unwrap();
        let killed = Command::new("kill")
            .arg(format!("-{signal}"))
            .arg(first)
            .args(children.split_whitespace())
            .status();
        assert!(killed.unwrap().success());
    }

    /// Has it use the certificate and the key in this folder.
    pub(super) fn encrypt(&self, folder: &Path) {
        self.stop();
        let data = self.folder.path().join("data");
        let copy = Command::new("cp")
            .arg("--no-preserve=mode,ownership")
            .args([folder.join("certificate.pem"), folder.join("key.pem")])
            .arg(&data)
            .status();
        assert!(copy.unwrap().success());
        let owned = Command::new("sh")
            .arg("-c")
            .arg("chown --reference=. *.pem && chmod 600 *.pem")
            .current_dir(&data)
            .status();
        assert!(owned.unwrap().success());
        let config = data.join("postgresql.conf");
        let mut text = std::fs::read_to_string(&config).unwrap();
        text.push_str("ssl = on\nssl_cert_file = 'certificate.pem'\nssl_key_file = 'key.pem'\n");
        std::fs::write(&config, text).unwrap();
        self.start_again();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

/// What `tests/postgres` prints; none where it fails.
fn script(command: &str, folder: Option<&Path>) -> Option<String> {
    let output = Command::new(root().join("tests/postgres"))
        .arg(command)
        .args(folder)
        // The server outlives the script, and would hold a pipe open.
        .stderr(Stdio::null())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    output.status.success().then(|| printed.trim().to_owned())
}

/// Tries until it is so, for at most `limit`.
pub(super) fn until(limit: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let step = Duration::from_millis(2);
    let mut waited = Duration::ZERO;
    while !is_so() {
        if waited >= limit {
            return false;
        }
        std::thread::sleep(step);
        waited += step;
    }
    true
}

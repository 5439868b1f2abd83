//! A running Envoy with the module, and what stands behind it.

use std::fs;
use std::io::{BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::cli::program::{POLICY, Program};
use crate::forge::{Signer, job, with};
use crate::idp::{Idp, KEYS};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// The program of Envoy, where the tests were given one.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn envoy() -> Option<PathBuf> {
    let envoy = std::env::var_os("CLAIMBOUND_ENVOY").map(PathBuf::from);
    if envoy.is_none() {
        eprintln!("skipped: CLAIMBOUND_ENVOY names no Envoy (tests/run installs one)");
    }
    envoy
}

/// The folder of the module, which is the program's.
fn modules() -> PathBuf {
    let folder = crate::program::program().parent().unwrap().to_owned();
    let module = folder.join("libclaimbound_envoy.so");
    assert!(
        module.is_file(),
        "{} is not there: build it first, by `cargo build --manifest-path host/envoy/Cargo.toml`",
        module.display()
    );
    folder
}

/// What Envoy sends requests to: it answers each with the request's own head.
struct Upstream {
    port: u16,
    requests: Arc<AtomicUsize>,
}

impl Upstream {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let seen = Arc::clone(&seen);
                thread::spawn(move || {
                    let mut reader = BufReader::new(&stream);
                    while let Some((head, body)) = message(&mut reader) {
                        seen.fetch_add(1, Ordering::Relaxed);
                        let echo = format!("{head}\n{} bytes\n", body.len());
                        let length = echo.len();
                        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
                        if (&stream).write_all((head + &echo).as_bytes()).is_err() {
                            break;
                        }
                    }
                });
            }
        });
        Self { port, requests }
    }
}

/// One HTTP message: its head, and a body of the length that it says.
fn message(reader: &mut impl std::io::BufRead) -> Option<(String, Vec<u8>)> {
    let mut head = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap();
        }
        head.push_str(&line.replace('\r', ""));
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((head, body))
}

/// What came back.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

/// A folder with a configuration: one route, whose tokens are used once.
pub(super) struct Deployment {
    program: Program,
    signer: Signer,
    tokens: AtomicUsize,
    upstream: Upstream,
    envoy: PathBuf,
}

impl Deployment {
    /// One; none where there is no Envoy.
    pub(super) fn new() -> Option<Self> {
        let envoy = envoy()?;
        let program = Program::new();
        let signer = Signer::new("key");
        // The tier that it grants may not be granted here.
        program.write(
            "policy.toml",
            POLICY.replace("claims = { tier = \"gold\" }\n", ""),
        );
        let built = program.run(&["build", "policy.toml", "-o", "policy.wasm"]);
        assert_eq!(built.status, 0, "{built:?}");
        program.write("keys.json", signer.key_set());
        program.write(
            "claimbound.toml",
            r#"claimbound = 1

[issuer.github]
model = "github-actions"
url = "https://token.actions.githubusercontent.com"
keys = { from = "file", path = "keys.json" }

[route.deploy]
audience = "https://deploy.acme.example"
issuers = ["github"]
policy = "policy.wasm"
danger_unsigned = true
ceiling = { roles = ["deploy"], enrolment = true }
forwarded = { origin = "https://deploy.acme.example" }

[ledger]
sqlite = "ledger.db"

[record]
folder = "record"
durability = "never"

[monitor]
address = "unix:monitor"
"#,
        );
        let made = program.run(&["subject", "init", "--ledger", "sqlite:ledger.db"]);
        assert_eq!(made.status, 0, "{made:?}");
        Some(Self {
            program,
            signer,
            tokens: AtomicUsize::new(0),
            upstream: Upstream::start(),
            envoy,
        })
    }

    /// The same with this component as its policy.
    pub(super) fn with_policy(component: &[u8]) -> Option<Self> {
        let deployment = Self::new()?;
        deployment.program.write("policy.wasm", component);
        Some(deployment)
    }

    /// The same whose keys are fetched from there.
    pub(super) fn with_keys_of(idp: &Idp) -> Option<Self> {
        let deployment = Self::new()?;
        deployment.program.write("ca.pem", idp.authority());
        let url = format!(
            r#"from = "url", url = "{}{KEYS}", fetch = {{ ca = "ca.pem" }}"#,
            idp.url()
        );
        deployment.edit(r#"from = "file", path = "keys.json""#, &url);
        Some(deployment)
    }

    /// Changes the configuration.
    fn edit(&self, from: &str, to: &str) {
        let config = String::from_utf8(self.program.read("claimbound.toml")).unwrap();
        assert!(config.contains(from), "{config}");
        self.program
            .write("claimbound.toml", config.replace(from, to));
    }

    /// Has the policy say something else.
    pub(super) fn change_policy(&self, from: &str, to: &str) {
        let policy = String::from_utf8(self.program.read("policy.toml")).unwrap();
        assert!(policy.contains(from), "{policy}");
        self.program.write("policy.toml", policy.replace(from, to));
        let built = self
            .program
            .run(&["build", "policy.toml", "-o", "policy.wasm"]);
        assert_eq!(built.status, 0, "{built:?}");
    }

    /// Signs with another key from now on, and gives the set that has it.
    pub(super) fn rotate(&mut self, id: &'static str) -> String {
        self.signer = Signer::new(id);
        self.signer.key_set()
    }

    /// What `claimbound` says to these arguments, all of which end well.
    pub(super) fn run(&self, arguments: &[&str]) -> String {
        let ran = self.program.run(arguments);
        assert_eq!(ran.status, 0, "{ran:?}");
        ran.out
    }

    /// What the monitor says at a path.
    pub(super) fn monitor(&self, path: &str) -> String {
        let mut stream = UnixStream::connect(self.path("monitor")).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.program.path(name)
    }

    /// How many requests came through.
    pub(super) fn let_through(&self) -> usize {
        self.upstream.requests.load(Ordering::Relaxed)
    }

    /// A token that the policy accepts, once.
    pub(super) fn token(&self) -> String {
        self.token_with(&json!({}))
    }

    /// The same with other claims.
    pub(super) fn token_with(&self, changes: &Value) -> String {
        let now = now();
        let number = self.tokens.fetch_add(1, Ordering::Relaxed);
        let fresh = json!({
            "iat": now - 5, "nbf": now - 5, "exp": now + 300, "jti": format!("job-{number}"),
        });
        self.signer.sign(&with(with(job(), &fresh), changes))
    }

    /// The filter's settings.
    fn settings(&self) -> String {
        json!({ "config": self.path("claimbound.toml"), "route": "deploy" }).to_string()
    }

    /// Has Envoy take up these listeners, as a discovery service would.
    fn publish(&self, listeners: &[Value]) {
        let resources = json!({ "resources": listeners }).to_string();
        // A file that is moved in place is one that is read whole.
        self.program.write("listeners.new", resources);
        fs::rename(self.path("listeners.new"), self.path("listeners.json")).unwrap();
    }

    fn write_bootstrap(&self, resources: &Value) {
        let mut bootstrap = json!({
            "node": { "id": "test", "cluster": "test" },
            "admin": { "address": { "socket_address": { "address": "127.0.0.1", "port_value": 0 } } },
        });
        bootstrap
            .as_object_mut()
            .unwrap()
            .extend(resources.as_object().unwrap().clone());
        self.program.write("envoy.json", bootstrap.to_string());
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.envoy);
        command
            .args(["-c", "envoy.json", "--use-dynamic-base-id", "-l", "warning"])
            .args(["--component-log-level", "dynamic_modules:debug"])
            .args(arguments)
            .current_dir(self.path(""))
            .env("ENVOY_DYNAMIC_MODULES_SEARCH_PATH", modules());
        command
    }

    /// What Envoy says of a configuration whose filter has these settings.
    pub(super) fn validate(&self, settings: &str) -> Output {
        let mut listener = listener(settings, "");
        listener.as_object_mut().unwrap().remove("@type");
        self.write_bootstrap(&json!({ "static_resources": {
            "listeners": [listener], "clusters": [self.cluster()] } }));
        self.command(&["--mode", "validate"]).output().unwrap()
    }

    /// What Envoy says of a configuration of a page, in YAML.
    pub(super) fn validate_page(&self, bootstrap: &str) -> Output {
        self.program.write("page.yaml", bootstrap);
        Command::new(&self.envoy)
            .args(["-c", "page.yaml", "--mode", "validate", "-l", "warning"])
            .current_dir(self.path(""))
            .env("ENVOY_DYNAMIC_MODULES_SEARCH_PATH", modules())
            .output()
            .unwrap()
    }

    fn cluster(&self) -> Value {
        let port = self.upstream.port;
        json!({ "name": "upstream", "connect_timeout": "5s", "load_assignment": {
            "cluster_name": "upstream", "endpoints": [{ "lb_endpoints": [{ "endpoint": {
                "address": { "socket_address": { "address": "127.0.0.1", "port_value": port } }
            } }] }] } })
    }

    /// Starts Envoy with as many workers, and waits until it listens.
    pub(super) fn start(&self, workers: u8) -> Envoy<'_> {
        self.start_with(workers, &[])
    }

    /// The same with more arguments.
    pub(super) fn start_with(&self, workers: u8, arguments: &[&str]) -> Envoy<'_> {
        self.publish(&[listener(&self.settings(), "first")]);
        let from = json!({ "path_config_source": {
            "path": self.path("listeners.json"),
            "watched_directory": { "path": self.path("") } } });
        self.write_bootstrap(&json!({
            "dynamic_resources": { "lds_config": from },
            "static_resources": { "clusters": [self.cluster()] },
        }));
        let log = fs::File::create(self.path("envoy.log")).unwrap();
        let workers = workers.to_string();
        let child = self
            .command(&["--concurrency", &workers, "--admin-address-path", "admin"])
            .args(arguments)
            .stderr(log)
            .spawn()
            .unwrap();
        let envoy = Envoy {
            deployment: self,
            child,
        };
        envoy.wait("it listens", || envoy.port().is_some());
        envoy
    }
}

/// A listener whose filter has these settings.
fn listener(settings: &str, mark: &str) -> Value {
    let typed = |name: &str| format!("type.googleapis.com/envoy.extensions.filters.{name}");
    let text = "type.googleapis.com/google.protobuf.StringValue";
    let routes = json!([
        { "match": { "prefix": "/", "headers": [
            { "name": "x-claimbound-roles", "string_match": { "exact": "admin" } }
        ] }, "direct_response": { "status": 418 } },
        { "match": { "path": "/mark" }, "direct_response": {
            "status": 200, "body": { "inline_string": mark } } },
        { "match": { "prefix": "/" }, "route": { "cluster": "upstream" } },
    ]);
    let filters = json!([
        { "name": "claimbound", "typed_config": {
            "@type": typed("http.dynamic_modules.v3.DynamicModuleFilter"),
            "dynamic_module_config": { "name": "claimbound_envoy" },
            "filter_name": "claimbound",
            "filter_config": { "@type": text, "value": settings },
        } },
        { "name": "envoy.filters.http.router", "typed_config": {
            "@type": typed("http.router.v3.Router") } },
    ]);
    json!({
        "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
        "name": "http",
        "address": { "socket_address": { "address": "127.0.0.1", "port_value": 0 } },
        "filter_chains": [{ "filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": {
                "@type": typed("network.http_connection_manager.v3.HttpConnectionManager"),
                "stat_prefix": "http",
                "http_filters": filters,
                "route_config": { "virtual_hosts": [
                    { "name": "all", "domains": ["*"], "routes": routes }
                ] },
            },
        }] }],
    })
}

/// A running Envoy, which ends with this.
pub(super) struct Envoy<'a> {
    deployment: &'a Deployment,
    child: Child,
}

impl Drop for Envoy<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Envoy<'_> {
    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.deployment.path("envoy.log")).unwrap()
    }

    pub(super) fn wait(&self, what: &str, is_so: impl Fn() -> bool) {
        let started = Instant::now();
        while !is_so() {
            assert!(started.elapsed() < PATIENCE, "{what}: {}", self.log());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// What the administration says at a path.
    pub(super) fn admin(&self, path: &str) -> Option<String> {
        let address = fs::read_to_string(self.deployment.path("admin")).ok()?;
        let mut stream = TcpStream::connect(address.trim()).ok()?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        )
        .ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (_, mut chunks) = answer.split_once("\r\n\r\n")?;
        // RFC 9112 §7.1: each with its length in hexadecimal before it.
        let mut body = String::new();
        while let Some((length, rest)) = chunks.split_once("\r\n") {
            let length = usize::from_str_radix(length, 16).ok()?;
            body.push_str(rest.get(..length)?);
            chunks = rest.get(length + 2..)?;
        }
        Some(body)
    }

    /// The port that the listener has; none while there is none.
    pub(super) fn port(&self) -> Option<u16> {
        let listeners = self.admin("/listeners?format=json")?;
        let listeners: Value = serde_json::from_str(&listeners).ok()?;
        let port =
            &listeners["listener_statuses"][0]["local_address"]["socket_address"]["port_value"];
        port.as_u64().map(|port| u16::try_from(port).unwrap())
    }

    /// Replaces the listener by one that answers `/mark` with this.
    pub(super) fn replace(&self, mark: &str) {
        let deployment = self.deployment;
        deployment.publish(&[listener(&deployment.settings(), mark)]);
    }

    /// Takes the listener away.
    pub(super) fn close(&self) {
        self.deployment.publish(&[]);
    }

    /// Sends a request with these headers, each with the end of its line, and
    /// leaves its answer to be read.
    pub(super) fn send(&self, path: &str, headers: &str, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port().unwrap())).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        );
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    pub(super) fn call(&self, headers: &str) -> Response {
        receive(&self.send("/x", headers, "a body"))
    }

    /// A request with a token that is accepted.
    pub(super) fn good(&self) -> Response {
        self.call(&bearer(&self.deployment.token()))
    }

    /// Asks Envoy to end, and whether it did so in order.
    pub(super) fn ends(mut self) -> bool {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
        self.child.wait().unwrap().success()
    }
}

/// The time, in seconds since 1970: a running Envoy has no other.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap().as_secs()
}

/// The header of a token.
pub(super) fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

/// Reads a response.
pub(super) fn receive(stream: &TcpStream) -> Response {
    let (head, body) = message(&mut BufReader::new(stream)).expect("an answer");
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Response {
        status,
        head,
        body: String::from_utf8(body).unwrap(),
    }
}

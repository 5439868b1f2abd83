//! The proxies, each as the page configures it.

use std::fs;
use std::fs::Permissions;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::place::{Answer, Upstream, free_port, get, wait};
use super::server::{Server, shown};

/// A proxy that is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Nginx,
    Caddy,
    Haproxy,
    Apache,
    EnvoyGrpc,
    EnvoyHttp,
}

impl Kind {
    /// The program; none where it is not installed.
    #[expect(clippy::print_stderr, reason = "a skipped test says so")]
    fn program(self) -> Option<PathBuf> {
        let name = match self {
            Self::Nginx => "nginx",
            Self::Caddy => "caddy",
            Self::Haproxy => "haproxy",
            Self::Apache => "apache2",
            Self::EnvoyGrpc | Self::EnvoyHttp => {
                let envoy = std::env::var_os("CLAIMBOUND_ENVOY").map(PathBuf::from);
                if envoy.is_none() {
                    eprintln!("skipped: CLAIMBOUND_ENVOY names no Envoy (tests/run installs one)");
                }
                return envoy;
            }
        };
        let path = std::env::var_os("PATH").unwrap_or_default();
        // Where daemons are, which not every user's path has.
        let folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
        let mut programs = folders.map(|folder| folder.join(name));
        let found = programs.find(|program| program.is_file());
        let lacks = self.parts().iter().find(|part| !Path::new(part).is_file());
        if found.is_none() || lacks.is_some() {
            let lacks = lacks.unwrap_or(&name);
            eprintln!("skipped: there is no {lacks} (tests/run installs one)");
            return None;
        }
        found
    }

    /// What it needs besides, where Debian has it.
    const fn parts(self) -> &'static [&'static str] {
        match self {
            Self::Apache => &[
                "/usr/lib/apache2/modules/mod_lua.so",
                "/usr/share/lua/5.3/socket/http.lua",
            ],
            Self::Nginx | Self::Caddy | Self::Haproxy | Self::EnvoyGrpc | Self::EnvoyHttp => &[],
        }
    }

    /// The blocks of the page that it reads.
    const fn files(self) -> &'static [&'static str] {
        match self {
            Self::Nginx => &["nginx.conf"],
            Self::Caddy => &["Caddyfile"],
            Self::Haproxy => &["haproxy.cfg", "claimbound.lua"],
            Self::Apache => &["apache.conf", "access.lua"],
            Self::EnvoyGrpc => &["envoy-grpc.yaml"],
            Self::EnvoyHttp => &["envoy-http.yaml"],
        }
    }

    /// What a file of the page needs around it to stand alone.
    fn whole(self, text: String) -> String {
        match self {
            Self::Nginx => format!(
                "daemon off; pid nginx.pid; worker_processes 1; error_log stderr;\n\
                 events {{}}\nhttp {{ access_log off;\n\
                 client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3;\n\
                 uwsgi_temp_path t4; scgi_temp_path t5;\n{text}}}\n"
            ),
            Self::Caddy => format!("{{\n\tadmin off\n\tauto_https off\n}}\n{text}"),
            Self::Apache if text.contains("<VirtualHost") => {
                let modules = ["mpm_event", "authz_core", "lua", "proxy", "proxy_http"];
                let modules = modules.map(|name| {
                    format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n")
                });
                format!(
                    "ServerRoot {APACHE}\nDefaultRuntimeDir {APACHE}\nPidFile pid\n\
                     ErrorLog {APACHE}/log\nServerName localhost\nUser nobody\nGroup nogroup\n\
                     StartServers 1\nThreadsPerChild 8\nMaxRequestWorkers 8\n{}{text}",
                    modules.concat()
                )
            }
            Self::Apache | Self::Haproxy | Self::EnvoyGrpc | Self::EnvoyHttp => text,
        }
    }

    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Nginx => &["-p", "./", "-e", "stderr", "-c", "nginx.conf"],
            Self::Caddy => &["run", "--config", "Caddyfile", "--adapter", "caddyfile"],
            Self::Haproxy => &["-db", "-f", "haproxy.cfg"],
            Self::Apache => &["-D", "FOREGROUND", "-f", "FOLDER/apache.conf"],
            Self::EnvoyGrpc => &[
                "-c",
                "envoy-grpc.yaml",
                "--concurrency",
                "1",
                "--use-dynamic-base-id",
                "-l",
                "warning",
            ],
            Self::EnvoyHttp => &[
                "-c",
                "envoy-http.yaml",
                "--concurrency",
                "1",
                "--use-dynamic-base-id",
                "-l",
                "warning",
            ],
        }
    }
}

/// Where the page has Apache's files, which it names by their whole path.
const APACHE: &str = "/etc/apache2";

/// A running proxy, between callers and an upstream.
pub(super) struct Proxy {
    pub(super) port: u16,
    pub(super) upstream: Upstream,
    folder: tempfile::TempDir,
    child: Child,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // nginx's workers end with their master when it is asked to end.
        let pid = self.child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        let _ = self.child.wait();
    }
}

impl Proxy {
    /// One that asks this server; none where it is not installed.
    pub(super) fn start(kind: Kind, server: &Server) -> Option<Self> {
        Self::start_with(kind, server, |text| text)
    }

    /// The same with a change of its configuration.
    pub(super) fn start_with(
        kind: Kind,
        server: &Server,
        change: impl Fn(String) -> String,
    ) -> Option<Self> {
        let program = kind.program()?;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        let (port, upstream) = (free_port(), Upstream::start());
        for file in kind.files() {
            let text = kind.whole(change(shown(file)));
            let text = [(9000, server.port), (8080, port), (9080, upstream.port)]
                .into_iter()
                .fold(text, |text, (shown, own)| {
                    text.replace(&format!("127.0.0.1:{shown}"), &format!("127.0.0.1:{own}"))
                        .replace(&format!("//:{shown}"), &format!("//:{own}"))
                        .replace(
                            &format!("port_value: {shown}"),
                            &format!("port_value: {own}"),
                        )
                });
            let text = text.replace(APACHE, path);
            fs::write(folder.path().join(file), text).unwrap();
        }
        // Some serve as another user than they are started by.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let arguments = kind.arguments().iter();
        let child = Command::new(program)
            .args(arguments.map(|one| one.replace("FOLDER", path)))
            .current_dir(folder.path())
            .env("HOME", folder.path())
            .env("XDG_DATA_HOME", folder.path())
            .env("XDG_CONFIG_HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let proxy = Self {
            port,
            upstream,
            folder,
            child,
        };
        wait(
            "the proxy listens",
            || proxy.log(),
            || TcpStream::connect(("127.0.0.1", port)).is_ok(),
        );
        Some(proxy)
    }

    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// Sends a request with these headers, each with the end of its line.
    pub(super) fn get(&self, headers: &str) -> Answer {
        get(self.port, "/a/path?query=1", headers)
    }
}

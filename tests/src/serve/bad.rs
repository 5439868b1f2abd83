//! Configurations that can't be used, and what is said of each.

use claimbound_server::server::check;
use toml::{Table, Value};

use super::{CONFIG, Place, changed, clock, environment};

fn told(place: &Place, text: &str) -> String {
    place.write("claimbound.toml", text);
    match check(&place.path("claimbound.toml"), &environment(), clock()) {
        Ok(checked) => format!("{checked:?}"),
        Err(error) => {
            let folder = place.path("");
            let folder = folder.to_str().unwrap();
            error.to_string().replace(folder, "")
        }
    }
}

#[test]
fn a_ledger_that_is_not_there_names_the_command_that_makes_one() {
    let place = Place::new();
    let text = changed(&[("\"ledger.db\"", "\"none.db\"")]);
    let told = told(&place, &text);
    assert!(told.starts_with("ledger.sqlite: the ledger `"), "{told}");
    assert!(
        told.ends_with("; `claimbound subject init --ledger 'none.db'` makes one"),
        "{told}"
    );
    assert!(!place.path("none.db").exists());
}

/// Lines that stand in a table in place of one that is there; and the whole
/// error.
const FAULTS: &[(&str, &str, &str)] = &[
    (
        "claimbound = 1",
        "claimbound = 2",
        "`claimbound.toml` is no configuration: `claimbound = 2` is another format than this program reads, which is 1",
    ),
    (
        "drain = \"5s\"",
        "drain = \"5\"",
        "`claimbound.toml` is no configuration: line 3, column 9, `drain`: a length of time is wanted, such as `90s` or `15m`",
    ),
    (
        "drain = \"5s\"",
        "drain = \"2h\"",
        "drain: `2h` is outside `0s` to `1h`",
    ),
    (
        "drain = \"5s\"",
        "drian = \"5s\"",
        "line 3, column 1, `drian`: there is no such key (did you mean `drain`?)",
    ),
    (
        "model = \"github-actions\"",
        "model = \"github-action\"",
        "issuer.forge.model: there is no such naming model (did you mean `github-actions`?)",
    ),
    (
        "model = \"github-actions\"",
        "model = \"kubernetes\"",
        "issuer.forge.url: the model `kubernetes` has no single URL; say which",
    ),
    (
        "model = \"github-actions\"",
        "model = \"github-actions\"\nlongest_lifetime = \"0s\"",
        "issuer.forge.longest_lifetime: `0s` is outside `1s` to `8784h`",
    ),
    (
        "model = \"github-actions\"",
        "model = \"github-actions\"\nlongest_lifetime = \"1500ms\"",
        "issuer.forge.longest_lifetime: `1s 500ms` is not in whole seconds",
    ),
    (
        "model = \"github-actions\"",
        "model = \"github-actions\"\nalgorithms = [\"HS256\"]",
        "issuer.forge.algorithms[0]: it is no algorithm that tokens may use; there are `RS256`",
    ),
    (
        "model = \"github-actions\"",
        "model = \"github-actions\"\nalgorithms = []",
        "issuer.forge.algorithms: it allows no signature algorithm",
    ),
    (
        "path = \"keys.json\"",
        "path = \"none.json\"",
        "can't be read: No such file",
    ),
    (
        "{ from = \"file\", path = \"keys.json\" }",
        "{ from = \"url\", url = \"http://keys.acme.example\" }",
        "issuer.forge.keys.url: it is not an `https://` URL",
    ),
    (
        "{ from = \"file\", path = \"keys.json\" }",
        "{ from = \"discovery\", fetch = { timeout = \"0s\" } }",
        "issuer.forge.keys.fetch.timeout",
    ),
    (
        "[issuer.forge]",
        "[issuer.\"for ge\"]",
        "issuer: `for ge` is no name: 1 to 64 of `a-z`, `A-Z`, `0-9`, `-`, `_`, `.`, the first a letter or digit",
    ),
    (
        "audience = \"https://deploy.acme.example\"",
        "audience = \"\"",
        "route.deploy.audience",
    ),
    (
        "issuers = [\"forge\"]",
        "issuers = [\"forgs\"]",
        "route.deploy.issuers[0]: there is no such `[issuer.NAME]` (did you mean `forge`?); there are `forge`",
    ),
    (
        "issuers = [\"forge\"]",
        "issuers = []",
        "route.deploy.issuers: a route takes tokens of one issuer or more",
    ),
    (
        "policy = \"policy.wasm\"",
        "policy = \"none.wasm\"",
        "route.deploy.policy: what is there can't be read: No such file or directory (os error 2)",
    ),
    (
        "policy = \"policy.wasm\"",
        "policy = \".\"",
        "route.deploy.policy: what is there is a folder; name the component that was built from it",
    ),
    (
        "policy = \"policy.wasm\"",
        "policy = \"keys.json\"",
        "is no component; where it is a document, `claimbound build` makes one of it",
    ),
    (
        "policy = \"policy.wasm\"",
        "policy = \"core.wasm\"",
        "route.deploy.policy: what is there is a core module, no component",
    ),
    (
        "policy = \"policy.wasm\"",
        "policy = \"pipe\"",
        "route.deploy.policy: what is there is no file",
    ),
    (
        "policy = \"policy.wasm\"",
        "policy = \"policy.wasm\"\nleeway = \"6m\"",
        "route.deploy.leeway",
    ),
    (
        "policy = \"policy.wasm\"",
        "policy = \"policy.wasm\"\nlongest_token = 0",
        "route.deploy.longest_token: 0 is outside 256 to 1048576",
    ),
    (
        "policy = \"policy.wasm\"",
        "policy = \"policy.wasm\"\ntoken_types = []",
        "route.deploy.token_types",
    ),
    (
        "policy = \"policy.wasm\"",
        "policy = \"policy.wasm\"\nattributes = { a = { header = \"Authorization\" } }",
        "route.deploy.attributes.a.header: `Authorization` holds the token; name a header that the proxy sets",
    ),
    (
        "policy = \"policy.wasm\"",
        "policy = \"policy.wasm\"\nattributes = { a = { header = \"X_Claimbound_Roles\" } }",
        "route.deploy.attributes.a.header: `X_Claimbound_Roles` is one that an allow sets; name a header that the proxy sets",
    ),
    (
        "policy = \"policy.wasm\"",
        "policy = \"policy.wasm\"\nattributes = { a = { header = \"X-Claimbound-Proxy\" } }",
        "holds what the proxy says to be known by",
    ),
    (
        "policy = \"policy.wasm\"",
        "policy = \"policy.wasm\"\nattributes = { a = { header = \"two words\" } }",
        "route.deploy.attributes.a.header: a header has a name such as `X-Client-Address`",
    ),
    (
        "policy = \"policy.wasm\"",
        "policy = \"policy.wasm\"\nattributes = { a = { context = \"\" } }",
        "route.deploy.attributes.a.context: say which context extension",
    ),
    (
        "policy = \"policy.wasm\"",
        "policy = \"policy.wasm\"\nforwarded = { uri = \"X-Forwarded-Uri\" }",
        "route.deploy.forwarded.method: say it too, beside `uri`",
    ),
    (
        "policy = \"policy.wasm\"",
        "policy = \"policy.wasm\"\nforwarded = { method = \"M\", uri = \"U\" }",
        "route.deploy.forwarded.origin: without it `method` and `uri` have no effect",
    ),
    (
        "policy = \"policy.wasm\"",
        "policy = \"policy.wasm\"\nforwarded = { certificate = { rfc9440 = \"Client-Cert\" } }",
        "route.deploy.forwarded.certificate: no listener knows its proxies; say `[listen.NAME.proxy]`",
    ),
    (
        "longest_lifetime = \"10m\"",
        "longest_lifetime = \"0s\"",
        "route.deploy.ceiling.longest_lifetime",
    ),
    (
        "enrolment = true",
        "claims = [\"sub\"]",
        "route.deploy.ceiling.claims: `sub` is a registered claim, which no policy may grant",
    ),
    (
        "[listen.proxy]",
        "[listen.admin]",
        "listen.admin: this name is taken by a listener of its own",
    ),
    (
        "serves = [\"forward-auth\"]",
        "serves = []",
        "listen.proxy.serves: nothing is spoken here",
    ),
    (
        "serves = [\"forward-auth\"]",
        "serves = [\"forward-auth\", \"forward-auth\"]",
        "listen.proxy.serves: a protocol stands here twice",
    ),
    (
        "serves = [\"forward-auth\"]",
        "serves = [\"exchange\"]",
        "listen.proxy.serves: there is no `[exchange]`",
    ),
    (
        "serves = [\"forward-auth\"]",
        "serves = [\"forward-auth\"]\nconnections = 0",
        "listen.proxy.connections: 0 is outside 1 to 65536",
    ),
    (
        "serves = [\"forward-auth\"]",
        "serves = [\"forward-auth\"]\nconnections = 9223372036854775807",
        "listen.proxy.connections: 9223372036854775807 is outside 1 to 65536",
    ),
    (
        "serves = [\"forward-auth\"]",
        "serves = [\"forward-auth\"]\nheader_timeout = \"0s\"",
        "listen.proxy.header_timeout: `0s` is outside `100ms` to `5m`",
    ),
    (
        "serves = [\"forward-auth\"]",
        "serves = [\"forward-auth\"]\nheader_bytes = 1",
        "listen.proxy.header_bytes: 1 is outside 8192 to 1048576",
    ),
    (
        "serves = [\"forward-auth\"]",
        "serves = [\"forward-auth\"]\nproxy = {}",
        "listen.proxy.proxy: say `uids`, `secret`, or both",
    ),
    (
        "serves = [\"forward-auth\"]",
        "serves = [\"forward-auth\"]\nproxy = { uids = [0] }",
        "listen.proxy.proxy: the users who connect are known on a Unix socket alone",
    ),
    (
        "serves = [\"forward-auth\"]",
        "serves = [\"forward-auth\"]\nproxy = { secret = \"env:NONE\" }",
        "listen.proxy.proxy.secret: the secret `env:NONE` is not set",
    ),
    (
        "address = \"127.0.0.1:0\"\nserves",
        "address = \"localhost:80\"\nserves",
        "`listen.proxy.address`: an address is wanted, such as `127.0.0.1:9000` or `unix:/run/claimbound.sock`",
    ),
    (
        "address = \"127.0.0.1:0\"\ntoken = \"env:ADMIN\"",
        "address = \"0.0.0.0:0\"",
        "admin.address: `0.0.0.0:0` is not of loopback; operators speak there, or on a Unix socket",
    ),
    (
        "token = \"env:ADMIN\"",
        "",
        "admin.token: whoever is on this machine reaches loopback; say a `token`",
    ),
    (
        "address = \"127.0.0.1:0\"\ntoken = \"env:ADMIN\"",
        "address = \"unix:admin.sock\"\nuids = []",
        "admin.uids: nobody could connect; name a user's id",
    ),
    (
        "token = \"env:ADMIN\"",
        "token = \"hunter2\"",
        "`admin.token`: a secret is named by `env:NAME` or `file:PATH`, never written here",
    ),
    (
        "sqlite = \"ledger.db\"",
        "sqlite = \"none.db\"",
        "none.db'` makes one",
    ),
    (
        "sqlite = \"ledger.db\"",
        "postgres = { url = \"env:NONE\" }",
        "ledger.postgres: the secret `env:NONE` is not set",
    ),
    (
        "sqlite = \"ledger.db\"",
        "postgres = { url = \"env:NONE\", connections = 0 }",
        "ledger.postgres.connections: 0 is outside 1 to 1024",
    ),
    (
        "[ledger]\nsqlite = \"ledger.db\"",
        "",
        "route.deploy.policy: the policy asks for `bind`, which takes a `[ledger]`",
    ),
    (
        "[ledger]\nsqlite = \"ledger.db\"",
        "[record]\nfolder = \"record\"\nrotate_at = 0",
        "record.rotate_at: 0 is outside 4096 to 1099511627776",
    ),
    (
        "[ledger]\nsqlite = \"ledger.db\"",
        "[record]\nfolder = \"record\"\ndurability = { interval = \"0s\" }",
        "record.durability.interval: `0s` is outside `1ms` to `1m`",
    ),
    (
        "shards = 1",
        "shards = 0",
        "sandbox.shards: 0 is outside 1 to 256",
    ),
    (
        "threads = 2",
        "threads = 1001",
        "sandbox.threads: 1001 is outside 1 to 1000",
    ),
    (
        "threads = 2",
        "threads = 2\nqueue = 0",
        "sandbox.queue: 0 is outside 1 to 1048576",
    ),
    (
        "deadline = \"10s\"",
        "deadline = \"0s\"",
        "sandbox.deadline",
    ),
    ("deadline = \"10s\"", "memory = 0", "sandbox.memory"),
    ("deadline = \"10s\"", "component = 0", "sandbox.component"),
    (
        "deadline = \"10s\"",
        "code_cache = { folder = \"code\", key = \"env:ADMIN\" }",
        "sandbox.code_cache: the key is not 64 hexadecimal digits; `openssl rand -hex 32` makes one",
    ),
];

#[test]
fn each_fault_is_told_with_its_key_and_what_would_do() {
    let place = Place::new();
    place.write("core.wasm", b"\0asm\x01\0\0\0");
    let pipe = std::process::Command::new("mkfifo")
        .arg(place.path("pipe"))
        .status();
    assert!(pipe.unwrap().success());
    for (from, to, expected) in FAULTS {
        let told = told(&place, &changed(&[(from, to)]));
        assert!(told.contains(expected), "{to}:\n{told}\nis not\n{expected}");
        assert!(
            !told.contains("hunter2") && !told.contains("Checked"),
            "{told}"
        );
    }
}

#[test]
fn an_origin_is_scheme_and_host() {
    let place = Place::new();
    for (origin, is_one) in [
        ("https://api.acme.example", true),
        ("https://api.acme.example:8443/", true),
        ("http://[::1]:80", true),
        ("api.acme.example", false),
        ("https://", false),
        ("https:api.acme.example", false),
        ("https:///api.acme.example", false),
        ("ftp://api.acme.example", false),
        ("https://api.acme.example/v1", false),
        ("https://api.acme.example//", false),
        ("https://api.acme.example?q", false),
        ("https://api.acme.example/#f", false),
        ("https://u:hunter2@api.acme.example", false),
        ("https://@api.acme.example", false),
        (" https://api.acme.example", false),
        ("https:\\\\api.acme.example", false),
    ] {
        let line = format!("policy = \"policy.wasm\"\nforwarded = {{ origin = {origin:?} }}");
        let told = told(&place, &changed(&[("policy = \"policy.wasm\"", &line)]));
        assert_eq!(told.contains("Checked"), is_one, "{origin}: {told}");
        assert!(
            is_one || told.starts_with("route.deploy.forwarded.origin: an origin is"),
            "{told}"
        );
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[test]
fn two_of_what_has_to_be_one_are_refused() {
    let place = Place::new();
    let route = "[route.other]\naudience = \"https://deploy.acme.example\"\nissuers = [\"forge\"]\n\
                 policy = \"policy.wasm\"\n";
    let told_of = |more: &str| told(&place, &format!("{CONFIG}{more}"));
    assert_eq!(
        told_of(route),
        "route.other.audience: route `deploy` has this audience; no two routes share one"
    );
    let issuer = "[issuer.again]\nmodel = \"github-actions\"\n\
                  keys = { from = \"file\", path = \"keys.json\" }\n";
    let both = told(
        &place,
        &format!(
            "{}{issuer}",
            changed(&[("[\"forge\"]", "[\"forge\", \"again\"]")])
        ),
    );
    assert_eq!(both, "route.deploy.issuers: two of them have one URL");
    // One that nobody asks for is no error.
    assert!(told_of(issuer).contains("issuer.again: no route takes its tokens"));
    let monitor = (
        "[monitor]\naddress = \"127.0.0.1:0\"",
        "[monitor]\naddress = \"unix:a.sock\"",
    );
    let admin = (
        "[admin]\naddress = \"127.0.0.1:0\"",
        "[admin]\naddress = \"unix:a.sock\"",
    );
    let told_of = told(&place, &changed(&[monitor, admin]));
    assert_eq!(told_of, "admin.address: `monitor` has this address too");
}

#[test]
fn what_has_no_effect_is_told() {
    let place = Place::new();
    let told = told(
        &place,
        &changed(&[(
            "policy = \"policy.wasm\"",
            "policy = \"policy.wasm\"\nattributes = { a = { context = \"k\" } }",
        )]),
    );
    assert!(
        told.contains("a `context` comes over `ext-authz-grpc` alone"),
        "{told}"
    );
}

/// A configuration with every key, but `ca` and those of a database.
const WHOLE: &str = r#"
claimbound = 1
drain = "5s"
state = "state"

[issuer.forge]
model = "github-actions"
url = "https://token.actions.githubusercontent.com"
algorithms = ["RS256", "ES256"]
token_types = ["JWT", ""]
longest_lifetime = "1h"
keys = { from = "file", path = "keys.json", form = "jwks" }

[issuer.found]
model = "gitlab"

[issuer.found.keys]
from = "discovery"
document = "https://gitlab.example/.well-known/openid-configuration"
jwks_uri = "https://gitlab.example/keys"

[issuer.found.keys.fetch]
bearer = "env:ADMIN"
every = "1h"
maximum_age = "24h"
timeout = "5s"
insecure_loopback = false

[issuer.fetched]
model = "kubernetes"
url = "https://cluster.example"
keys = { from = "url", url = "https://cluster.example/keys", form = "spiffe" }

[issuer.inline]
model = "spiffe"
url = "https://mesh.example"

[[issuer.inline.keys.keys]]
kty = "EC"
crv = "P-256"
x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
kid = "one"
alg = "ES256"
use = "sig"

[issuer.inline.keys]
from = "inline"

[route.deploy]
audience = "https://deploy.acme.example"
issuers = ["forge"]
policy = "policy.wasm"
danger_unsigned = true
leeway = "30s"
token_types = ["JWT"]
longest_token = 8192

[route.deploy.ceiling]
roles = ["deploy"]
scopes = ["write"]
claims = ["team"]
longest_lifetime = "10m"
enrolment = true
obligations = ["bind"]

[route.deploy.attributes]
client = { header = "X-Client" }
zone = { context = "zone" }
place = { value = "here" }

[route.deploy.forwarded]
origin = "https://api.acme.example"
method = "X-Forwarded-Method"
uri = "X-Forwarded-Uri"
certificate = { rfc9440 = "Client-Cert" }

[listen.proxy]
address = "unix:proxy.sock"
serves = ["forward-auth", "ext-authz-http", "ext-authz-grpc", "exchange"]
proxy = { uids = [0], secret = "env:PROXY" }
connections = 16
header_timeout = "5s"
header_bytes = 16384

[monitor]
address = "127.0.0.1:0"

[admin]
address = "unix:admin.sock"
uids = [0]
token = "env:ADMIN"

[ledger]
sqlite = "ledger.db"

[record]
folder = "record"
durability = { interval = "10ms" }
claims = true
rotate_at = 4096
checkpoint = "checkpoint"

[exchange]
issuer = "https://exchange.acme.example"
keys = "signing"
algorithm = "ES256"
rotation = { every = "24h", ahead = "1h" }

[exchange.target.api]
audience = "https://api.acme.example"
resources = ["https://api.acme.example/v1"]
route = "deploy"
scopes = ["write"]
roles = ["deploy"]
longest_lifetime = "5m"

[sandbox]
shards = 1
threads = 2
queue = 16
deadline = "10s"
memory = 16777216
component = 16777216
"#;

/// Every place at which a value stands.
fn places(value: &Value, at: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    if !at.is_empty() {
        found.push(at.clone());
    }
    let below: Vec<(String, &Value)> = match value {
        Value::Table(table) => table
            .iter()
            .map(|(key, value)| (key.clone(), value))
            .collect(),
        Value::Array(list) => {
            let numbered = list.iter().enumerate();
            numbered
                .map(|(index, value)| (index.to_string(), value))
                .collect()
        }
        Value::String(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Boolean(_)
        | Value::Datetime(_) => Vec::new(),
    };
    for (step, value) in below {
        at.push(step);
        places(value, at, found);
        at.pop();
    }
}

/// The value at a place.
fn at<'v>(value: &'v mut Value, place: &[String]) -> &'v mut Value {
    place.iter().fold(value, |value, step| {
        let below = match step.parse::<usize>() {
            Ok(index) => value.get_mut(index),
            Err(_) => value.get_mut(step),
        };
        below.unwrap()
    })
}

/// Whether a path stands there, which errors do show.
fn is_path(place: &[String]) -> bool {
    let keys: Vec<_> = place.iter().map(String::as_str).collect();
    match keys.as_slice() {
        ["exchange", "keys"] => true,
        [.., last] => {
            let paths = [
                "state",
                "policy",
                "path",
                "ca",
                "folder",
                "checkpoint",
                "sqlite",
            ];
            paths.contains(last)
        }
        [] => false,
    }
}

/// The error alone; none where nothing is wrong.
fn fault(place: &Place, text: &str) -> String {
    let told = told(place, text);
    if told.starts_with("Checked") {
        String::new()
    } else {
        told
    }
}

#[test]
fn a_secret_at_the_wrong_place_is_never_told() {
    let place = Place::new();
    assert_eq!(fault(&place, WHOLE), "", "nothing is wrong with it");
    let whole = Value::Table(WHOLE.parse::<Table>().unwrap());
    let mut found = Vec::new();
    places(&whole, &mut Vec::new(), &mut found);
    assert!(found.len() > 100, "{}", found.len());
    let secret = || Value::String("hunter2".into());
    let mut faults = 0;
    for one in &found {
        for misplaced in [secret(), Value::Array(vec![secret()])] {
            let mut config = whole.clone();
            *at(&mut config, one) = misplaced;
            let told = fault(&place, &toml::to_string(&config).unwrap());
            assert!(is_path(one) || !told.contains("hunter2"), "{one:?}: {told}");
            assert!(!told.contains('\n'), "{one:?}: {told}");
            faults += usize::from(!told.is_empty());
        }
    }
    assert!(faults > found.len(), "{faults} of {}", found.len());
    let misplaced = "postgres = { url = \"hunter2\" }";
    let told = fault(
        &place,
        &WHOLE.replacen("sqlite = \"ledger.db\"", misplaced, 1),
    );
    assert!(!told.is_empty() && !told.contains("hunter2"), "{told}");
}

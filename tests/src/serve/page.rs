//! The page on serving, the schema and what is deployed: generated, or held
//! against what the program does.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use claimbound_server::config::Config;
use claimbound_server::{Refusal, identity};
use serde_json::{Map, Value};

use super::http::Question;
use super::{Place, job_with};
use crate::docs::assert_current;
use crate::program::program;
use crate::tree::root;

const BEGIN: &str = "<!-- begin: generated from the configuration's types, CLAIMBOUND_UPDATE=1 -->";
const END: &str = "<!-- end -->";

fn page() -> String {
    fs::read_to_string(root().join("docs/serving.md")).unwrap()
}

#[test]
fn the_schema_is_current() {
    let text = serde_json::to_string_pretty(&Config::schema()).unwrap();
    assert_current("config.schema.json", &format!("{text}\n"));
}

/// The tables of a configuration, with all their keys.
struct Reference {
    schema: Value,
    text: String,
    done: BTreeSet<String>,
}

impl Reference {
    fn new() -> Self {
        let mut reference = Self {
            schema: Config::schema(),
            text: String::new(),
            done: BTreeSet::new(),
        };
        let schema = reference.schema.clone();
        reference.table("", &schema);
        reference
    }

    /// What a schema refers to.
    fn resolved(&self, schema: &Value) -> Value {
        match schema.get("$ref").and_then(Value::as_str) {
            Some(name) => {
                let name = name.strip_prefix("#/$defs/").unwrap();
                self.schema["$defs"][name].clone()
            }
            None => schema.clone(),
        }
    }

    /// A schema without `null` as an alternative.
    fn present(&self, schema: &Value) -> Value {
        let alternatives = schema.get("anyOf").and_then(Value::as_array);
        let other = alternatives.and_then(|all| all.iter().find(|one| one["type"] != "null"));
        self.resolved(other.unwrap_or(schema))
    }

    fn table(&mut self, path: &str, schema: &Value) {
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
            return;
        };
        if !self.done.insert(path.to_owned()) {
            return;
        }
        let title = if path.is_empty() { "The file" } else { path };
        let shown = if path.is_empty() {
            title.to_owned()
        } else {
            format!("`[{title}]`")
        };
        write!(self.text, "\n### {shown}\n\n").unwrap();
        if !path.is_empty() {
            writeln!(self.text, "{}\n", prose(schema)).unwrap();
        }
        self.text.push_str("| key | | |\n|---|---|---|\n");
        let required = schema.get("required").and_then(Value::as_array);
        let is_required = |key: &str| required.is_some_and(|all| all.iter().any(|one| one == key));
        for (key, value) in properties {
            let kind = self.kind(value);
            let need = if is_required(key) { ", required" } else { "" };
            let told = self.told(value);
            writeln!(self.text, "| `{key}` | {kind}{need} | {told} |").unwrap();
        }
        self.below(path, properties);
    }

    /// The tables below a table.
    fn below(&mut self, path: &str, properties: &Map<String, Value>) {
        for (key, value) in properties {
            let at = if path.is_empty() {
                key.clone()
            } else {
                format!("{path}.{key}")
            };
            let value = self.present(value);
            match value.get("additionalProperties") {
                Some(more) if more.is_object() => {
                    let more = self.resolved(more);
                    self.table(&format!("{at}.NAME"), &more);
                    self.alternatives(&format!("{at}.NAME"), &more);
                }
                _ => {
                    self.table(&at, &value);
                    self.alternatives(&at, &value);
                }
            }
        }
    }

    /// The tables of a value that is one of several.
    fn alternatives(&mut self, path: &str, schema: &Value) {
        let Some(all) = schema.get("oneOf").and_then(Value::as_array) else {
            return;
        };
        for one in all {
            let mut whole = self.resolved(one);
            let properties = one.get("properties").and_then(Value::as_object);
            let tag = properties.and_then(|all| all.get("from")?.get("const")?.as_str());
            if let (Some(tag), Some(own)) = (tag, properties) {
                let mut all = own.clone();
                all.extend(whole["properties"].as_object().cloned().unwrap_or_default());
                whole["properties"] = Value::Object(all);
                self.table(&format!("{path} from = \"{tag}\""), &whole);
            } else if let Some(properties) = properties {
                self.below(path, properties);
            }
        }
    }

    fn kind(&self, schema: &Value) -> String {
        let name = schema.get("$ref").or_else(|| {
            let all = schema.get("anyOf")?.as_array()?;
            all.iter().find_map(|one| one.get("$ref"))
        });
        match name.and_then(Value::as_str) {
            Some("#/$defs/Span") => return "length of time".to_owned(),
            Some("#/$defs/SecretSource") => return "secret".to_owned(),
            Some("#/$defs/Address") => return "address".to_owned(),
            Some(_) | None => {}
        }
        let schema = self.present(schema);
        if let Some(all) = schema.get("oneOf").and_then(Value::as_array) {
            let names: Vec<_> = all
                .iter()
                .map(|one| format!("`{}`", name_of(one)))
                .collect();
            return names.join(", ");
        }
        if let Some(all) = schema.get("enum").and_then(Value::as_array) {
            let names: Vec<_> = all.iter().map(|one| format!("`{one}`")).collect();
            return names.join(", ");
        }
        let kind = schema
            .get("type")
            .map_or(Value::Null, |kind| match kind.as_array() {
                Some(all) => all.first().cloned().unwrap_or_default(),
                None => kind.clone(),
            });
        match kind.as_str().unwrap_or_default() {
            "array" => format!("list of {}", self.kind(&schema["items"])),
            "object" if schema["additionalProperties"].is_object() => "tables by name".to_owned(),
            "object" => "table".to_owned(),
            "string" => "text".to_owned(),
            "integer" => "number".to_owned(),
            "boolean" => "`true`, `false`".to_owned(),
            _ => "anything".to_owned(),
        }
    }

    /// What is said of a value, and of each that it may be.
    fn told(&self, schema: &Value) -> String {
        let mut told = prose(schema);
        let mut value = self.present(schema);
        if value["items"].is_object() {
            value = self.resolved(&value["items"]);
        } else if value["additionalProperties"].is_object() {
            value = self.resolved(&value["additionalProperties"]);
        }
        let all = value.get("oneOf").and_then(Value::as_array);
        for one in all.into_iter().flatten() {
            write!(told, "<br>`{}`: {}", name_of(one), prose(one)).unwrap();
        }
        told.replace('|', "\\|")
    }
}

/// What an alternative is written as.
fn name_of(schema: &Value) -> String {
    if let Some(name) = schema.get("const").and_then(Value::as_str) {
        return name.to_owned();
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    let tag = properties.and_then(|all| all.get("from")?.get("const")?.as_str());
    match (tag, properties.and_then(|all| all.keys().next())) {
        (Some(tag), _) => tag.to_owned(),
        (None, Some(key)) => format!("{{ {key} = … }}"),
        (None, None) => panic!("{schema}"),
    }
}

fn prose(schema: &Value) -> String {
    let text = schema.get("description").and_then(Value::as_str);
    let words: Vec<_> = text.unwrap_or_default().split_whitespace().collect();
    words.join(" ")
}

#[test]
fn every_key_of_the_configuration_is_on_the_page() {
    let page = page();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let reference = Reference::new();
    let wanted = format!("{before}{BEGIN}\n{}\n{END}{after}", reference.text);
    assert_current("serving.md", &wanted);
    // None is left out, wherever the schema has it.
    let mut tables = vec![&reference.schema];
    let definitions = reference.schema["$defs"].as_object().unwrap();
    tables.extend(definitions.values());
    for properties in tables
        .iter()
        .filter_map(|one| one.get("properties")?.as_object())
    {
        for (key, value) in properties {
            let line = format!("| `{key}` |");
            assert!(wanted.contains(&line), "{key}");
            assert!(value["description"].is_string(), "{key} says what it is");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_names_every_metric_and_no_other() {
    let place = Place::new();
    let serving = place.serve().await;
    // Something of each kind.
    for _ in 0..2 {
        serving.present(&job_with("one")).await;
    }
    serving.ask("proxy", Question::get("/authorize/none")).await;
    let metrics = serving.metrics().await;
    let types = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "));
    let printed: BTreeSet<String> = types
        .map(|line| match line.split_once(' ').unwrap() {
            (name, "counter") => format!("{name}_total"),
            (name, _) => name.to_owned(),
        })
        .collect();
    let page = page();
    let named = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `claimbound_"));
    let named: BTreeSet<String> = named
        .map(|line| format!("claimbound_{}", line.split('`').next().unwrap()))
        .collect();
    // An exchange is none of this host's, nor is a module of a store.
    let mut printed = printed;
    for name in [
        "claimbound_exchanges_total",
        "claimbound_module_index_expiry_seconds",
        "claimbound_modules_refused_total",
        "claimbound_modules_taken_up_total",
        "claimbound_shadow_decisions",
    ] {
        printed.insert(name.to_owned());
    }
    assert_eq!(named, printed);
}

#[test]
fn the_page_names_every_identity_header_and_every_status_of_a_reason() {
    let page = page();
    for name in identity::NAMES {
        assert!(
            page.to_lowercase().contains(&format!("| `{name}` |")),
            "{name}"
        );
    }
    for code in claimbound::reason::Code::ALL {
        let line = format!("| {} | ", Refusal::from(*code).status().as_u16());
        let mut lines = page.lines().filter(|one| one.starts_with(&line));
        let named = format!("`{code}`");
        assert!(lines.any(|one| one.contains(&named)), "{line} {named}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_shows_what_is_answered() {
    let page = page();
    let place = Place::new();
    let serving = place.serve().await;
    for (listener, path) in [
        ("monitor", "/live"),
        ("monitor", "/ready"),
        ("monitor", "/metrics"),
    ] {
        assert!(page.contains(&format!("`{path}`")), "{path}");
        assert_eq!(serving.ask(listener, Question::get(path)).await.status, 200);
    }
    for path in ["/reload", "/modules", "/keys", "/revoke", "/lift"] {
        assert!(page.contains(path), "{path}");
        let question = Question::post(path, "").with("authorization", "Bearer of-operators");
        assert_ne!(serving.ask("admin", question).await.status, 404, "{path}");
    }
}

/// The example with its folders in this one.
#[test]
fn the_example_can_be_used() {
    let place = Place::new();
    let example = |name: &str| fs::read_to_string(root().join("docs/examples").join(name)).unwrap();
    let folder = place.path("");
    let folder = folder.to_str().unwrap().trim_end_matches('/');
    let text = example("claimbound.toml");
    for system in ["/var/lib/claimbound", "/run/claimbound"] {
        assert!(text.contains(system), "{system}");
    }
    let text = text
        .replace("/var/lib/claimbound", folder)
        .replace("/run/claimbound", folder);
    place.write("claimbound.toml", text);
    place.write("policy.toml", example("policy.toml"));
    let run = |arguments: &[&str]| {
        let output = Command::new(program())
            .args(arguments)
            .current_dir(folder)
            .output()
            .unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success(),
            "{arguments:?}: {told}{:?}",
            output.stderr
        );
        told
    };
    run(&["build", "policy.toml", "-o", "policy.wasm"]);
    let told = run(&["serve", "--config", "claimbound.toml", "--check"]);
    assert!(!told.contains("warning"), "{told}");
    assert!(
        page().contains(&example("claimbound.toml")),
        "the page shows it"
    );
}

#[test]
fn the_unit_keeps_what_the_program_needs() {
    let unit = fs::read_to_string(root().join("host/server/deploy/claimbound.service")).unwrap();
    let has = |line: &str| unit.lines().any(|one| one == line);
    for line in [
        "DynamicUser=yes",
        "ProtectSystem=strict",
        "NoNewPrivileges=yes",
        "ExecReload=/bin/kill -HUP $MAINPID",
        "StateDirectory=claimbound",
        "RuntimeDirectory=claimbound",
        // Policies are compiled to machine code when they are loaded.
        "MemoryDenyWriteExecute=no",
    ] {
        assert!(has(line), "{line}");
    }
    let container = fs::read_to_string(root().join("host/server/deploy/Containerfile")).unwrap();
    assert!(container.contains("USER 65532:65532"));
}

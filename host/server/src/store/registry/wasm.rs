//! The configuration of a component in a registry, by the CNCF's layout of a Wasm
//! OCI artifact.

use claimbound::modules::Digest;
use serde::Serialize;
use wasmparser::{Parser, Payload};

use super::super::error::StoreError;

/// Most names that are listed of either kind.
const MOST: usize = 1000;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Configuration<'a> {
    created: &'a str,
    architecture: &'static str,
    os: &'static str,
    layer_digests: [String; 1],
    component: Names,
}

#[derive(Default, Serialize)]
struct Names {
    exports: Vec<String>,
    imports: Vec<String>,
}

/// The configuration of a component; the same for the same component and time.
///
/// # Errors
/// [`StoreError::Malformed`] where it is no component.
pub(super) fn configuration(component: &[u8], created: &str) -> Result<Vec<u8>, StoreError> {
    let what = "the module";
    let names = names(component).map_err(|cause| StoreError::malformed(what, cause))?;
    let configuration = Configuration {
        created,
        architecture: "wasm",
        os: "wasip2",
        layer_digests: [Digest::of(component).to_string()],
        component: names,
    };
    serde_json::to_vec(&configuration).map_err(|error| StoreError::malformed(what, error))
}

/// What a component exports and imports, without what is nested in it.
fn names(component: &[u8]) -> Result<Names, String> {
    if !Parser::is_component(component) {
        return Err("it is no component".to_owned());
    }
    let mut names = Names::default();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(component) {
        let told = |error: wasmparser::BinaryReaderError| error.to_string();
        let payload = payload.map_err(told)?;
        if let Payload::ModuleSection { .. } | Payload::ComponentSection { .. } = &payload {
            depth += 1;
        } else if let Payload::End(_) = &payload {
            depth = depth.saturating_sub(1);
        } else if let (0, Payload::ComponentExportSection(section)) = (depth, &payload) {
            for export in section.clone() {
                names
                    .exports
                    .push(export.map_err(told)?.name.name.to_owned());
            }
        } else if let (0, Payload::ComponentImportSection(section)) = (depth, &payload) {
            for import in section.clone() {
                names
                    .imports
                    .push(import.map_err(told)?.name.name.to_owned());
            }
        }
        if names.exports.len() + names.imports.len() > MOST {
            return Err(format!("it exports and imports more than {MOST} names"));
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `(component (component (export …)) …)` without tools that write one.
    #[test]
    fn what_is_no_component_has_no_configuration() {
        for bytes in [
            &b""[..],
            b"\0asm\x01\0\0\0",
            b"HTML",
            b"\0asm\x0d\0\x01\0\xff",
        ] {
            let told = configuration(bytes, "2026-11-27T18:00:00Z");
            assert!(
                matches!(told, Err(StoreError::Malformed { .. })),
                "{bytes:?}"
            );
        }
        let empty = configuration(b"\0asm\x0d\0\x01\0", "2026-11-27T18:00:00Z").unwrap();
        let empty: serde_json::Value = serde_json::from_slice(&empty).unwrap();
        assert_eq!(empty["os"], "wasip2");
        assert_eq!(empty["component"]["exports"], serde_json::json!([]));
    }
}

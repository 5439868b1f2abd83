//! Takes out of a core module what a component that lives for one call has no
//! use for, and would pay for at each decision: a table that nothing is called
//! through, and the functions that give an answer's memory back.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "what is not taken out is copied, whatever it is"
)]

use anyhow::Context as _;
use wasm_encoder::{ExportKind, ExportSection, Module, RawSection};
use wasmparser::{BinaryReaderError, ExternalKind, Operator, Parser, Payload, TypeRef};

/// How the canonical ABI names the functions that are called after an answer
/// was read.
const POST_RETURN: &str = "cabi_post_";

/// The module without these. What it computes stays the same.
///
/// # Errors
/// The bytes are no core module.
pub(crate) fn slim(module: &[u8]) -> anyhow::Result<Vec<u8>> {
    let without_tables = !uses_tables(module).context("the core module can't be read")?;
    let pointed = uses(module, points).context("the core module can't be read")?;
    let mut slim = Module::new();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        match &payload {
            Payload::TableSection(_) | Payload::ElementSection(_) if without_tables => continue,
            Payload::ExportSection(exports) => {
                let mut kept = ExportSection::new();
                for export in exports.clone() {
                    let export = export?;
                    // An export may be the declaration that a pointer needs.
                    if pointed || !export.name.starts_with(POST_RETURN) {
                        kept.export(export.name, kind(export.kind), export.index);
                    }
                }
                slim.section(&kept);
                continue;
            }
            _ => {}
        }
        if let Some((id, range)) = payload.as_section() {
            let data = module.get(range).context("a section ends too late")?;
            slim.section(&RawSection { id, data });
        }
    }
    Ok(slim.finish())
}

const fn kind(kind: ExternalKind) -> ExportKind {
    match kind {
        ExternalKind::Func | ExternalKind::FuncExact => ExportKind::Func,
        ExternalKind::Table => ExportKind::Table,
        ExternalKind::Memory => ExportKind::Memory,
        ExternalKind::Global => ExportKind::Global,
        ExternalKind::Tag => ExportKind::Tag,
    }
}

/// Whether anything could be called or found through a table, or a function be
/// pointed at, for which the elements of a table are a declaration.
fn uses_tables(module: &[u8]) -> Result<bool, BinaryReaderError> {
    for payload in Parser::new(0).parse_all(module) {
        let used = match payload? {
            Payload::ImportSection(imports) => {
                let mut tables = false;
                for import in imports.into_imports() {
                    tables |= matches!(import?.ty, TypeRef::Table(_));
                }
                tables
            }
            Payload::ExportSection(exports) => {
                let mut tables = false;
                for export in exports {
                    tables |= export?.kind == ExternalKind::Table;
                }
                tables
            }
            _ => false,
        };
        if used {
            return Ok(true);
        }
    }
    uses(module, touches_tables)
}

/// Whether the code has an instruction that is one of these.
fn uses(module: &[u8], is_one: impl Fn(&Operator<'_>) -> bool) -> Result<bool, BinaryReaderError> {
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::CodeSectionEntry(body) = payload? {
            for operator in body.get_operators_reader()? {
                if is_one(&operator?) {
                    return Ok(true);
                }
            }
        }
    }
    Ok(false)
}

const fn points(operator: &Operator<'_>) -> bool {
    matches!(operator, Operator::RefFunc { .. })
}

const fn touches_tables(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::CallIndirect { .. }
            | Operator::ReturnCallIndirect { .. }
            | Operator::RefFunc { .. }
            | Operator::TableGet { .. }
            | Operator::TableSet { .. }
            | Operator::TableGrow { .. }
            | Operator::TableSize { .. }
            | Operator::TableFill { .. }
            | Operator::TableCopy { .. }
            | Operator::TableInit { .. }
            | Operator::ElemDrop { .. }
            | Operator::ArrayNewElem { .. }
            | Operator::ArrayInitElem { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ids of a module's sections, and the names of its exports.
    fn shape(module: &[u8]) -> (Vec<u8>, Vec<String>) {
        let (mut ids, mut names) = (Vec::new(), Vec::new());
        for payload in Parser::new(0).parse_all(module) {
            let payload = payload.unwrap();
            ids.extend(payload.as_section().map(|(id, _)| id));
            if let Payload::ExportSection(exports) = payload {
                names.extend(exports.into_iter().map(|one| one.unwrap().name.to_owned()));
            }
        }
        (ids, names)
    }

    const TABLE: u8 = 4;
    const ELEMENTS: u8 = 9;

    #[test]
    fn a_table_that_nothing_is_called_through_goes() {
        let module = wat::parse_str(
            r#"(module (table 1 funcref) (elem (i32.const 0) $f)
                 (func $f (export "f")) (func (export "cabi_post_f")))"#,
        )
        .unwrap();
        let (ids, names) = shape(&slim(&module).unwrap());
        assert!(!ids.contains(&TABLE) && !ids.contains(&ELEMENTS), "{ids:?}");
        assert_eq!(names, ["f"]);
    }

    #[test]
    fn a_table_in_use_stays() {
        for user in [
            "(func (call_indirect (i32.const 0)))",
            "(func (drop (table.get 0 (i32.const 0))))",
            "(func (drop (ref.func $f)))",
            "(func (elem.drop 0))",
            r#"(export "t" (table 0))"#,
        ] {
            let module = wat::parse_str(format!(
                "(module (table 1 funcref) (elem (i32.const 0) $f) (func $f) {user})"
            ))
            .unwrap();
            let (ids, _) = shape(&slim(&module).unwrap());
            assert!(ids.contains(&TABLE) && ids.contains(&ELEMENTS), "{user}");
        }
    }

    #[test]
    fn a_function_that_is_pointed_at_stays_declared() {
        let module = r#"(module (func $f (export "cabi_post_f")) (func (drop (ref.func $f))))"#;
        let slim = slim(&wat::parse_str(module).unwrap()).unwrap();
        assert_eq!(shape(&slim).1, ["cabi_post_f"]);
    }

    #[test]
    fn what_is_no_module_is_an_error() {
        for bytes in [&b""[..], b"\0asm", b"\0asm\x01\0\0\0\x0a\x05"] {
            assert!(slim(bytes).is_err(), "{bytes:?}");
        }
    }
}

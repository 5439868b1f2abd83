//! A guest's memory: values of the contract's types as the canonical ABI lays
//! them out, and values that no honest toolchain would write.
//!
//! A value is JSON by its WIT type: a record is an object, a variant's case its
//! name or an object of its name and payload, an option null or its value. What
//! is not to be honest is an object whose one member starts with `$`:
//!
//! | | stands for |
//! |---|---|
//! | `{"$case": n}` | a variant, enum, option or result whose discriminant is n |
//! | `{"$byte": n}` | a boolean of that byte |
//! | `{"$at": [pointer, length]}` | a text or list that lies there |
//! | `{"$bytes": […]}` | a text of these bytes |
//! | `{"$repeat": [n, value]}` | a list of n times the same bytes, pointers and all |
//! | `{"$unaligned": […]}` | a list one byte behind where it may start |

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "most types of WIT stand in no answer of the contract"
)]

use std::sync::LazyLock;

use serde_json::Value;
use wit_parser::{Int, Resolve, SizeAlign, Type, TypeDefKind};

use crate::tree::root;

/// The contract, as its text says it.
pub(super) static CONTRACT: LazyLock<Resolve> = LazyLock::new(|| {
    let mut resolve = Resolve::default();
    resolve.push_path(root().join("wit/policy.wit")).unwrap();
    resolve
});

static SIZES: LazyLock<SizeAlign> = LazyLock::new(|| {
    let mut sizes = SizeAlign::default();
    sizes.fill(&CONTRACT);
    sizes
});

/// What `function` of `interface` returns.
pub(super) fn result(interface: &str, function: &str) -> Type {
    let mut interfaces = CONTRACT.interfaces.iter();
    let (_, interface) = interfaces
        .find(|(_, one)| one.name.as_deref() == Some(interface))
        .unwrap();
    interface.functions[function].result.unwrap()
}

/// Where `request.now` lies in the input of `evaluate`.
pub(super) fn offset_of_now() -> usize {
    offset("input", "request") + offset("request", "now")
}

/// Where a field of a record lies in it.
pub(super) fn offset(record: &str, field: &str) -> usize {
    let mut types = CONTRACT.types.iter();
    let (_, found) = types
        .find(|(_, one)| one.name.as_deref() == Some(record))
        .unwrap();
    let TypeDefKind::Record(found) = &found.kind else {
        panic!("{record} is no record");
    };
    let types = found.fields.iter().map(|field| &field.ty);
    let offsets = SIZES.field_offsets(types);
    let at = found.fields.iter().position(|one| one.name == field);
    offsets[at.unwrap()].0.size_wasm32()
}

/// Memory from address 0, the first kilobyte empty.
pub(super) struct Image {
    bytes: Vec<u8>,
}

impl Image {
    pub(super) fn new() -> Self {
        Self {
            bytes: vec![0; 1024],
        }
    }

    /// All that was placed.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Lays a value down and says where.
    pub(super) fn place(&mut self, ty: &Type, value: &Value) -> usize {
        let at = self.room(SIZES.size(ty).size_wasm32(), align(ty));
        self.put(at, ty, value);
        at
    }

    fn room(&mut self, size: usize, align: usize) -> usize {
        let at = self.bytes.len().next_multiple_of(align);
        self.bytes.resize(at + size, 0);
        at
    }

    fn write(&mut self, at: usize, bytes: &[u8]) {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn put(&mut self, at: usize, ty: &Type, value: &Value) {
        match ty {
            Type::Bool => {
                let odd = value["$byte"]
                    .as_u64()
                    .and_then(|byte| u8::try_from(byte).ok());
                self.write(
                    at,
                    &[odd.unwrap_or_else(|| value.as_bool().unwrap().into())],
                );
            }
            Type::U32 => {
                let number = u32::try_from(value.as_u64().unwrap()).unwrap();
                self.write(at, &number.to_le_bytes());
            }
            Type::String => self.text(at, value),
            Type::Id(id) => self.defined(at, &CONTRACT.types[*id].kind, value),
            other => panic!("no answer of the contract has {other:?}"),
        }
    }

    fn defined(&mut self, at: usize, kind: &TypeDefKind, value: &Value) {
        match kind {
            TypeDefKind::Type(ty) => self.put(at, ty, value),
            TypeDefKind::Record(record) => {
                let offsets = SIZES.field_offsets(record.fields.iter().map(|field| &field.ty));
                for ((offset, ty), field) in offsets.into_iter().zip(&record.fields) {
                    self.put(at + offset.size_wasm32(), ty, &value[&field.name]);
                }
            }
            TypeDefKind::Tuple(tuple) => {
                for (index, (offset, ty)) in
                    SIZES.field_offsets(&tuple.types).into_iter().enumerate()
                {
                    self.put(at + offset.size_wasm32(), ty, &value[index]);
                }
            }
            TypeDefKind::Variant(variant) => {
                let cases = variant.cases.iter().map(|one| (one.name.as_str(), one.ty));
                self.case(at, &cases.collect::<Vec<_>>(), value);
            }
            TypeDefKind::Enum(names) => {
                let cases = names.cases.iter().map(|one| (one.name.as_str(), None));
                self.case(at, &cases.collect::<Vec<_>>(), value);
            }
            TypeDefKind::Option(ty) => {
                let cases = [("none", None), ("some", Some(*ty))];
                let value = match value {
                    Value::Null => "none".into(),
                    odd if odd.get("$case").is_some() => odd.clone(),
                    value => serde_json::json!({ "some": value }),
                };
                self.case(at, &cases, &value);
            }
            TypeDefKind::Result(result) => {
                self.case(at, &[("ok", result.ok), ("err", result.err)], value);
            }
            TypeDefKind::List(ty) => self.list(at, ty, value),
            other => panic!("no answer of the contract has {other:?}"),
        }
    }

    fn case(&mut self, at: usize, cases: &[(&str, Option<Type>)], value: &Value) {
        if let Some(discriminant) = value["$case"].as_u64() {
            self.write(at, &[u8::try_from(discriminant).unwrap()]);
            return;
        }
        let (name, payload) = match value {
            Value::String(name) => (name.as_str(), &Value::Null),
            value => {
                let (name, payload) = value.as_object().unwrap().iter().next().unwrap();
                (name.as_str(), payload)
            }
        };
        let index = cases.iter().position(|(case, _)| *case == name).unwrap();
        self.write(at, &[u8::try_from(index).unwrap()]);
        if let Some(ty) = &cases[index].1 {
            let types = cases.iter().map(|(_, ty)| ty.as_ref());
            let offset = SIZES.payload_offset(Int::U8, types).size_wasm32();
            self.put(at + offset, ty, payload);
        }
    }

    fn text(&mut self, at: usize, value: &Value) {
        if let Some(raw) = value.get("$at") {
            return self.pointer(at, number(&raw[0]), number(&raw[1]));
        }
        let bytes = match value.get("$bytes") {
            Some(bytes) => serde_json::from_value(bytes.clone()).unwrap(),
            None => value
                .as_str()
                .unwrap_or_else(|| panic!("{value}"))
                .as_bytes()
                .to_vec(),
        };
        let start = self.room(bytes.len(), 1);
        self.write(start, &bytes);
        self.pointer(at, start, bytes.len());
    }

    fn list(&mut self, at: usize, ty: &Type, value: &Value) {
        if let Some(raw) = value.get("$at") {
            return self.pointer(at, number(&raw[0]), number(&raw[1]));
        }
        let size = SIZES.size(ty).size_wasm32();
        if let Some(repeat) = value.get("$repeat") {
            let many = number(&repeat[0]);
            let start = self.room(size * many, align(ty));
            self.put(start, ty, &repeat[1]);
            let one = self.bytes[start..start + size].to_vec();
            let all = one.repeat(many);
            self.write(start, &all);
            return self.pointer(at, start, many);
        }
        let (items, skew) = match value.get("$unaligned") {
            Some(items) => (items, 1),
            None => (value, 0),
        };
        let items = items.as_array().unwrap_or_else(|| panic!("{value}"));
        let start = skew + self.room(skew + size * items.len(), align(ty));
        for (index, item) in items.iter().enumerate() {
            self.put(start + index * size, ty, item);
        }
        self.pointer(at, start, items.len());
    }

    fn pointer(&mut self, at: usize, pointer: usize, length: usize) {
        for (at, word) in [(at, pointer), (at + 4, length)] {
            self.write(at, &u32::try_from(word).unwrap().to_le_bytes());
        }
    }
}

fn align(ty: &Type) -> usize {
    SIZES.align(ty).align_wasm32()
}

fn number(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

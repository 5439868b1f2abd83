//! A guest that answers from its memory, whatever lies there, and runs what it
//! is told to before and after.

use serde_json::{Value, json};
use wasm_encoder::{ConstExpr, DataSection, Section as _};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::image::{CONTRACT, Image, offset_of_now, result};

/// The guest's memory, in pages of 64 KiB: 12 MiB of the 16 that it may have.
const PAGES: usize = 192;
/// The end of the guest's memory.
pub(super) const END: usize = PAGES * 64 * 1024;

/// When a guest runs what it is told to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Start,
    Describe,
    Realloc,
    Evaluate,
    Explain,
    Packed,
    AfterEvaluate,
    AfterExplain,
    AfterPacked,
}

/// A component of the contract's world, honest but for what a test changes.
#[derive(Clone)]
pub(super) struct Guest {
    manifest: Value,
    decision: Value,
    explanation: Value,
    packed: Option<Value>,
    other: Value,
    code: Vec<(Place, String)>,
    fields: String,
    data: Option<i32>,
}

/// What the honest guest says it is.
pub(super) fn manifest() -> Value {
    json!({
        "name": "mallory", "version": "1.0.0", "document": null, "claims": [],
        "parts": [], "names": [], "attributes": [], "published-keys": false,
        "obligations": ["bind", "use-once", "prove", "page-the-boss"],
    })
}

/// An allow by statement `honest` that grants role `deploy`, changed.
pub(super) fn allow(changes: &Value) -> Value {
    let mut grant = json!({
        "roles": ["deploy"], "scopes": [], "claims": null, "max-lifetime": null,
        "obligations": [],
    });
    merge(&mut grant, changes);
    json!({ "allow": { "statement": "honest", "grant": grant } })
}

/// A reason of a denial, changed.
pub(super) fn reason(changes: &Value) -> Value {
    let mut reason = json!({
        "code": "claim.mismatch", "statement": null, "claim": [], "expected": "",
        "found": null, "message": "no",
    });
    merge(&mut reason, changes);
    reason
}

/// A denial for these reasons.
pub(super) fn deny(reasons: &Value) -> Value {
    json!({ "deny": { "reasons": reasons, "truncated": false } })
}

/// The members of `changes` in place of those of `object`.
pub(super) fn merge(object: &mut Value, changes: &Value) {
    for (name, value) in changes.as_object().unwrap() {
        let before = object
            .as_object_mut()
            .unwrap()
            .insert(name.clone(), value.clone());
        assert!(before.is_some(), "no field `{name}`");
    }
}

impl Guest {
    /// One that allows and explains so.
    pub(super) fn honest() -> Self {
        let decision = allow(&json!({}));
        Self {
            manifest: json!({ "ok": manifest() }),
            explanation: json!({ "ok": [decision, []] }),
            packed: None,
            decision: json!({ "ok": decision }),
            other: json!({ "ok": decision }),
            code: Vec::new(),
            fields: String::new(),
            data: None,
        }
    }

    /// The same with another manifest.
    pub(super) fn describing(mut self, changes: &Value) -> Self {
        let mut other = manifest();
        merge(&mut other, changes);
        self.manifest = json!({ "ok": other });
        self
    }

    /// The same that decides so, and explains that it does.
    pub(super) fn deciding(self, decision: &Value) -> Self {
        self.evaluating(&json!({ "ok": decision }))
            .explaining(&json!({ "ok": [decision, []] }))
    }

    /// The same with another result of `evaluate`.
    pub(super) fn evaluating(mut self, result: &Value) -> Self {
        self.decision = result.clone();
        self
    }

    /// The same with another result of `explain`.
    pub(super) fn explaining(mut self, result: &Value) -> Self {
        self.explanation = result.clone();
        self
    }

    /// The same that exports `packed` as well, with this result of its
    /// `evaluate`.
    pub(super) fn packing(mut self, result: &Value) -> Self {
        self.packed = Some(result.clone());
        self
    }

    /// The same that runs `code` at `place`. `{other}` stands for the address
    /// of a result of `evaluate` that is `other`, `{now}` for the offset of the
    /// time in the input.
    pub(super) fn running(mut self, place: Place, code: &str) -> Self {
        self.code.push((place, code.to_owned()));
        self
    }

    /// The same with a second result of `evaluate` in its memory.
    pub(super) fn with_other(mut self, decision: &Value) -> Self {
        self.other = json!({ "ok": decision });
        self
    }

    /// The same whose module has these fields as well.
    pub(super) fn with(mut self, fields: &str) -> Self {
        self.fields.push_str(fields);
        self
    }

    /// The same that puts two bytes at an address of its own when it starts.
    pub(super) fn with_data_at(mut self, address: i32) -> Self {
        self.data = Some(address);
        self
    }

    /// The component.
    pub(super) fn build(&self) -> Vec<u8> {
        component(&self.module(), self.world())
    }

    /// The world whose exports it has.
    const fn world(&self) -> &'static str {
        if self.packed.is_some() {
            "packed-policy"
        } else {
            "explained-policy"
        }
    }

    /// The component of another contract whose world has the same exports.
    pub(super) fn build_by(&self, contract: &str) -> Vec<u8> {
        let mut resolve = Resolve::default();
        resolve.push_str("policy.wit", contract).unwrap();
        component_by(&resolve, &self.module(), self.world())
    }

    fn module(&self) -> Vec<u8> {
        let mut image = Image::new();
        let describe = image.place(&result("decide", "describe"), &self.manifest);
        let evaluate = image.place(&result("decide", "evaluate"), &self.decision);
        let explain = image.place(&result("trace", "explain"), &self.explanation);
        let other = image.place(&result("decide", "evaluate"), &self.other);
        let packed = self.packed.as_ref().map(|answer| {
            let answer = image.place(&result("packed", "evaluate"), answer);
            self.packed_functions(answer, other)
        });
        assert!(image.bytes().len() < END, "{} bytes", image.bytes().len());
        let heap = image.bytes().len();
        let code = |place| self.code_at(place, other);
        let text = format!(
            r#"(module
              (memory (export "memory") {PAGES})
              (table $table 1 funcref)
              (global $count (mut i32) (i32.const 0))
              (global $next (mut i32) (i32.const {heap}))
              (type $nothing (func))
              {fields}
              (func $deeper (param i32) (result i32)
                (i32.add (call $deeper (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))
              (func $start {start})
              (start $start)
              (func (export "claimbound:policy/decide@0.1.0#describe") (result i32)
                {on_describe} (i32.const {describe}))
              (func (export "claimbound:policy/decide@0.1.0#evaluate") (param $input i32) (result i32)
                {on_evaluate} (i32.const {evaluate}))
              (func (export "cabi_post_claimbound:policy/decide@0.1.0#evaluate") (param i32)
                {after_evaluate})
              (func (export "claimbound:policy/trace@0.1.0#explain") (param $input i32) (result i32)
                {on_explain} (i32.const {explain}))
              (func (export "cabi_post_claimbound:policy/trace@0.1.0#explain") (param i32)
                {after_explain})
              {packed}
              (func (export "cabi_realloc")
                (param i32 i32) (param $align i32) (param $size i32) (result i32) (local $at i32)
                {on_realloc}
                (local.set $at (i32.and
                  (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
                  (i32.sub (i32.const 0) (local.get $align))))
                (global.set $next (i32.add (local.get $at) (local.get $size)))
                (local.get $at)))"#,
            fields = self.fields,
            packed = packed.unwrap_or_default(),
            start = code(Place::Start),
            on_describe = code(Place::Describe),
            on_evaluate = code(Place::Evaluate),
            after_evaluate = code(Place::AfterEvaluate),
            on_explain = code(Place::Explain),
            after_explain = code(Place::AfterExplain),
            on_realloc = code(Place::Realloc),
        );
        let mut module = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let mut data = DataSection::new();
        data.active(0, &ConstExpr::i32_const(0), image.bytes().iter().copied());
        if let Some(address) = self.data {
            data.active(0, &ConstExpr::i32_const(address), *b"xy");
        }
        data.append_to(&mut module);
        module
    }

    fn packed_functions(&self, answer: usize, other: usize) -> String {
        format!(
            r#"(func (export "claimbound:policy/packed@0.1.0#evaluate")
                (param $texts i32) (param $bytes i32) (param $marks i32) (param $count i32)
                (result i32)
                {on_packed} (i32.const {answer}))
              (func (export "cabi_post_claimbound:policy/packed@0.1.0#evaluate") (param i32)
                {after_packed})"#,
            on_packed = self.code_at(Place::Packed, other),
            after_packed = self.code_at(Place::AfterPacked, other),
        )
    }

    fn code_at(&self, place: Place, other: usize) -> String {
        let here = self.code.iter().filter(|(at, _)| *at == place);
        let code: String = here.map(|(_, code)| code.as_str()).collect();
        code.replace("{other}", &format!("(i32.const {other})"))
            .replace("{now}", &offset_of_now().to_string())
    }
}

/// The component of a core module that exports a world of the contract.
pub(super) fn component(module: &[u8], world: &str) -> Vec<u8> {
    component_by(&CONTRACT, module, world)
}

fn component_by(contract: &Resolve, module: &[u8], world: &str) -> Vec<u8> {
    let mut module = module.to_vec();
    let package = contract.packages.iter().next().unwrap().0;
    let world = contract.select_world(&[package], Some(world)).unwrap();
    embed_component_metadata(&mut module, contract, world, StringEncoding::UTF8).unwrap();
    let encoder = ComponentEncoder::default().module(&module).unwrap();
    encoder.validate(true).encode().unwrap()
}

//! The contract's types and calls, made from `wit/policy.wit`. Private: what
//! embedders see are the types of [`decision`](crate::decision).

wasmtime::component::bindgen!({
    path: "wit",
    world: "explained-policy",
    ownership: Borrowing { duplicate_if_necessary: false },
});

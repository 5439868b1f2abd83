;; A policy that is told little and allows at once: what is left is a store, an
;; instance, two texts handed in, one answer read and all of it disposed of.
(module
  (memory (export "memory") 2)
  ;; Behind the answers, which start at 1024.
  (global $next (mut i32) (i32.const 4096))
  (data (i32.const 512) "instance1.0.0")
  ;; ok(manifest): name, version, no document, no claims, nothing else.
  (data (i32.const 1024) "\00\00\00\00" "\00\02\00\00\08\00\00\00" "\08\02\00\00\05\00\00\00")
  (data (i32.const 1056) "\01")
  ;; ok(allow): the statement `instance`, and a grant of nothing.
  (data (i32.const 1280) "\00\00\00\00" "\01\00\00\00" "\00\02\00\00\08\00\00\00")
  (func (export "claimbound:policy/decide@0.1.0#describe") (result i32) (i32.const 1024))
  (func (export "claimbound:policy/decide@0.1.0#evaluate") (param i32) (result i32)
    (i32.const 1280))
  (func (export "claimbound:policy/packed@0.1.0#evaluate") (param i32 i32 i32 i32) (result i32)
    (i32.const 1280))
  (func (export "claimbound:policy/trace@0.1.0#explain") (param i32) (result i32) unreachable)
  (func (export "cabi_realloc") (param i32 i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and
      (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
      (i32.sub (i32.const 0) (local.get $align))))
    (global.set $next (i32.add (local.get $at) (local.get $size)))
    (local.get $at)))

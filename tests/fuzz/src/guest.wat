;; A policy that answers with whatever it is told to: the request's one
;; attribute holds the answer's bytes, two letters from `a` to `p` for each.
;; The attribute is the longest text that the host lowers, so that its place is
;; known without reading the input.
(module
  (memory (export "memory") 4)
  (global $free (mut i32) (i32.const 0x10000))
  (global $longest (mut i32) (i32.const 0))
  (global $letters (mut i32) (i32.const 0))

  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $place i32)
    (local.set $place
      (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
    (global.set $free (i32.add (local.get $place) (local.get 3)))
    (if (i32.gt_u (local.get 3) (global.get $longest))
      (then
        (global.set $longest (local.get 3))
        (global.set $letters (local.get $place))))
    (local.get $place))

  (func $nibble (param $at i32) (result i32)
    (i32.and
      (i32.sub (i32.load8_u (local.get $at)) (i32.const 0x61))
      (i32.const 15)))

  ;; Writes the answer from 8 on, and says where it begins: the first two bytes
  ;; are that place, the others the image.
  (func $answer (result i32)
    (local $index i32)
    (local $letter i32)
    (loop $next
      (local.set $letter (i32.add (global.get $letters) (i32.shl (local.get $index) (i32.const 1))))
      (i32.store8
        (i32.add (i32.const 6) (local.get $index))
        (i32.or
          (i32.shl (call $nibble (local.get $letter)) (i32.const 4))
          (call $nibble (i32.add (local.get $letter) (i32.const 1)))))
      (local.set $index (i32.add (local.get $index) (i32.const 1)))
      (br_if $next
        (i32.lt_u (local.get $index) (i32.shr_u (global.get $longest) (i32.const 1)))))
    (i32.add (i32.const 8) (i32.load16_u (i32.const 6))))

  (func (export "claimbound:policy/decide@0.1.0#describe") (result i32)
    (i32.const 0xf000))
  (func (export "claimbound:policy/decide@0.1.0#evaluate") (param i32) (result i32)
    (call $answer)))

;; Rounds a great deal: n * 65536 steps of a chaotic map in f64, f32 and 4 x f32, where n is the document's
;; first byte, so that any difference in rounding is amplified to a difference in all bits. Writes 32 bytes.
(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (local $left i32) (local $x f64) (local $y f32) (local $z v128)
    (i32.store (i32.const 0) (i32.const 16))
    (i32.store (i32.const 4) (i32.const 1))
    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
    (local.set $left (i32.mul (i32.load8_u (i32.const 16)) (i32.const 65536)))
    (local.set $x (f64.const 0.3))
    (local.set $y (f32.const 0.3))
    (local.set $z (v128.const f32x4 0.1 0.2 0.3 0.4))
    (loop $step
      ;; The logistic map at r = 3.99, taken apart by a square root and a division that cancel but for rounding.
      (local.set $x
        (f64.mul (f64.const 3.99) (f64.mul (local.get $x) (f64.sub (f64.const 1) (local.get $x)))))
      (local.set $x (f64.div (f64.sqrt (f64.mul (local.get $x) (f64.const 7))) (f64.sqrt (f64.div (f64.const 7) (local.get $x)))))
      (local.set $y
        (f32.mul (f32.const 3.99) (f32.mul (local.get $y) (f32.sub (f32.const 1) (local.get $y)))))
      (local.set $z
        (f32x4.mul (f32x4.splat (f32.const 3.99))
          (f32x4.mul (local.get $z) (f32x4.sub (f32x4.splat (f32.const 1)) (local.get $z)))))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $step (i32.gt_s (local.get $left) (i32.const 0))))
    (f64.store (i32.const 64) (local.get $x))
    (f32.store (i32.const 72) (local.get $y))
    (f32.store (i32.const 76) (f32.demote_f64 (local.get $x)))
    (v128.store (i32.const 80) (local.get $z))
    (i32.store (i32.const 0) (i32.const 64))
    (i32.store (i32.const 4) (i32.const 32))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))

;; Spins as many times 50 million rounds as the first byte of the document says (beyond that of '0'), then writes its first 16 bytes.
(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (local $left i64)
    (i32.store (i32.const 0) (i32.const 32))
    (i32.store (i32.const 4) (i32.const 16))
    (if (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)) (then unreachable))
    (local.set $left
      (i64.mul
        (i64.extend_i32_u (i32.sub (i32.load8_u (i32.const 32)) (i32.const 48)))
        (i64.const 50000000)))
    (block $done
      (loop $round
        (br_if $done (i64.eqz (local.get $left)))
        ;; Through memory, so that no compiler can fold it away.
        (i64.store (i32.const 64) (local.get $left))
        (local.set $left (i64.sub (i64.load (i32.const 64)) (i64.const 1)))
        (br $round)))
    (i32.store (i32.const 0) (i32.const 32))
    (i32.store (i32.const 4) (i32.load (i32.const 8)))
    (if (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)) (then unreachable))))

;; Counts the words of stdin, which are runs of bytes above the space, and writes the number and a newline.
(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (func (export "_start")
    (local $words i32) (local $inside i32) (local $at i32) (local $end i32) (local $printable i32)
    ;; One vector at 0, the count that was read at 8, digits growing down from 63, input from 65536.
    (i32.store (i32.const 0) (i32.const 65536))
    (i32.store (i32.const 4) (i32.const 65536))
    (loop $chunk
      (if (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)) (then unreachable))
      (if (i32.load (i32.const 8))
        (then
          (local.set $at (i32.const 65536))
          (local.set $end (i32.add (local.get $at) (i32.load (i32.const 8))))
          (loop $byte
            (local.set $printable (i32.gt_u (i32.load8_u (local.get $at)) (i32.const 32)))
            (local.set $words
              (i32.add (local.get $words) (i32.gt_u (local.get $printable) (local.get $inside))))
            (local.set $inside (local.get $printable))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (br_if $byte (i32.lt_u (local.get $at) (local.get $end))))
          (br $chunk))))
    (local.set $at (i32.const 63))
    (i32.store8 (local.get $at) (i32.const 10))
    (loop $digit
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (i32.store8
        (local.get $at)
        (i32.add (i32.const 48) (i32.rem_u (local.get $words) (i32.const 10))))
      (br_if $digit (local.tee $words (i32.div_u (local.get $words) (i32.const 10)))))
    (i32.store (i32.const 0) (local.get $at))
    (i32.store (i32.const 4) (i32.sub (i32.const 64) (local.get $at)))
    (if (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)) (then unreachable))))

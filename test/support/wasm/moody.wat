;; Does what the first byte of the document says, so that one session can meet every kind of failure.
;;   s spins for ever     t traps       d divides by zero     r recurses without end
;;   x exits with code 3  z exits with code 0 after writing "z"
;;   f floods stdout      g grows memory as far as it may, and writes the pages it got as a 4-byte number
;;   h holds 48 MiB in memory, for ever
;; Anything else: returns.
(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func $deep (param i32) (result i32)
    (i32.add (i32.const 1) (call $deep (i32.add (local.get 0) (i32.const 1)))))
  (func $say (param $start i32) (param $length i32)
    (i32.store (i32.const 0) (local.get $start))
    (i32.store (i32.const 4) (local.get $length))
    (if (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)) (then unreachable)))
  (func $is (param $letter i32) (result i32)
    (i32.eq (i32.load8_u (i32.const 16)) (local.get $letter)))
  (func (export "_start")
    (local $at i32)
    (i32.store (i32.const 0) (i32.const 16))
    (i32.store (i32.const 4) (i32.const 1))
    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
    (if (call $is (i32.const 115)) (then (loop $forever (br $forever))))
    (if (call $is (i32.const 116)) (then unreachable))
    (if (call $is (i32.const 100)) (then (drop (i32.div_u (i32.const 1) (i32.load (i32.const 32))))))
    (if (call $is (i32.const 114)) (then (drop (call $deep (i32.const 0)))))
    (if (call $is (i32.const 120)) (then (call $exit (i32.const 3))))
    (if (call $is (i32.const 122)) (then (call $say (i32.const 16) (i32.const 1)) (call $exit (i32.const 0))))
    (if (call $is (i32.const 102)) (then (loop $again (call $say (i32.const 0) (i32.const 65536)) (br $again))))
    (if (call $is (i32.const 103))
      (then
        (loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
        (i32.store (i32.const 32) (memory.size))
        (call $say (i32.const 32) (i32.const 4))))
    (if (call $is (i32.const 104))
      (then
        (drop (memory.grow (i32.const 768)))
        (memory.fill (i32.const 64) (i32.const 7) (i32.const 50331648))
        (loop $hold (br $hold))))))

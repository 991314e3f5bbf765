/**
 * Two ways to have a document read: Mistral's /v1/ocr, whose answer has each page and, beside what Mistral gives, its lines with their
 * boxes; and a chat with an image, as people ask models that see, whose answer is the text.
 */
import { documentAt } from '../data-url.ts'
import type { EndpointDescription, EndpointRequest, LostPages, PageOutputs } from '../endpoint.ts'

const models = ['ocr']
const depthMax = 64
/** Reading takes no tokens. */
const usage = () => ({ input: 0, output: 0 })

/** Fields of a request that are read, or make no difference to what stands on a page: values that they may have. */
type Fields = Readonly<Record<string, (value: unknown) => boolean>>

const any = () => true
const pageFields: Fields = {
  ...{ model: any, id: any, document: any, pages: any },
  ...{ include_image_base64: any, image_limit: any, image_min_size: any },
}
const chatFields: Fields = {
  ...{ model: any, messages: any, user: any, metadata: any, store: any, service_tier: any },
  // The same page gives the same text, all of it.
  ...{ temperature: any, top_p: any, seed: any, max_tokens: any, max_completion_tokens: any },
  stream: (value) => value === false,
  n: (value) => value === 1,
  logprobs: (value) => value === false,
  response_format: (value) => isObject(value) && value.type === 'text',
}

const isRecord = ({ text }: PageOutputs[number]) => typeof text === 'string'

export const ocrEndpoints: readonly EndpointDescription[] = [
  {
    url: '/v1/ocr',
    models,
    // Of others, nothing but the text is compared, and so nothing else is delivered.
    engine: 'exact',
    depthMax,
    isRecord,
    usage,
    compose: {
      title: 'Read text in scans and PDFs',
      takes: 'file',
      body: (file) => ({ document: { type: 'file', file_id: file } }),
    },
    read(body) {
      const { document, pages, include_image_base64: images } = body
      if (pages !== undefined && pages !== null)
        return {
          fault: 'body.pages is not known here: all pages of the document are read',
          param: 'body.pages',
        }
      if (images === true)
        return { fault: 'no images are cut out of pages here', param: 'body.include_image_base64' }
      const unknown = unknownIn(body, pageFields)
      if (unknown !== undefined) return unknown
      if (!isObject(document)) return { fault: 'body.document is no object', param: 'body.document' }
      const { type } = document
      if (type === 'file') return carried(document.file_id, 'body.document.file_id')
      if (type !== 'image_url' && type !== 'document_url')
        return {
          fault: 'body.document.type is none of image_url, document_url, file',
          param: 'body.document.type',
        }
      return carried(urlIn(document[type]), `body.document.${type}`)
    },
    answer(outputs, { model, lost }) {
      const pages = numbered(outputs, lost)
      return {
        model,
        pages: pages.map(({ index, page }) => ({
          index,
          markdown: page.text,
          images: [],
          dimensions: { dpi: page.dpi ?? null, height: page.height ?? null, width: page.width ?? null },
          lines: page.lines ?? [],
          ...(page.warnings === undefined ? {} : { warnings: page.warnings }),
        })),
        usage_info: { pages_processed: pages.length, doc_size_bytes: null },
        ...(lost === null
          ? {}
          : { lost_pages: lost.pages.map((page) => ({ index: page - 1, reason: lost.why })) }),
      }
    },
  },
  {
    url: '/v1/chat/completions',
    models,
    depthMax,
    isRecord,
    usage,
    read(body) {
      if (body.stream === true) return { fault: 'body.stream can only be false here', param: 'body.stream' }
      const unknown = unknownIn(body, chatFields)
      if (unknown !== undefined) return unknown
      const images = Array.isArray(body.messages) ? body.messages.flatMap(imagesIn) : []
      if (images.length === 1) return carried(images[0], 'body.messages[].content[].image_url')
      const fault = `body.messages has ${images.length} images, and one document is read for each line`
      return { fault, param: 'body.messages' }
    },
    answer(outputs, { model, id, createdAt, lost }) {
      const content = [
        ...numbered(outputs, lost).map(({ index, page }) => ({ index, text: page.text })),
        // Nobody should take what is left for the whole.
        ...(lost?.pages ?? []).map((page) => ({
          index: page - 1,
          text: `[page ${page} could not be read: ${lost!.why}]`,
        })),
      ]
        .sort((a, b) => a.index - b.index)
        .map(({ text }) => text)
        .join('\n\n')
      const message = { role: 'assistant', content, refusal: null }
      return {
        id: `chatcmpl-${id}`,
        object: 'chat.completion',
        created: createdAt,
        model,
        choices: [{ index: 0, message, logprobs: null, finish_reason: 'stop' }],
        usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
      }
    },
  },
]

/** The fault of a field that asks for something else than the text of a page; one that is null asks for nothing. */
function unknownIn(
  body: Readonly<Record<string, unknown>>,
  known: Fields,
): { readonly fault: string; readonly param: string } | undefined {
  for (const [name, value] of Object.entries(body)) {
    const isKnown = Object.hasOwn(known, name)
    if (value === null || (isKnown && known[name]!(value))) continue
    const param = `body.${name.slice(0, 64)}`
    const why = isKnown ? 'asks for what reading a page does not give' : 'is not known here'
    return { fault: `${param} ${why}; leave it out`, param }
  }
  return undefined
}

function carried(url: unknown, field: string): EndpointRequest {
  const document = documentAt(url, field)
  if ('fault' in document) return { fault: document.fault, param: field }
  return 'bytes' in document ? { documents: [document.bytes] } : document
}

/** The images and files of one message, as their URLs. */
function imagesIn(message: unknown): unknown[] {
  const parts = isObject(message) && Array.isArray(message.content) ? message.content : []
  return parts.flatMap((part: unknown) => {
    if (!isObject(part)) return []
    if (part.type === 'image_url') return [urlIn(part.image_url)]
    if (part.type !== 'file' || !isObject(part.file)) return []
    return [part.file.file_id ?? part.file.file_data]
  })
}

/** Both APIs write a URL as it is, or within an object. */
function urlIn(value: unknown): unknown {
  return isObject(value) ? value.url : value
}

/** The pages of the document, by their places in it, from 0. */
function numbered([pages]: readonly PageOutputs[], lost: LostPages | null) {
  const without = new Set(lost?.pages)
  let index = -1
  return pages!.map((page) => {
    do index += 1
    while (without.has(index + 1))
    return { index, page }
  })
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

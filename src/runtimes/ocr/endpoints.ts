/**
 * Two ways to have a document read: Mistral's /v1/ocr, whose answer has each page and, beside what Mistral gives, its lines with their
 * boxes; and a chat with an image, as people ask models that see, whose answer is the text.
 */
import { documentAt } from '../data-url.ts'
import type { EndpointDescription, EndpointRequest, PageOutputs } from '../endpoint.ts'

const models = ['ocr']
const depthMax = 64
/** Reading takes no tokens. */
const usage = () => ({ input: 0, output: 0 })

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
    answer(outputs, { model }) {
      const pages = pagesOf(outputs)
      return {
        model,
        pages: pages.map((page, index) => ({
          index,
          markdown: page.text,
          images: [],
          dimensions: { dpi: page.dpi ?? null, height: page.height ?? null, width: page.width ?? null },
          lines: page.lines ?? [],
          ...(page.warnings === undefined ? {} : { warnings: page.warnings }),
        })),
        usage_info: { pages_processed: pages.length, doc_size_bytes: null },
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
      const images = Array.isArray(body.messages) ? body.messages.flatMap(imagesIn) : []
      if (images.length === 1) return carried(images[0], 'body.messages[].content[].image_url')
      const fault = `body.messages has ${images.length} images, and one document is read for each line`
      return { fault, param: 'body.messages' }
    },
    answer(outputs, { model, id, createdAt }) {
      const content = pagesOf(outputs)
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

function pagesOf([pages]: readonly PageOutputs[]): PageOutputs {
  return pages!
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

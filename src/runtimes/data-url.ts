/** Documents as requests of HTTP APIs carry them: in a data URL (RFC 2397), or as the id of a file that was uploaded before. */

export type CarriedDocument =
  | { readonly bytes: Uint8Array }
  | { readonly upload: string }
  | { readonly fault: string }

const uploadPattern = /^file-[A-Za-z0-9_-]{1,64}$/
const headPattern = /^data:[^,]{0,256};base64,/

/** `field`: its name in the fault. A document on another machine is never fetched: whoever asks for it has it. */
export function documentAt(url: unknown, field: string): CarriedDocument {
  if (typeof url !== 'string') return { fault: `${field} is no text` }
  if (uploadPattern.test(url)) return { upload: url }
  const [head] = headPattern.exec(url) ?? []
  if (head === undefined)
    return {
      fault: /^https?:/i.test(url)
        ? `${field} is on another machine, and nothing is fetched from there; send a data URL in base64, or upload the file and give its id`
        : `${field} is neither a data URL in base64 nor the id of an uploaded file`,
    }
  const bytes = Buffer.from(url.slice(head.length), 'base64')
  return bytes.byteLength === 0 ? { fault: `${field} has no bytes in base64` } : { bytes }
}

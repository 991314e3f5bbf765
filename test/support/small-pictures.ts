/** The same small picture in several formats, as Pillow writes them: gray, or `rgb(v, 255 - v, 3v mod 256)` of its grays. */
import { readFileSync } from 'node:fs'

export const smallPictures: Readonly<Record<string, Uint8Array>> = Object.fromEntries(
  Object.entries(
    JSON.parse(readFileSync(new URL('small-pictures.json', import.meta.url), 'utf8')) as Readonly<
      Record<string, string>
    >,
  ).map(([name, base64]) => [name, Uint8Array.from(Buffer.from(base64, 'base64'))]),
)

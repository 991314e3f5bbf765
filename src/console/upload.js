/** Uploads files, and makes the input of a batch of them. */
import { ask, Refusal } from './api.js'
import { counted } from './words.js'

/** The node takes four at once: some are left for programs. */
const atOnce = 2
const filesMax = 5_000
/** A line may have 16 MiB; its endpoint stands near its beginning as clients write it, and is looked for here. */
const lookedAtBytes = 65_536

/**
 * Returns the file that is the input of a batch, and the path that its lines are for. Throws Refusal.
 *
 * @param {readonly File[]} files
 * @param {{ model: string, endpoint: string, instruction: string }} work
 * @param {(step: string) => void} tell
 */
export async function inputOf(files, { model, endpoint, instruction }, tell) {
  if (files.length > filesMax)
    throw new Refusal(0, `there are ${files.length} files, and a batch of the page has at most ${filesMax}`)
  const requests = files.filter(({ name }) => /\.jsonl$/i.test(name))
  if (requests.length > 1 || (requests.length === 1 && files.length > 1))
    throw new Refusal(0, 'a .jsonl file of requests is a batch of its own; send it alone')
  const [only] = requests
  if (only !== undefined) {
    const url = await endpointIn(only)
    tell('Uploading …')
    return { file: await upload(only, 'batch'), endpoint: url }
  }
  const ids = await uploadAll(files, tell)
  const { id } = await ask('POST', '/api/compose', { model, endpoint, files: ids, instruction })
  return { file: id, endpoint }
}

/**
 * @param {readonly File[]} files
 * @param {(step: string) => void} tell
 */
async function uploadAll(files, tell) {
  /** @type {string[]} */
  const ids = []
  let [next, done] = [0, 0]
  const work = async () => {
    while (next < files.length) {
      const place = next
      next += 1
      ids[place] = await upload(files[place], 'user_data')
      done += 1
      tell(`Uploaded ${done} of ${counted(files.length, 'file')} …`)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  return ids
}

/**
 * @param {File} file
 * @param {string} purpose
 */
async function upload(file, purpose) {
  const form = new FormData()
  form.append('file', file)
  form.append('purpose', purpose)
  return (await ask('POST', '/api/files', form)).id
}

/** @param {File} file */
async function endpointIn(file) {
  const head = await file.slice(0, lookedAtBytes).text()
  const url = /"url"\s*:\s*"(\/v1\/[a-z/]+)"/.exec(head)?.[1]
  if (url !== undefined) return url
  throw new Refusal(
    0,
    `${file.name} has no requests in the format of OpenAI's batches: no line names a url such as /v1/chat/completions`,
  )
}

/**
 * Carpool as a library: two vehicles and a submitter in one program, with a runtime of its own (word-count.ts).
 *
 *   node examples/use-carpool.ts <an empty folder>
 */
import { join } from 'node:path'
import { CarpoolNode, RequestError, submit } from 'carpool'

const folder = process.argv[2]
if (folder === undefined) throw new Error('name an empty folder for the data of three nodes')

const runtimes = [
  new URL(import.meta.url.endsWith('.ts') ? 'word-count.ts' : 'word-count.js', import.meta.url),
]
const listen = ['/ip4/127.0.0.1/tcp/0']

// The first node has nobody to join. Each is an owner of its own, so that two of them can check each other.
await using first = await CarpoolNode.start({ dataDir: join(folder, 'first'), listen, slots: 1, runtimes })
await using second = await CarpoolNode.start({
  dataDir: join(folder, 'second'),
  listen,
  bootstrap: first.addresses,
  slots: 1,
  runtimes,
})

const here = { dataDir: join(folder, 'submitter'), listen, bootstrap: second.addresses, runtimes }

// What nobody could do is refused in a sentence, before anything is sent.
try {
  await submit({ runtime: 'word-count', documents: [{ id: 'a', text: 'a' }], options: { least: 0 } }, here)
} catch (error) {
  if (!(error instanceof RequestError)) throw error
  console.log(`refused: ${error.message}`)
}

async function* documents() {
  yield { id: 'sea', text: 'the sea the sea' }
  yield { id: 'silence', text: ' ' }
  yield { id: 'bytes', bytes: new TextEncoder().encode('one two') }
}

// Two owners must agree, and nobody else is there to stand by. This starts a node for the job, which `await using` stops at the end.
await using job = await submit(
  { runtime: 'word-count', documents: documents(), replicas: 2, standbys: 0 },
  here,
)
console.log(`${job.plan!.documents} documents, ${job.plan!.replicas} owners each, by ${job.plan!.engine}`)
for await (const { document, result, error } of job.results())
  console.log(`${document}: ${error === null ? JSON.stringify(result) : error.message}`)
const { state, pages } = await job.ended()
console.log(`${state}: ${pages.verified} of ${pages.total}`)

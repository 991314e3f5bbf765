/** The outside of a report: a file whose blocks are not what their names say, or that is cut off, is no proof. */
import assert from 'node:assert/strict'
import { createWriteStream, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type TestContext, test } from 'node:test'
import { CarWriter } from '@ipld/car'
import { CID } from 'multiformats'
import { auditFile } from '../../src/host/jobs/audit.ts'
import { blockOf, temporaryDirectory } from '../support/store.ts'

const block = blockOf(100)

/** A file with the block under its name, but with these bytes in it. */
async function fileOf(t: TestContext, bytes: Uint8Array): Promise<string> {
  const path = join(temporaryDirectory(t), 'report.car')
  const cid = CID.parse(block.cid)
  const { writer, out } = CarWriter.create(cid)
  const written = pipeline(Readable.from(out), createWriteStream(path))
  await writer.put({ cid, bytes })
  await writer.close()
  await written
  return path
}

test('a block whose bytes were changed is named', async (t) => {
  const isNamed = ({ problems }: { readonly problems: readonly string[] }) =>
    problems.some((problem) => problem.startsWith(`block ${block.cid} was changed`))
  const whole = await auditFile(await fileOf(t, block.bytes))
  assert.equal(isNamed(whole), false)
  const changed = await auditFile(await fileOf(t, block.bytes.with(50, 255)))
  assert.deepEqual([changed.ok, isNamed(changed)], [false, true])
})

test('a file that is cut off is no whole report, and one that is not there cannot be read', async (t) => {
  const path = await fileOf(t, block.bytes)
  truncateSync(path, 120)
  const { ok, problems } = await auditFile(path)
  assert.equal(ok, false)
  assert.match(problems[0]!, /not a whole report/)
  await assert.rejects(auditFile(`${path}.none`), { code: 'ENOENT' })
})

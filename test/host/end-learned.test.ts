/** How a standby that was away learns that its job has ended: two real nodes in this process. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pino } from 'pino'
import { type OwnNode, resolveNodeConfig, startOwnNode } from '../../src/cli/local-node.ts'
import { until, untilStatus, wasmJob, writeDocuments } from '../support/swarm.ts'

// It is for tests of chance, and no option of a node, which refuses variables that it does not know.
delete process.env.CARPOOL_SEED

test('a standby that was away learns of the end from a steward that was restarted since', {
  timeout: 400_000,
}, async (t) => {
  const running = new Set<OwnNode>()
  const folders = [0, 1].map(() => mkdtempSync(join(tmpdir(), 'carpool-test-')))
  t.after(async () => {
    await Promise.all([...running].map((node) => node.stop()))
    for (const folder of folders) rmSync(folder, { recursive: true, force: true })
  })
  const start = async (dataDir: string, bootstrap: readonly string[] = []): Promise<OwnNode> => {
    const config = resolveNodeConfig({ dataDir, slots: 0, bootstrap, listen: ['/ip4/127.0.0.1/tcp/0'] })
    const node = await startOwnNode(config, pino({ level: 'silent' }))
    running.add(node)
    return node
  }
  const stop = async (node: OwnNode): Promise<void> => {
    running.delete(node)
    await node.stop()
  }
  const addressesOf = async ({ client }: OwnNode) => (await client.info()).addresses
  const [here, there] = folders as [string, string]
  const submitter = await start(here)
  const standby = await start(there, await addressesOf(submitter))
  await until('they know each other', async () => (await submitter.client.peers()).length === 2)

  const request = await wasmJob(t, 'echo', writeDocuments(t, ['one']), { standbys: 1 })
  const { job, standbys } = await submitter.client.submit(request)
  assert.equal(standbys, 1)
  await until('the standby has the job', async () => (await standby.client.jobs()).length === 1)
  await stop(standby)
  await submitter.client.cancel(job)
  await stop(submitter)

  const restarted = await start(here)
  const back = { node: (await start(there, await addressesOf(restarted))).client }
  assert.equal(
    (await untilStatus(back, job, 'it has ended', ({ state }) => state !== 'running')).state,
    'cancelled',
  )
})

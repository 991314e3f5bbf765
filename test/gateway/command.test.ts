/** The gateway as its owner starts it: keys by `carpool key`, the server by `carpool node --http`, each a process of its own. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import OpenAI from 'openai'
import { launcher } from '../support/launcher.ts'

test('a key is printed once, alone on the last line, opens the node that runs, and nothing once it is revoked', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'carpool-gateway-'))
  const [created, url] = await Promise.all([
    run(['key', 'create', '--name', 'team', '--budget-day', '5EUR'], dataDir),
    startNode(t, dataDir),
  ])
  // Behind the end of the node, which comes first.
  t.after(() => rmSync(dataDir, { recursive: true, force: true }))
  const key = created.trimEnd().split('\n').at(-1)!
  assert.match(key, /^cpk-[0-9a-f]{16}-[\w-]{43}$/)
  const client = new OpenAI({ apiKey: key, baseURL: `${url}/v1`, maxRetries: 0 })
  assert((await client.models.list()).data.some(({ id }) => id === 'ocr'))
  const listed = await run(['key', 'list'], dataDir)
  assert.match(listed, /^team +[0-9a-f]{16} +5\.00 EUR /m)
  assert(!listed.includes(key.slice(-20)))
  await run(['key', 'revoke', 'team'], dataDir)
  await assert.rejects(client.models.list(), OpenAI.AuthenticationError)
})

async function run(args: readonly string[], dataDir: string): Promise<string> {
  const child = spawn(process.execPath, [launcher, ...args, '--data-dir', dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [out, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  assert.equal(code, 0, args.join(' '))
  return out
}

/** Answers with the URL of its server, once it is ready. */
async function startNode(t: TestContext, dataDir: string): Promise<string> {
  const args = ['node', '--slots', '0', '--listen', '/ip4/127.0.0.1/tcp/0', '--http', '127.0.0.1:0', '--json']
  const child = spawn(process.execPath, [launcher, ...args, '--data-dir', dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(async () => {
    child.kill('SIGTERM')
    if (child.exitCode === null) await once(child, 'exit')
    assert.equal(child.exitCode, 0)
  })
  for await (const line of createInterface(child.stdout)) {
    const event = JSON.parse(line) as { readonly event: string; readonly http?: string }
    if (event.event === 'ready') return event.http!
  }
  throw new Error('the node ended before it was ready')
}

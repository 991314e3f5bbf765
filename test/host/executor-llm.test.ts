/** Models in the sandboxed child: what a stranger's model can do to a submitter's machine, and to a vehicle. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { pino } from 'pino'
import { ProcessExecutor } from '../../src/host/executor/executor.ts'
import { lettersModel, withTemplate } from '../support/letters.ts'

const executor = new ProcessExecutor({ log: pino({ level: 'silent' }), limits: { inspectMsMax: 2000 } })
after(() => executor.close())

test('a model whose template never ends is given up within its limit, and the next one is loaded', async () => {
  const tried = (bytes: Uint8Array) => executor.tryWeight('llm', { name: 'model', bytes }, {})
  const endless = withTemplate('{% for i in range(1000000000) %}{% endfor %}')
  assert.equal(await tried(endless), 'too much work to open')
  assert.equal(await tried(lettersModel()), null)
})

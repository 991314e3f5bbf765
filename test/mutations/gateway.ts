import type { Mutation } from './mutation.ts'

const batches = ['test/gateway/batches.test.ts']
const tenants = ['test/gateway/tenants.test.ts']
const page = ['test/gateway/console.test.ts']

export const gateway: readonly Mutation[] = [
  {
    name: 'A file of another tenant is found by its id.',
    file: 'src/gateway/files.ts',
    find: 'if (row === undefined || row.tenant !== tenant)',
    replace: 'if (row === undefined)',
    caughtBy: tenants,
  },
  {
    name: 'A key that was revoked goes on opening the gateway.',
    file: 'src/gateway/keys.ts',
    find: 'WHERE id = ? AND revoked_at_ms IS NULL`, id)',
    replace: 'WHERE id = ?`, id)',
    caughtBy: tenants,
  },
  {
    name: 'The gateway answers to whatever name it is asked by.',
    file: 'src/gateway/app.ts',
    find: "if (isPath && hosts.has(c.req.header('host')))",
    replace: 'if (isPath)',
    caughtBy: tenants,
  },
  {
    name: 'Equal files of two tenants are one job.',
    file: 'src/gateway/submit.ts',
    find: '{batch.id}/',
    replace: "{''}/",
    caughtBy: tenants,
  },
  {
    name: 'A batch gets a budget that others hold already.',
    file: 'src/gateway/create-batch.ts',
    find: 'if (micros > left || ',
    replace: 'if (',
    caughtBy: tenants,
  },
  {
    name: 'A retry makes a second batch.',
    file: 'src/gateway/create-batch.ts',
    find: 'if (before !== undefined) return',
    replace: 'if (before === null) return',
    caughtBy: tenants,
  },
  {
    name: 'A batch that nobody works for at its price waits until its window is over.',
    file: 'src/gateway/submit.ts',
    find: '  refuseTooDear(request, node)\n',
    replace: '',
    caughtBy: batches,
  },
  {
    name: 'Blank lines are not counted, so that errors name other lines.',
    file: 'src/gateway/jsonl.ts',
    find: '    line += 1\n',
    replace: '    line += whole.byteLength > 0 ? 1 : 0\n',
    caughtBy: batches,
  },
  {
    name: 'Answers are only there when the batch is over.',
    file: 'src/gateway/follow.ts',
    find: '    this.#appender.add(line)\n',
    replace: '',
    caughtBy: batches,
  },
  {
    name: 'Lines of a batch that was cancelled are in no file.',
    file: 'src/gateway/finish.ts',
    find: 'await (answered.isSuccess ? files.output : files.errors).write(answered.text)',
    replace:
      "if (answered.isSuccess || !answered.text.includes('batch_cancelled')) await (answered.isSuccess ? files.output : files.errors).write(answered.text)",
    caughtBy: batches,
  },
  {
    name: 'A page on another port of this machine is taken for the console.',
    file: 'src/gateway/console/guard.ts',
    find: "site === 'same-origin' ||",
    replace: "site === 'same-origin' || site === 'same-site' ||",
    caughtBy: page,
  },
  {
    name: 'Where browsers say nothing of the page that asks, each may change things.',
    file: 'src/gateway/console/guard.ts',
    find: '!changes || isOwnOrigin(c)',
    replace: 'true',
    caughtBy: page,
  },
  {
    name: 'Scripts read the cookie of the console.',
    file: 'src/gateway/console/guard.ts',
    find: 'httpOnly: true',
    replace: 'httpOnly: false',
    caughtBy: page,
  },
  {
    name: 'A session goes on when its key was revoked.',
    file: 'src/gateway/keys.ts',
    find: 'WHERE id = ?1 AND revoked_at_ms IS NULL`, id)',
    replace: 'WHERE id = ?1`, id)',
    caughtBy: page,
  },
  {
    name: 'Each key opens every view of the console.',
    file: 'src/gateway/console/stream.ts',
    find: '    withRole(key, view.role)\n',
    replace: '',
    caughtBy: page,
  },
  {
    name: 'A key of an owner sends batches.',
    file: 'src/gateway/app.ts',
    find: "return withRole(key, 'submitter')",
    replace: 'return key',
    caughtBy: page,
  },
  {
    name: 'The console names the address from which a vehicle asked to join.',
    file: 'src/gateway/console/fleet-view.ts',
    find: 'rows: waiting.slice(0, rowsMax).map(memberShown)',
    replace: 'rows: waiting.slice(0, rowsMax)',
    caughtBy: page,
  },
  {
    name: 'A map of many shards hides one that failed among its neighbours.',
    file: 'src/gateway/console/shard-map.ts',
    find: "urgency = 'fdrlqv'",
    replace: "urgency = 'vqlrdf'",
    caughtBy: page,
  },
  {
    name: 'The time that is left is that of the fastest pace alone.',
    file: 'src/gateway/console/time-left.ts',
    find: 'left / Math.min(...paces)',
    replace: 'left / Math.max(...paces)',
    caughtBy: page,
  },
  {
    name: 'A quote leaves its lines in the table.',
    file: 'src/gateway/console/quotes.ts',
    find: '      lines.forget(batch.id)\n',
    replace: '',
    caughtBy: page,
  },
]

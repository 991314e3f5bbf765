import type { Mutation } from './mutation.ts'

const batches = ['test/gateway/batches.test.ts']
const tenants = ['test/gateway/tenants.test.ts']
const acceptance = ['test/gateway/acceptance.test.ts']

export const gateway: readonly Mutation[] = [
  {
    name: 'The file that a batch writes is deleted under it.',
    file: 'src/gateway/files.ts',
    find: 'if (this.get(tenant, id).bytes === null)',
    replace: "if (this.get(tenant, id).id === '')",
    caughtBy: acceptance,
  },
  {
    name: 'A list does not go on after a file that was deleted meanwhile.',
    file: 'src/gateway/files.ts',
    find: 'UNION ALL SELECT serial FROM gone_files WHERE id = ?1 AND tenant = ?2',
    replace: "UNION ALL SELECT serial FROM gone_files WHERE id = ?1 AND tenant = ?2 AND id = ''",
    caughtBy: acceptance,
  },
  {
    name: 'The input of a batch that is about to be read goes as soon as its client deletes it.',
    file: 'src/gateway/batch-run.ts',
    find: 'const release = this.#context.files.hold(this.#batch.facts.inputFileId)',
    replace: 'const release = () => {}',
    caughtBy: acceptance,
  },
  {
    name: 'A batch whose time is over is complete.',
    file: 'src/gateway/batch-run.ts',
    find: "isExpired ? 'expired' : 'completed'",
    replace: "isExpired ? 'completed' : 'completed'",
    caughtBy: acceptance,
  },
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
]

/** Planted bugs in what operators rely on: how a node changes, tells of itself and ends. */
import type { Mutation } from './mutation.ts'

const mesh = ['test/mesh/operating.test.ts']
const command = ['test/cli/operating.test.ts']

export const operating: readonly Mutation[] = [
  {
    name: 'A node that drains goes on taking work.',
    file: 'src/host/node/follow-owner.ts',
    find: '      isDraining = true\n',
    replace: '',
    caughtBy: mesh,
  },
  {
    name: 'A node that drains does not wait for the work under way.',
    file: 'src/host/node/node.ts',
    find: 'while (this.#parts.vehicle.view().leases > 0 && !signal.aborted)',
    replace: 'while (this.#parts.vehicle.view().leases > 9 && !signal.aborted)',
    caughtBy: mesh,
  },
  {
    name: 'Rules that an owner changes hold at the next start only.',
    file: 'src/host/node/node.ts',
    find: '    await watch.setPreferences(wish.preferences)\n',
    replace: '',
    caughtBy: mesh,
  },
  {
    name: 'A price that an owner changes is told to nobody.',
    file: 'src/host/node/node.ts',
    find: 'prices.stand(changed.asks, changed.autoPrice ?? null)',
    replace: '',
    caughtBy: mesh,
  },
  {
    name: 'An execution is in no lease’s trace.',
    file: 'src/host/vehicle/traced-work.ts',
    find: 'done.wallMs, clock.now(), leases.get(lease))',
    replace: 'done.wallMs, clock.now())',
    caughtBy: mesh,
  },
  {
    name: 'A configuration that is not valid ends the node that reads it.',
    file: 'src/cli/commands/node.ts',
    find: '    reload?.().catch((error) =>',
    replace: '    reload?.().then((error) =>',
    caughtBy: command,
  },
  {
    name: '`settle mark --reference` and `settle list --data-dir` lose what they were told.',
    file: 'src/cli/commands/settle-transfers.ts',
    find: '({ ...settle.opts(), ...flags })',
    replace: '({ ...flags })',
    caughtBy: ['test/cli/commands.test.ts'],
    test: 'commands below settle take the flags that settle has as well, before their name and after it',
  },
  {
    name: '`config set` says that the node heeds what a flag forbids.',
    file: 'src/cli/reload.ts',
    find: "['flag', 'environment'].includes(read.origins[name].layer)",
    replace: "['environment'].includes(read.origins[name].layer)",
    caughtBy: command,
    test: 'config set changes what can change in the running node, and says what cannot',
  },
  {
    name: 'A node goes on when npm was killed.',
    file: 'src/cli/parents.ts',
    find: '    clearInterval(look)\n    orphaned()\n',
    replace: '    clearInterval(look)\n',
    caughtBy: ['test/cli/parents.test.ts'],
  },
  {
    name: 'A node goes on when its launcher was killed.',
    file: 'src/cli/parents.ts',
    find: "  process.once('disconnect', orphaned)\n",
    replace: '',
    caughtBy: ['test/cli/parents.test.ts'],
  },
  {
    name: 'Each version that a peer makes up is a label.',
    file: 'src/gateway/metrics.ts',
    find: 'sorted.splice(versionsMax)',
    replace: 'sorted.splice(1e6)',
    caughtBy: ['test/gateway/metrics.test.ts'],
  },
  {
    name: 'A node that is about to stop is ready for requests.',
    file: 'src/gateway/gateway.ts',
    find: '    this.#state.isStopping = true\n',
    replace: '',
    caughtBy: ['test/gateway/hostile.test.ts'],
  },
  {
    name: 'A figure in a narrow table is cut.',
    file: 'src/cli/table.ts',
    find: "columns[index]!.align !== 'right' && width > cutColumnsMin",
    replace: 'width > cutColumnsMin',
    caughtBy: ['test/cli/terminal.test.ts'],
  },
]

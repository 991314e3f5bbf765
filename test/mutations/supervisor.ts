import type { Mutation } from './mutation.ts'

export const supervisor: readonly Mutation[] = [
  {
    name: 'An owner’s pause is forgotten in a restart.',
    file: 'src/host/supervisor/desk-watch.ts',
    find: '    this.#pause.write({ untilMs, isDate })\n',
    replace: '',
    caughtBy: ['test/host/owner-watch.test.ts'],
  },
  {
    name: 'The supervisor signals whoever has the number of a slot’s process.',
    file: 'src/host/supervisor/main.ts',
    find: '  if (child.startedTicks !== null && stat?.startedTicks !== child.startedTicks) return\n',
    replace: '',
    caughtBy: ['test/host/supervisor.test.ts'],
  },
  {
    name: 'A process that starts during a stop runs until the next reading.',
    file: 'src/host/supervisor/main.ts',
    find: "      if (guard === undefined || guard.judgement.verdict === 'stop') freeze()\n",
    replace: '',
    caughtBy: ['test/host/supervisor-newcomer.test.ts'],
  },
  {
    name: 'Slots are left to the node.',
    file: 'src/host/supervisor/main.ts',
    find: "  if (guard!.judgement.verdict === 'stop') freeze()\n",
    replace: "  if (guard!.judgement.verdict === 'stop') return tell()\n",
    caughtBy: ['test/host/supervisor.test.ts'],
  },
  {
    name: 'A supervisor that has ended leaves its last verdict.',
    file: 'src/host/supervisor/supervised-watch.ts',
    find: '    this.#judge(unwatched(why))\n',
    replace: '',
    caughtBy: ['test/host/supervisor.test.ts'],
  },
  {
    name: 'A supervisor that was replaced does not know the slots.',
    file: 'src/host/supervisor/supervised-watch.ts',
    find: "    for (const [pid, startedTicks] of this.#children) life.say({ type: 'child', pid, startedTicks })\n",
    replace: '',
    caughtBy: ['test/host/supervisor.test.ts'],
  },
  {
    name: 'What a killed node leaves behind lives on.',
    file: 'src/host/supervisor/main.ts',
    find: "  for (const [pid, child] of children) signal(pid, child, 'SIGKILL')\n",
    replace: '',
    caughtBy: ['test/host/supervisor.test.ts'],
  },
  {
    name: 'A pause ends with the node’s process.',
    file: 'src/host/supervisor/desk-watch.ts',
    find: '    if (pause !== null) this.#guard.handle',
    replace: '    if (pause !== pause) this.#guard.handle',
    caughtBy: ['test/mesh/node.test.ts'],
  },
]

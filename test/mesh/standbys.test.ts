/** Which nodes a submitter takes for standbys, among real ones: owners are drawn, and the next is asked where one is gone. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Mesh } from '../support/mesh.ts'

/** Six owners with a vehicle each, of which a job can spare two, and one owner with three nodes without slots. */
const cars = [1, 2, 3, 4, 5, 6].map((n) => `car-${n}`)
const depots = ['depot-1', 'depot-2', 'depot-3']

let mesh: Mesh
before(async () => {
  mesh = await Mesh.start({
    fleet: {},
    vehicles: [
      ...cars.map((name) => ({ name })),
      ...depots.map((name) => ({ name, slots: 0, owner: 'many' })),
    ],
  })
})
after(() => mesh.stop())

/** The names of those that stand by for a job, which has ended. */
async function standbysOf(text: string, wanted: number): Promise<string[]> {
  const { submitter } = mesh
  const submitted = submitter.api.submit(mesh.request([text], { standbys: wanted }))
  const { job, standbys } = await submitted
  const knowing = () =>
    mesh
      .running()
      .filter(({ peer, api }) => peer !== submitter.peer && api.jobs().some((known) => known.job === job))
  await mesh.until('all that were taken know of the job', () => knowing().length >= standbys)
  assert.equal((await submitter.ended(job)).state, 'complete')
  const found = knowing()
  assert.equal(found.length, standbys)
  return found.map(({ name }) => name)
}

test('an owner with nodes without slots does not sit at every job, though all others have vehicles alone', async () => {
  const jobs = 6
  const drawn: string[] = []
  for (let n = 0; n < jobs; n += 1) {
    const standbys = await standbysOf(`page ${n}`, 1)
    assert.equal(standbys.length, 1)
    drawn.push(...standbys)
  }
  const ofMany = drawn.filter((name) => depots.includes(name))
  // It is one of seven for each job: that it has all six happens once in a hundred thousand runs.
  assert(ofMany.length < jobs, drawn.join())
  assert(new Set(drawn).size > 1, drawn.join())
})

test('where the drawn node is gone, the next is asked, and no owner has two places', async () => {
  for (const name of depots.slice(0, 2)) await mesh.node(name).crash()
  for (let n = 0; n < 4; n += 1) {
    const standbys = await standbysOf(`more ${n}`, 3)
    assert.equal(standbys.length, 3, 'two cars and the one that is left of the depots')
    assert.deepEqual(
      standbys.filter((name) => depots.includes(name)),
      [depots[2]],
    )
  }
})

/** Standbys in a mesh in which most nodes are there for a moment only, or have just left. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Mesh } from '../support/mesh.ts'

const laptops = Array.from({ length: 10 }, (_, n) => `laptop-${n}`)
const gone = Array.from({ length: 10 }, (_, n) => `gone-${n}`)

let mesh: Mesh
before(async () => {
  mesh = await Mesh.start({
    vehicles: [
      { name: 'car-1', slots: 4 },
      { name: 'car-2', slots: 4 },
      { name: 'hub-1', slots: 0 },
      { name: 'hub-2', slots: 0 },
      ...[...laptops, ...gone].map((name) => ({ name, slots: 0, standsBy: false })),
    ],
  })
})
after(() => mesh.stop())

test('fifty jobs of fifty get their two standbys where two nodes are willing among twenty that are not', async () => {
  const { submitter } = mesh
  await Promise.all(gone.map((name) => mesh.node(name).stop()))
  let found = 0
  for (let group = 0; group < 10; group += 1) {
    const jobs = await Promise.all(
      Array.from({ length: 5 }, (_, n) =>
        submitter.api.submit(mesh.request([`page ${group}/${n}`], { standbys: 2 })),
      ),
    )
    found += jobs.filter(({ standbys }) => standbys === 2).length
    for (const { job } of jobs) assert.equal((await submitter.ended(job)).state, 'complete')
  }
  assert.equal(found, 50)
})

/** Standbys in a mesh in which some nodes are there for a moment only, and others have just left. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Mesh } from '../support/mesh.ts'

const laptops = ['laptop-1', 'laptop-2', 'laptop-3']
const gone = ['gone-1', 'gone-2']

let mesh: Mesh
before(async () => {
  mesh = await Mesh.start({
    vehicles: [
      { name: 'car-1', slots: 8 },
      { name: 'car-2', slots: 8 },
      { name: 'hub-1', slots: 0 },
      { name: 'hub-2', slots: 0 },
      ...laptops.map((name) => ({ name, slots: 0, standsBy: false })),
      ...gone.map((name) => ({ name, slots: 0 })),
    ],
  })
})
after(() => mesh.stop())

test('fifty jobs of fifty get both nodes that are willing, among others that are there for a moment, or have left', async () => {
  const { submitter } = mesh
  await mesh.node('gone-1').stop()
  await mesh.node('gone-2').crash()
  let found = 0
  for (let group = 0; group < 5; group += 1) {
    const submitted = Array.from({ length: 10 }, (_, n) =>
      submitter.api.submit(mesh.request([`page ${group}/${n}`], { standbys: 2 })),
    )
    const jobs = await Promise.all(submitted)
    found += jobs.filter(({ standbys }) => standbys === 2).length
    for (const { job } of jobs) await submitter.ended(job)
  }
  assert.equal(found, 50)
  for (const name of ['hub-1', 'hub-2']) assert.equal(mesh.node(name).api.jobs().length, 50)
  for (const name of laptops) assert.equal(mesh.node(name).api.jobs().length, 0)
})

test('a job that must outlive its node is not submitted where no other node stands by', async () => {
  const { submitter } = mesh
  await mesh.leave('hub-1')
  await mesh.leave('hub-2')
  const known = submitter.api.jobs().length
  const request = mesh.request(['left alone'], { standbys: 2, mustOutlive: true })
  await assert.rejects(mesh.clock.hurry(submitter.api.submit(request)), /nothing was submitted; start nodes/)
  assert.equal(submitter.api.jobs().length, known)
  await mesh.node('hub-1').start(mesh.addresses())
  const { standbys } = await submitter.api.submit(request)
  assert.equal(standbys, 1)
})

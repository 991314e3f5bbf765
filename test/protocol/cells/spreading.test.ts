/** Spreading: proofs of lies come through, whoever names them first. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { proofsOfOneMax } from '../../../src/protocol/cell-limits.ts'
import type { CellsEffect } from '../../../src/protocol/cells/contract.ts'
import { contactOf } from '../../../src/protocol/cells/member.ts'
import { Proofs } from '../../../src/protocol/cells/proofs.ts'
import { Spreading } from '../../../src/protocol/cells/spreading.ts'
import type { Station } from '../../../src/protocol/cells/station.ts'
import type { RecordId } from '../../../src/protocol/ids.ts'
import { rawCid } from '../../../src/protocol/record/block.ts'
import { memberAt } from '../../support/core-cells.ts'
import { ownerNamed, sha256 } from '../../support/core-fakes.ts'

const [liar, shield, honest, third] = ['liar', 'shield', 'honest', 'third'].map((name) =>
  memberAt(name, 0),
) as [
  ...[ReturnType<typeof memberAt>, ReturnType<typeof memberAt>, ReturnType<typeof memberAt>],
  ReturnType<typeof memberAt>,
]
const proofOf = (text: string) => rawCid(sha256, Buffer.from(text)) as string as RecordId

/** A node whose speakers are the three others; whether it speaks itself. */
function node(speaks: boolean) {
  const effects: CellsEffect[] = []
  const station = {
    ...{ effects, proofs: new Proofs(sha256), revoked: new Set(), charter: null },
    speaks: () => speaks,
    speakers: () => [shield.peer, honest.peer, third.peer],
    here: () => [liar],
  } as unknown as Station
  const spreading = new Spreading(station)
  const hears = (from: typeof liar, proof: RecordId, nowMs = 0, owner = liar.owner) =>
    spreading.message(
      contactOf(from),
      { type: 'proofs', leaf: 0, names: [{ owner, proof }], asks: false },
      nowMs,
    )
  const asked = () => effects.flatMap((effect) => (effect.type === 'accused' ? effect.from.peer : []))
  return { hears, asked }
}

test('who names a true proof and does not show it keeps no speaker from asking those who have it', () => {
  const { hears, asked } = node(true)
  const proof = proofOf('true')
  for (let i = 0; i < 10; i += 1) hears(shield, proof, i)
  hears(honest, proof, 20)
  assert.deepEqual(asked(), [shield.peer, honest.peer])
  hears(shield, proof, 70_000)
  assert.equal(asked().length, 3, 'it is asked again after a minute')
})

test('who names many proofs that there are not has a part of a minute, and others have theirs', () => {
  const { hears, asked } = node(true)
  for (let i = 0; i < 1_000; i += 1) hears(shield, proofOf(`none ${i}`), 0, ownerNamed(`nobody ${i}`))
  hears(honest, proofOf('true'))
  assert.deepEqual(asked().length, proofsOfOneMax + 1)
  assert.equal(asked().at(-1), honest.peer)
})

test('a node that does not speak asks each of its speakers that names a proof, and nobody else', () => {
  const { hears, asked } = node(false)
  const proof = proofOf('true')
  for (const from of [shield, honest, third, liar, honest]) hears(from, proof)
  assert.deepEqual(asked(), [shield.peer, honest.peer, third.peer])
})

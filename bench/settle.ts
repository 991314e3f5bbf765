/**
 * Settling: 100,000 claims of 10,000 payees become one pay-out, its file for the bank and, once paid, entries. The baseline is
 * reading the same entries from the database as bare rows.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sha256 } from '../src/host/sha256.ts'
import { openStore } from '../src/host/store.ts'
import type { PeerId } from '../src/protocol/ids.ts'
import { ownerIdOf } from '../src/protocol/membership/owner.ts'
import { cborCid } from '../src/protocol/record/block.ts'
import type { BenchOptions, Figure } from './figure.ts'

const submitter = '12D3KooWsubmitter' as PeerId
const claimsPerCommit = 1_000

export async function settle({ quick, note }: BenchOptions): Promise<Figure[]> {
  const [claims, payees] = quick ? [10_000, 1_000] : [100_000, 10_000]
  const folder = mkdtempSync(join(tmpdir(), 'carpool-bench-'))
  try {
    await fill(folder, claims, payees)
    const [node, command] = [work('node', folder), work('command', folder)]
    const seconds = node.seconds + command.seconds
    const cpuSeconds = node.cpuSeconds + command.cpuSeconds
    note(
      `${node.bare} entries; ${cpuSeconds.toFixed(1)} s of CPU, ${command.cpuSeconds.toFixed(1)} s of them the command's`,
    )
    note(`${Math.round(node.rssMiB)} MiB the node, ${Math.round(command.rssMiB)} MiB the command`)
    if (node.noted !== payees) throw new Error(`${node.noted} of ${payees} were paid`)
    const name = `settle ${claims} claims of ${payees} payees, file and payment included`
    const rssMiB = Math.max(node.rssMiB, command.rssMiB)
    return [
      {
        ...{ name, unit: 's', ours: seconds, baseline: node.bareSeconds!, of: 'the bare rows' },
        goal: { value: 'ours', most: quick ? 1 : 5 },
      },
      {
        ...{
          name: `${name}, memory`,
          unit: 'MiB',
          ours: rssMiB,
          baseline: command.rssMiB,
          of: 'the command',
        },
        goal: { value: 'ours', most: 300 },
      },
    ]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

interface Work {
  readonly seconds: number
  readonly cpuSeconds: number
  readonly rssMiB: number
  readonly bare?: number
  readonly bareSeconds?: number
  readonly noted?: number
}

function work(side: 'node' | 'command', folder: string): Work {
  const worker = join(import.meta.dirname, 'settle-worker.ts')
  const { stdout, stderr } = spawnSync(process.execPath, [worker, side, folder, submitter], {
    encoding: 'utf8',
  })
  if (stdout === '') throw new Error(stderr)
  return JSON.parse(stdout)
}

async function fill(folder: string, claims: number, payees: number): Promise<void> {
  const store = openStore(join(folder, 'node'))
  const id = (name: string) => cborCid(sha256, new TextEncoder().encode(name))
  const parties = Array.from({ length: payees }, (_, i) => {
    const vehicle = `12D3KooW${`${i}`.padStart(44, 'v')}` as PeerId
    return { vehicle, owner: ownerIdOf(sha256, vehicle) }
  })
  const inputs = (from: number, outcome: 'pending' | 'paid') =>
    Array.from({ length: claimsPerCommit }, (_, i) => ({
      ...{ type: 'claim' as const, outcome },
      claim: {
        ...{ job: id(`job ${Math.floor(from / 10_000)}`), submitter, fleet: null, lease: id('lease') },
        ...{ receipt: id(`receipt ${from + i}`), place: 0, position: from + i, units: 3 },
        ...parties[(from + i) % payees]!,
        ...{ currency: 'EUR', ownerMicros: 54_000, operatorMicros: 0 },
      },
    }))
  for (let from = 0; from < claims; from += claimsPerCommit)
    for (const outcome of ['pending', 'paid'] as const)
      await store.books.handleSoon(inputs(from, outcome), from)
  for (let from = 0; from < claims; from += 10_000) store.ledgerTables.notePaying(id(`job ${from / 10_000}`))
  store.close()
  const partyOf = (i: number) => ({ name: `Owner ${i}`, iban: germanIban(i) })
  const file = {
    payer: partyOf(payees),
    payees: Object.fromEntries(parties.map(({ owner }, i) => [owner, partyOf(i)])),
  }
  writeFileSync(join(folder, 'payees.json'), JSON.stringify(file))
}

/** With its check digits (ISO 13616): 'DE00' behind the number leaves what they lack of 98. */
function germanIban(i: number): string {
  const number = `${37040044}${`${i}`.padStart(10, '0')}`
  const check = 98n - (BigInt(`${number}131400`) % 97n)
  return `DE${`${check}`.padStart(2, '0')}${number}`
}

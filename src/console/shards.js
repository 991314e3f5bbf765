/** A map of a job's shards: a cell for each, or for as many neighbours as make it fit, with a pattern of its own for each way to stand. */
import { Fold, html, Table } from './pieces.js'
import { count, counted } from './words.js'

/** In the order of a shard's life. The letters are those of src/host/api.ts. */
const standings = [
  { letter: 'v', name: 'verified', means: 'enough owners agree' },
  { letter: 'r', name: 'returned', means: 'some results are here, and not enough' },
  { letter: 'l', name: 'leased', means: 'a vehicle has it' },
  { letter: 'q', name: 'queued', means: 'it waits for a vehicle' },
  { letter: 'd', name: 'disputed', means: 'owners disagree' },
  { letter: 'f', name: 'failed', means: 'no result' },
]

export function ShardMap({ map: { cells, shardsPerCell }, shards }) {
  const there = standings.filter(({ name }) => shards[name] > 0)
  const summary = there.map(({ name }) => `${count(shards[name])} ${name}`).join(', ')
  return html`<div class=${`map ${cells.length <= 200 ? 'few' : ''}`} role="img" aria-label=${`Shards: ${summary}`}>
      ${[...cells].map((letter, i) => html`<i class=${`cell ${letter}`} key=${i}></i>`)}
    </div>
    <ul class="legend">
      ${there.map(({ letter, name }) => html`<li key=${letter}><i class=${`cell ${letter}`} aria-hidden="true"></i> ${count(shards[name])} ${name}</li>`)}
    </ul>
    ${shardsPerCell > 1 && html`<p class="hint">Each cell is ${counted(shardsPerCell, 'shard')}, and shows the one that most needs a look.</p>`}
    <${Fold} title="As a table">
      <${Table} label="Shards" keyOf=${({ letter }) => letter} columns=${columns}
        rows=${standings.map((row) => ({ ...row, shards: shards[row.name] }))} />
    <//>`
}

/** @type {readonly [string, (row: any) => any, string?][]} */
const columns = [
  ['Standing', ({ name }) => name],
  ['Shards', ({ shards }) => count(shards), 'number'],
  ['Means', ({ means }) => means],
]

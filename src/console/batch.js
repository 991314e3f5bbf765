/** One batch: how far it is, what it costs, its shards, what failed, who did it, and its files. */
import { ask } from './api.js'
import { FailedLines } from './failed.js'
import { Asking, Badge, Card, Empty, Facts, Fold, html, Refused, Said, Table, useAct } from './pieces.js'
import { ShardMap } from './shards.js'
import { count, counted, durations, moment, money, oneIn, tail } from './words.js'

const statuses = {
  validating: { tone: 'busy', sign: '◔', word: 'checking its lines' },
  in_progress: { tone: 'busy', sign: '◑', word: 'in progress' },
  finalizing: { tone: 'busy', sign: '◕', word: 'writing its files' },
  completed: { tone: 'good', sign: '✓', word: 'completed' },
  failed: { tone: 'bad', sign: '✕', word: 'failed' },
  expired: { tone: 'bad', sign: '⌛', word: 'expired' },
  cancelling: { tone: 'quiet', sign: '◌', word: 'being cancelled' },
  cancelled: { tone: 'quiet', sign: '–', word: 'cancelled' },
}

/** @param {string} status */
export function statusOf(status) {
  return statuses[status] ?? { tone: 'quiet', sign: '?', word: status }
}

export function Batch({ batch }) {
  if (batch.missing)
    return html`<${Card} title="No such batch"><${Empty} title=${batch.missing}><p><a href="#/jobs">All batches</a></p><//><//>`
  const { tone, sign, word } = statusOf(batch.status)
  return html`<p class="crumbs"><a href="#/jobs">Batches</a> <span aria-hidden="true">▸</span> ${batch.name || batch.id}</p>
    <${Card} title=${batch.name || batch.id} aside=${html`<${Badge} tone=${tone} sign=${sign}>${word}<//>`}>
      <${Progress} batch=${batch} />
      <${Worth} batch=${batch} />
      <${Files} batch=${batch} />
    <//>
    ${batch.errors && html`<${FaultyInput} errors=${batch.errors.data} />`}
    ${batch.jobs.map((job) => html`<${Job} key=${job.job} job=${job} isOnly=${batch.jobs.length === 1} />`)}
    ${batch.request_counts.failed > 0 && html`<${FailedLines} id=${batch.id} failed=${batch.request_counts.failed} />`}`
}

function Progress({ batch: { status, request_counts: counts, timeLeft } }) {
  const done = counts.completed + counts.failed
  const left = timeLeft === null ? '' : ` · ${durations(timeLeft.fromMs, timeLeft.toMs)} left`
  const pace = timeLeft === null ? '' : ` · ${paceOf(timeLeft.perSecond)}`
  const text =
    counts.total === 0
      ? statusOf(status).word
      : `${count(counts.completed)} of ${count(counts.total)} answered · ${count(counts.failed)} failed${pace}${left}`
  return html`<div class="progress">
    <progress max=${Math.max(1, counts.total)} value=${counts.total === 0 ? 0 : done} aria-label="Lines that are done"></progress>
    <p class="figures">${text}</p>
    <${Said} text=${text} />
  </div>`
}

/** @param {number} perSecond */
function paceOf(perSecond) {
  return perSecond >= 0.95 ? `${count(Math.round(perSecond))}/s` : `${count(Math.round(perSecond * 60))}/min`
}

function Worth({ batch: { carpool, usage, expires_at: expires, status, model, endpoint } }) {
  const { cost, replicas, error_bound: bound } = carpool
  const isRunning = statusOf(status).tone === 'busy'
  return html`<${Facts} of=${[
    ['Owed', cost && money(cost.owed_micros, cost.currency)],
    ['Promised', cost && isRunning ? money(cost.promised_micros, cost.currency) : null],
    ['Budget', cost && money(cost.budget_micros, cost.currency)],
    ['Cost', cost === null ? 'nothing: it goes to vehicles that ask for nothing' : null],
    [
      'Wrong result',
      replicas === null
        ? null
        : bound === null
          ? 'no bound: nobody vouches for the owners here'
          : `at most ${oneIn(bound)}`,
    ],
    ['Agreement', replicas === null ? null : `${counted(replicas, 'owner')} for each shard`],
    [
      'Tokens',
      usage.total_tokens > 0 ? `${count(usage.input_tokens)} in, ${count(usage.output_tokens)} out` : null,
    ],
    ['Work', model ?? endpoint],
    [isRunning ? 'Ends by' : null, isRunning ? moment(expires * 1000) : null],
  ].filter(([name]) => name !== null)} />`
}

function Files({ batch: { id, status, output_file_id: output, error_file_id: errors, carpool } }) {
  const [why, act, isBusy] = useAct()
  const isRunning = ['validating', 'in_progress', 'finalizing'].includes(status)
  const proofs = carpool.proof_file_ids
  const link = (file, text) =>
    html`<a class="button" key=${file} href=${`/api/files/${file}/content`} download>${text}</a>`
  return html`<div class="actions">
      ${output && link(output, isRunning ? 'Output so far' : 'Output')}
      ${errors && link(errors, 'Errors')}
      ${proofs.map((file, i) => link(file, proofs.length === 1 ? 'Proof' : `Proof ${i + 1}`))}
      ${
        isRunning &&
        html`<${Asking} label="Cancel" yes="Cancel the batch" isDanger disabled=${isBusy}
          ask="What is done stays done, and is paid. The other lines go to the error file."
          act=${() => act(() => ask('POST', `/api/batches/${id}/cancel`))} />`
      }
    </div>
    ${proofs.length > 0 && html`<p class="hint">The proof has every signature, draw and payment: <code>carpool audit proof.car</code> checks it offline.</p>`}
    <${Refused} why=${why} />`
}

function FaultyInput({ errors }) {
  return html`<${Card} title="The batch was not begun">
    <ul class="plain">${errors.map(
      ({ line, message, code }, i) =>
        html`<li key=${i}>${line === null ? '' : html`<b>Line ${line}:</b> `}${message} <span class="hint">${code}</span></li>`,
    )}</ul>
  <//>`
}

function Job({ job, isOnly }) {
  const { shards, map, vehicles, doubts, owners, executions, contradicted, state } = job
  const waits = state === 'running' && owners.available < owners.needed
  return html`<${Card} title=${isOnly ? 'Shards' : `Shards of ${job.model}`}>
    ${waits && html`<p class="note">It waits for owners: ${counted(owners.available, 'is', 'are')} here that can take it, and ${count(owners.needed)} must agree.</p>`}
    ${doubts.map((doubt) => html`<p class="note" key=${doubt}>${doubt}</p>`)}
    <${ShardMap} map=${map} shards=${shards} />
    <${Facts} of=${[
      ['Engine', job.engine],
      ['Executions', count(executions)],
      [
        'Standbys',
        job.standbys.named === 0 ? null : `${job.standbys.holding} of ${job.standbys.named} hold it`,
      ],
      ['Contradicted', contradicted === 0 ? null : counted(contradicted, 'owner')],
    ]} />
    ${
      vehicles.length > 0 &&
      html`<${Fold} title=${`Vehicles (${vehicles.length})`}>
        <${Table} label="Vehicles" rows=${vehicles} keyOf=${({ peer }) => peer} columns=${vehicleColumns} />
      <//>`
    }
  <//>`
}

/** @type {readonly [string, (row: any) => any, string?][]} */
const vehicleColumns = [
  ['Vehicle', ({ name, peer }) => name || tail(peer)],
  ['Results', ({ claims }) => count(claims), 'number'],
  ['Agreed', ({ agreed }) => count(agreed), 'number'],
  [
    'Contradicted',
    ({ contradicted }) => (contradicted === 0 ? '0' : html`<b class="bad">${count(contradicted)}</b>`),
    'number',
  ],
]

/** The owner's view: whether the vehicle works and why, a pause, today and the week, and what it earned. Made for a phone. */
import { ask } from './api.js'
import { Chart } from './chart.js'
import {
  Asking,
  Badge,
  Card,
  Empty,
  Fold,
  html,
  Loading,
  Refused,
  Said,
  Table,
  Tile,
  useAct,
} from './pieces.js'
import { Week } from './week.js'
import { clock, count, counted, duration, energy, money, words } from './words.js'

export function Vehicle({ live: { parts } }) {
  const { node, why, history, money: earned, samples } = parts
  if (node === undefined || why === undefined || history === undefined || earned === undefined)
    return html`<${Loading} />`
  return html`<${State} node=${node} why=${why} />
    <${Today} days=${history.days} earned=${earned} />
    <${Week} days=${history.days} />
    <${Day} samples=${samples ?? []} />
    <${Rules} why=${why} />`
}

/** The state in a word, and its reason in a sentence. */
function stateOf({ slots, leases }, { verdict }) {
  if (slots.total === 0) return { tone: 'quiet', sign: '–', word: 'Lends no slots' }
  if (verdict === 'stop') return { tone: 'quiet', sign: '○', word: 'Stands still' }
  if (verdict === 'drain') return { tone: 'busy', sign: '◐', word: 'Finishes what it has' }
  return leases > 0 ? { tone: 'good', sign: '●', word: 'Works' } : { tone: 'good', sign: '◉', word: 'Ready' }
}

function sentenceOf(node, { reasons, rules, availableUntilMs }) {
  if (node.slots.total === 0) return 'This node looks after jobs, and executes none (--slots 0).'
  const [first, ...others] = reasons.map((code) => rules.find((rule) => rule.code === code)).filter(Boolean)
  if (first === undefined) {
    const until = availableUntilMs === null ? '' : `, probably until ${clock(availableUntilMs)}`
    const slots = node.slots.total - node.slots.free
    return slots > 0
      ? `Every rule allows it${until}. ${count(slots)} of ${counted(node.slots.total, 'slot')} work.`
      : `Every rule allows it${until}. No job needs it right now.`
  }
  if (first.code === 'paused') return `You paused it: ${first.value}.`
  const more =
    others.length === 0 ? '' : ` ${others.map(({ code }) => words(code)).join(', ')} would hold it, too.`
  return `${words(first.code)}: ${first.value}; you ask for ${first.limit}.${more}`
}

function State({ node, why }) {
  const [refusal, act, isBusy] = useAct()
  const { tone, sign, word } = stateOf(node, why)
  const sentence = sentenceOf(node, why)
  const isPaused = why.reasons.includes('paused')
  const pause = (forMs) => act(() => ask('POST', '/api/vehicle/pause', { forMs }))
  const notes = [...why.memory, ...why.mesh, ...node.notices]
  const { fleet } = node
  return html`<section class="card state">
    <p class=${`state-word ${tone}`}><span aria-hidden="true">${sign}</span> ${word}</p>
    <p class="state-why">${sentence}</p>
    <${Said} text=${`${word}. ${sentence}`} />
    <div class="actions wide">
      ${
        isPaused
          ? html`<button type="button" class="main" disabled=${isBusy} onClick=${() => act(() => ask('POST', '/api/vehicle/resume'))}>Resume</button>`
          : html`<button type="button" disabled=${isBusy} onClick=${() => pause(3_600_000)}>Pause 1 h</button>
            <button type="button" disabled=${isBusy} onClick=${() => pause(untilTomorrowMs())}>Until tomorrow</button>
            <${Asking} label="Until I resume" yes="Pause it" disabled=${isBusy} act=${() => pause(null)}
              ask="The vehicle stands still until you resume it, also after a restart." />`
      }
    </div>
    <${Refused} why=${refusal} />
    ${fleet?.state === 'waiting' && html`<p class="note">The fleet ${fleet.name} has not let it in${fleet.why === null ? '' : `: ${fleet.why}`}.</p>`}
    ${node.connections === 0 && html`<p class="note">No other node is connected.</p>`}
    ${notes.map((note) => html`<p class="note" key=${note}>${note}</p>`)}
  </section>`
}

/** Six in the morning, by this browser's time. */
function untilTomorrowMs() {
  const morning = new Date()
  morning.setDate(morning.getDate() + 1)
  morning.setHours(6, 0, 0, 0)
  return morning.getTime() - Date.now()
}

function Today({ days, earned: { currencies, isWhole } }) {
  const today = days.at(-1)
  const work = today?.work ?? []
  const pages = work.reduce((sum, one) => sum + one.pages, 0)
  const measured = work.reduce((sum, one) => sum + one.measuredJoules, 0)
  const estimated = work.reduce((sum, one) => sum + one.estimatedJoules, 0)
  return html`<${Card} title="Today">
    <div class="tiles">
      <${Tile} name="Pages" value=${count(pages)} note=${work.map((one) => `${one.runtime} ${count(one.pages)}`).join(', ') || 'nothing yet'} />
      <${Tile} name="Energy" value=${energy(measured + estimated)} note=${estimated > 0 ? 'estimated' : measured > 0 ? 'measured' : 'of the work alone'} />
      <${Tile} name="Allowed to work" value=${duration(today?.readyMs ?? 0)} note=${today?.pauses[0] ? `longest held back by ${words(today.pauses[0].reason)}` : 'never held back'} />
    </div>
    <h3>Earned</h3>
    ${
      currencies.length === 0
        ? html`<${Empty} title="Nothing yet"><p>Ask for money with <code>carpool config set price ocr=0.0005EUR</code>, and for each verified page it is owed here.</p><//>`
        : currencies.map(
            ({ currency, owedMicros, pendingMicros, paidMicros }) => html`<div class="tiles" key=${currency}>
              <${Tile} name="Owed" value=${money(owedMicros, currency)} note="verified, not paid yet" />
              <${Tile} name="Pending" value=${money(pendingMicros, currency)} note="no verdict yet" />
              <${Tile} name="Paid" value=${money(paidMicros, currency)} note="so far" />
            </div>`,
          )
    }
    ${!isWhole && html`<p class="note">An entry of the ledger does not follow from those before it; carpool earnings says which.</p>`}
  <//>`
}

/** Points of ten minutes: a line that a phone can show. */
const pointMs = 600_000

function Day({ samples }) {
  const points = Map.groupBy(samples, ({ atMs }) => Math.floor(atMs / pointMs) * pointMs)
  const atMs = [...points.keys()]
  const sums = [...points.values()].map((some) => some.reduce((sum, { pages }) => sum + pages, 0))
  return html`<${Card} title="The last 24 hours">
    ${
      atMs.length < 2
        ? html`<${Empty} title="No figures yet"><p>There is one for each ten minutes from now on.</p><//>`
        : html`<${Chart} title="Pages in ten minutes" atMs=${atMs} say=${count}
            series=${[{ name: 'pages', values: sums, color: '--series-1' }]} />`
    }
  <//>`
}

function Rules({ why: { rules, withheld } }) {
  return html`<${Card} title="Your rules">
    ${
      rules.length === 0
        ? html`<p class="hint">There are none for a node that executes nothing.</p>`
        : html`<${Fold} title=${`All ${rules.length} rules`}>
            <${Table} label="Rules" rows=${rules} keyOf=${({ code }) => code} columns=${ruleColumns} />
          <//>`
    }
    ${
      withheld.length > 0 &&
      html`<ul class="plain">${withheld.map(({ runtime, engine, why }) => html`<li key=${`${runtime}/${engine}`}><b>${runtime}/${engine}</b> is not offered: ${why}</li>`)}</ul>`
    }
  <//>`
}

const verdicts = {
  run: ['good', '✓', 'allows it'],
  drain: ['busy', '◐', 'lets it finish'],
  stop: ['quiet', '○', 'holds it'],
}

/** @type {readonly [string, (row: any) => any, string?][]} */
const ruleColumns = [
  ['Rule', ({ code }) => html`<span class="strong">${words(code)}</span>`],
  [
    'Says',
    ({ verdict }) => {
      const [tone, sign, word] = verdicts[verdict]
      return html`<${Badge} tone=${tone} sign=${sign}>${word}<//>`
    },
  ],
  ['Now', ({ value }) => value],
  ['You ask for', ({ limit }) => limit],
  ['Set by', ({ origin }) => origin ?? 'nobody can'],
]

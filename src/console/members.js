/** Those who wait to join the fleet, and those who are in it or out: the operator's word to each. */
import { ask } from './api.js'
import { Asking, Badge, Card, Fold, html, Refused, Table, useAct } from './pieces.js'
import { count, counted, moment, tail } from './words.js'

export function Waiting({ count: number, rows }) {
  const [why, act, isBusy] = useAct()
  const decide = (verb, peers) =>
    act(async () => {
      const { refused } = await ask('POST', `/api/fleet/${verb}`, { peers })
      if (refused.length > 0) throw new Error(refused.map((one) => one.why).join(' '))
    })
  if (number === 0) return html`<${Refused} why=${why} />`
  const peers = rows.map(({ peer }) => peer)
  const columns = [
    ['Vehicle', ({ vehicle }) => html`<span class="strong">${vehicle || 'without a name'}</span>`],
    ['Owner', ({ owner }) => html`<code class="id">${owner ?? 'any'}</code>`],
    ['Peer', ({ peer }) => html`<code class="id">${peer}</code>`],
    ['Waits since', ({ sinceMs }) => moment(sinceMs), 'number'],
    [
      'Your word',
      ({ peer, vehicle }) => html`<span class="actions">
        <button type="button" class="main" disabled=${isBusy} aria-label=${`Approve ${vehicle}`} onClick=${() => decide('approve', [peer])}>Approve</button>
        <button type="button" disabled=${isBusy} aria-label=${`Refuse ${vehicle}`} onClick=${() => decide('reject', [peer])}>Refuse</button>
      </span>`,
    ],
  ]
  const names = `${rows
    .slice(0, 10)
    .map(({ vehicle }) => vehicle)
    .join(', ')}${rows.length > 10 ? ' …' : ''}`
  const all =
    number > 1 &&
    html`<div class="actions">
      <${Asking} label=${`Approve all ${count(rows.length)}`} yes=${`Approve ${count(rows.length)}`} disabled=${isBusy} act=${() => decide('approve', peers)}
        ask=${`Let in ${counted(rows.length, 'vehicle')}: ${names}? Their owners count as voices from then on.`} />
      <${Asking} label="Refuse all" yes=${`Refuse ${count(rows.length)}`} disabled=${isBusy} isDanger act=${() => decide('reject', peers)}
        ask=${`Refuse ${counted(rows.length, 'vehicle')} for a day: ${names}?`} />
    </div>`
  return html`<${Card} title=${`Waiting to join (${count(number)})`} aside=${all}>
    <${Refused} why=${why} />
    <${Table} label="Waiting to join" rows=${rows} keyOf=${({ peer }) => peer} columns=${columns} />
    ${number > rows.length && html`<p class="hint">${count(rows.length)} are shown; the others follow when these are decided.</p>`}
  <//>`
}

const states = {
  admitted: ['good', '✓', 'in'],
  revoked: ['bad', '✕', 'put out'],
  rejected: ['quiet', '–', 'refused for a day'],
}

export function Members({ count: number, rows }) {
  const [why, act, isBusy] = useAct()
  const revoke = (peer) =>
    act(async () => {
      const { refused } = await ask('POST', '/api/fleet/revoke', { peer })
      if (refused.length > 0) throw new Error(refused[0].why)
    })
  const approve = (peer) =>
    act(async () => {
      const { refused } = await ask('POST', '/api/fleet/approve', { peers: [peer] })
      if (refused.length > 0) throw new Error(refused[0].why)
    })
  const columns = [
    ['Vehicle', ({ vehicle, peer }) => html`<span class="strong">${vehicle || tail(peer)}</span>`],
    [
      'State',
      ({ state }) => {
        const [tone, sign, word] = states[state] ?? ['quiet', '?', state]
        return html`<${Badge} tone=${tone} sign=${sign}>${word}<//>`
      },
    ],
    ['Owner', ({ owner }) => (owner === null ? 'any' : tail(owner))],
    ['Since', ({ sinceMs }) => moment(sinceMs), 'number'],
    [
      'Your word',
      ({ state, vehicle, peer }) =>
        state === 'admitted'
          ? html`<${Asking} label="Put out" name=${`Put ${vehicle} out`} yes=${`Put ${vehicle || 'it'} out`} isDanger disabled=${isBusy} act=${() => revoke(peer)}
              ask=${`Put ${vehicle || tail(peer)} out of the fleet? No node deals with it from then on.`} />`
          : html`<${Asking} label="Let back in" name=${`Let ${vehicle} back in`} yes=${`Let ${vehicle || 'it'} in`} disabled=${isBusy} act=${() => approve(peer)}
              ask=${`Let ${vehicle || tail(peer)} into the fleet again?`} />`,
    ],
  ]
  return html`<${Card} title=${`Members (${count(number)})`}>
    <${Refused} why=${why} />
    <${Fold} title="Who is in, and who is out">
      <${Table} label="Members" rows=${rows} keyOf=${({ peer }) => peer} columns=${columns} />
      ${number > rows.length && html`<p class="hint">${count(rows.length)} of ${count(number)} are shown; filter the vehicles above.</p>`}
    <//>
  <//>`
}

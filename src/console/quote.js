/** The price of a batch before it is sent: the plan that it gets, its time and its cost; and what of it cannot be read. */
import { Facts, html } from './pieces.js'
import { count, counted, duration, money, oneIn } from './words.js'

export function Quote({ quote, send, isBusy }) {
  const { errors, parts, faults, faulty, total } = quote
  if (errors.length > 0)
    return html`<section class="quote" aria-label="Quote"><h3>It cannot be sent</h3>
      <ul class="plain">${errors.map(({ line, message }, i) => html`<li key=${i}>${line === null ? '' : `Line ${line}: `}${message}</li>`)}</ul>
    </section>`
  const canSend = parts.some(({ quote: { supply, dearer } }) => supply.owners > 0 || dearer.owners === 0)
  return html`<section class="quote" aria-label="Quote">
    <h3>The quote</h3>
    ${parts.map(({ model, isEarly, quote: one }, i) => html`<${Part} key=${i} title=${isEarly ? `${model}: the first lines, which come while the rest waits` : model} quote=${one} isOnly=${parts.length === 1} />`)}
    ${
      faulty > 0 &&
      html`<p class="note">${count(faulty)} of ${counted(total, 'line')} cannot be answered, and ${faulty === 1 ? 'costs' : 'cost'} nothing:</p>
        <ul class="plain">${faults.map(({ line, customId, message }) => html`<li key=${line}><b>${customId}</b>: ${message}</li>`)}</ul>`
    }
    ${parts.length === 0 && html`<p class="note">Nothing of it can be sent.</p>`}
    <div class="actions"><button type="button" class="main" disabled=${isBusy || !canSend || parts.length === 0} onClick=${send}>Submit</button></div>
  </section>`
}

function Part({ title, quote, isOnly }) {
  const { documents, pages, units, supply, dearer, payment, refused } = quote
  const [plan] = quote.plans
  const { cost } = plan ?? { cost: null }
  return html`${!isOnly && html`<h4>${title}</h4>`}
    ${
      plan &&
      html`<${Facts} of=${[
        [
          'Documents',
          pages === documents ? count(documents) : `${count(documents)} with ${counted(pages, 'page')}`,
        ],
        ['Tokens', units && `${count(units.input)} in, at most ${count(units.output)} out`],
        [
          'Wrong result',
          plan.errorBound === null
            ? 'no bound: nobody vouches for the owners here'
            : `at most ${oneIn(plan.errorBound)}`,
        ],
        [
          'Agreement',
          plan.audits === null
            ? `${counted(plan.replicas, 'owner')} for each shard`
            : `${counted(plan.replicas, 'owner')}, and checks drawn afterwards`,
        ],
        ['Executions', count(Math.ceil(quote.shards * plan.executionsPerShard))],
        [
          'Time',
          plan.elapsedMs === null
            ? 'not known: nobody here can take it now'
            : `about ${duration(plan.elapsedMs)} if all work on it`,
        ],
        [
          'Cost',
          payment === null
            ? 'nothing'
            : cost === null
              ? 'not known: nobody offers now'
              : `about ${money(cost.expectedMicros, payment.currency)}, at worst ${money(Math.min(cost.worstMicros, payment.budgetMicros ?? cost.worstMicros), payment.currency)}`,
        ],
        ['Who could', `${counted(supply.owners, 'owner')} with ${counted(supply.slots, 'slot')}`],
      ]} />`
    }
    ${dearer.owners > 0 && html`<p class="note">${counted(dearer.owners, 'owner asks', 'owners ask')} for more than it pays${dearer.from.map(({ unitMicros, currency, per = 1 }) => `, from ${money(unitMicros, currency)}${per === 1 ? '' : ` for ${count(per)}`}`)}.</p>`}
    ${refused.map(({ what, wayOut, count: number }) => html`<p class="note" key=${what}>${counted(number, 'document')} cannot be read: ${what}${wayOut === '' ? '' : ` (${wayOut})`}</p>`)}`
}

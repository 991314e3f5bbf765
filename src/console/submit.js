/** A new batch: files are dropped, what to do with them and how sure the results are to be is chosen, and the price is shown before anything is sent to a vehicle. */
import { useState } from 'preact/hooks'
import { ask } from './api.js'
import { Card, html, Refused, useAct } from './pieces.js'
import { Quote } from './quote.js'
import { inputOf } from './upload.js'
import { bytes, counted } from './words.js'

const bounds = [
  ['0.001', 'at most 1 in 1,000'],
  ['0.0001', 'at most 1 in 10,000'],
  ['0.000001', 'at most 1 in 1,000,000'],
]
const windows = [
  ['1h', 'an hour'],
  ['24h', 'a day'],
  ['7d', 'a week'],
]

export function Submit({ work, budget }) {
  const [files, setFiles] = useState(/** @type {File[]} */ ([]))
  const [chosen, setChosen] = useState(0)
  const [wishes, setWishes] = useState({ bound: '0.0001', window: '24h', budget: '', instruction: '' })
  const [step, setStep] = useState('')
  const [quoted, setQuoted] = useState(/** @type {any} */ (null))
  const [why, act, isBusy] = useAct()
  const one = work[Math.min(chosen, work.length - 1)]
  // Each line of such a file says itself what is to be done.
  const areRequests = files.length > 0 && files.every(({ name }) => /\.jsonl$/i.test(name))
  const change = (changes) => {
    setWishes({ ...wishes, ...changes })
    setQuoted(null)
  }
  const choose = (more) => {
    setFiles([...files, ...more])
    setQuoted(null)
  }
  const look = (event) => {
    event.preventDefault()
    void act(async () => {
      setQuoted(null)
      try {
        const input = await inputOf(files, { ...one, instruction: wishes.instruction }, setStep)
        setStep('Asking for a quote …')
        const body = requestOf(input, wishes, files)
        setQuoted({ body, quote: await ask('POST', '/api/quote', body) })
      } finally {
        setStep('')
      }
    })
  }
  const send = () =>
    act(async () => {
      const { id } = await ask('POST', '/api/batches', quoted.body)
      location.hash = `#/jobs/${id}`
    })
  return html`<p class="crumbs"><a href="#/jobs">Batches</a> <span aria-hidden="true">▸</span> new</p>
    <${Card} title="New batch">
      <form class="submit" onSubmit=${look}>
        <${Drop} files=${files} choose=${choose} clear=${() => {
          setFiles([])
          setQuoted(null)
        }} />
        ${
          areRequests
            ? html`<p class="hint">Each line of a .jsonl file is a request, and says itself what is to be done.</p>`
            : html`<label>What to do
                <select value=${chosen} onChange=${({ target }) => {
                  setChosen(Number(target.value))
                  setQuoted(null)
                }}>
                  ${work.map(({ title, model }, i) => html`<option key=${i} value=${i}>${title} (${model})</option>`)}
                </select>
              </label>
              ${
                one?.hasInstruction &&
                html`<label>What each text is asked
                  <textarea rows="3" value=${wishes.instruction} placeholder="Summarise this letter in one sentence."
                    onInput=${({ target }) => change({ instruction: target.value })}></textarea>
                </label>`
              }`
        }
        <div class="row">
          <label>A result may be wrong
            <select value=${wishes.bound} onChange=${({ target }) => change({ bound: target.value })}>
              ${bounds.map(([value, text]) => html`<option key=${value} value=${value}>${text}</option>`)}
            </select>
          </label>
          <label>It may take
            <select value=${wishes.window} onChange=${({ target }) => change({ window: target.value })}>
              ${windows.map(([value, text]) => html`<option key=${value} value=${value}>${text}</option>`)}
            </select>
          </label>
          ${
            budget &&
            html`<label>It may cost (${budget.currency})
              <input inputmode="decimal" pattern="[0-9]+([.][0-9]+)?" placeholder="a quarter of what is left" value=${wishes.budget}
                onInput=${({ target }) => change({ budget: target.value && `${target.value}` })} />
            </label>`
          }
        </div>
        <div class="actions">
          <button class=${quoted === null ? 'main' : ''} disabled=${isBusy || files.length === 0}>Show the quote</button>
          <span role="status" class="hint">${step}</span>
        </div>
      </form>
      <${Refused} why=${why} />
      ${quoted && html`<${Quote} quote=${quoted.quote} send=${send} isBusy=${isBusy} />`}
    <//>`

  function requestOf({ file, endpoint }, { bound, window, budget: most }, all) {
    return {
      input_file_id: file,
      endpoint,
      completion_window: window,
      metadata: { title: titleOf(all) },
      carpool: {
        error_bound: Number(bound),
        ...(most === '' ? {} : { budget: `${most}${budget.currency}` }),
      },
    }
  }
}

/** @param {readonly File[]} files */
function titleOf([first, ...others]) {
  return others.length === 0
    ? first.name.slice(0, 200)
    : `${first.name.slice(0, 160)} and ${others.length} more`
}

/** Files are dropped here, or chosen by a click or the keyboard. */
function Drop({ files, choose, clear }) {
  const [isOver, setOver] = useState(false)
  const size = files.reduce((sum, file) => sum + file.size, 0)
  const over = (is) => (event) => {
    event.preventDefault()
    setOver(is)
  }
  const dropped = (event) => {
    over(false)(event)
    choose([...event.dataTransfer.files])
  }
  return html`<div class=${`drop ${isOver ? 'over' : ''}`} onDragOver=${over(true)} onDragLeave=${over(false)} onDrop=${dropped}>
    <label>
      <span class="strong">${files.length === 0 ? 'Drop files here, or choose some' : `${counted(files.length, 'file')}, ${bytes(size)}`}</span>
      <span class="hint">${
        files.length === 0
          ? 'Scans and PDFs, texts, or a .jsonl file of requests.'
          : files
              .slice(0, 5)
              .map(({ name }) => name)
              .join(', ') + (files.length > 5 ? ' …' : '')
      }</span>
      <span class="button">Choose files</span>
      <input class="said" type="file" multiple onChange=${({ target }) => {
        choose([...target.files])
        target.value = ''
      }} />
    </label>
    ${files.length > 0 && html`<button type="button" class="quiet" onClick=${clear}>Take all away</button>`}
  </div>`
}

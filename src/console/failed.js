/** The lines of a batch that failed, found by the node: at most 200 are shown, and the reasons count them all. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { ask } from './api.js'
import { Card, html, Loading, Refused, Table } from './pieces.js'
import { count } from './words.js'

const typingMs = 250
/** The node reads the whole file of errors each time. */
const againMs = 5_000

export function FailedLines({ id, failed }) {
  const [search, setSearch] = useState('')
  const [code, setCode] = useState('')
  const [answer, setAnswer] = useState(/** @type {any} */ (null))
  const [why, setWhy] = useState('')
  const now = useRef(failed)
  now.current = failed
  useEffect(() => {
    let isOver = false
    let seen = -1
    const look = async () => {
      if (seen === now.current) return
      seen = now.current
      try {
        const found = await ask('GET', `/api/batches/${id}/failed?${new URLSearchParams({ search, code })}`)
        if (isOver) return
        setAnswer(found)
        setWhy('')
      } catch (error) {
        if (!isOver) setWhy(/** @type {Error} */ (error).message)
      }
    }
    const first = setTimeout(look, typingMs)
    const again = setInterval(look, againMs)
    return () => {
      isOver = true
      clearTimeout(first)
      clearInterval(again)
    }
  }, [id, search, code])
  return html`<${Card} title=${`Failed lines (${count(failed)})`}>
    <form class="row" role="search" onSubmit=${(event) => event.preventDefault()}>
      <label>Find <input type="search" value=${search} onInput=${({ target }) => setSearch(target.value)} /></label>
      <label>Reason
        <select value=${code} onChange=${({ target }) => setCode(target.value)}>
          <option value="">all</option>
          ${(answer?.codes ?? []).map((one) => html`<option key=${one.code} value=${one.code}>${one.code} (${count(one.count)})</option>`)}
        </select>
      </label>
    </form>
    <${Refused} why=${why} />
    ${answer === null ? why === '' && html`<${Loading} />` : html`<${Found} ...${answer} />`}
  <//>`
}

function Found({ rows, found }) {
  if (rows.length === 0) return html`<p class="hint">No failed line has that.</p>`
  return html`<${Table} label="Failed lines" rows=${rows} keyOf=${({ customId }) => customId} columns=${columns} />
    ${found > rows.length && html`<p class="hint">${count(rows.length)} of ${count(found)} are shown; the error file has all.</p>`}`
}

/** @type {readonly [string, (row: any) => any, string?][]} */
const columns = [
  ['Line', ({ customId }) => html`<span class="strong">${customId}</span>`],
  ['Reason', ({ code }) => code],
  ['What the node says', ({ message }) => message],
]

/** Small parts of all views. */
import htm from 'htm'
import { h } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { clock } from './words.js'

/** @type {(strings: TemplateStringsArray, ...values: any[]) => any} */
export const html = htm.bind(h)

/** A section with a title, and what stands beside it. */
export function Card({ title, aside, children, ...others }) {
  return html`<section class="card" ...${others}>
    <header class="card-head"><h2>${title}</h2>${aside}</header>
    ${children}
  </section>`
}

/** Nothing is there: what would bring something. */
export function Empty({ title, children }) {
  return html`<div class="empty"><p class="empty-title">${title}</p>${children}</div>`
}

/** After 300 ms: what comes sooner needs no word. */
export function Loading() {
  const [isLate, setLate] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), 300)
    return () => clearTimeout(timer)
  }, [])
  return html`<p class="loading" role="status">${isLate ? 'Loading …' : ''}</p>`
}

/** A word with a sign before it: the colour says nothing that these do not. */
export function Badge({ tone, sign, children }) {
  return html`<span class=${`badge ${tone}`}><span aria-hidden="true">${sign}</span> ${children}</span>`
}

/** A line of facts, each with its name. Facts that are null are left out. */
export function Facts({ of }) {
  return html`<dl class="facts">
    ${of
      .filter(([, value]) => value !== null && value !== undefined)
      .map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}
  </dl>`
}

/** A figure that is meant to be seen first. */
export function Tile({ name, value, note }) {
  return html`<div><p class="tile-name">${name}</p><p class="tile-value">${value}</p><p class="hint">${note}</p></div>`
}

/** A part that may be looked at, and need not be. */
export function Fold({ title, children, ...others }) {
  return html`<details class="fold" ...${others}><summary>${title}</summary><div class="fold-in">${children}</div></details>`
}

/**
 * A table whose rows are cards on a narrow screen. `columns`: title, what a row shows there, and 'number' for figures.
 *
 * @param {{ label: string, columns: readonly [string, (row: any) => any, string?][], rows: readonly any[], keyOf: (row: any) => string }} props
 */
export function Table({ label, columns, rows, keyOf }) {
  return html`<table class="stack" role="table" aria-label=${label}>
    <thead role="rowgroup"><tr role="row">
      ${columns.map(([title, , kind]) => html`<th role="columnheader" scope="col" class=${kind} key=${title}>${title}</th>`)}
    </tr></thead>
    <tbody role="rowgroup">
      ${rows.map(
        (row) => html`<tr role="row" key=${keyOf(row)}>
          ${columns.map(([title, cell, kind]) => html`<td role="cell" class=${kind} data-title=${title} key=${title}>${cell(row)}</td>`)}
        </tr>`,
      )}
    </tbody>
  </table>`
}

/** Says for those who do not see the page what has changed, at most every 5 s. */
export function Said({ text }) {
  const [said, setSaid] = useState(text)
  const next = useRef(text)
  next.current = text
  useEffect(() => {
    const timer = setInterval(() => setSaid(next.current), 5_000)
    return () => clearInterval(timer)
  }, [])
  return html`<p class="said" role="status">${said}</p>`
}

/**
 * A button that asks before it acts. `ask`: the question; `yes`: the word on the button that acts.
 *
 * @param {{ label: string, ask: any, yes: string, act: () => unknown, isDanger?: boolean, name?: string, disabled?: boolean }} props
 */
export function Asking({ label, ask, yes, act, isDanger, name, disabled }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null))
  const close = () => dialog.current?.close()
  return html`<button type="button" aria-label=${name} disabled=${disabled} onClick=${() => dialog.current?.showModal()}>${label}</button>
    <dialog ref=${dialog} aria-label=${yes}>
      <p>${ask}</p>
      <div class="actions">
        <button type="button" class=${isDanger ? 'danger' : 'main'} onClick=${() => {
          close()
          act()
        }}>${yes}</button>
        <button type="button" onClick=${close}>Leave it</button>
      </div>
    </dialog>`
}

/** Acts, and keeps the node's sentence where it says no. @returns {[string, (act: () => Promise<unknown>) => Promise<void>, boolean]} */
export function useAct() {
  const [refusal, setRefusal] = useState('')
  const [isBusy, setBusy] = useState(false)
  const act = async (what) => {
    setBusy(true)
    try {
      await what()
      setRefusal('')
    } catch (error) {
      setRefusal(/** @type {Error} */ (error).message)
    } finally {
      setBusy(false)
    }
  }
  return [refusal, act, isBusy]
}

/** The node's sentence. */
export function Refused({ why }) {
  return why === '' ? null : html`<p class="refused" role="alert">${why}</p>`
}

/** Says if what is shown is so now. @param {{ live: import('./live.js').Live }} props */
export function Pulse({ live: { state, sinceMs } }) {
  if (state === 'live') return html`<${Badge} tone="good" sign="●">live<//>`
  if (state === 'lost')
    return html`<span role="status"><${Badge} tone="bad" sign="○">lost since ${clock(sinceMs)}<//></span>`
  return null
}

/** Opens the page with a key. The browser keeps no key, but a token that only this node knows (src/gateway/sessions.ts). */
import { useState } from 'preact/hooks'
import { ask } from './api.js'
import { html, Refused, useAct } from './pieces.js'

export function Login({ refusal, opened }) {
  const [key, setKey] = useState('')
  const [why, act, isBusy] = useAct()
  const open = (event) => {
    event.preventDefault()
    void act(async () => opened(await ask('POST', '/api/session', { key })))
  }
  return html`<main class="alone">
    <form class="card login" onSubmit=${open}>
      <p class="brand"><img src="/console/icon.svg" alt="" width="32" height="32" /> Carpool</p>
      <h1>Open with a key</h1>
      <${Refused} why=${why || refusal} />
      <label>Key
        <input type="password" autocomplete="current-password" spellcheck="false" placeholder="cpk-…" required
          value=${key} onInput=${({ target }) => setKey(target.value)} />
      </label>
      <button class="main" disabled=${isBusy}>Open</button>
      <p class="hint">The owner of this node makes one, and says what it opens:</p>
      <pre>carpool key create --name me --role owner</pre>
      <p class="hint"><b>submitter</b> sends documents, <b>owner</b> sees and pauses this vehicle, <b>operator</b> sees the fleet and says who is in it.</p>
    </form>
  </main>`
}

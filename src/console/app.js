/** The page: who has opened it, and the views that the key opens. The part of the address behind # says which view, and what in it. */
import { render } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { ask } from './api.js'
import { Fleet } from './fleet.js'
import { Jobs } from './jobs.js'
import { useLive } from './live.js'
import { Login } from './login.js'
import { html, Loading, Pulse } from './pieces.js'
import { Vehicle } from './vehicle.js'

/**
 * In the order of the tabs. `query`: what the stream of events is asked for.
 *
 * @type {{ name: string, title: string, role: string, View: any, query: (rest: string[]) => Record<string, string> }[]}
 */
const views = [
  {
    name: 'jobs',
    title: 'Jobs',
    role: 'submitter',
    View: Jobs,
    query: ([batch]) => asked('batch', isId(batch) ? batch : ''),
  },
  { name: 'vehicle', title: 'Vehicle', role: 'owner', View: Vehicle, query: () => ({}) },
  {
    name: 'fleet',
    title: 'Fleet',
    role: 'operator',
    View: Fleet,
    query: ([filter = '']) => asked('filter', decodeURIComponent(filter)),
  },
]

/**
 * @param {string} name
 * @param {string} value
 * @returns {Record<string, string>}
 */
function asked(name, value) {
  return value === '' ? {} : { [name]: value }
}

function isId(text) {
  return text?.startsWith('batch_')
}

function App() {
  /** Undefined: nobody knows yet; null: nobody. */
  const [session, setSession] = useState(/** @type {any} */ (undefined))
  const [refusal, setRefusal] = useState('')
  useEffect(() => {
    ask('GET', '/api/session').then(setSession, (error) => {
      if (error.status !== 401) setRefusal(error.message)
      setSession(null)
    })
  }, [])
  if (session === undefined) return html`<main class="alone"><${Loading} /></main>`
  if (session === null) return html`<${Login} refusal=${refusal} opened=${setSession} />`
  const leave = async () => {
    await ask('DELETE', '/api/session').catch(() => null)
    setRefusal('')
    setSession(null)
  }
  const refused = (why) => {
    setRefusal(why)
    setSession(null)
  }
  return html`<${Frame} session=${session} leave=${leave} refused=${refused} />`
}

function Frame({ session, leave, refused }) {
  const path = usePath()
  const allowed = views.filter(({ role }) => session.roles.includes(role))
  const view = allowed.find(({ name }) => name === path[0]) ?? allowed[0]
  const rest = view.name === path[0] ? path.slice(1) : []
  const live = useLive(view.name, view.query(rest))
  useEffect(() => {
    document.title = `${view.title} · ${session.node} · Carpool`
  }, [view, session])
  useEffect(() => {
    if (live.state === 'refused') refused(live.why)
  }, [live.state])
  return html`<a class="skip" href="#main" onClick=${skip}>Skip to the content</a>
    <header class="top">
      <p class="brand"><img src="/console/icon.svg" alt="" width="28" height="28" /> Carpool <span class="node">${session.node}</span></p>
      <nav aria-label="Views">
        ${allowed.map(
          ({ name, title }) =>
            html`<a class="tab" key=${name} href=${`#/${name}`} aria-current=${name === view.name ? 'page' : undefined}>${title}</a>`,
        )}
      </nav>
      <div class="who"><${Pulse} live=${live} /><span class="key">key ${session.name}</span>
        <button type="button" class="quiet" onClick=${leave}>Leave</button></div>
    </header>
    <main id="main" tabindex="-1" class=${live.state === 'lost' ? 'lost' : ''}>
      <h1 class="said">${view.title}</h1>
      <${view.View} key=${view.name} live=${live} path=${rest} session=${session} />
    </main>
    <footer><a href="/console/licences.txt">Licences</a></footer>`
}

function skip(event) {
  event.preventDefault()
  document.getElementById('main')?.focus()
}

/** The parts of the address behind #/. @returns {string[]} */
function usePath() {
  const [hash, setHash] = useState(location.hash)
  useEffect(() => {
    const changed = () => setHash(location.hash)
    addEventListener('hashchange', changed)
    return () => removeEventListener('hashchange', changed)
  }, [])
  return hash.replace(/^#\/?/, '').split('/')
}

const place = document.getElementById('page')
if (place !== null) render(html`<${App} />`, place)

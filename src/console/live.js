/**
 * The state that a view shows, kept up to date by one stream of events. A view is in one of four states: nothing has come yet, it is live, it is
 * lost (what is shown is as old as `sinceMs` says), or the key does not open it.
 */
import { useEffect, useState } from 'preact/hooks'
import { ask } from './api.js'

/** Three pulses of the node (src/gateway/console/stream.ts). */
const silenceMs = 24_000
const againMs = 3_000

/**
 * @typedef {{ state: 'loading' | 'live' | 'lost' | 'refused', sinceMs: number, why: string, parts: Record<string, any> }} Live
 */

/**
 * @param {string} view
 * @param {Record<string, string>} query what of it is looked at; the last answer stays until the next one
 * @returns {Live}
 */
export function useLive(view, query) {
  /** @type {Live} */
  const nothing = { state: 'loading', sinceMs: Date.now(), why: '', parts: {} }
  const [live, setLive] = useState(nothing)
  const url = `/api/events?${new URLSearchParams({ view, ...query })}`
  useEffect(() => {
    /** @type {EventSource | undefined} */
    let source
    let timer = 0
    let heardMs = Date.now()
    let isOver = false
    const lost = () => {
      const sinceMs = heardMs
      setLive((before) => (before.state === 'refused' ? before : { ...before, state: 'lost', sinceMs }))
    }
    const close = () => {
      source?.close()
      clearTimeout(timer)
    }
    const watch = () => {
      clearTimeout(timer)
      timer = setTimeout(() => {
        close()
        lost()
        open()
      }, silenceMs)
    }
    /** @param {MessageEvent} event */
    const heard = ({ type, data }) => {
      heardMs = Date.now()
      watch()
      if (type === 'refused') return refused('the key was revoked, or its week is over')
      setLive((before) => ({
        state: 'live',
        sinceMs: heardMs,
        why: '',
        parts: type === 'pulse' ? before.parts : { ...before.parts, [type]: JSON.parse(data) },
      }))
    }
    /** @param {string} why */
    const refused = (why) => {
      close()
      setLive((before) => ({ ...before, state: 'refused', why }))
    }
    const failed = async () => {
      close()
      lost()
      // A stream does not say why it ended.
      const status = await ask('GET', '/api/session').then(
        () => 200,
        (error) => error.status,
      )
      if (isOver) return
      if (status === 401) return refused('the key was revoked, or its week is over')
      timer = setTimeout(open, againMs)
    }
    const open = () => {
      if (isOver) return
      source = new EventSource(url)
      source.onerror = failed
      for (const name of partNames) source.addEventListener(name, heard)
      watch()
    }
    open()
    return () => {
      isOver = true
      close()
    }
  }, [url])
  return live
}

/** Every event that the node sends. */
const partNames = [
  ...['pulse', 'refused'],
  ...['key', 'batches', 'batch'],
  ...['node', 'why', 'history', 'money', 'samples'],
  ...['fleet', 'vehicles', 'members', 'day'],
]

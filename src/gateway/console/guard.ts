/**
 * Guards what the page shows: only the page itself may ask for it, in a browser that has a session.
 *
 * A browser sends the cookie along with whatever asks this server, and takes other ports of this machine for the same site. So each
 * request must also come from a page of this server: browsers say so in Sec-Fetch-Site, which no page can set. They say it of servers
 * that they trust with secrets, which a plain http address in a network is none of; there, a change must name this server as its Origin.
 */
import type { Context } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import type { AppEnv } from '../app-context.ts'
import { ApiError } from '../errors.ts'
import type { KeyRow } from '../keys.ts'
import { type Sessions, sessionMs } from '../sessions.ts'

/** Throws ApiError where another page has the browser ask. */
export function refuseOtherPages(c: Context<AppEnv>): void {
  const site = c.req.header('sec-fetch-site')
  const changes = c.req.method !== 'GET' && c.req.method !== 'HEAD'
  const isOwn =
    site === undefined ? !changes || isOwnOrigin(c) : site === 'same-origin' || (site === 'none' && !changes)
  if (isOwn) return
  throw new ApiError({
    status: 403,
    message: 'this is for the page of this server, and another one asks',
    code: 'cross_site',
  })
}

function isOwnOrigin(c: Context<AppEnv>): boolean {
  const origin = c.req.header('origin') ?? ''
  return URL.canParse(origin) && new URL(origin).host === c.req.header('host')
}

/** The key of the session. Throws ApiError. */
export function keyOfSession(c: Context<AppEnv>, sessions: Sessions, nowMs: number): KeyRow {
  const token = tokenOf(c)
  const key = token === undefined ? undefined : sessions.keyOf(token, nowMs)
  if (key !== undefined) return key
  throw new ApiError({
    status: 401,
    message: token === undefined ? 'open the page with a key' : 'the key was revoked, or its week is over',
    code: 'no_session',
  })
}

/** None where there are two: a server on another port of this host can set one as well, for a session of its own. */
export function tokenOf(c: Context<AppEnv>): string | undefined {
  const name = cookieName(c)
  const cookies = (c.req.header('cookie') ?? '').split(';').filter((one) => one.trim().startsWith(`${name}=`))
  return cookies.length === 1 ? getCookie(c, name) : undefined
}

export function keepToken(c: Context<AppEnv>, token: string): void {
  setCookie(c, cookieName(c), token, { ...cookieOptions(c), maxAge: sessionMs / 1000 })
}

export function dropToken(c: Context<AppEnv>): void {
  deleteCookie(c, cookieName(c), cookieOptions(c))
}

/** Browsers send cookies to all ports of a machine: those of two nodes must not be called alike. */
function cookieName(c: Context<AppEnv>): string {
  return `carpool-${c.env.incoming.socket.localPort}`
}

function cookieOptions(c: Context<AppEnv>) {
  const secure = c.req.header('origin')?.startsWith('https:') === true
  return { path: '/api', httpOnly: true, sameSite: 'Strict', secure } as const
}

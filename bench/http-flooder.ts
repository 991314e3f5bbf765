/**
 * A process that asks an HTTP server as much as it takes, and in every way that hurts: `http-flooder.ts <url> <connections>`. It
 * keeps so many connections open, of which some ask one thing after the other, some send heads or uploads that never end, and some
 * say nothing. Those that are hung up on are opened again. Asked by a message, it says how many answers it has got.
 */
import { connect } from 'node:net'

const [url, count] = process.argv.slice(2) as [string, string]
const { hostname, port } = new URL(url)
const key = `Authorization: Bearer cpk-${'0'.repeat(16)}-${'A'.repeat(43)}\r\n`
const host = `Host: ${hostname}:${port}\r\n`

/** Asked again and again over one connection. */
const questions = [
  `GET /livez HTTP/1.1\r\n${host}\r\n`,
  `GET /readyz?verbose HTTP/1.1\r\n${host}\r\n`,
  `GET /metrics HTTP/1.1\r\n${host}\r\n`,
  `GET /v1/models HTTP/1.1\r\n${host}${key}\r\n`,
  `GET /v1/files/..%2f..%2fnode.key/content HTTP/1.1\r\n${host}${key}\r\n`,
]

/** Begun, and never ended. */
const beginnings = [
  '',
  'GET /v1/mod',
  `GET /v1/models HTTP/1.1\r\n${host}${Array.from({ length: 90 }, (_, i) => `X-${i}: ${'y'.repeat(100)}\r\n`).join('')}`,
  `POST /v1/files HTTP/1.1\r\n${host}${key}Content-Type: multipart/form-data; boundary=b\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n--b\r\n\r\n`,
]

/** One of so many asks; the others only begin. */
const askers = 16
/** The pause before a connection that was hung up on is opened again. */
const againMs = 50

let answers = 0
let refusals = 0

function open(index: number): void {
  const isAsker = index % askers === 0
  const socket = connect(Number(port), hostname)
  let at = index
  const say = () => {
    at += 1
    socket.write(isAsker ? questions[at % questions.length]! : beginnings[at % beginnings.length]!)
  }
  socket.on('connect', say)
  socket.on('data', () => {
    answers += 1
    if (isAsker) say()
  })
  socket.on('error', () => {
    refusals += 1
  })
  socket.on('close', () => setTimeout(() => open(index), againMs))
}

for (let index = 0; index < Number(count); index += 1) setTimeout(() => open(index), index / 4)
process.on('message', () => process.send?.({ answers, refusals }))
process.on('disconnect', () => process.exit())
process.send?.('ready')

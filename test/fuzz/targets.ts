/**
 * What is fuzzed: every decoder of bytes that come from outside this process, with good examples to bend, and what it
 * may throw. Whatever else it throws is a defect, and so is what it accepts and writes otherwise.
 */

import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { create, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf'
import { RPC } from '@libp2p/gossipsub/message'
import { equals, fromString, toString as textOf } from 'uint8arrays'
import { clean, isPrintable, printableJson } from '../../src/base/printable.ts'
import { CommandFailure } from '../../src/cli/failure.ts'
import { readBankAnswer } from '../../src/cli/money/bank-answer.ts'
import { readLedgers } from '../../src/cli/money/ledger-lines.ts'
import { readPayees } from '../../src/cli/money/payees.ts'
import { ApiError } from '../../src/gateway/errors.ts'
import { receive } from '../../src/gateway/upload.ts'
import { RequestError } from '../../src/host/errors.ts'
import { LineReader, LineTooLong } from '../../src/host/local/lines.ts'
import {
  charterText,
  readCharter,
  readCredential,
  signCharter,
} from '../../src/host/membership/certificates.ts'
import {
  decodeGreeting,
  decodeReply,
  encodeGreeting,
  encodeReply,
} from '../../src/host/membership/greeting.ts'
import { decodeAnswer, decodeQuestion, encodeQuestion } from '../../src/host/network/block-frames.ts'
import { cidFromBytes, cidToBytes } from '../../src/host/network/cid-bytes.ts'
import {
  decodeDialBackAnswer,
  decodeDialBackQuestion,
  encodeDialBack,
} from '../../src/host/network/dial-back.ts'
import { NetworkError } from '../../src/host/network/errors.ts'
import { framePrefix, frames } from '../../src/host/network/frames.ts'
import { piecesOf, wordsIn } from '../../src/host/network/gossip-door.ts'
import { makeMeshKey, parseMeshKey } from '../../src/host/network/mesh-key.ts'
import { areaOf, placeOf } from '../../src/host/network/reach.ts'
import {
  seal,
  sealResult,
  Unsealable,
  unseal,
  unsealResult,
  unwrapKey,
} from '../../src/host/sealing/sealing.ts'
import { readLine } from '../../src/host/signals/command.ts'
import type { RawReading } from '../../src/host/signals/intake.ts'
import { readDatapoint } from '../../src/host/signals/kuksa.ts'
import { subscribeResponse } from '../../src/host/signals/kuksa-schema.ts'
import { parseTrace } from '../../src/host/signals/trace.ts'
import { readingOf, signalPathOf } from '../../src/host/signals/values.ts'
import { readMessage } from '../../src/host/signals/viss.ts'
import { cidOf } from '../../src/host/store/cid.ts'
import { StoreError } from '../../src/host/store/errors.ts'
import { parseFileRoot } from '../../src/host/store/files.ts'
import { SigningKey } from '../../src/host/store/keys.ts'
import { readJsonLines } from '../../src/host/submission/json-lines.ts'
import { openPrompts } from '../../src/host/submission/prompts.ts'
import { decodeReport, encodeReport, packRecords, unpackRecords } from '../../src/protocol/audit/report.ts'
import { digestType, unpackDigest } from '../../src/protocol/cells/digest.ts'
import type { Arc, CellKey } from '../../src/protocol/cells/key.ts'
import { type CellMessage, decodeCellMessage, encodeCellMessage } from '../../src/protocol/cells/message.ts'
import { ProtocolError } from '../../src/protocol/errors.ts'
import type { CellId } from '../../src/protocol/ids.ts'
import { decodeAdverts, encodeAdverts, openForeign } from '../../src/protocol/job/abroad.ts'
import type { Agreement } from '../../src/protocol/job/agreement.ts'
import { encodeResult } from '../../src/protocol/job/result.ts'
import { encodeCbor, linkOf } from '../../src/protocol/record/block.ts'
import { encodeBody } from '../../src/protocol/record/record.ts'
import { openRecord } from '../../src/protocol/records.ts'
import type { Reading } from '../../src/protocol/rules/signals.ts'
import { deliveredOf, isOneAnswer } from '../../src/protocol/verification/delivery.ts'
import { checkEvidence, decodeEvidence, encodeEvidence } from '../../src/protocol/verification/evidence.ts'
import { examineResult } from '../../src/protocol/verification/examination.ts'
import { ggufFault } from '../../src/runtimes/gguf/check.ts'
import { decodePage, pageSizes, refusalOf } from '../../src/runtimes/imaging/document.ts'
import { kindOf } from '../../src/runtimes/imaging/kind.ts'
import { decodeRequest, encodeRequest } from '../../src/runtimes/llm/request.ts'
import { encodeFrame, FrameReader, type FromChild } from '../../src/runtimes/messages.ts'
import { readPdfPage } from '../../src/runtimes/ocr/pdf-page.ts'
import { onnxFault } from '../../src/runtimes/onnx/check.ts'
import { shapeOfPdf } from '../../src/runtimes/pdf/inspection.ts'
import { cutPages } from '../../src/runtimes/pdf/pieces.ts'
import { RecordError } from '../../src/runtimes/runtime.ts'
import { admit } from '../../src/runtimes/wasm/admission.ts'
import { codecs, lease, strict, trusting } from '../support/codecs.ts'
import { cidNamed, ownerNamed, peerNamed, sha256 } from '../support/core-fakes.ts'
import { equivocationIn, leaseFor, nowMs } from '../support/equivocation.ts'
import { gguf } from '../support/gguf.ts'
import { changedList, goodRecords, opening } from '../support/good-records.ts'
import { encodeJpeg, encodePng, encodeTiff } from '../support/images.ts'
import { float, identity, model, namesAnotherFile, spellingModel, tensor } from '../support/onnx.ts'
import { imageAt, pdfOf, textAt } from '../support/pdfs.ts'
import { smallPictures } from '../support/small-pictures.ts'
import { wasmModule } from '../support/wasm/modules.ts'

export interface Target {
  readonly good: readonly Uint8Array[]
  /** Throws when the decoder does what it should not. */
  read(bytes: Uint8Array): void | Promise<void>
  /** How many inputs a change gets: by what one costs, a second or two in all. */
  readonly runs: number
}

const hash = cidNamed('r')
const agreements: readonly Agreement[] = [
  'bytes',
  'class-bytes',
  'class-text',
  { relation: 'argmax' },
  { relation: 'scored', gapMax: 1, differenceMax: 1 },
]
const gossipPacket: RPC = {
  subscriptions: [{ subscribe: true, topic: 'a' }],
  messages: Array.from({ length: 20 }, (_, i) => ({ topic: 'a', data: Uint8Array.of(i) })),
  control: {
    ihave: [{ topicID: 'a', messageIDs: [new Uint8Array(32)] }],
    iwant: [{ messageIDs: [new Uint8Array(32)] }],
    graft: [{ topicID: 'a' }],
    prune: [{ topicID: 'a', peers: [], backoff: 60 }],
    idontwant: [{ messageIDs: [new Uint8Array(32)] }],
  },
}
const batchLines = [
  '{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"messages":[{"role":"user","content":"x"}],"max_tokens":9,"stop":["a"],"temperature":0.5}}\n',
  '{"custom_id":"b","body":{"messages":[{"role":"user","content":[{"type":"text","text":"x"}]}],"response_format":{"type":"json_schema","json_schema":{"schema":{"type":"array","maxItems":9}}}}}\n{"id":"c","text":"x"}\n',
  '{"document":"a.pdf","page":2,"result":{"text":"x","lines":[{"box":[1,2]}]},"error":null}\n',
].map((line) => fromString(line))
const bankAnswers = [
  '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt><OrgnlPmtInfAndSts><TxInfAndSts><OrgnlEndToEndId>P260630-a-b-1</OrgnlEndToEndId><TxSts>RJCT</TxSts><StsRsnInf><Rsn><Cd>AC04</Cd></Rsn></StsRsnInf></TxInfAndSts></OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>',
  '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.08"><Ntry><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts><TxDtls><Refs><EndToEndId>P260630-a-b-1</EndToEndId></Refs><Amt Ccy="EUR">1.00</Amt></TxDtls></Ntry></Document>',
].map((text) => fromString(text))
const cellMessages: readonly CellMessage[] = [
  { type: 'where', question: 1, key: 7 as CellKey },
  {
    type: 'there',
    question: 1,
    cell: '0101' as CellId,
    contacts: [
      {
        peer: peerNamed('v'),
        owner: ownerNamed('o'),
        key: 7 as CellKey,
        addresses: ['/ip4/192.0.2.1/tcp/1'],
      },
    ],
  },
  { type: 'who', question: 2, arc: { from: 1, length: 9 } as Arc, engine: 5, after: null },
  { type: 'these', question: 2, cell: '' as CellId, adverts: [goodRecords.advert], hasMore: true },
  { type: 'report', advert: goodRecords.advert, since: 3 },
  { type: 'proofs', leaf: 3, names: [{ owner: ownerNamed('o'), proof: hash }], asks: true },
]
const boundary = '----x'
const uploads = [
  `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.jsonl"\r\nContent-Type: text/plain\r\n\r\n{"a":1}\n\r\n--${boundary}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--${boundary}--\r\n`,
].map((text) => fromString(text))
const ledgerLine = fromString(
  '{"at":"2026-06-30T10:00:00.000Z","kind":"claim","hash":"a","memo":"","sides":["vehicle"],"unit":null,"runtime":"ocr","node":"n","job":null}\n',
)
const payeesText =
  '{"payer":{"name":"Depot","iban":"DE89 3704 0044 0532 0130 00"},"payees":{"o1":{"name":"Anna","iban":"DE89370400440532013000","bic":"COBADEFFXXX"}}}'
const prompts = openPrompts({ runtime: 'llm', promptTemplate: null })
const [width, height] = [24, 16]
const pixels = Uint8Array.from({ length: width * height }, (_, i) => (i * 37) & 255)
const image = { width, height, pixels }
const page = { width, height, bits: 8, photometric: 1, raw: pixels } as const

export const targets: Readonly<Record<string, Target>> = {
  ...Object.fromEntries(
    Object.entries(codecs).map(([name, codec]): [string, Target] => [
      name.replaceAll(' ', '-'),
      { good: [codec.good], runs: 1_000, read: (bytes) => void strict(codec, bytes, name) },
    ]),
  ),
  // Evidence is judged as soon as it is heard, whoever passed it on.
  evidence: target([encodeEvidence(equivocationIn(leaseFor(peerNamed('v'))))], 2_000, (bytes) =>
    allowing([ProtocolError], () => checkEvidence(decodeEvidence(bytes), sha256, trusting, nowMs)),
  ),
  record: target(
    [...Object.values(goodRecords), changedList].map(({ body }) => body),
    3_000,
    (bytes) =>
      allowing([ProtocolError], () => {
        const { record } = openRecord(
          { body: bytes, signature: new Uint8Array(64) },
          opening,
          sha256,
          trusting,
        )
        const { id: _, ...body } = record
        assert(equals(encodeBody(body), bytes))
      }),
  ),
  'page-output': target(
    ['{"text":"a","boxes":[[0,1e3]]}', '[[[1]]]', '{"a":{"b":[1,"]"]}}'].map((text) => fromString(text)),
    3_000,
    readOutput,
  ),
  greeting: target(
    [encodeGreeting({ credential: lease, vehicle: 'van', certificate: null, charter: 1 })],
    3_000,
    (bytes) => allowing([ProtocolError], () => decodeGreeting(bytes)),
  ),
  reply: target([encodeReply({ refused: 'wait', credential: null, charters: [lease] })], 3_000, (bytes) =>
    allowing([ProtocolError], () => decodeReply(bytes)),
  ),
  'dial-back-question': target([encodeDialBack({ port: 4001 })], 128, (bytes) =>
    allowing([ProtocolError], () => decodeDialBackQuestion(bytes)),
  ),
  'gossip-packet': target([RPC.encode(gossipPacket)], 1_000, readGossipPacket),
  'dial-back-answer': target([encodeDialBack({ reached: null, host: '2001:db8::1' })], 128, (bytes) =>
    allowing([ProtocolError], () => decodeDialBackAnswer(bytes)),
  ),
  address: target(
    [
      '/ip4/203.0.113.7/tcp/4001',
      '/ip6/::ffff:127.0.0.1/tcp/1',
      '/ip6/fe80::1/tcp/9',
      '/dns4/car.example.org/tcp/443',
      '/dns/localhost/tcp/1',
    ].map((text) => new TextEncoder().encode(text)),
    3_000,
    (bytes) => {
      const place = placeOf(peerNamed('v'), new TextDecoder().decode(bytes))
      if (place === undefined) return
      const [host, tcp] = place.address.getComponents()
      assert(tcp?.name === 'tcp' && Number(tcp.value) > 0 && Number(tcp.value) < 65_536)
      if (host!.name.startsWith('ip')) areaOf(host!.value!)
    },
  ),
  shown: target(
    ['\x1b[2J', 'a\u202eb\r\n', 'Ä🚗 \ud800'].map((text) => new TextEncoder().encode(text)),
    3_000,
    (bytes) => {
      const text = new TextDecoder().decode(bytes)
      assert(isPrintable(clean(text, 20)) && [...clean(text, 20)].length <= 20)
      assert.deepEqual([isPrintable(printableJson(text)), JSON.parse(printableJson(text))], [true, text])
    },
  ),
  report: target(
    [encodeReport({ job: hash, recordPages: [hash], shardList: [hash], results: [hash] })],
    3_000,
    (bytes) => allowing([ProtocolError], () => decodeReport(bytes)),
  ),
  'record-page': target([...packRecords([{ kind: 'lease', record: lease, opening: null }])], 3_000, (bytes) =>
    allowing([ProtocolError], () => unpackRecords(bytes)),
  ),
  'file-root': target(
    [encodeCbor({ bytes: 2 ** 20 + 1, parts: [linkOf(hash), linkOf(hash)] })],
    3_000,
    (bytes) => allowing([StoreError, ProtocolError], () => parseFileRoot(cidOf('dag-cbor', bytes), bytes)),
  ),
  cid: target([cidToBytes(hash)], 3_000, (bytes) => {
    const cid = cidFromBytes(bytes)
    if (cid !== undefined) assert.deepEqual(cidToBytes(cid), bytes)
  }),
  frames: target(
    [joined(framePrefix(3), [1, 2, 3], framePrefix(200), new Uint8Array(200))],
    2_000,
    readFrames,
  ),
  'block-question': target([bodyOfFrame(encodeQuestion(1, 7, [cidToBytes(hash)]))], 3_000, (bytes) =>
    allowing([NetworkError], () => decodeQuestion(bytes)),
  ),
  'block-answer': target([Uint8Array.of(1, 0, 0, 0, 7, 9, 9)], 3_000, (bytes) =>
    allowing([NetworkError], () => decodeAnswer(bytes)),
  ),
  'frame-of-child': target(
    [
      joined(
        ...encodeFrame({ type: 'record', id: 1, text: 'a', error: null, cpuMs: 1 }, Uint8Array.of(1, 2)),
      ),
    ],
    3_000,
    (bytes) => readChild(bytes),
  ),
  'lines-of-socket': target([fromString('{"id":1,"method":"info"}\n{}\n')], 3_000, (bytes) =>
    allowing([LineTooLong], () => [...new LineReader(100).push(bytes)]),
  ),
  sealed: target([seal(new Uint8Array(32), Uint8Array.of(1, 2, 3))], 3_000, (bytes) =>
    allowing([Unsealable], () => {
      unseal(new Uint8Array(32), bytes, 'it')
      unwrapKey(new Uint8Array(32), bytes, 'it')
    }),
  ),
  'sealed-result': target([sealResult(new Uint8Array(32), Uint8Array.of(1, 2, 3))], 3_000, (bytes) =>
    allowing([Unsealable], () => unsealResult(new Uint8Array(32), bytes, 'it')),
  ),
  'certificate-file': target([fromString(charterText(charter()))], 300, readCertificates),
  'viss-message': target(
    [
      '{"action":"get","requestId":"1","data":{"path":"Vehicle.Speed","dp":{"value":"0.5","ts":"2026-03-01T20:00:00Z"}}}',
      '{"action":"subscription","subscriptionId":"1","data":[{"path":"Vehicle.IsMoving","dp":[{"value":"true","ts":"2026-03-01T20:00:00Z"}]}]}',
      '{"action":"subscribe","requestId":"2","error":{"number":"404","reason":"unavailable_data","message":"no"}}',
    ].map((text) => fromString(text)),
    3_000,
    (bytes) => signalsOf(() => readMessage(textOf(bytes)).readings),
  ),
  'kuksa-update': target(
    [
      toBinary(
        subscribeResponse,
        create(subscribeResponse, {
          entries: {
            'Vehicle.Speed': {
              timestamp: { seconds: 1_790_000_000n, nanos: 5_000_000 },
              value: { typedValue: { case: 'double', value: 0.5 } },
            },
            'Vehicle.IsMoving': { value: { typedValue: { case: 'bool', value: true } } },
          },
        }),
      ),
    ],
    3_000,
    (bytes) => signalsOf(() => updateOf(bytes)),
  ),
  'signal-line': target(
    [fromString('{"Vehicle.Speed":{"value":1e1,"ts":"2026-03-01T20:00:00+01:00"},"Vehicle.IsMoving":false}')],
    3_000,
    (bytes) => signalsOf(() => readLine(textOf(bytes), 1.8e12)),
  ),
  trace: target(
    [
      fromString('{"at":0,"Vehicle.Speed":0}\n{"at":1.5,"Vehicle.Speed":null}\n'),
      fromString('{"at":"2026-03-01T20:00:00Z","Vehicle.LowVoltageSystemState":"OFF"}\n'),
    ],
    3_000,
    (bytes) =>
      signalsOf(() => {
        parseTrace('it', textOf(bytes))
        return []
      }),
  ),
  png: target([encodePng(image)], 1_000, readImage),
  jpeg: target([encodeJpeg(image, 80)], 300, readImage),
  tiff: target(
    [1, 8, 5, 32_773].map((compression) => encodeTiff([{ ...page, compression }])),
    1_000,
    readImage,
  ),
  gif: target(pictures(/^gif/), 500, readImage),
  bmp: target(pictures(/^bmp/), 500, readImage),
  webp: target(pictures(/^webp/), 150, readImage),
  jpeg2000: target(pictures(/^j/), 50, readImage),
  // Opened, looked at, drawn small, and cut: what breaks PDFium must be a refusal, whatever it left in its memory.
  pdf: target(
    [
      pdfOf([{ content: textAt(72, 700, 12, 'A typed page.') }]),
      pdfOf([{ content: imageAt(0, 0, 40, 40), images: [image], box: [0, 0, 60, 60], more: '/Rotate 90' }]),
    ],
    40,
    readPdf,
  ),
  // What a submitter is told of a file is never longer than a line, and never fails.
  kind: target(
    ['PK\x03\x04', '\0\0\0\x24ftypheic', '%PDF-1.7', '<svg ', 'BM'].map((text) =>
      Buffer.from(text, 'latin1'),
    ),
    1_000,
    (bytes) => assert(!/[\n\0]/.test(kindOf(bytes).name + kindOf(bytes).wayOut)),
  ),
  // Whatever is taken keeps its data to itself, also to a reader that forgives everything.
  onnx: target(
    [model(identity(tensor('w', [2], float, new Uint8Array(8)))), spellingModel('/etc/passwd', 16)],
    3_000,
    (bytes) => assert(onnxFault(bytes) !== null || !namesAnotherFile(bytes)),
  ),
  // Whatever a file says of itself, it is judged; nothing is set aside for what it claims.
  gguf: target([gguf(), gguf({ version: 2, dataBytes: 120 })], 3_000, (bytes) => void ggufFault(bytes)),
  'batch-line': target(batchLines, 3_000, readBatch),
  'bank-answer': target(bankAnswers, 2_000, (bytes) =>
    allowing([CommandFailure], () => {
      for (const { reference, reason } of readBankAnswer('it', bytes).news)
        assert(isPrintable(reference + reason) && reference.length <= 140 && reason.length <= 140)
    }),
  ),
  'cell-message': target(cellMessages.map(encodeCellMessage), 3_000, (bytes) =>
    allowing([ProtocolError], () => assert(equals(encodeCellMessage(decodeCellMessage(bytes)), bytes))),
  ),
  // What a digest packs is unpacked by everybody who hears it.
  'digest-content': target([goodRecords.digest.body], 3_000, (bytes) =>
    allowing([ProtocolError], () => {
      const { payload } = digestType.open({ body: bytes, signature: new Uint8Array(64) }, sha256, trusting)
      unpackDigest(payload)
    }),
  ),
  'adverts-of-census': target([encodeAdverts([goodRecords.advert, lease])], 3_000, (bytes) =>
    allowing([ProtocolError], () => {
      for (const advert of decodeAdverts(bytes))
        allowing([ProtocolError], () => openForeign(advert, sha256, trusting))
    }),
  ),
  upload: target(uploads, 60, readUpload),
  'ledger-lines': target([ledgerLine], 200, (bytes) =>
    inFile(bytes, async (path) => {
      for await (const _ of readLedgers([path]));
    }),
  ),
  payees: target([fromString(payeesText)], 200, (bytes) => inFile(bytes, (path) => void readPayees(path))),
  'mesh-key': target([makeMeshKey()], 1_000, (bytes) => {
    try {
      assert.equal(parseMeshKey(bytes).byteLength, 32)
    } catch (error) {
      assert.match((error as Error).message, /^the mesh key is not one/)
    }
  }),
  wasm: target(await Promise.all(['no-op', 'word-count'].map(wasmModule)), 60, async (bytes) => {
    await admit(bytes, 16).catch((error) => {
      if (!(error instanceof RecordError)) throw error
    })
  }),
}

/** In a file of its own, whose faults are one sentence each. */
async function inFile(bytes: Uint8Array, read: (path: string) => void | Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'carpool-fuzz-'))
  try {
    writeFileSync(join(folder, 'file'), bytes)
    await read(join(folder, 'file'))
  } catch (error) {
    assert(error instanceof CommandFailure && !error.message.includes('\n'), `${error}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** An upload is a file on the disk, or refused by name and gone from it; it never waits for more. */
async function readUpload(bytes: Uint8Array): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'carpool-fuzz-'))
  const path = join(folder, 'upload')
  const headers = { 'content-type': `multipart/form-data; boundary=${boundary}` }
  const request = Object.assign(Readable.from([bytes]), { headers, complete: true })
  try {
    const upload = await receive(request as unknown as IncomingMessage, path)
    assert.equal(readFileSync(path).byteLength, upload.bytes)
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    assert(!existsSync(path))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function pictures(names: RegExp): readonly Uint8Array[] {
  return Object.entries(smallPictures).flatMap(([name, bytes]) => (names.test(name) ? [bytes] : []))
}

function target(good: readonly Uint8Array[], runs: number, read: Target['read']): Target {
  return { good, runs, read }
}

function allowing(errors: readonly (new (...args: never[]) => Error)[], decode: () => unknown): void {
  try {
    decode()
  } catch (error) {
    if (!errors.some((kind) => error instanceof kind)) throw error
  }
}

/** The same frames come out, or the same refusal, however the bytes are cut. */
async function readFrames(bytes: Uint8Array): Promise<void> {
  const results = await Promise.all([bytes.length || 1, 1, 7].map((size) => framesOf(bytes, size)))
  assert.deepEqual(results[1], results[0])
  assert.deepEqual(results[2], results[0])
}

async function framesOf(bytes: Uint8Array, size: number): Promise<unknown[]> {
  const found: unknown[] = []
  try {
    for await (const frame of frames(chunks(bytes, size), 1_000)) found.push(textOf(frame, 'base16'))
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error
    found.push(error.code)
  }
  return found
}

async function* chunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

/** A broken stream is one line of an Error, which ends the child; never anything that would end the parent. */
function readChild(bytes: Uint8Array): void {
  for (const size of [bytes.length || 1, 1, 5]) {
    const reader = new FrameReader<FromChild>(1_000_000)
    try {
      for (let at = 0; at < bytes.length; at += size)
        for (const _ of reader.push(bytes.subarray(at, at + size)));
    } catch (error) {
      assert(
        error instanceof Error && !(error instanceof TypeError) && !(error instanceof RangeError),
        `${error}`,
      )
    }
  }
}

/** What they say is a sentence of their own, never a machine's complaint that nobody foresaw. */
function signalsOf(read: () => readonly RawReading[]): void {
  try {
    for (const [name, value, atMs] of read()) {
      const path = signalPathOf(name)
      if (path === undefined) continue
      const reading: Reading<unknown> = readingOf(path, value, atMs, 1.8e12)
      assert(reading.value === null || ['boolean', 'number', 'string'].includes(typeof reading.value))
      assert(reading.atMs <= 1.8e12)
      assert(typeof reading.value !== 'number' || Number.isFinite(reading.value))
    }
  } catch (error) {
    assert((error as Error).constructor === Error, `${error}`)
  }
}

/** The library's own complaints about bytes are caught where it is called, whatever they are. */
function updateOf(bytes: Uint8Array): RawReading[] {
  let update: MessageShape<typeof subscribeResponse>
  try {
    update = fromBinary(subscribeResponse, bytes)
  } catch {
    return []
  }
  return Object.entries(update.entries).map(([path, point]) => readDatapoint(path, point))
}

/** Whatever a page's output is, it is examined and delivered without an error, and no deeper than anybody can write it. */
function readOutput(bytes: Uint8Array): void {
  const text = textOf(bytes).slice(0, 4)
  const page = { output: bytes, text, error: null }
  const result = encodeResult({ engine: 'e', records: [page] })
  for (const agreement of agreements) {
    const { state } = examineResult(sha256, result, 1, 'e', agreement)
    assert.equal(state, isOneAnswer(page, agreement) ? 'good' : 'invalid')
    const delivered = deliveredOf(page, agreement)
    if (delivered.state === 'output') JSON.stringify(delivered.output)
  }
}

async function readPdf(bytes: Uint8Array): Promise<void> {
  const { refused, pages } = await shapeOfPdf(bytes, [], true, 2000)
  if (refused !== undefined) return
  assert(pages > 0)
  try {
    await readPdfPage(bytes, 0, { dpi: 20, takesText: true, hasWords: true })
  } catch (error) {
    if (!(error instanceof RecordError)) throw error
  }
  // The child ends where this fails, which refuses the document.
  const [piece] = await cutPages(bytes, [], [[0]]).catch(() => [])
  if (piece !== undefined && piece.byteLength > 0)
    assert.equal((await shapeOfPdf(piece, [], true, 2000)).refused, undefined)
}

async function readImage(bytes: Uint8Array): Promise<void> {
  try {
    for (const [index] of pageSizes(bytes).slice(0, 3).entries()) await decodePage(bytes, index)
  } catch (error) {
    if (!(error instanceof RecordError)) throw error
  }
  const refused = refusalOf(bytes)
  assert(refused === null || refused.what !== '')
}

function readCertificates(bytes: Uint8Array): void {
  const folder = mkdtempSync(join(tmpdir(), 'carpool-fuzz-'))
  const path = join(folder, 'file.json')
  try {
    writeFileSync(path, bytes)
    for (const read of [readCharter, readCredential])
      try {
        read(path)
      } catch (error) {
        assert((error as Error).message.startsWith(`${path} `), `${error}`)
      }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function charter() {
  const key = SigningKey.generate()
  return signCharter(key, { name: 'f', keys: [key.peerId], registrars: [], operatorPpm: 0, revoked: [] }, 1)
}

function joined(...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]))
}

/** Without its length prefix, as `frames` hands it on. */
function bodyOfFrame(frame: Uint8Array): Uint8Array {
  return frame.subarray(frame.findIndex((byte) => byte < 0x80) + 1)
}

/** A request that is taken means the same to the vehicle that reads it. */
async function readBatch(bytes: Uint8Array): Promise<void> {
  try {
    for await (const line of readJsonLines(inOne(bytes), 'lines', prompts))
      if ('request' in line)
        assert(equals(encodeRequest(decodeRequest(JSON.parse(textOf(line.request)))), line.request))
  } catch (error) {
    if (!(error instanceof RequestError)) throw error
  }
}

async function* inOne(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

/** gossipsub says and forgets what is no packet; of any other nothing is lost at the door, and each piece counts. */
function readGossipPacket(bytes: Uint8Array): void {
  let packet: RPC
  try {
    packet = RPC.decode(bytes)
  } catch {
    return
  }
  const pieces = piecesOf(packet)
  assert.deepEqual(
    pieces.flatMap(({ messages }) => messages),
    packet.messages,
  )
  assert.deepEqual(
    pieces.flatMap(({ subscriptions }) => subscriptions),
    packet.subscriptions,
  )
  assert.deepEqual(
    pieces.flatMap(({ control }) => control ?? []),
    packet.control === undefined ? [] : [packet.control],
  )
  for (const piece of pieces) assert(wordsIn(piece) >= Math.max(1, piece.messages.length))
}

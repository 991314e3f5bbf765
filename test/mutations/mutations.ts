/** Bugs that the tests must catch, by the room that they are planted in; each is a small change to one file. */
import { audit } from './audit.ts'
import { council } from './council.ts'
import { executor } from './executor.ts'
import { fleet } from './fleet.ts'
import { formats } from './formats.ts'
import { gateway } from './gateway.ts'
import { history } from './history.ts'
import { job } from './job.ts'
import { jobs } from './jobs.ts'
import { ledger } from './ledger.ts'
import { library } from './library.ts'
import { llm } from './llm.ts'
import type { Mutation } from './mutation.ts'
import { network } from './network.ts'
import { node } from './node.ts'
import { ocr } from './ocr.ts'
import { operating } from './operating.ts'
import { payouts } from './payouts.ts'
import { records } from './records.ts'
import { rules } from './rules.ts'
import { sealing } from './sealing.ts'
import { shown } from './shown.ts'
import { signals } from './signals.ts'
import { state } from './state.ts'
import { steward } from './steward.ts'
import { stewardship } from './stewardship.ts'
import { store } from './store.ts'
import { submission } from './submission.ts'
import { supervisor } from './supervisor.ts'
import { vehicle } from './vehicle.ts'
import { verification } from './verification.ts'

const rooms: Readonly<Record<string, readonly Mutation[]>> = {
  job,
  state,
  records,
  verification,
  steward,
  council,
  vehicle,
  formats,
  gateway,
  history,
  audit,
  ledger,
  payouts,
  jobs,
  stewardship,
  submission,
  node,
  operating,
  fleet,
  sealing,
  store,
  network,
  rules,
  signals,
  supervisor,
  shown,
  executor,
  ocr,
  library,
  llm,
}

export const mutations: readonly (Mutation & { readonly room: string })[] = Object.entries(rooms).flatMap(
  ([room, bugs]) => bugs.map((bug) => ({ ...bug, room })),
)

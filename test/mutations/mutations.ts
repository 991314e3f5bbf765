/**
 * Bugs that the tests must catch, each a small change to one file. The text that is replaced stands in the file exactly
 * once; a change to the source that takes it away has to plant the bug anew.
 */
export interface Mutation {
  /** The bug, in a sentence. */
  readonly name: string
  readonly file: string
  readonly find: string
  readonly replace: string
  /** Test files, tried in this order until one goes red. */
  readonly caughtBy: readonly string[]
}

const scenarios = 'test/protocol/scenarios.test.ts'
const council = 'test/protocol/council.test.ts'
const simulator = 'test/simulator/simulator.test.ts'
const tally = 'test/protocol/tally.test.ts'
const audit = 'test/protocol/audit.test.ts'
const settlement = 'test/protocol/settlement.test.ts'
const auditPayments = 'test/protocol/audit-payments.test.ts'
const auditRecords = 'test/protocol/audit-records.test.ts'
const auditVerdicts = 'test/protocol/audit-verdicts.test.ts'
const receipts = 'test/protocol/receipt.test.ts'
const roster = 'test/protocol/roster.test.ts'
const durability = 'test/host/store-durability.test.ts'
const storeBlocks = 'test/host/store-blocks.test.ts'
const storeJobs = 'test/host/store-jobs.test.ts'
const provisions = 'test/host/provisions.test.ts'
const submission = 'test/host/submission.test.ts'
const jobsAlike = 'test/host/jobs-alike.test.ts'
const outbox = 'test/host/outbox.test.ts'
const vehicle = 'test/host/vehicle.test.ts'
const restart = 'test/protocol/steward-restart.test.ts'
const fleet = 'test/protocol/fleet.test.ts'
const blind = 'test/host/blind-keys.test.ts'
const candidates = 'test/protocol/candidates.test.ts'
const sealing = 'test/host/sealing.test.ts'
const rules = 'test/protocol/rules.test.ts'
const rulesWeek = 'test/protocol/rules-week.test.ts'
const week = 'test/simulator/week.test.ts'
const ownerWatch = 'test/host/owner-watch.test.ts'
const signalsOf = (kind: string): string => `test/host/signals-${kind}.test.ts`
const supervisor = 'test/host/supervisor.test.ts'
const allowance = 'test/protocol/allowance.test.ts'
const ledger = 'test/protocol/ledger.test.ts'

export const mutations: readonly Mutation[] = [
  // --- disk and network
  {
    name: 'The bytes of a block file are not synced.',
    file: 'src/host/store/durable.ts',
    find: '    await file.sync()\n',
    replace: '',
    caughtBy: [durability],
  },
  {
    name: 'The folder of block files is not synced.',
    file: 'src/host/store/durable.ts',
    find: '    await directory.sync()\n',
    replace: '',
    caughtBy: [durability],
  },
  {
    name: 'The bytes of a key file are not synced.',
    file: 'src/host/store/durable.ts',
    find: 'syncFresh(path, () => fsyncSync(file))',
    replace: '',
    caughtBy: [durability],
  },
  {
    name: 'SQLite commits without waiting for the disk.',
    file: 'src/host/store/database.ts',
    find: 'PRAGMA synchronous = FULL',
    replace: 'PRAGMA synchronous = OFF',
    caughtBy: [durability],
  },
  {
    name: 'A message is sent before what it rests on is durable.',
    file: 'src/host/store/outbox.ts',
    find: 'this.#push(() => write)',
    replace: '',
    caughtBy: [outbox],
  },
  {
    name: 'After a failed write the node goes on talking.',
    file: 'src/host/store/outbox.ts',
    find: 'if (this.#failed) return',
    replace: '',
    caughtBy: [outbox],
  },
  {
    name: 'The hash of a block is not checked when it is read.',
    file: 'src/host/store/blocks.ts',
    find: 'bytes !== undefined && isHashOf(cid, bytes) ? bytes',
    replace: 'bytes !== undefined ? bytes',
    caughtBy: [storeBlocks],
  },
  {
    name: 'The hash of a block is not checked when it is put.',
    file: 'src/host/store/block-writer.ts',
    find: "if (!isHashOf(cid, bytes)) throw new StoreError({ code: 'hash-mismatch'",
    replace: "if (bytes === null) throw new StoreError({ code: 'hash-mismatch'",
    caughtBy: [storeBlocks],
  },
  {
    name: 'A document that a job calls its weights may be read by anybody.',
    file: 'src/host/store/blocks.ts',
    find: "kinds.includes('weights') && kinds.every(isEvictable)",
    replace: "kinds.includes('weights')",
    caughtBy: [storeBlocks],
  },
  // --- which job a block belongs to
  {
    name: 'A block that is here already does not become the job’s that needs it.',
    file: 'src/host/store/blocks.ts',
    find: '      this.#uses.add(cid, use)\n      return false',
    replace: '      return false',
    caughtBy: [provisions, storeJobs],
  },
  {
    name: 'A result that is here already is not made the job’s.',
    file: 'src/host/stewardship/stewardship.ts',
    find: "await this.#blocks.take(results, 'result')",
    replace: 'results.filter((cid) => !this.#options.store.blocks.has(cid))',
    caughtBy: [jobsAlike],
  },
  {
    name: 'What arrives for a job that is forgotten is kept for ever.',
    file: 'src/host/store/job-blocks.ts',
    find: 'if (this.#isOver) throw',
    replace: 'if (this.#isOver && this.job === undefined) throw',
    caughtBy: [storeBlocks, provisions],
  },
  {
    name: 'The release of a job takes what it gets when it is taken up again.',
    file: 'src/host/store/blocks.ts',
    find: 'new JobBlocks(job, this.#access, this.#releasing.get(job))',
    replace: 'new JobBlocks(job, this.#access, undefined)',
    caughtBy: [storeBlocks],
  },
  {
    name: 'Weights that were damaged leave a use behind.',
    file: 'src/host/store/block-uses.ts',
    find: "SELECT cid, '', ?2 FROM blocks WHERE cid = ?1`",
    replace: "VALUES (?1, '', ?2)`",
    caughtBy: [storeBlocks],
  },
  {
    name: 'A node that stops looking after a job forgets that its vehicle works on it.',
    file: 'src/host/store.ts',
    find: 'some((other) => other !== role)',
    replace: 'some((other) => other !== role && other === "")',
    caughtBy: [storeJobs],
  },
  {
    name: 'What a crash left of forgotten jobs stays.',
    file: 'src/host/store.ts',
    find: 'blocks.keepOnly(new Set(',
    replace: 'Promise.resolve(new Set(',
    caughtBy: [jobsAlike],
  },
  {
    name: 'Of weights only the root is the job’s.',
    file: 'src/host/submission/submission.ts',
    find: '(block) => mine.put(block.cid, block.bytes, kind))',
    replace:
      "async (block) => { if (kind !== 'weights' || block.bytes.byteLength < 1_000) await mine.put(block.cid, block.bytes, kind) })",
    caughtBy: [submission],
  },
  {
    name: 'A request whose job was cancelled is answered with that job.',
    file: 'src/host/jobs/jobs.ts',
    find: "if (end) return end.outcome === 'complete'",
    replace: 'if (end) return true',
    caughtBy: [jobsAlike],
  },
  {
    name: 'A request that is made twice at once becomes two jobs.',
    file: 'src/host/turns.ts',
    find: 'const mine = before.then(act)',
    replace: 'const mine = act()',
    caughtBy: [jobsAlike],
  },
  // --- what is signed
  {
    name: 'The signature of a record is not verified.',
    file: 'src/protocol/record/record.ts',
    find: ' || !verify(body.signer, record.body, record.signature)',
    replace: '',
    caughtBy: ['test/protocol/encoding.test.ts'],
  },
  {
    name: 'A receipt is accepted whose opening does not match its commitment.',
    file: 'src/protocol/job/lease.ts',
    find: 'expected.length !== root.length || expected.some((byte, i) => byte !== root[i])',
    replace: 'expected.length !== root.length',
    caughtBy: [receipts],
  },
  {
    name: 'A receipt is accepted for the lease of another vehicle.',
    file: 'src/protocol/job/lease.ts',
    find: 'receipt.signer !== lease.payload.vehicle ||',
    replace: '',
    caughtBy: [receipts],
  },
  {
    name: 'An expired advert stays in the roster.',
    file: 'src/protocol/membership/roster.ts',
    find: '    this.expire(nowMs)\n    return [...this.#entries',
    replace: '    return [...this.#entries',
    caughtBy: ['test/protocol/roster-lapse.test.ts'],
  },
  {
    name: 'A replayed advert replaces a newer one.',
    file: 'src/protocol/membership/roster.ts',
    find: "if (known !== undefined && known.serial >= capacity.serial) return 'stale'",
    replace: '',
    caughtBy: [roster],
  },
  // --- voices
  {
    name: 'An owner with two vehicles counts twice.',
    file: 'src/protocol/verification/tally.ts',
    find: 'const voices = oneForEachOwner(claims)',
    replace: 'const voices = claims',
    caughtBy: [tally],
  },
  {
    name: 'One replica fewer than the job bought is enough.',
    file: 'src/protocol/verification/tally.ts',
    find: ': assurance.replicas - best.length\n  if',
    replace: ': assurance.replicas - 1 - best.length\n  if',
    caughtBy: [simulator, tally],
  },
  {
    name: 'Those who disagree do not weigh against a lead.',
    file: 'src/protocol/verification/tally.ts',
    find: 'assurance.lead - (best.length - others)',
    replace: 'assurance.lead - best.length',
    caughtBy: [tally],
  },
  {
    name: 'What the steward recomputed is ignored.',
    file: 'src/protocol/steward/shard-board.ts',
    find: 'tally(claims, assurance, agreement, found)',
    replace: 'tally(claims, assurance, agreement, found && undefined)',
    caughtBy: [scenarios],
  },
  {
    name: 'An owner who was contradicted keeps its voice.',
    file: 'src/protocol/steward/shard-board.ts',
    find: 'shard.claims.filter((claim) => !this.#contradicted.has(claim.owner))',
    replace: 'shard.claims',
    caughtBy: [scenarios],
  },
  {
    name: 'A vehicle that signs two results for one shard is not contradicted.',
    file: 'src/protocol/steward/steward.ts',
    find: 'if (before !== undefined && before !== result && !state.equivocated) {',
    replace: 'if (before === null) {',
    caughtBy: [scenarios],
  },
  // --- leases
  {
    name: 'An owner gets two replicas of a shard at once.',
    file: 'src/protocol/steward/shard-board.ts',
    find: '!shard.holders.has(candidate.owner) &&',
    replace: '',
    caughtBy: [scenarios],
  },
  {
    name: 'Another vehicle of a steward’s owner is given leases.',
    file: 'src/protocol/steward/candidate.ts',
    find: ' || stewardOwners.has(capacity.owner)',
    replace: '',
    caughtBy: ['test/protocol/candidates.test.ts'],
  },
  {
    name: 'Owners are drawn by how many vehicles they have.',
    file: 'src/protocol/job/draw.ts',
    find: '[...byOwner.keys()].sort(compareText)',
    replace: '[...byOwner].flatMap(([owner, cars]) => cars.map(() => owner)).sort(compareText)',
    caughtBy: ['test/protocol/draw.test.ts'],
  },
  {
    name: 'A lease that nobody hears of never lapses.',
    file: 'src/protocol/steward/lease-book.ts',
    find: '.filter((state) => state.aliveUntilMs <= nowMs)',
    replace: '.filter((state) => state.aliveUntilMs <= nowMs - 1e12)',
    caughtBy: [scenarios],
  },
  {
    name: 'A late receipt reopens a verified shard.',
    file: 'src/protocol/steward/shard-board.ts',
    find: 'if (shard.verdict === undefined) this.#recount(shard)',
    replace: 'shard.verdict = undefined\n    this.#open.add(shard)\n    this.#recount(shard)',
    caughtBy: [scenarios],
  },
  {
    name: 'The result of a late receipt is fetched for a verified shard.',
    file: 'src/protocol/steward/steward.ts',
    find: 'if (claim.shard.verdict !== undefined) {\n      this.#claimUnseen(claim)',
    replace: 'if (claim.shard.position < 0) {\n      this.#claimUnseen(claim)',
    caughtBy: [scenarios],
  },
  {
    name: 'A receipt that is repeated claims its shards again.',
    file: 'src/protocol/steward/steward.ts',
    find: '      if (before !== undefined) return\n',
    replace: '',
    caughtBy: [scenarios],
  },
  {
    name: 'A receipt is acknowledged and not kept.',
    file: 'src/protocol/steward/steward.ts',
    find: "if (isNews) this.#effects.unshift({ type: 'keep', receipt: opened })",
    replace: '',
    caughtBy: [scenarios],
  },
  {
    name: 'A job that was cancelled counts as complete.',
    file: 'src/protocol/steward/steward.ts',
    find: "this.#finish('cancelled',",
    replace: "this.#finish('complete',",
    caughtBy: [scenarios],
  },
  // --- restarts
  {
    name: 'A restored steward uses its serials again.',
    file: 'src/protocol/issuer.ts',
    find: 'if (signer === this.#signer) this.#serial = Math.max(this.#serial, serial + 1)',
    replace: '',
    caughtBy: [restart],
  },
  {
    name: 'A word about a lease of another job makes this job look for vehicles.',
    file: 'src/protocol/council/council.ts',
    find: 'if (this.#records.has(input.lease)) this.#tellSteward(input, nowMs)',
    replace: 'this.#tellSteward(input, nowMs)',
    caughtBy: ['test/protocol/inbox.test.ts'],
  },
  {
    name: 'A restored council uses its serials again.',
    file: 'src/protocol/council/council.ts',
    find: 'this.#results.learn(entry.record)\n      this.#issuer.learn(entry.record)',
    replace: 'this.#results.learn(entry.record)',
    caughtBy: [simulator, council],
  },
  {
    name: 'A restored steward repeats its draws.',
    file: 'src/protocol/steward/draw-log.ts',
    find: 'this.#draws = Math.max(this.#draws, draw.index + 1)',
    replace: 'this.#draws = 0',
    caughtBy: [restart],
  },
  {
    name: 'A vehicle runs a lease again that is over.',
    file: 'src/protocol/worker/known-jobs.ts',
    find: 'return known !== undefined && (known.over.has(id)',
    replace: 'return known === null && (known.over.has(id)',
    caughtBy: [scenarios],
  },
  {
    name: 'After a restart a vehicle runs again what its receipts cover.',
    file: 'src/protocol/worker/restoring.ts',
    find: 'const covered = new Set(receipts.flatMap(({ payload }) => payload.covers))',
    replace: 'const covered = new Set<number>()',
    caughtBy: [vehicle, scenarios],
  },
  {
    name: 'A vehicle accepts a lease before it is durable.',
    file: 'src/protocol/worker/worker.ts',
    find: "    effects.push({ type: 'take', lease: lease.id })\n    this.#desk.accept(held)\n",
    replace: "    this.#desk.accept(held)\n    effects.push({ type: 'take', lease: lease.id })\n",
    caughtBy: [scenarios],
  },
  {
    name: 'A submitter that comes new may have the whole vehicle until it has caught up.',
    file: 'src/protocol/worker/fair-queue.ts',
    find: 'others.length === 0 ? 0 : Math.min(...others)',
    replace: '0',
    caughtBy: [scenarios],
  },
  // --- the owner’s say
  {
    name: 'A vehicle goes on computing after its owner said stop.',
    file: 'src/protocol/worker/endings.ts',
    find: "if (mode === 'stop') for (const held of bench.all()) bench.abort(held)",
    replace: '',
    caughtBy: [simulator, scenarios],
  },
  {
    name: 'What nobody knows of a vehicle is taken for fine by its owner’s rules.',
    file: 'src/protocol/rules/rules.ts',
    find: "verdict: finding.isFine === true ? 'run' : says",
    replace: "verdict: finding.isFine !== false ? 'run' : says",
    caughtBy: [rules],
  },
  {
    name: 'A stale reading is believed by the owner’s rules.',
    file: 'src/protocol/rules/readings.ts',
    find: '    if (staleMs <= this.#nowMs) return undefined\n',
    replace: '',
    caughtBy: [rules],
  },
  {
    name: 'The owner’s rules do not settle.',
    file: 'src/protocol/rules/settling.ts',
    find: "if (bySignals === 'stop' || nowMs - this.#lastStopMs < settleMs) return 'stop'",
    replace: "if (bySignals === 'stop') return 'stop'",
    caughtBy: [rules],
  },
  {
    name: 'The owner’s rules take readings before and after a sleep for one quiet night.',
    file: 'src/protocol/rules/rules.ts',
    find: '    if (nowMs >= this.#signalsHoldUntilMs) this.#look(nowMs)\n',
    replace: '',
    caughtBy: [rules],
  },
  {
    name: 'Readings from before a clock was set back are believed by the owner’s rules.',
    file: 'src/protocol/rules/readings.ts',
    find: 'if (reading.atMs > this.#nowMs + aheadMsMax) {',
    replace: 'if (reading.atMs > Number.POSITIVE_INFINITY) {',
    caughtBy: [rules],
  },
  {
    name: 'A temperature back at its limit is fine for the owner’s rules.',
    file: 'src/protocol/rules/measuring.ts',
    find: 'value <= (wasCrossed ? max - back : max)',
    replace: 'value <= max',
    caughtBy: [rules],
  },
  {
    name: 'The owner’s rules look ahead over a change of the clocks.',
    file: 'src/protocol/rules/rules.ts',
    find: 'Math.min(this.#local.endOfQuarter(nowMs), nowMs + Math.round(edge * 60_000))',
    replace: 'nowMs + Math.round(edge * 60_000)',
    caughtBy: [rules],
  },
  {
    name: 'An owner’s quiet hours end at Sunday midnight.',
    file: 'src/protocol/rules/week.ts',
    find: '(minute + weekMinutes >= start && minute + weekMinutes < end)',
    replace: 'false',
    caughtBy: [rulesWeek],
  },
  {
    name: 'An unplugged vehicle works on, whatever its owner’s rules say.',
    file: 'src/protocol/rules/vehicle-rules.ts',
    find: 'isFine: isPlugged ?? null,',
    replace: 'isFine: true,',
    caughtBy: [week],
  },
  {
    name: 'A shard under way goes on when the owner’s rules say stop.',
    file: 'src/protocol/worker/endings.ts',
    find: "if (mode === 'stop') for (const held of bench.all()) bench.abort(held)",
    replace: '',
    caughtBy: [week],
  },
  {
    name: 'The same readings once more hide from the owner’s rules that a minute has passed since it was bad.',
    file: 'src/protocol/rules/rules.ts',
    find: '    this.#settling.settle(last.bySignals, nowMs)\n    const wakeAtMs',
    replace: '    const wakeAtMs',
    caughtBy: [rules],
  },
  {
    name: 'An owner’s pause is forgotten in a restart.',
    file: 'src/host/supervisor/desk-watch.ts',
    find: '    this.#pause.write({ untilMs })\n',
    replace: '',
    caughtBy: [ownerWatch],
  },
  {
    name: 'Anybody can withdraw a lease.',
    file: 'src/protocol/worker/endings.ts',
    find: 'if (held === undefined || held.steward !== from) return\n  desk.bench.abort',
    replace: 'if (held === undefined) return\n  desk.bench.abort',
    caughtBy: [scenarios],
  },
  {
    name: 'Anybody can say that a job is over.',
    file: 'src/protocol/worker/endings.ts',
    find: ' || !jobs.stewardsOf(job).includes(from)',
    replace: '',
    caughtBy: [scenarios],
  },
  // --- the proof
  {
    name: 'Draws are not bound to the seed that was committed to.',
    file: 'src/protocol/audit/draws.ts',
    find: 'if (!equals(drawCommitment, sha256(seed)))',
    replace: 'if (peer === null)',
    caughtBy: [audit],
  },
  {
    name: 'The audit does not repeat the draws.',
    file: 'src/protocol/audit/draws.ts',
    find: 'drawn?.peer !== vehicle || drawn.owner !== owner',
    replace: 'drawn === null',
    caughtBy: [audit],
  },
  {
    name: 'The audit takes two receipts of one owner for two voices.',
    file: 'src/protocol/audit/verdicts.ts',
    find: 'const owners = new Set(agreeing.map((claim) => claim.owner))',
    replace: 'const owners = new Set(agreeing)',
    caughtBy: [audit],
  },
  {
    name: 'The audit does not compare openings with what was committed to.',
    file: 'src/protocol/audit/records.ts',
    find: '    checkReceipt(this.#input.sha256, lease, receipt, opening)\n',
    replace: '',
    caughtBy: [audit],
  },
  {
    name: 'The audit takes a job with open shards for complete.',
    file: 'src/protocol/audit/audit.ts',
    find: "ends.some(({ outcome }) => outcome === 'complete') && open > 0",
    replace: 'open > shards.length',
    caughtBy: [audit],
  },
  {
    name: 'The audit takes a steward’s record of another job.',
    file: 'src/protocol/audit/records.ts',
    find: 'if (record.job !== this.#manifest.id) throw',
    replace: 'if (record.job === record.id) throw',
    caughtBy: [auditRecords],
  },
  {
    name: 'The audit takes a result that was accepted for a reason to fail.',
    file: 'src/protocol/audit/verdicts.ts',
    find: "because === 'no-owner-left' || because === 'too-many-losses'",
    replace: 'position < 0',
    caughtBy: [auditVerdicts],
  },
  {
    name: 'The audit takes a recomputation by a steward that the job does not let decide.',
    file: 'src/protocol/audit/verdicts.ts',
    find: "assurance.arbiter !== 'steward' && assurance.audits?.auditor !== 'steward'",
    replace: 'position < 0',
    caughtBy: [auditVerdicts],
  },
  {
    name: 'The audit counts claims of anything for what a steward recomputed.',
    file: 'src/protocol/audit/verdicts.ts',
    find: 'if (!isAlike)',
    replace: 'if (position < 0)',
    caughtBy: [auditVerdicts],
  },
  {
    name: 'The audit takes a claim of a window that names another receipt.',
    file: 'src/protocol/audit/window-checks.ts',
    find: 'window?.payload.receipts.includes(id)',
    replace: 'window !== undefined',
    caughtBy: [auditVerdicts],
  },
  // --- several stewards
  {
    name: 'A steward takes over without waiting until the other is silent for long enough.',
    file: 'src/protocol/council/attendance.ts',
    find: 'aliveUntilMs: nowMs + stewardLeaseMs, lastHeardMs',
    replace: 'aliveUntilMs: nowMs, lastHeardMs',
    caughtBy: [council],
  },
  {
    name: 'Two stewards that act go on when they hear each other.',
    file: 'src/protocol/council/attendance.ts',
    find: 'if (acting) return !before.some((peer) => this.#acts(peer, nowMs))',
    replace: 'if (acting) return true',
    caughtBy: [scenarios, council],
  },
  {
    name: 'Handovers of one predecessor hold in the order in which they come.',
    file: 'src/protocol/job/handover.ts',
    find: '[...handovers].sort((a, b) => a.epoch - b.epoch || compareText(a.id, b.id))',
    replace: '[...handovers]',
    caughtBy: ['test/protocol/handover.test.ts'],
  },
  {
    name: 'Of verdicts made apart, whichever side is looked at first is unanimous.',
    file: 'src/protocol/steward/steward.ts',
    find: 'if ((this.#apart.get(shard.position)?.unseen.size ?? 0) > 0) return',
    replace: '',
    caughtBy: [council],
  },
  {
    name: 'A shard under audits is accepted before its window has passed.',
    file: 'src/protocol/steward/steward.ts',
    find: 'const passed = agreeing.filter(({ owner }) => this.#windows!.hasPassed(owner, shard.position))',
    replace: 'const passed = agreeing',
    caughtBy: [scenarios],
  },
  {
    name: 'Checks are not drawn: always the first of a window.',
    file: 'src/protocol/job/window.ts',
    find: 'const j = i + chance.below(order.length - i)',
    replace: 'const j = i',
    caughtBy: ['test/protocol/windows.test.ts'],
  },
  {
    name: 'Receipts that do not contradict each other count as evidence.',
    file: 'src/protocol/verification/evidence.ts',
    find: "if (!contradicts) throw nothingProven('the receipts do not contradict each other')",
    replace: '',
    caughtBy: ['test/protocol/evidence.test.ts'],
  },
  {
    name: 'When stewards compare their records, receipts are not sent.',
    file: 'src/protocol/council/council.ts',
    find: 'mine.filter((id) => !theirs.has(shortIdOf(id))),',
    replace: "mine.filter((id) => !theirs.has(shortIdOf(id)) && this.#records.get(id)?.kind !== 'receipt'),",
    caughtBy: [simulator, scenarios],
  },
  {
    name: 'Records get in that no steward of the job signed.',
    file: 'src/protocol/council/job-records.ts',
    find: "} else if (signedByOf(entry.kind) !== 'steward' || !this.isSteward(record.signer)) return false",
    replace: '}',
    caughtBy: [council, scenarios],
  },
  {
    name: 'A job ends before anybody else holds its results.',
    file: 'src/protocol/steward/steward.ts',
    find: 'this.#safe = this.#stewards.length === 1',
    replace: 'this.#safe = true',
    caughtBy: [scenarios],
  },
  {
    name: 'One disk is enough for an accepted result.',
    file: 'src/protocol/council/results.ts',
    find: 'if (holders.size < 2 && ',
    replace: 'if (holders.size < 1 && ',
    caughtBy: [scenarios],
  },
  {
    name: 'A verdict stands though nobody who lives has its result.',
    file: 'src/protocol/steward/steward.ts',
    find: '((alike && reached) || ended)',
    replace: '(alike || ended)',
    caughtBy: [scenarios],
  },
  {
    name: 'Of two verdicts that differ, the first stands.',
    file: 'src/protocol/steward/steward.ts',
    find: 'const alike = standing.every(({ verdict }) => verdict.result === standing[0]?.verdict.result)',
    replace: 'const alike = true',
    caughtBy: [scenarios],
  },

  // --- fleets, sealing, decoders
  {
    name: 'A credential that is over still admits.',
    file: 'src/protocol/membership/fleet.ts',
    find: "    if (expiresMs <= nowMs) throw notAdmitted('its credential is over')\n",
    replace: '',
    caughtBy: [fleet],
  },
  {
    name: 'A credential of another peer admits.',
    file: 'src/protocol/membership/fleet.ts',
    find: "    if (payload.peer !== peer) throw notAdmitted('its credential is for another peer')\n",
    replace: '',
    caughtBy: [fleet],
  },
  {
    name: 'A revoked owner’s vehicles stay.',
    file: 'src/protocol/membership/fleet.ts',
    find: 'if (this.isRevoked(payload.peer) || this.isRevoked(payload.owner))',
    replace: 'if (this.isRevoked(payload.peer))',
    caughtBy: [fleet],
  },
  {
    name: 'A charter signed by an old key counts.',
    file: 'src/protocol/membership/fleet.ts',
    find: 'if (!this.charter.payload.keys.includes(charter.signer))',
    replace: 'if (!this.#chain.some(({ charter: c }) => c.payload.keys.includes(charter.signer)))',
    caughtBy: [fleet],
  },
  {
    name: 'All shards have one key.',
    file: 'src/host/sealing/sealing.ts',
    find: 'derive(secret, `shard/',
    replace: 'derive(secret, `shard` ?? `',
    caughtBy: [sealing],
  },
  {
    name: 'A wrapped key of no length opens.',
    file: 'src/host/sealing/sealing.ts',
    find: '  if (wrapped.byteLength !== wrappedBytes) throw new Unsealable(what)\n',
    replace: '',
    caughtBy: [sealing],
  },
  {
    name: 'An answer without a header is read.',
    file: 'src/host/network/block-frames.ts',
    find: 'if (frame.byteLength < headerBytes) throw',
    replace: 'if (frame.byteLength < 0) throw',
    caughtBy: ['test/fuzz/fuzz.test.ts'],
  },
  // --- preemption
  {
    name: 'The supervisor signals whoever has the number of a slot’s process.',
    file: 'src/host/supervisor/main.ts',
    find: '  if (child.startedTicks !== null && stat?.startedTicks !== child.startedTicks) return\n',
    replace: '',
    caughtBy: [supervisor],
  },
  {
    name: 'A process that starts during a stop runs until the next reading.',
    file: 'src/host/supervisor/main.ts',
    find: "      if (guard === undefined || guard.judgement.verdict === 'stop') freeze()\n",
    replace: '',
    caughtBy: [supervisor],
  },
  {
    name: 'Slots are left to the node.',
    file: 'src/host/supervisor/main.ts',
    find: "  if (guard!.judgement.verdict === 'stop') freeze()\n",
    replace: "  if (guard!.judgement.verdict === 'stop') return tell()\n",
    caughtBy: [supervisor],
  },
  {
    name: 'A supervisor that has ended leaves its last verdict.',
    file: 'src/host/supervisor/supervised-watch.ts',
    find: '    this.#judge(unwatched(why))\n',
    replace: '',
    caughtBy: [supervisor],
  },
  {
    name: 'A supervisor that was replaced does not know the slots.',
    file: 'src/host/supervisor/supervised-watch.ts',
    find: "    for (const [pid, startedTicks] of this.#children) life.say({ type: 'child', pid, startedTicks })\n",
    replace: '',
    caughtBy: [supervisor],
  },
  {
    name: 'What a killed node leaves behind lives on.',
    file: 'src/host/supervisor/main.ts',
    find: "  for (const [pid, child] of children) signal(pid, child, 'SIGKILL')\n",
    replace: '',
    caughtBy: [supervisor],
  },
  {
    name: 'A vehicle that must stop downloads on.',
    file: 'src/host/vehicle/workshop.ts',
    find: "    this.#fetching.get(lease)?.abort(new Error('the lease is over'))\n",
    replace: '',
    caughtBy: [vehicle],
  },
  {
    name: 'A vehicle that leaves counts without the leases that it has.',
    file: 'src/protocol/worker/objection.ts',
    find: 'const expectedMs = Math.max(costMs, queuedMs / slots) * slowness.value',
    replace: 'const expectedMs = Math.max(costMs, 0 * queuedMs) * slowness.value',
    caughtBy: [scenarios],
  },
  {
    name: 'Leases are as long as ever for a vehicle that leaves.',
    file: 'src/protocol/steward/assignment.ts',
    find: 'const costMsMax = Math.min(leaseCostMsTarget / slowness, room.costMsMax)',
    replace: 'const costMsMax = leaseCostMsTarget / slowness',
    caughtBy: [scenarios],
  },
  // --- blind jobs
  {
    name: 'Different results of a shard of a blind job are sealed under one key.',
    file: 'src/host/sealing/sealing.ts',
    find: "const named = Buffer.from(synthetic).toString('hex')",
    replace: 'const named = synthetic.length',
    caughtBy: [blind],
  },
  {
    name: 'Anybody may be drawn for a blind job.',
    file: 'src/protocol/steward/candidate.ts',
    find: 'if (keyed !== null && keyed.get(capacity.peer) !== capacity.owner) continue',
    replace: '',
    caughtBy: [candidates],
  },
  {
    name: 'A blind job waits for owners who cannot come.',
    file: 'src/protocol/steward/steward.ts',
    find: 'if (this.#end === undefined) this.#failForWantOfKeys(nowMs)',
    replace: '',
    caughtBy: [scenarios],
  },
  // --- vehicle signals
  {
    name: 'A signal that was read in the future counts as one of now.',
    file: 'src/host/signals/values.ts',
    find: 'if (atMs > nowMs + clockSkewMsMax)',
    replace: 'if (Number.isNaN(nowMs))',
    caughtBy: [signalsOf('command')],
  },
  {
    name: 'A dead signal gets the time at which a VISS server repeats it.',
    file: 'src/host/signals/viss.ts',
    find: 'const stamped = this.#options.held',
    replace: 'const stamped = nowMs > 0',
    caughtBy: [signalsOf('viss')],
  },
  {
    name: 'A dead signal gets the time at which a databroker repeats it.',
    file: 'src/host/signals/kuksa.ts',
    find: 'const stamped = held',
    replace: 'const stamped = nowMs > 0',
    caughtBy: [signalsOf('kuksa')],
  },
  {
    name: 'A VISS message of signals may be of any size.',
    file: 'src/host/signals/viss.ts',
    find: '      maxPayload: messageBytesMax,\n',
    replace: '',
    caughtBy: [signalsOf('viss')],
  },
  {
    name: 'Only the first process of a signal command is killed.',
    file: 'src/host/signals/command.ts',
    find: "process.kill(-pid, 'SIGKILL')",
    replace: "process.kill(pid, 'SIGKILL')",
    caughtBy: [signalsOf('command')],
  },
  {
    name: 'A flood of signals is read without measure.',
    file: 'src/host/signals/throttle.ts',
    find: '    this.#source.pause()\n',
    replace: '',
    caughtBy: [signalsOf('command')],
  },
  {
    name: 'An older signal takes the place of a newer one.',
    file: 'src/host/signals/latest.ts',
    find: 'atMs >= (this.#newestMs.get(path) ?? Number.NEGATIVE_INFINITY)',
    replace: 'atMs >= 0 && path !== undefined',
    caughtBy: [signalsOf('merge')],
  },
  {
    name: 'A network that NetworkManager guesses to be metered is a signal of a free one.',
    file: 'src/host/signals/network-manager.ts',
    find: 'const value = metered === 1 || metered === 3',
    replace: 'const value = metered === 1',
    caughtBy: [signalsOf('network')],
  },
  // --- hostile peers
  {
    name: 'Under a tolerance claims are joined through a third.',
    file: 'src/protocol/verification/tally.ts',
    find: 'const rest = candidates.slice(i + 1).filter((other) => areWithin(tolerance, next[0]!, other[0]!))',
    replace: 'const rest = candidates.slice(i + 1)',
    caughtBy: [tally],
  },
  {
    name: 'A receipt that says nothing new is kept.',
    file: 'src/protocol/steward/steward.ts',
    find: 'if (isNews) this.#effects.unshift',
    replace: 'this.#effects.unshift',
    caughtBy: [scenarios],
  },
  {
    name: 'One host may have all places for those who shake no hands.',
    file: 'src/host/network/turnstile.ts',
    find: ' || pending >= this.#bounds.pendingPerHostMax',
    replace: '',
    caughtBy: ['test/host/network-turnstile.test.ts'],
  },
  // --- money
  {
    name: 'A gift to another steward costs its giver nothing.',
    file: 'src/protocol/job/allowance.ts',
    find: '(this.#allowed.get(signer) ?? 0) - micros',
    replace: '(this.#allowed.get(signer) ?? 0)',
    caughtBy: [allowance],
  },
  {
    name: 'A steward may write off the leases of another.',
    file: 'src/protocol/job/allowance.ts',
    find: '    if (known.signer !== signer) return\n',
    replace: '',
    caughtBy: [allowance],
  },
  {
    name: 'A lease is issued whatever the allowance has left.',
    file: 'src/protocol/steward/steward.ts',
    find: 'return units * unitMicros <= this.#free',
    replace: 'return units >= 0',
    caughtBy: [scenarios],
  },
  {
    name: 'What was written off counts all the same.',
    file: 'src/protocol/steward/steward.ts',
    find: 'if (!this.#allowances.isOpen(state.lease.id, place)) {',
    replace: 'if (place < 0) {',
    caughtBy: [scenarios],
  },
  {
    name: 'Owners who ask more than the cap are drawn.',
    file: 'src/protocol/price.ts',
    find: 'ask!.currency === payment.currency && ask!.unitMicros <= payment.unitMicrosMax',
    replace: 'ask!.currency === payment.currency',
    caughtBy: [scenarios],
  },
  {
    name: 'A vehicle works for less than its owner asks.',
    file: 'src/protocol/worker/objection.ts',
    find: 'price.currency === ask!.currency && price.unitMicros >= ask!.unitMicros',
    replace: 'price.currency === ask!.currency',
    caughtBy: [scenarios],
  },
  {
    name: 'A vehicle lets its operator take what it likes.',
    file: 'src/protocol/worker/objection.ts',
    find: 'price.operatorPpm <= operatorPpm',
    replace: 'price.operatorPpm >= 0',
    caughtBy: [scenarios],
  },
  {
    name: 'A vehicle believes how much work its lease says that there is.',
    file: 'src/host/vehicle/workshop.ts',
    find: 'if (counted !== units)',
    replace: 'if (counted === undefined)',
    caughtBy: [vehicle],
  },
  {
    name: 'The audit does not look at what a unit costs.',
    file: 'src/protocol/audit/budget.ts',
    find: ' || price.unitMicros > payment.unitMicrosMax',
    replace: '',
    caughtBy: [audit],
  },
  {
    name: 'The ledger owes what was written off.',
    file: 'src/protocol/ledger/claims.ts',
    find: ' && !this.#isWrittenOff(known.claim)',
    replace: '',
    caughtBy: [ledger],
  },
  {
    name: 'One owner is paid twice in a ledger for a shard that stewards apart leased to him twice.',
    file: 'src/protocol/ledger/claims.ts',
    find: 'if (counts) paidOwners.add(known.claim.owner)',
    replace: '',
    caughtBy: [ledger],
  },
  {
    name: 'A ledger takes back what was paid when it hears of the receipt again.',
    file: 'src/protocol/ledger/ledger.ts',
    find: 'posted: { pending: [],',
    replace: "posted: { pending: ['reversed', 'pending'],",
    caughtBy: [ledger],
  },
  {
    name: 'An older statement undoes what a newer one said in a vehicle’s ledger.',
    file: 'src/protocol/ledger/receivables.ts',
    find: 'known.statement.serial > statement.serial',
    replace: 'false',
    caughtBy: [settlement],
  },
  {
    name: 'A statement for the ledger that was lost is not said again.',
    file: 'src/protocol/ledger/payables.ts',
    find: 'return waiting ? toldMs! + repeatMs : Number.POSITIVE_INFINITY',
    replace: 'return Number.POSITIVE_INFINITY',
    caughtBy: [settlement],
  },
  {
    name: 'The audit does not compare the amounts of the ledger’s statements.',
    file: 'src/protocol/audit/payments.ts',
    find: 'BigInt(payload.micros) === micros && ',
    replace: '',
    caughtBy: [auditPayments],
  },
]

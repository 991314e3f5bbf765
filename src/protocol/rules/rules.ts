/**
 * The owner's rules: the vehicle's readings, the owner's preferences and the time come in, and one verdict comes out,
 * with everything that holds work back.
 *
 * They fail closed: an unknown or stale value holds work back. They are strict at once and lenient late
 * (settling.ts). Rules on the clock or on the owner's word cannot flap and need not settle: an owner who says resume
 * sees work resume. Limits of temperature, voltage and charge have a hysteresis besides, since a value that rests at
 * its limit crosses it for as long as it rests there.
 */
import { assert, impossible } from '../../base/assert.ts'
import { surplusCode } from './caps.ts'
import { rules } from './catalogue.ts'
import { nextDeparture, noteDeparture } from './forecast.ts'
import { Hours } from './hours.ts'
import {
  type Judgement,
  noSignals,
  type RuleFinding,
  type RuleVerdict,
  reasonsIn,
  stricter,
} from './judgement.ts'
import { isParked, isStanding } from './motion.ts'
import { Pause } from './pause.ts'
import { contradictionIn, type Preferences, spansOfLeaving, spansOfQuiet } from './preferences.ts'
import { Readings } from './readings.ts'
import type { Moment, Rule } from './rule.ts'
import type { RulesInput } from './rules-input.ts'
import { Settling } from './settling.ts'
import { chargeCode } from './vehicle-rules.ts'
import { LocalTime, minutesUntil, weekMinutes } from './week.ts'

export interface RulesOptions {
  /** False for a machine that nothing tells of a vehicle: only pause, hours and caps are asked of it. */
  readonly vehicle?: boolean
  /** When it left, in order (forecast.ts). */
  readonly departures?: readonly number[]
}

export interface Judged {
  readonly judgement: Judgement
  /** When time alone may change the judgement: look again then. Null: never. */
  readonly wakeAtMs: number | null
  /** It has just driven off after having been parked: worth a `noteDeparture` in what the shell keeps. */
  readonly departed: boolean
}

/** Strangers read it in adverts, and need not know to the minute when somebody leaves. */
const forecastStepMs = 300_000
/** A vehicle that stands for less than this stands at a shop: its departure says little about the night. A guess. */
const parkedMsMin = 600_000
/** The cabin has lost the heat of the work after this long; the heat that is left is the sun's. A guess. */
const cabinCoolsMs = 3_600_000

export class OwnerRules {
  #preferences: Preferences
  readonly #isVehicle: boolean
  readonly #rules: readonly Rule[]
  readonly #local: LocalTime
  #quiet = new Hours([])
  #leaving = new Hours([])
  /** Both of them. */
  #hours = new Hours([])
  /** When anything about quiet hours and times to leave changes: minutes of the week. */
  #edges: readonly number[] = []
  readonly #readings = new Readings()
  readonly #settling: Settling
  /**
   * Codes of rules whose limit was crossed by a value, and not only unknown. After each drive the charge has to reach
   * anew what work needs to begin; then it may fall below by the hysteresis. Surplus has to reach it at the start.
   */
  readonly #crossed = new Set([chargeCode, surplusCode])
  #departures: readonly number[]
  readonly #pause = new Pause()
  #verdict: RuleVerdict = 'stop'
  #signalsHoldUntilMs = Number.POSITIVE_INFINITY
  #notRunningSinceMs: number | null = null
  #cabinBeganCelsius: number | null = null
  #parkedSinceMs: number | null = null
  #last:
    | {
        readonly judgement: Judgement
        readonly bySignals: RuleVerdict
        readonly atMs: number
        /** As long as no reading changes, or grows stale. */
        readonly holdsUntilMs: number
      }
    | undefined

  /** `preferences` are free of contradictions. */
  constructor(preferences: Preferences, { vehicle = true, departures = [] }: RulesOptions = {}) {
    this.#preferences = preferences
    this.#isVehicle = vehicle
    this.#rules = rules.filter(({ isForAll }) => vehicle || isForAll)
    this.#local = LocalTime.in(preferences.timeZone)
    this.#departures = departures
    this.#settling = new Settling(preferences.settleMs, vehicle)
    this.#wish(preferences)
  }

  handle(input: RulesInput, nowMs: number): Judged {
    if (input.type === 'clock-set') this.#clockSet(input.byMs)
    // A machine that slept past it must not take the readings of before and after for one quiet night.
    if (nowMs >= this.#signalsHoldUntilMs) this.#look(nowMs)
    switch (input.type) {
      case 'readings':
        if (!this.#readings.take(input.readings, nowMs)) {
          const same = this.#sameAgain(nowMs)
          if (same !== undefined) return same
        }
        break
      case 'pause':
        this.#pause.begin(input.untilMs, input.isDate ?? false)
        break
      case 'resume':
        this.#pause.end()
        break
      case 'preferences':
        assert(input.preferences.timeZone === this.#preferences.timeZone, 'the time zone stays')
        this.#wish(input.preferences)
        break
      case 'unused':
        this.#readings.noteUnused(input.name)
        break
      case 'clock-set':
      case 'look':
        break
      default:
        impossible(input)
    }
    const departed = this.#noteMotion(nowMs)
    return { ...this.#look(nowMs), departed }
  }

  /** A wish that is stricter holds at once; a milder one when all has been well for as long as it asks for. */
  #wish(preferences: Preferences): void {
    assert(contradictionIn(preferences) === null, 'preferences can be met')
    this.#preferences = preferences
    this.#settling.settleMs = preferences.settleMs
    const [quiet, leaving] = [spansOfQuiet(preferences), spansOfLeaving(preferences)]
    this.#quiet = new Hours(quiet)
    this.#leaving = new Hours(leaving)
    this.#hours = new Hours([...quiet, ...leaving])
    this.#edges = [...quiet, ...leaving].flatMap(({ start, end }) => [start % weekMinutes, end % weekMinutes])
    this.#last = undefined
  }

  #clockSet(byMs: number): void {
    this.#settling.clockSet(byMs)
    this.#pause.clockSet(byMs)
    if (this.#notRunningSinceMs !== null) this.#notRunningSinceMs += byMs
    if (this.#parkedSinceMs !== null) this.#parkedSinceMs += byMs
    this.#last = undefined
  }

  /** Buses repeat themselves several times a second: that proves that all is as it was, and is not judged again. */
  #sameAgain(nowMs: number): Judged | undefined {
    const last = this.#last
    if (last === undefined || nowMs < last.atMs || nowMs >= last.holdsUntilMs) return undefined
    this.#readings.lookAgain(nowMs)
    this.#signalsHoldUntilMs = this.#readings.untilMs
    this.#settling.settle(last.bySignals, nowMs)
    const wakeAtMs = Math.min(last.holdsUntilMs, this.#readings.untilMs)
    return {
      judgement: last.judgement,
      wakeAtMs: Number.isFinite(wakeAtMs) ? wakeAtMs : null,
      departed: false,
    }
  }

  /** How warm the cabin was when work began is what one look notes, and the next one asks. */
  #look(nowMs: number): Omit<Judged, 'departed'> {
    for (;;) {
      const cabinBeganCelsius = this.#cabinBeganCelsius
      const judged = this.#judge(nowMs)
      if (this.#cabinBeganCelsius === cabinBeganCelsius) return judged
    }
  }

  #judge(nowMs: number): Omit<Judged, 'departed'> {
    this.#pause.look(nowMs)
    this.#readings.look(nowMs)
    const minuteOfWeek = this.#local.minuteOfWeek(nowMs)
    const findings: RuleFinding[] = []
    let bySignals: RuleVerdict = 'run'
    let byHours: RuleVerdict = 'run'
    for (const rule of this.#rules) {
      const finding = this.#find(rule, minuteOfWeek, nowMs)
      if (finding === null) continue
      findings.push(finding)
      if (rule.settles) bySignals = stricter(bySignals, finding.verdict)
      else byHours = stricter(byHours, finding.verdict)
    }
    this.#signalsHoldUntilMs = this.#readings.untilMs
    const settled = this.#settling.settle(bySignals, nowMs)
    if (this.#isVehicle || settled !== bySignals)
      findings.push(this.#settling.finding(bySignals, settled, this.#local))
    if (!this.#isVehicle) findings.push(noSignals)
    this.#verdict = stricter(settled, byHours)
    // Whatever else holds work back: to begin again takes what it takes to begin.
    if (this.#verdict !== 'run') this.#crossed.add(surplusCode)
    this.#noteWarmth(nowMs)
    const availableUntilMs = this.#availableUntil(nowMs)
    const judgement = {
      verdict: this.#verdict,
      reasons: reasonsIn(findings),
      rules: findings,
      availableUntilMs,
    }
    const holdsUntilMs = this.#holdsUntil(nowMs, minuteOfWeek, availableUntilMs)
    this.#last = { judgement, bySignals, atMs: nowMs, holdsUntilMs }
    const wakeAtMs = Math.min(holdsUntilMs, this.#readings.untilMs)
    return { judgement, wakeAtMs: Number.isFinite(wakeAtMs) ? wakeAtMs : null }
  }

  #find(rule: Rule, minuteOfWeek: number, nowMs: number): RuleFinding | null {
    const { code, says, preference } = rule
    const moment: Moment = {
      preferences: this.#preferences,
      readings: this.#readings,
      local: this.#local,
      nowMs,
      minuteOfWeek,
      quiet: this.#quiet,
      leaving: this.#leaving,
      wasCrossed: this.#crossed.has(code),
      cabinBeganCelsius: this.#cabinBeganCelsius,
      isVehicle: this.#isVehicle,
      pausedUntilMs: this.#pause.untilMs,
    }
    const finding = rule.look(moment)
    if (finding === null) return null
    if (finding.isFine === false) this.#crossed.add(code)
    if (finding.isFine === true) this.#crossed.delete(code)
    const { value, limit } = finding
    return { code, verdict: finding.isFine === true ? 'run' : says, value, limit, preference }
  }

  /**
   * Each time that work begins, the cabin may warm from where it is then; but from no higher than where it began before,
   * so that a vehicle that stops and begins does not warm it step by step.
   */
  #noteWarmth(nowMs: number): void {
    const sinceMs = this.#notRunningSinceMs
    if (sinceMs !== null && nowMs - sinceMs >= cabinCoolsMs) this.#cabinBeganCelsius = null
    if (this.#verdict !== 'run') {
      this.#notRunningSinceMs = Math.min(sinceMs ?? nowMs, nowMs)
      return
    }
    this.#notRunningSinceMs = null
    if (sinceMs === null && this.#cabinBeganCelsius !== null) return
    const celsius = this.#readings.get('Vehicle.Cabin.HVAC.AmbientAirTemperature')
    if (celsius !== undefined) this.#cabinBeganCelsius = Math.min(this.#cabinBeganCelsius ?? celsius, celsius)
  }

  /** Tells whether the vehicle has just driven off after having been parked. */
  #noteMotion(nowMs: number): boolean {
    this.#readings.look(nowMs)
    if (isStanding(this.#readings) !== false) {
      if (isParked(this.#readings)) this.#parkedSinceMs = Math.min(this.#parkedSinceMs ?? nowMs, nowMs)
      return false
    }
    const sinceMs = this.#parkedSinceMs
    this.#parkedSinceMs = null
    this.#cabinBeganCelsius = null
    this.#crossed.add(chargeCode)
    if (sinceMs === null || nowMs - sinceMs < parkedMsMin) return false
    this.#departures = noteDeparture(this.#departures, nowMs)
    return true
  }

  #availableUntil(nowMs: number): number | null {
    const ends = [
      this.#hours.nextBeginning(this.#local, nowMs),
      this.#isVehicle ? nextDeparture(this.#departures, this.#local, nowMs) : null,
    ].filter((ms) => ms !== null)
    return ends.length === 0 ? null : Math.floor(Math.min(...ends) / forecastStepMs) * forecastStepMs
  }

  /** Until when the judgement stays as it is while every reading does. */
  #holdsUntil(nowMs: number, minuteOfWeek: number, availableUntilMs: number | null): number {
    const edge = minutesUntil(this.#edges, minuteOfWeek)
    const ends = [
      this.#pause.endsMs,
      // Clocks change on quarters of an hour: then the edge is elsewhere.
      edge === null ? null : Math.min(this.#local.endOfQuarter(nowMs), nowMs + Math.round(edge * 60_000)),
      availableUntilMs,
      // A departure at this time in other weeks is history a quarter later.
      this.#departures.length === 0 ? null : this.#local.endOfQuarter(nowMs),
      this.#cabinBeganCelsius === null || this.#notRunningSinceMs === null
        ? null
        : this.#notRunningSinceMs + cabinCoolsMs,
      ...this.#settling.changesMs(nowMs),
    ]
    return Math.min(...ends.filter((ms) => ms !== null && Number.isFinite(ms) && ms > nowMs).map(Number))
  }
}

/** Takes a census at once: the production machine asks, and whoever it asks answers within a moment. */
import { Census, type CensusOptions, type CensusResult } from '../../protocol/cells/census.ts'
import type { CellKey } from '../../protocol/cells/key.ts'
import type { Contact, Member } from '../../protocol/cells/member.ts'
import type { CellId } from '../../protocol/ids.ts'

/** The answers of a mesh: the cell that a node says it is in, the contacts and the members that it names. */
export interface Answers {
  cellOf(asked: Contact): CellId
  contacts(key: CellKey, asked: Contact): readonly Contact[]
  members(asked: Contact): readonly Member[]
}

const questionMs = 100

export function runCensus(options: CensusOptions, answers: Answers): CensusResult {
  const census = new Census(options, 0)
  for (let nowMs = 0; ; nowMs += questionMs) {
    const result = census.result(nowMs)
    if (result !== undefined) return result
    for (const question of census.next(nowMs)) {
      const { to } = question
      const cell = answers.cellOf(to)
      if (question.type === 'where') census.there(to.peer, cell, answers.contacts(question.key, to))
      else census.these(to.peer, cell, answers.members(to), false, nowMs)
    }
  }
}

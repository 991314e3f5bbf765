/**
 * Carpool as a library: a node in a program's own process, and jobs in its hands. Everything else of the package is the inside of the
 * `carpool` command, and may change with any version. Runtimes of one's own begin at `carpool/runtime`; docs/library.md shows both.
 */
export { RequestError } from './host/errors.ts'
export type {
  Document,
  Job,
  JobPlan,
  JobStatus,
  NodeOptions,
  NodeStatus,
  OwnerRules,
  Peer,
  Result,
  RuntimeSource,
  Submission,
} from './library/contract.ts'
export { CarpoolNode } from './library/node.ts'
export { submit } from './library/submit.ts'

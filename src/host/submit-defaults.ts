/**
 * The defaults of a submission that names only its documents and its runtime: for the command line, the socket and
 * tests alike.
 */
import { categoryDefault } from '../protocol/job/manifest.ts'
import { standbysDefault } from '../protocol/limits.ts'
import { colludingShareDefault, errorBoundDefault } from '../protocol/verification/plan.ts'
import type { SubmitRequest } from './api.ts'

export const submitDefaults: Omit<SubmitRequest, 'paths' | 'runtime'> = {
  as: 'auto',
  folder: null,
  engine: 'auto',
  module: null,
  model: null,
  promptTemplate: null,
  languages: null,
  traineddata: [],
  options: {},
  errorBound: errorBoundDefault,
  colludingShare: colludingShareDefault,
  replicas: null,
  deadlineMs: null,
  waits: false,
  shortage: 'wait',
  arbiter: 'auto',
  selfCheck: false,
  shardSize: null,
  standbys: standbysDefault,
  mustOutlive: false,
  blind: false,
  category: categoryDefault,
  payment: null,
  pages: null,
  passwordFile: null,
  strict: false,
}

/** The flags that say where results go and in which format: the same for every command that writes results. */
import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import type { SubmitRequest } from '../host/api.ts'
import { hasPlaces as recordsHavePlaces } from '../host/submission/runtime-facts.ts'
import { CommandFailure, usageExitCode } from './failure.ts'
import { type Format, formatNames, hasPlaces } from './formats/formats.ts'
import { stdoutPath } from './output.ts'

/** A path for lines of JSON, `-` for stdout; or another format, in a file of all documents or a folder with a file of each. */
export type Output = string | FileOutput | FolderOutput

interface FileOutput {
  readonly format: 'jsonl' | 'text'
  readonly path: string
  /** Replaces whatever is there (output-file.ts). */
  readonly overwrite: boolean
}

export interface FolderOutput {
  readonly format: Format
  readonly folder: string
  /** Replaces whatever files are there by those of results (output-file.ts). */
  readonly overwrite: boolean
}

export interface OutputFlags {
  readonly output?: string
  readonly format?: Format
  readonly outputDir?: string
  readonly overwrite?: boolean
}

export function addOutputOptions(command: Command, output: string): Command {
  return command
    .option(
      '-o, --output <file>',
      `${output}; a file that is there is replaced if it is empty or has results in lines of JSON, and otherwise left alone`,
    )
    .option(
      '--overwrite',
      'replace the file that -o names, or files in the folder of --output-dir, whatever is in them',
    )
    .addOption(
      new Option(
        '--format <name>',
        'format of the results: lines of JSON, or text, both for any file; hocr, alto (4), tsv (as Tesseract has it) and pdf (searchable) need --output-dir',
      ).choices(formatNames),
    )
    .option(
      '--output-dir <folder>',
      'folder for the results, with a file for each document (format: text, unless --format says otherwise)',
    )
}

/** Undefined: no flag says where. Throws CommandFailure. */
export function outputOf({ output, format, outputDir, overwrite = false }: OutputFlags): Output | undefined {
  if (overwrite && output === undefined && outputDir === undefined)
    throw usage(
      '--overwrite is for what -o or --output-dir names: add -o <file> or --output-dir <folder>, or leave it out',
    )
  if (outputDir !== undefined) {
    if (output !== undefined) throw usage('-o and --output-dir exclude each other; leave one of them out')
    return { format: format ?? 'text', folder: resolve(outputDir), overwrite }
  }
  if (format !== undefined && format !== 'jsonl' && format !== 'text')
    throw usage(`--format ${format} writes a file for each document: name a folder with --output-dir`)
  if (output === undefined && format === undefined) return undefined
  const path = output === undefined || output === stdoutPath ? stdoutPath : resolve(output)
  return format === 'text' || overwrite ? { format: format ?? 'jsonl', path, overwrite } : path
}

/** Tells whether results go to stdout. */
export function isStdout(output: Output | undefined): boolean {
  return (typeof output === 'object' && 'path' in output ? output.path : output) === stdoutPath
}

/** Tells whether results are written as lines of JSON, all in one place. */
export function isLines(output: Output): boolean {
  return typeof output === 'string' || ('path' in output && output.format === 'jsonl')
}

/** True where the output may take the place of any files. */
export function overwrites(output: Output): boolean {
  return typeof output === 'object' && output.overwrite
}

/** For people: where the results are. */
export function placeOf(output: Output): string {
  if (typeof output === 'string') return output
  return 'path' in output ? output.path : output.folder
}

/** A format with places of words takes records that have them: those of the exact engine. Throws CommandFailure. */
export function forFormat(request: SubmitRequest, output: Output | undefined): SubmitRequest {
  if (typeof output !== 'object' || !hasPlaces(output.format)) return request
  const { format } = output
  if (!recordsHavePlaces(request.runtime))
    throw usage(`--format ${format} shows where words stand, and records of ${request.runtime} do not say it`)
  if (request.options.words === 'off')
    throw usage(`--format ${format} needs the places of words: leave out --option words=off`)
  if (request.engine === 'native')
    throw usage(
      `--format ${format} needs the places of words, and of native results the text and its warnings are delivered: leave out --engine native`,
    )
  return { ...request, engine: 'exact' }
}

function usage(message: string): CommandFailure {
  return new CommandFailure(message, usageExitCode)
}

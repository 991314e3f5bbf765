/** The flags of a submission that say how PDFs are taken: which pages, unlocked by what, drawn how fine, and whether their own text counts. */
import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import type { SubmitRequest } from '../../host/api.ts'
import { submitDefaults } from '../../host/submit-defaults.ts'
import { pageRanges, wholeNumber } from '../flags.ts'

export interface PdfFlags {
  readonly pages?: SubmitRequest['pages']
  readonly passwordFile?: string
  readonly dpi?: number
  readonly textLayer?: string
}

export function addPdfOptions(command: Command): Command {
  return command
    .option('--pages <ranges>', 'pages of each PDF, counted from 1: 1-5,9,20- (default: all)', pageRanges)
    .option(
      '--password-file <file>',
      'file with the passwords of PDFs, each on a line; they are used on this machine only',
    )
    .option(
      '--dpi <count>',
      'dots per inch at which a page of a PDF is drawn, 50 to 600 (default: as its scan has them, from 150 to 300, or 200)',
      wholeNumber(50, 600),
    )
    .addOption(
      new Option(
        '--text-layer <what>',
        'text that a page of a PDF has in itself; auto: take it where it can be believed, and read the page else',
      ).choices(['auto', 'ignore']),
    )
}

/** Flags that stand for options of the runtime. */
export function pdfOptionsOf({ dpi, textLayer }: PdfFlags): SubmitRequest['options'] {
  return { ...(dpi === undefined ? {} : { dpi }), ...(textLayer === undefined ? {} : { textLayer }) }
}

export function pdfRequestOf({
  pages,
  passwordFile,
}: PdfFlags): Pick<SubmitRequest, 'pages' | 'passwordFile'> {
  return {
    pages: pages ?? submitDefaults.pages,
    passwordFile: passwordFile === undefined ? submitDefaults.passwordFile : resolve(passwordFile),
  }
}

/** The options that say what a runtime runs, and how. */
import { type Command, Option } from 'commander'
import { modelsOf, optionsOf, runtimeNames } from '../../host/submission/runtime-facts.ts'
import { keyValue, languages, repeated } from '../flags.ts'

export function addRuntimeOptions(command: Command): Command {
  return command
    .option('--module <file>', 'module that the wasm runtime runs')
    .option(
      '--model <file>',
      `${describeModels()}; for the ocr runtime the name of its recogniser: auto (tesseract, and paddle for grainy pages and where tesseract is in doubt), paddle or tesseract`,
    )
    .option(
      '--prompt-template <file>',
      'text that makes a request of each document of the llm runtime: {{text}} stands for the text of a file or a line, and {{name}} for the field of a line of JSON; a file that ends in .json is the whole body of a request, with such places in its texts',
    )
    .addOption(
      new Option(
        '--encoding <name>',
        'how the embed runtime writes vectors: float, as numbers, or base64, as the bytes of 32-bit floats',
      ).choices(['float', 'base64']),
    )
    .option(
      '--language <names>',
      'languages of the text, the most frequent first: eng, or deu+eng; each is a package @tesseract.js-data/<name> (default: eng+deu+fra)',
      languages,
    )
    .option(
      '--traineddata <file>',
      'language of the text as a traineddata file of Tesseract 5; repeat for several',
      repeated,
    )
    .option('--option <key=value>', `${describeOptions()}; repeat for several`, keyValue)
}

/** "file of the model: .gguf for llm; .gguf for embed, or the name of one that comes along, use-lite, …" */
function describeModels(): string {
  const ofRuntimes = runtimeNames.flatMap((runtime) => {
    const models = modelsOf(runtime)
    if (models === null) return []
    const { ending, packaged } = models
    const names = packaged.join(', ')
    return [
      `${ending} for ${runtime}${names === '' ? '' : `, or one that comes along: ${names}, which is the default`}`,
    ]
  })
  return `file of the model that runs: ${ofRuntimes.join('; ')}`
}

/** "one of the runtime's options: ocr: detectionSideMax (320 to 4096, …), …" */
function describeOptions(): string {
  const ofRuntimes = runtimeNames.map((runtime) => {
    const options = Object.entries(optionsOf(runtime)).map(
      ([name, { description, default: value, ...range }]) =>
        'choices' in range
          ? `${name} (${description}; ${range.choices.join(', ')}, else ${value})`
          : `${name} (${description}; ${range.least} to ${range.most}, else ${value})`,
    )
    return `${runtime}: ${options.join(', ')}`
  })
  return `one of the runtime's options; ${ofRuntimes.join('; ')}`
}

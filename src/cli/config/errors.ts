/** The errors of a configuration, each one line that a person can act on. */

/** The problems of a configuration: one class, a union of codes, each with one line that a person can act on. */
export type ConfigProblem =
  | {
      readonly code: 'unknown-key'
      readonly key: string
      readonly file: string
      readonly nearest: string | null
    }
  | { readonly code: 'unknown-option'; readonly option: string; readonly nearest: string | null }
  | { readonly code: 'unknown-variable'; readonly variable: string; readonly nearest: string | null }
  | {
      readonly code: 'bad-value'
      /** An option's name. */
      readonly option: string
      /** The flag, the variable, or the key and its file. */
      readonly where: string
      readonly value: unknown
      readonly expects: string
    }
  | { readonly code: 'unreadable-file'; readonly file: string; readonly why: string }
  | { readonly code: 'circular'; readonly file: string }
  | { readonly code: 'no-home' }
  /** Two options with where they were set; the same one twice when it contradicts itself. */
  | { readonly code: 'contradiction'; readonly first: string; readonly second: string; readonly why: string }

export class ConfigError extends Error {
  readonly code: ConfigProblem['code']
  readonly problem: ConfigProblem

  constructor(problem: ConfigProblem, options?: ErrorOptions) {
    super(sentence(problem), options)
    this.name = 'ConfigError'
    this.code = problem.code
    this.problem = problem
  }
}

function sentence(problem: ConfigProblem): string {
  switch (problem.code) {
    case 'unknown-key':
      return `${problem.file}: unknown key '${problem.key}'${hint(problem.nearest)}`
    case 'unknown-option':
      return `there is no option '${problem.option}'${hint(problem.nearest)}`
    case 'unknown-variable':
      return `unknown environment variable ${problem.variable}${hint(problem.nearest)}`
    case 'bad-value':
      return `${problem.where}: ${JSON.stringify(problem.value)} is not ${problem.expects}`
    case 'unreadable-file':
      return `${problem.file}: ${problem.why}`
    case 'contradiction':
      return problem.first === problem.second
        ? `${problem.first} can never be met: ${problem.why}`
        : `${problem.first} and ${problem.second} can never be met together: ${problem.why}`
    case 'no-home':
      return 'this user has no home directory to keep data in; name a folder with --data-dir (CARPOOL_DATA_DIR)'
    case 'circular':
      return `${problem.file}: a file that is found in the data directory cannot set dataDir`
  }
}

function hint(nearest: string | null): string {
  return nearest === null ? '' : `; did you mean ${nearest}?`
}

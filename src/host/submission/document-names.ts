/**
 * The names of documents in the results: the path below what was given, and where two would be equal, as much of the path that was
 * given before it as tells them apart: `a/page1.txt` and `b/page1.txt`.
 */
export interface DocumentSource {
  /** As it will be called in the results (`named`). */
  readonly name: string
  /** A Buffer where the name on the disk is not UTF-8. */
  readonly path: string | Buffer
}

/** A file below one of the paths. */
export interface FoundFile {
  /** The path that was given, absolute. */
  readonly given: string
  /** From there to the file: empty where the file itself was given. Latin-1 where it is not UTF-8. */
  readonly below: string
  readonly path: string | Buffer
}

/** In the same order, without those that are one file, given twice. */
export function named(files: readonly FoundFile[]): DocumentSource[] {
  const names = new Map<FoundFile, string>()
  let open = files
  for (let parts = 0; open.length > 0; parts += 1) {
    const byName = Map.groupBy(open, (file) => nameOf(file, parts))
    const next: FoundFile[] = []
    for (const [name, alike] of byName) {
      if (alike.length === 1) names.set(alike[0]!, name)
      else if (alike.every((file) => isWritten(file, alike[0]!, parts))) {
        for (const [i, file] of different(alike).entries())
          names.set(file, i === 0 ? name : `${name}~${i + 1}`)
      } else next.push(...alike)
    }
    open = next
  }
  return files.flatMap((file) => {
    const name = names.get(file)
    return name === undefined ? [] : [{ name, path: file.path }]
  })
}

/** `parts`: of the path that was given, so many come before what is below it. */
function nameOf({ given, below }: FoundFile, parts: number): string {
  const folders = given.split('/').slice(1)
  // A file that was given itself is called by the last part at least.
  const kept = folders.slice(Math.max(0, folders.length - parts - (below === '' ? 1 : 0)))
  return [...kept, ...(below === '' ? [] : [below])].join('/')
}

/** Tells whether no more of their paths would tell them apart. */
function isWritten(one: FoundFile, other: FoundFile, parts: number): boolean {
  const isSame = one.given === other.given && one.below === other.below
  return (
    isSame || [one, other].every((file) => nameOf(file, parts) === nameOf(file, Number.POSITIVE_INFINITY))
  )
}

/** One of each file: names of other bytes may be written alike. */
function different(files: readonly FoundFile[]): FoundFile[] {
  return [...new Map(files.map((file) => [bytesOf(file), file])).values()]
}

/** By code unit, and where names are written alike, by their bytes. */
export function inOrder(a: FoundFile, b: FoundFile): number {
  const [one, other] = a.below === b.below ? [bytesOf(a), bytesOf(b)] : [a.below, b.below]
  return one < other ? -1 : one > other ? 1 : 0
}

function bytesOf({ path }: FoundFile): string {
  return Buffer.from(path).toString('latin1')
}

/** Code that Node has compiled before and keeps on disk: compiling is half of a child's start. */
import { getCompileCacheDir } from 'node:module'
import { dirname } from 'node:path'

/** The folder in which this process keeps compiled code, if it does; in it are folders for each version of Node and its flags. */
export function compiledCode(): string | null {
  const folder = getCompileCacheDir()
  return folder === undefined ? null : dirname(folder)
}

/** The environment of a child that finds its compiled code in this folder. */
export function withCompiledCode(folder: string | null): NodeJS.ProcessEnv {
  return folder === null ? {} : { NODE_COMPILE_CACHE: folder }
}

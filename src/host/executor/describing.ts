/** Asks a child once which engines this machine has. */
import type { FromChild } from '../../runtimes/messages.ts'
import { Child } from './child.ts'
import { compiledCode, withCompiledCode } from './compiled-code.ts'
import { SlotFailed } from './contract.ts'

/** As a child says it. */
export type Described = Pick<FromChild & { type: 'hello' }, 'engines' | 'absent'>

/** Runs this command, whose child leaves compiled code for others. Rejects with SlotFailed. */
export function describedBy(command: readonly string[]): Promise<Described> {
  return new Promise((resolve, reject) => {
    const handlers = {
      onFrame: (header: FromChild) => {
        if (header.type === 'hello') resolve(header)
      },
      onClose: (reason: string) => reject(new SlotFailed(`engines are not described: ${reason}`)),
    }
    new Child(command, handlers, { env: withCompiledCode(compiledCode()) })
  })
}

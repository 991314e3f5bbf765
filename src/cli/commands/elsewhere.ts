/** The commands for jobs that run elsewhere: contexts, and the submitter's key on another machine. */
import { contextCommand } from './context.ts'
import { keyCommand } from './key.ts'

export const elsewhereCommands = [contextCommand, keyCommand]

import { compiledProgram, isCompiled } from '../runtime/compiled-program.ts'

/** How to run this very program once more, with these words. */
export function ownCommand(...words: readonly string[]): readonly [string, ...string[]] {
  if (isCompiled) return [...compiledProgram('onescan'), ...words]
  return [process.execPath, ...process.execArgv, process.argv[1]!, ...words]
}

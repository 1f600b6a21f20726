import { compiledProgram, isCompiled } from '../../runtime/compiled-program.ts'

/** How to run this very program once more, with the same options and these words behind them. */
export function ownCommand(...words: readonly string[]): [string, ...string[]] {
  const options = [...process.argv.slice(2), ...words]
  if (isCompiled) return [...compiledProgram('onescand'), ...options]
  return [process.execPath, ...process.execArgv, process.argv[1]!, ...options]
}

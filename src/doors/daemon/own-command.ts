/** How to run this very program once more, with the same options and these words behind them. */
export function ownCommand(...words: readonly string[]): [string, ...string[]] {
  return [process.execPath, ...process.execArgv, ...process.argv.slice(1), ...words]
}

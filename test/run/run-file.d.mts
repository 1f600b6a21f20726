import type { FileResult } from './tap-results.mjs'

/** Runs one test file below `root`. Passes its result to `onResult`. */
export function runFile(
  file: string,
  options: {
    readonly node: string
    readonly root: string
    readonly env: NodeJS.ProcessEnv
    readonly onResult: (result: FileResult) => void
    /** Seconds without progress after which it is killed, by default 60. */
    readonly hangsAfter?: number
  },
): Promise<void>

// The process that the plugin clamscan runs the npm package in. The package passes on its own environment to
// ClamAV's program and has no option for another one, so it gets a process that has only what scanners get.
//
//   onescan-clamscan PROGRAM DATABASE FILE
//
// DATABASE is empty for ClamAV's own. Prints one line, which clamscan.ts reads: a ClamscanAnswer as JSON.

import NodeClam from 'clamscan'
import { errorCode, errorText } from '../../../../base/errors/fault.ts'
import { writeWhole } from '../../../../base/process/descriptors.ts'
import type { ClamscanAnswer } from './clamscan.ts'

const STDOUT = 1

const [program = '', database = '', file = ''] = process.argv.slice(2)
scan().then(print, (error) => print({ reason: reasonOf(error), code: errorCode(causedBy(error)) }))

async function scan(): Promise<ClamscanAnswer> {
  const engine = await startEngine()
  const { isInfected, viruses } = await engine.isInfected(file)
  return { isInfected, viruses }
}

/** Starts the package with all its fallbacks switched off. */
async function startEngine(): Promise<NodeClam> {
  const noProgram = null as unknown as string // keeps the package from running its defaults
  const engine = await new NodeClam().init({
    preference: 'clamscan',
    removeInfected: false,
    quarantineInfected: false,
    scanRecursively: false,
    debugMode: false, // it would write to fd 1
    clamscan: { active: true, path: program, ...(database !== '' && { db: database }) },
    clamdscan: { active: false, path: noProgram, localFallback: false, bypassTest: true },
  })
  // The package silently uses another program, or the default database. It shows the program in a member that its
  // manual does not name: without it, no scan is tried.
  const { scanner } = engine as unknown as { readonly scanner: string }
  if (scanner !== 'clamscan') throw new Error(`${program} is not clamscan`)
  if ((engine.settings.clamscan?.db ?? '') !== database) {
    throw new Error(`CLAMDBDIR ${database}: cannot be read`)
  }
  return engine
}

/** Returns the text of an error. The package wraps other errors, and the wrapped one is more informative. */
function reasonOf(error: unknown): string {
  const cause = causedBy(error)
  return cause === error ? errorText(error) : `${errorText(error)}: ${errorText(cause)}`
}

function causedBy(error: unknown): unknown {
  return (error as { data?: { err?: unknown } } | null)?.data?.err || error
}

function print(answer: ClamscanAnswer): void {
  writeWhole(STDOUT, Buffer.from(`${JSON.stringify(answer)}\n`))
  process.exitCode = 0
}

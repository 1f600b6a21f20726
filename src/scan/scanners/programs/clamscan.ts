import { AsyncLocalStorage } from 'node:async_hooks'
import type { ChildProcess } from 'node:child_process'
import { subscribe } from 'node:diagnostics_channel'
import NodeClam from 'clamscan'
import { errorText, isFault } from '../../../lib/errors/fault.ts'
import { ABORTED, unlessAborted } from '../../../lib/flow/timeout.ts'
import { replaceUnprintable } from '../../../lib/log/line-format.ts'
import { DEFAULT_DATABASE } from '../../../settings/table/clamav.ts'
import { resultByName, withoutHash } from '../clamd/clamav-names.ts'
import type { ScanSettings } from '../contract/scan-settings.ts'
import { type ContentScanner, unansweredBy } from '../contract/scanner.ts'
import {
  causeOf,
  clean,
  infected,
  type ScanResult,
  unknown,
  unread,
} from '../findings/scan-result.ts'

const PROGRAM = '/usr/bin/clamscan'

/**
 * Plugin `clamscan`: the npm package of that name, which runs ClamAV's program clamscan on a file. It loads its
 * signatures (CLAMDBDIR) for every message, which takes seconds. `program` replaces clamscan.
 *
 * A message of more than CLAMDMAXSIZE is not scanned: ClamAV answers OK to a file over its limit.
 */
export function clamscanScanner(settings: ScanSettings, program = PROGRAM): ContentScanner {
  const { CLAMDBDIR, CLAMDMAXSIZE } = settings
  const judgedBy = [CLAMDBDIR, CLAMDMAXSIZE]
  return {
    name: 'clamscan',
    hasBans: false,
    cacheable: {
      identity: `clamscan(${encodeURIComponent(JSON.stringify(judgedBy))})`,
      signatures: "this host's",
      loadsFrom: () => [CLAMDBDIR ?? DEFAULT_DATABASE],
      hasLoaded: async () => true, // it does so each time
    },
    async scan(sample, { signal }) {
      if (sample.bytes.size > CLAMDMAXSIZE) {
        return unread(
          'size',
          `clamscan: ${sample.bytes.size} bytes are more than CLAMDMAXSIZE ${CLAMDMAXSIZE}`,
        )
      }
      // clamscan reports an empty file neither as OK nor as FOUND.
      if (sample.bytes.size === 0) return clean
      try {
        const result = await endingItsPrograms(signal, async () => {
          const engine = await startEngine(settings, program)
          signal.throwIfAborted()
          const { path } = await sample.file()
          return engine.isInfected(path)
        })
        return resultOf(result)
      } catch (error) {
        if (isFault(error)) throw error // our own spool, not the package
        if (signal.aborted) return unansweredBy(signal)
        return unknown(`clamscan: ${reasonOf(error)}`, causeOf(causedBy(error)))
      }
    },
  }
}

/** Starts the package with all its fallbacks switched off. */
async function startEngine({ CLAMDBDIR }: ScanSettings, path: string): Promise<NodeClam> {
  const noProgram = null as unknown as string // keeps the package from running its defaults
  const engine = await new NodeClam().init({
    preference: 'clamscan',
    removeInfected: false,
    quarantineInfected: false,
    scanRecursively: false,
    debugMode: false, // it would write to fd 1
    clamscan: {
      active: true,
      path,
      ...(CLAMDBDIR !== undefined && { db: CLAMDBDIR }),
    },
    clamdscan: { active: false, path: noProgram, localFallback: false, bypassTest: true },
  })
  // The package silently uses another program, or the default database.
  const { scanner } = engine as unknown as { readonly scanner: string }
  if (scanner !== 'clamscan') throw new Error(`${path} is not clamscan`)
  if ((engine.settings.clamscan?.db ?? undefined) !== CLAMDBDIR) {
    throw new Error(`CLAMDBDIR ${CLAMDBDIR}: cannot be read`)
  }
  return engine
}

/** Receives each program that a piece of work starts, at any depth inside a package. */
const starting = new AsyncLocalStorage<(child: ChildProcess) => void>()
/** Whether this process has subscribed to the programs that it starts, which it does once. */
let isReported = false

/**
 * Runs `work`, and kills the programs that it has started when it is done. Also kills them, and rejects,
 * when the signal is aborted. The package clamscan does neither.
 */
async function endingItsPrograms<Result>(
  signal: AbortSignal,
  work: () => Promise<Result>,
): Promise<Result> {
  if (!isReported) {
    subscribe('child_process', (message) => {
      starting.getStore()?.((message as { process: ChildProcess }).process)
    })
    isReported = true
  }
  signal.throwIfAborted()
  let isOver = false
  const children = new Set<ChildProcess>()
  const start = (child: ChildProcess) => {
    children.add(child)
    // This is called before the program runs: it has a process id one turn later.
    if (isOver) setImmediate(() => kill(child))
  }
  try {
    const result = await unlessAborted(starting.run(start, work), signal)
    if (result === ABORTED) throw signal.reason
    return result
  } finally {
    isOver = true
    for (const child of children) kill(child)
  }
}

/** Kills a program if it was started: the handle of one that was not has process id 0, our own group. */
function kill(child: ChildProcess): void {
  if (child.pid !== undefined) child.kill('SIGKILL')
}

/** Parses the package's answer. Only `false` is clean: the package may also return null or undefined. */
function resultOf(
  result: { readonly isInfected: unknown; readonly viruses?: readonly unknown[] } | undefined,
): ScanResult {
  if (result?.isInfected === false) return clean
  if (result?.isInfected !== true) return unknown('clamscan: an invalid answer')
  const name = withoutHash(bounded(String(result.viruses?.[0] ?? '')))
  if (name === '') return infected('a virus without a name')
  return resultByName(name, `clamscan: ${name}`)
}

/** Returns the text of an error. The package wraps other errors, and the wrapped one is more informative. */
function reasonOf(error: unknown): string {
  const cause = causedBy(error)
  const text = cause === error ? errorText(error) : `${errorText(error)}: ${errorText(cause)}`
  return bounded(text)
}

function causedBy(error: unknown): unknown {
  return (error as { data?: { err?: unknown } } | null)?.data?.err || error
}

/** Returns the text in printable characters, and short enough for a log line. */
function bounded(text: string): string {
  return replaceUnprintable(text).slice(0, 300)
}

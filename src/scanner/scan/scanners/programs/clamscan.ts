import { join } from 'node:path'
import { replaceUnprintable } from '../../../../base/log/line-format.ts'
import { compiledProgram, isCompiled } from '../../../../base/runtime/compiled-program.ts'
import { DEFAULT_DATABASE } from '../../../../base/settings/table/clamav.ts'
import { resultByName, withoutHash } from '../clamd/clamav-names.ts'
import type { ScanSettings } from '../contract/scan-settings.ts'
import type { ContentScanner } from '../contract/scanner.ts'
import {
  causeOf,
  clean,
  infected,
  type ScanResult,
  unknown,
  unread,
} from '../findings/scan-result.ts'
import { runScanner } from './run-scanner.ts'
import { LineRelay, writeToLog } from './scanner-program.ts'

const PROGRAM = '/usr/bin/clamscan'

/** What clamscan-host.ts prints: the package's answer, or its error in one line, with the code of a system error. */
export type ClamscanAnswer =
  | { readonly isInfected: unknown; readonly viruses: readonly unknown[] }
  | { readonly reason: string; readonly code: string }

interface ClamscanOptions {
  /** The program to run in the place of clamscan. */
  readonly program?: string
  /** Receives lines for the log. */
  readonly relay?: ((line: string) => void) | undefined
}

/**
 * Plugin `clamscan`: the npm package of that name, which runs ClamAV's program clamscan on a file. It loads its
 * signatures (CLAMDBDIR) for every message, which takes seconds. The package runs in a process of its own, with the
 * environment of scanners (clamscan-host.ts).
 *
 * A message of more than CLAMDMAXSIZE is not scanned: ClamAV answers OK to a file over its limit.
 */
export function clamscanScanner(
  settings: ScanSettings,
  { program = PROGRAM, relay: write = writeToLog }: ClamscanOptions = {},
): ContentScanner {
  const { CLAMDBDIR, CLAMDMAXSIZE, environment } = settings
  const judgedBy = [CLAMDBDIR, CLAMDMAXSIZE]
  return {
    name: 'clamscan',
    hasBans: false,
    cacheable: {
      identity: `clamscan(${encodeURIComponent(JSON.stringify(judgedBy))})`,
      signatures: "this host's",
      loadsFrom: () => [CLAMDBDIR ?? DEFAULT_DATABASE],
      hasLoaded: async () => true, // clamscan loads them for each message
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
      const { path } = await sample.file()
      const [host, ...words] = packageCommand()
      const argv = [host, ...words, program, CLAMDBDIR ?? '', path] as const
      const relay = new LineRelay('clamscan', write)
      const { end, printed } = await runScanner({ argv, path, environment, relay }, signal)
      return typeof end === 'number' ? resultOf(printed, end) : end
    },
  }
}

/** The host's bundle: beside this one, or in dist/ if tests run from the source tree. */
const bundles = import.meta.filename.endsWith('.ts') ? '../../../../../dist' : ''
const HOST = 'onescan-clamscan'

function packageCommand(): readonly [string, ...string[]] {
  if (isCompiled) return compiledProgram(HOST)
  return [process.execPath, '--no-warnings', join(import.meta.dirname, bundles, `${HOST}.cjs`)]
}

/** Parses the package's answer. Only `false` is clean: the package may also return null or undefined. */
function resultOf(printed: string, exitCode: number): ScanResult {
  const answer = parse(printed)
  if (answer === undefined) return unknown(`clamscan: exit code ${exitCode} before it answered`)
  if ('reason' in answer) return unknown(`clamscan: ${bounded(answer.reason)}`, causeOf(answer))
  if (answer.isInfected === false) return clean
  if (answer.isInfected !== true) return unknown('clamscan: an invalid answer')
  const name = withoutHash(bounded(String(answer.viruses[0] ?? '')))
  if (name === '') return infected('a virus without a name')
  return resultByName(name, `clamscan: ${name}`)
}

/** Returns undefined if the host was ended before it had printed its line. */
function parse(printed: string): ClamscanAnswer | undefined {
  const line = Buffer.from(printed, 'latin1').toString()
  return line.endsWith('\n') ? (JSON.parse(line) as ClamscanAnswer) : undefined
}

/** Returns the text in printable characters, and short enough for a log line. */
function bounded(text: string): string {
  return replaceUnprintable(text).slice(0, 300)
}

import { replaceUnprintable } from '../../../lib/log/line-format.ts'
import { DEFAULT_DATABASE } from '../../../settings/table/clamav.ts'
import type { ScanSettings } from '../contract/scan-settings.ts'
import type { ContentScanner } from '../contract/scanner.ts'
import { clean, type ScanResult, unknown, unread } from '../findings/scan-result.ts'
import { namedResult } from './clamav-commands.ts'
import { type CommandEnd, runScannerCommand } from './command.ts'

const PROGRAM = '/usr/bin/clamscan'
/** Upper limit for the characters of what clamscan prints that become the reason of an unknown answer. */
const REASON_MAX = 300

/**
 * Plugin `clamscan`: runs ClamAV's program clamscan(1) on a file. It loads its signatures (CLAMDBDIR) for every
 * message, which takes seconds. `program` replaces clamscan.
 *
 * A message of more than CLAMDMAXSIZE is not scanned: ClamAV answers OK to a file over its limit.
 */
export function clamscanScanner(settings: ScanSettings, program = PROGRAM): ContentScanner {
  const { CLAMDBDIR, CLAMDMAXSIZE, environment } = settings
  const judgedBy = [CLAMDBDIR, CLAMDMAXSIZE]
  const database = CLAMDBDIR === undefined ? [] : [`--database=${CLAMDBDIR}`]
  return {
    name: 'clamscan',
    hasBans: false,
    cacheable: {
      identity: `clamscan(${encodeURIComponent(JSON.stringify(judgedBy))})`,
      signatures: "this host's",
      loadsFrom: () => [CLAMDBDIR ?? DEFAULT_DATABASE],
      hasLoaded: async () => true, // it does so each time
    },
    async scan(sample, task) {
      const { size } = sample.bytes
      if (size > CLAMDMAXSIZE) {
        const reason = `clamscan: ${size} bytes are more than CLAMDMAXSIZE ${CLAMDMAXSIZE}`
        return unread('size', reason)
      }
      // clamscan reports an empty file neither as OK nor as FOUND.
      if (size === 0) return clean
      const { path } = await sample.file()
      const argv = [program, '--no-summary', '--stdout', ...database, path] as const
      const said: string[] = []
      const end = await runScannerCommand(
        argv,
        path,
        environment,
        task,
        (line) => void said.push(line),
      )
      return 'answer' in end ? end : resultOf(end, said)
    },
  }
}

/** Returns the result only if clamscan prints it, and exits with its code. `said` is what it wrote to stderr. */
function resultOf({ code, printed }: CommandEnd, said: readonly string[]): ScanResult {
  if (code === 0 && /: OK\s*$/.test(printed)) return clean
  if (code === 1 && / FOUND\s*$/m.test(printed)) return namedResult(printed, 'clamscan')
  const text = replaceUnprintable([printed.trim(), ...said].join(' ').trim()).slice(0, REASON_MAX)
  return unknown(`clamscan: an invalid answer (exit code ${code}): ${text}`)
}

import { basename } from 'node:path'
import { responds } from '../../../../base/path/responds.ts'
import type { ScanSettings } from '../contract/scan-settings.ts'
import type { ContentScanner, ScannerCall } from '../contract/scanner.ts'
import { clean, type ScanResult, unknown } from '../findings/scan-result.ts'
import { databaseOfCommand, handingOverOption, namedResult } from './clamav-commands.ts'
import { runScanner } from './run-scanner.ts'
import { LineRelay, writeToLog } from './scanner-program.ts'

/**
 * QHPSI as a command (README.qhpsi; IndiMail's qmail-queue.c). `%s` in any argument becomes the message's
 * path. A command without arguments receives the path as its argument. The message is also on standard input.
 * Exit code QHPSIRC is infected, QHPSIRN clean. After any other code, a signal or the deadline, the answer is
 * *unknown*. clamdscan gets an additional option (handingOverOption). The command runs in its own process
 * group, which is killed afterwards.
 */
export function commandScanner(
  settings: ScanSettings,
  argv: readonly [string, ...string[]],
  write = writeToLog,
): ContentScanner {
  const [program] = argv
  const codes = [settings.QHPSIRC, settings.QHPSIRN]
  const database = databaseOfCommand(argv)
  return {
    name: basename(program),
    hasBans: false,
    cacheable: {
      identity: `command(${[...codes, ...argv].map(encodeURIComponent).join(',')})`,
      signatures: database === undefined ? 'not reported' : "this host's",
      ...(database !== undefined && { loadsFrom: () => [database] }),
    },
    async scan(sample, task) {
      if (program.startsWith('/') && !(await responds(program)))
        return unknown(
          `${program}: its directory does not answer; check the file system`,
          'timeout',
        )
      const option = handingOverOption(argv)
      const { path } = await sample.file()
      const options = option ? [option] : []
      return run(settings, [program, ...options, ...fillIn(argv, path)], path, task, write)
    },
  }
}

function fillIn(argv: readonly string[], path: string): string[] {
  if (argv.length === 1) return [path]
  return argv.slice(1).map((word) => word.replaceAll('%s', () => path))
}

async function run(
  settings: ScanSettings,
  argv: readonly [string, ...string[]],
  path: string,
  task: ScannerCall,
  write: (line: string) => void,
): Promise<ScanResult> {
  const [program] = argv
  const relay = new LineRelay(basename(program), write)
  const environment = settings.environment
  const { end, printed } = await runScanner({ argv, path, environment, relay }, task.signal)
  if (typeof end !== 'number') return end
  if (end === settings.QHPSIRN) return clean
  if (end === settings.QHPSIRC) return namedResult(printed, program)
  return unknown(`exit code ${end}`)
}

import { readSpoolPolicy } from '../../../src/mail/message/spool.ts'
import { scanBytes } from '../../../src/scan/scanners/scan-bytes.ts'
import { makeScanners } from '../../../src/scan/scanners/scanners.ts'
import type { ScanFinding } from '../../../src/scan/scanners/shared/finding.ts'
import { readScanSettings } from '../../../src/scan/scanners/shared/scan-settings.ts'
import { type Clamd, startClamd } from '../../programs/clamd.ts'
import type { Ending as Ends } from '../../programs/server.ts'
import { evasions } from '../../scan/scanners/evasions/all.ts'
import { type Evasion, messageOf } from '../../scan/scanners/evasions/compose.ts'
import { databaseOfEvasions } from '../../scan/scanners/evasions/files.ts'

/** What onescan, with its default settings and a clamd, answers about an evasion. */
export interface Judged {
  readonly kind: string
  readonly evasion: Evasion
  readonly ending: Ending
  readonly result: ScanFinding
}

/** A clamd that knows the files which evasions carry, set up as onescan wants it. */
export function startClamdForEvasions(t: Ends): Promise<Clamd> {
  return startClamd(t, { alertExceedsMax: true, database: databaseOfEvasions })
}

/** Judges a message as onescan does by hand: settings are those of onescan-queue(8). */
export async function judgeMessage(
  { socket }: Pick<Clamd, 'socket'>,
  message: Buffer,
  settings: Readonly<Record<string, string>> = {},
): Promise<{ readonly result: ScanFinding; readonly oddities: readonly string[] }> {
  const env = { CLAMD: socket, QHPSI: 'plugin: clamd', ...settings }
  const scan = readScanSettings(env, { qmailHome: '/nowhere', control: '/nowhere' })!
  async function* bytes() {
    yield message
  }
  const { result, notes } = await scanBytes(bytes(), {
    spool: readSpoolPolicy(env),
    scanners: await makeScanners(scan),
    settings: scan,
  })
  const [, odd = ''] = /^odd: (.*)$/m.exec(notes.join('\n')) ?? []
  return { result, oddities: odd.split(',').filter((word) => word !== '') }
}

const lineEnds = { LF: '\n', CRLF: '\r\n' } as const
type Ending = keyof typeof lineEnds
const bothEndings: readonly Ending[] = ['LF', 'CRLF']

/**
 * Judges all of them, or those of `kinds`, as mail of lines that end in LF and in CR LF, unless
 * `endingsOf` names others for the number of an evasion.
 */
export async function* judgeEvasions(
  clamd: Pick<Clamd, 'socket'>,
  settings: Readonly<Record<string, string>> = {},
  kinds: readonly string[] = Object.keys(evasions),
  endingsOf: (number: number) => readonly Ending[] = () => bothEndings,
): AsyncGenerator<Judged> {
  for (const kind of kinds) {
    for (const [number, evasion] of (evasions[kind] ?? []).entries()) {
      for (const ending of endingsOf(number)) {
        const { result } = await judgeMessage(clamd, messageOf(evasion, lineEnds[ending]), settings)
        yield { kind, evasion, ending, result }
      }
    }
  }
}

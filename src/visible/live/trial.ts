import { makeEnvelope } from '../../envelope/envelope.ts'
import type { Place } from '../../judge/policy.ts'
import { type Policy, switchedOff } from '../../judge/policy.ts'
import { holdMessage } from '../../message/held.ts'
import { errorText } from '../../runtime/fault.ts'
import { runScanners, type ScanResult } from '../../scan/scan.ts'
import { EICAR } from '../../scan/shared/eicar-file.ts'
import type { Scanner } from '../../scan/shared/scanner.ts'
import { specimenOf } from '../../scan/specimen.ts'

/** What came of a clean message and of the EICAR test file, given to the configured scanners. */
export interface Trial {
  /** Whether both came out right. */
  readonly right: boolean
  /** In one line. */
  readonly why: string
  /** Milliseconds since 1970. */
  readonly at: number
}

/** What is tried: the scanners that mail is judged by. */
export interface Tried {
  readonly place: Place
  /** Undefined if QHPSI is unset. */
  readonly policy: Policy | undefined
  readonly scanners: readonly Scanner[]
}

/** As in the judgement's tools. */
export interface Clocks {
  readonly now: () => number
  readonly uptime: () => number
}

const envelope = makeEnvelope(Buffer.alloc(0), [])

/** Gives both to the scanners, as mail is given to them. Never rejects. */
export async function tryScanners(
  { place, policy, scanners }: Tried,
  clocks: Clocks,
): Promise<Trial> {
  const { now } = clocks
  const off = switchedOff(place)
  const nothing = off ?? (policy === undefined ? 'QHPSI is not set' : undefined)
  if (nothing !== undefined || policy === undefined) {
    return { right: false, why: `nothing is scanned: ${nothing}`, at: now() }
  }
  try {
    const clean = faultOf(
      'a clean message',
      await scan(cleanMail(now()), policy, scanners, clocks),
      'clean',
    )
    const eicar = faultOf('EICAR', await scan(eicarMail(), policy, scanners, clocks), 'infected')
    const faults = [clean, eicar].filter((fault) => fault !== undefined)
    const why = faults.length === 0 ? 'a clean message is clean, EICAR is found' : faults.join('; ')
    return { right: faults.length === 0, why, at: now() }
  } catch (error) {
    return { right: false, why: errorText(error), at: now() }
  }
}

async function scan(
  bytes: Buffer,
  { spool, scan: { timeout, nesting, secondLook } }: Policy,
  scanners: readonly Scanner[],
  { now, uptime }: Clocks,
): Promise<ScanResult> {
  const digestsFor = () => ({ md5: false, sha256: false }) // nothing is signed
  const look = { policy: spool, digestsFor, createHash: undefined, now: now() }
  const message = holdMessage(bytes, look)
  try {
    return await runScanners(specimenOf(message, message.header, envelope), {
      scanners,
      timeout: Math.min(timeout, PATIENCE),
      oversize: 'defer',
      nesting: { max: nesting.max, over: 'keep out' },
      secondLook: {
        when: secondLook.when,
        strict: false,
        spool,
        traits: () => {},
      },
      uptime,
      note: () => {},
    })
  } finally {
    message.close()
  }
}

/** Milliseconds for one of them: who asks for health does not wait for SCANTIMEOUT. */
const PATIENCE = 10_000

function faultOf(
  what: string,
  result: ScanResult,
  wanted: 'clean' | 'infected',
): string | undefined {
  if (result.answer === wanted && !(result.answer === 'infected' && result.banned)) return undefined
  const why = 'why' in result ? `: ${result.why}` : ''
  const name = result.answer === 'infected' ? `: ${result.name}` : ''
  return `${what} came out as ${result.answer}${name}${why}`
}

const HEADER = `From: onescand <postmaster@localhost>
To: postmaster@localhost
Subject: onescand looks whether it scans
Date: Thu, 01 Jan 2026 00:00:00 +0000
Message-ID: <health@onescan.invalid>
MIME-Version: 1.0
`

/** Another one each time: clamd remembers what was clean. */
function cleanMail(now: number): Buffer {
  return Buffer.from(`${HEADER}Content-Type: text/plain\n\nNothing here at ${now}.\n`)
}

function eicarMail(): Buffer {
  const encoded = Buffer.from(EICAR).toString('base64').replace(/.{76}/g, '$&\n')
  return Buffer.from(`${HEADER}Content-Type: multipart/mixed; boundary=part

--part
Content-Type: application/octet-stream; name=eicar.com
Content-Disposition: attachment; filename=eicar.com
Content-Transfer-Encoding: base64

${encoded}
--part--
`)
}

import { errorText } from '../../ground/errors/fault.ts'
import type { Clocks } from '../../ground/flow/clocks.ts'
import type { Policy } from '../../judge/policy.ts'
import { makeEnvelope } from '../../message/envelope/envelope.ts'
import { messageInMemory } from '../../message/in-memory.ts'
import { sampleOf } from '../../scan/sample.ts'
import { runScanners } from '../../scan/scan.ts'
import type { Scanner } from '../../scan/shared/scanner.ts'
import type { Verdict } from '../../scan/shared/verdict.ts'

/** The result of giving a clean message and the EICAR test file to all doors and scanners. */
export interface Trial {
  /** Whether both came out right everywhere, and the disk has room for mail. */
  readonly right: boolean
  /** The result in one line. */
  readonly why: string
  /** When the trial was made, in milliseconds since 1970. */
  readonly at: number
  readonly doors: readonly {
    readonly kind: string
    readonly address: string
    readonly right: boolean
  }[]
}

const envelope = makeEnvelope(Buffer.alloc(0), [])

/**
 * Gives the clean message and EICAR to the scanners, as mail is given to them. Returns what is
 * wrong, or undefined. Never rejects.
 */
export async function tryScanners(
  { policy, scanners }: { readonly policy: Policy; readonly scanners: readonly Scanner[] },
  mail: { readonly clean: Buffer; readonly eicar: Buffer },
  clocks: Clocks,
): Promise<string | undefined> {
  const scanned = (bytes: Buffer) => scanWithoutDoors(bytes, { policy, scanners }, clocks)
  try {
    const clean = whyWrong('a clean message', await scanned(mail.clean), 'clean')
    const eicar = whyWrong('EICAR', await scanned(mail.eicar), 'infected')
    return [clean, eicar].filter(Boolean).join('; ') || undefined
  } catch (error) {
    return errorText(error)
  }
}

/** Asks the scanners about a message, without any door. Rejects if the message cannot be kept. */
export async function scanWithoutDoors(
  bytes: Buffer,
  {
    policy: {
      spool,
      scan: { timeout, nesting, secondLook },
    },
    scanners,
  }: { readonly policy: Policy; readonly scanners: readonly Scanner[] },
  { now, uptime }: Clocks,
): Promise<Verdict> {
  const digestsFor = () => ({ md5: false, sha256: false }) // nothing is signed
  const messageOptions = { policy: spool, digestsFor, createHash: undefined, now: now() }
  const message = messageInMemory(bytes, messageOptions)
  try {
    return await runScanners(sampleOf(message, message.header, envelope), {
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

/** The milliseconds for a scan: a question about health does not wait for SCANTIMEOUT. */
const PATIENCE = 10_000

function whyWrong(what: string, result: Verdict, wanted: 'clean' | 'infected'): string | undefined {
  if (result.answer === wanted && !(result.answer === 'infected' && result.banned)) return undefined
  const why = 'why' in result ? `: ${result.why}` : ''
  const name = result.answer === 'infected' ? `: ${result.name}` : ''
  return `${what} came out as ${result.answer}${name}${why}`
}

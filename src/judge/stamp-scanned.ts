import { signMessage } from '../cluster/sign.ts'
import { countedFrom } from '../cluster/signature-files.ts'
import { EVERY_PART } from '../cluster/stamp.ts'
import type { HeaderField } from '../message/edits.ts'
import { headerFormFault } from '../message/well-formed.ts'
import type { Scanner } from '../scan/shared/scanner.ts'
import { areSignaturesLoaded } from '../scan/shared/signatures-loaded.ts'
import type { Policy } from './policy.ts'
import type { LeavingMail, ScanOutcome } from './scan-unvouched.ts'
import type { Tools } from './tools.ts'

/** The signatures by which a scan that begins now looks. */
export interface SignatureState {
  /** Whether all scanners have loaded the newest signatures of this host. */
  readonly areLoaded: boolean
  /** The time that a stamp bears for a scan that begins now, unix seconds. */
  readonly since: number
}

/** Finds out which signatures scanners go by. To be called before the scan. */
export async function readSignatureState(policy: Policy, tools: Tools): Promise<SignatureState> {
  const files = policy.cluster && tools.signatureFiles()
  const areLoaded = await areSignaturesLoaded(tools.scanners, files, tools.now())
  return { areLoaded, since: countedFrom(files, tools.now()) }
}

/** A stamp, and the id of the key that made it. */
export interface OwnStamp {
  readonly field: HeaderField
  readonly key: string
}

const NOT_LOADED = 'no stamp: signatures changed, and may not be loaded yet'

/**
 * Stamps a message that scanners found clean as a whole, here or on a host whose verdict is known.
 * The stamp names them, and bears the time at which their scan began. Returns no stamp for any other
 * message, nor if scanners may not have loaded the newest signatures; a note for the log says so.
 */
export async function stampScanned(
  mail: LeavingMail,
  policy: Policy,
  tools: Tools,
  { result, known }: ScanOutcome,
  { areLoaded, since }: SignatureState,
): Promise<{ readonly stamp: OwnStamp | undefined; readonly notes: readonly string[] }> {
  if (result.answer !== 'clean') return { stamp: undefined, notes: [] }
  if (!areLoaded && known === undefined) {
    return { stamp: undefined, notes: result.scanners.length > 0 ? [NOT_LOADED] : [] }
  }
  const stamp = await sign(mail, policy, tools, result.scanners, known?.time ?? since)
  return { stamp, notes: [] }
}

async function sign(
  { message, leaving }: LeavingMail,
  { cluster, scan }: Policy,
  { crypto, now }: Tools,
  ran: readonly Scanner[],
  since: number,
): Promise<OwnStamp | undefined> {
  if (cluster === undefined || crypto === undefined) return undefined
  const scanners = ran.filter(({ local }) => !local).map(({ name }) => name)
  if (scanners.length === 0) return undefined
  if (scan.secondLook.when === 'always') scanners.push(EVERY_PART)
  const { formFault, digests } = message.form
  // The header may be empty now, if all of its fields are removed.
  const fault = formFault ?? (leaving === message.header ? undefined : headerFormFault(leaving))
  return signMessage(
    { header: leaving, formFault: fault, digests },
    { keys: cluster.keys, scanners, now: Math.floor(now() / 1000), since, crypto },
  )
}

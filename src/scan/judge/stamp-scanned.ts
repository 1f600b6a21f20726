import { headerFault } from '../../mail/message/well-formed.ts'
import { additionalSearches } from '../scanners/contract/scan-settings.ts'
import type { Scanner } from '../scanners/contract/scanner.ts'
import type { SignaturesInUse } from '../scanners/signatures/signatures-in-use.ts'
import { signMessage } from '../stamps/sign.ts'
import { EVERY_PART } from '../stamps/stamp.ts'
import type { JudgeConfig } from './context/judge-config.ts'
import type { Tools } from './context/judge-context.ts'
import type { JudgedMail } from './context/transaction.ts'
import type { OwnStamp, ScanOutcome } from './decision/decide.ts'

const NOT_LOADED = 'no stamp: signatures changed, and may not be loaded yet'

/**
 * Resolves to the stamp of a message that scanners found clean as a whole, here or on a host whose verdict is
 * cached. The stamp names the scanners, and contains the time at which their scan began. Resolves to no stamp
 * for any other message, or if scanners may not have loaded the newest signatures. A note for the log reports
 * that.
 */
export async function stampScanned(
  mail: JudgedMail,
  config: JudgeConfig,
  tools: Tools,
  scanned: ScanOutcome,
  { areLoaded, since }: SignaturesInUse,
): Promise<{ readonly stamp: OwnStamp | undefined; readonly notes: readonly string[] }> {
  const { result, scanners, cached } = scanned
  if (result.answer !== 'clean' || config.resultOnlyFor) return { stamp: undefined, notes: [] }
  if (!areLoaded && cached === undefined) {
    return { stamp: undefined, notes: scanners.length > 0 ? [NOT_LOADED] : [] }
  }
  const stamp = await sign(mail, config, tools, scanners, cached?.time ?? since)
  return { stamp, notes: [] }
}

async function sign(
  { message, outgoing }: JudgedMail,
  { cluster, settings }: JudgeConfig,
  { crypto, now }: Tools,
  ran: readonly Scanner[],
  since: number,
): Promise<OwnStamp | undefined> {
  if (cluster === undefined || crypto === undefined) return undefined
  const scanners = ran.filter(({ hasBans }) => !hasBans).map(({ name }) => name)
  if (scanners.length === 0) return undefined
  if (settings.SECONDLOOK === 'always') scanners.push(EVERY_PART)
  const { canonical } = message
  // The header may be empty now, if all of its fields are removed.
  const fault = canonical.fault ?? (outgoing === message.header ? undefined : headerFault(outgoing))
  return signMessage({ header: outgoing, canonical: { ...canonical, fault } }, scanners, {
    keys: cluster.keys,
    now: Math.floor(now() / 1000),
    since,
    crypto,
    besides: additionalSearches(settings),
  })
}

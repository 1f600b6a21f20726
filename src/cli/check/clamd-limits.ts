import { gzipSync } from 'node:zlib'
import type { ClamdAddress } from '../../scan/clamd/address.ts'
import { scanStream } from '../../scan/clamd/ask.ts'
import type { ScanPolicy } from '../../scan/policy.ts'
import { largeEicarMessage } from './eicar-message.ts'
import { error, type Finding, ok, warning } from './finding.ts'

/** Milliseconds for a message of CLAMDMAXSIZE bytes. */
const PATIENCE = 120_000
/** Deeper than any MaxRecursion: clamd's own upper bound is 100. */
const NESTED = 120

/**
 * Does clamd really look at what it is given? It says OK to what is over its limits,
 * unless AlertExceedsMax is on. Told by two trials, for its clamd.conf may be elsewhere.
 */
export async function checkClamdLimits(
  server: ClamdAddress,
  policy: ScanPolicy,
): Promise<Finding[]> {
  return [await checkLargeMail(server, policy), await checkAlert(server)]
}

/** Finds clamd the test virus in a message as large as it is ever given? */
async function checkLargeMail(server: ClamdAddress, { clam }: ScanPolicy): Promise<Finding> {
  const what = `clamd ${server.text} large mail`
  const size = `${clam.maxSize} bytes (CLAMDMAXSIZE)`
  const message = largeEicarMessage(clam.maxSize)
  const outcome = await scanStream(server, message, AbortSignal.timeout(PATIENCE))
  if (outcome.kind !== 'answered') {
    const remedy = 'lower CLAMDMAXSIZE, or raise StreamMaxLength in clamd.conf'
    return warning(what, `${outcome.why} with ${size}`, remedy)
  }
  switch (outcome.answer.says) {
    case 'infected':
      return ok(what, `looks at messages of ${size}`)
    case 'over-limit': {
      const value = `refuses ${size}: such mail is not scanned (OVERSIZE)`
      return warning(
        what,
        value,
        'raise StreamMaxLength, MaxFileSize and MaxScanSize in clamd.conf',
      )
    }
    case 'clean': {
      const value = `says OK to EICAR in ${size}: such mail gets in unscanned, marked as clean`
      return error(
        what,
        value,
        'lower CLAMDMAXSIZE to its MaxFileSize, or raise that in clamd.conf',
      )
    }
    case 'over-nested':
    case 'no-access':
    case 'trouble':
      return warning(what, `${outcome.answer.text} for ${size}`, 'see the log of clamd')
  }
}

/** What does it say of an archive that it does not unpack to the end? */
async function checkAlert(server: ClamdAddress): Promise<Finding> {
  const what = `clamd ${server.text} AlertExceedsMax`
  let archive = Buffer.from('onescan check')
  for (let depth = 0; depth < NESTED; depth++) archive = gzipSync(archive)
  const outcome = await scanStream(server, [archive], AbortSignal.timeout(PATIENCE))
  const says = outcome.kind === 'answered' ? outcome.answer.says : outcome.why
  if (says === 'over-limit' || says === 'over-nested')
    return ok(what, 'is on: what it cannot unpack counts as not scanned')
  const value =
    says === 'clean'
      ? 'is off: says OK to an archive that is over its limits'
      : `cannot be told: ${says}`
  return warning(what, value, 'set "AlertExceedsMax yes" in clamd.conf')
}

import type { ClamdAddress } from '../../../scan/clamd/address.ts'
import { scanStream } from '../../../scan/clamd/ask.ts'
import { tellsOfLimits } from '../../../scan/clamd/probe-limits.ts'
import type { ScanPolicy } from '../../../scan/shared/scan-policy.ts'
import { largeEicarMessage } from '../../shared/eicar-message.ts'
import { error, type Finding, ok, warning } from '../shared/finding.ts'

/** Milliseconds that clamd may take for a message of CLAMDMAXSIZE bytes. */
const PATIENCE = 120_000

/**
 * Checks whether clamd looks at all of a message: without AlertExceedsMax it says OK about mail over
 * its limits. Two trials show this, since clamd.conf may lie anywhere.
 */
export async function checkClamdLimits(
  server: ClamdAddress,
  policy: ScanPolicy,
): Promise<Finding[]> {
  return [await checkLargeMail(server, policy), await checkAlert(server)]
}

/** Checks whether clamd finds the test virus in the largest message that it will get. */
async function checkLargeMail(server: ClamdAddress, { clam }: ScanPolicy): Promise<Finding> {
  const what = `clamd ${server.text} large mail`
  const size = `${clam.maxSize} bytes (CLAMDMAXSIZE)`
  const message = largeEicarMessage(clam.maxSize)
  const content = { chunks: () => message }
  const outcome = await scanStream(server, content, AbortSignal.timeout(PATIENCE))
  if (outcome.kind !== 'answered') {
    const remedy = 'lower CLAMDMAXSIZE, or raise StreamMaxLength in clamd.conf'
    return warning(what, `${outcome.why} with ${size}`, remedy)
  }
  switch (outcome.answer.says) {
    case 'infected':
      return ok(what, `looks at messages of ${size}`)
    case 'over': {
      const value = `refuses ${size}: such mail is not scanned (OVERSIZE)`
      return warning(
        what,
        value,
        'raise StreamMaxLength, MaxFileSize and MaxScanSize in clamd.conf',
      )
    }
    case 'clean': {
      const value = `calls EICAR in ${size} clean: such mail gets in unscanned, marked as clean`
      return error(
        what,
        value,
        'lower CLAMDMAXSIZE to its MaxFileSize, or raise that in clamd.conf',
      )
    }
    case 'no-access':
    case 'trouble':
      return warning(what, `${outcome.answer.text} for ${size}`, 'see the log of clamd')
  }
}

/** Checks what clamd says about mail that it does not read to the end. */
async function checkAlert(server: ClamdAddress): Promise<Finding> {
  const what = `clamd ${server.text} AlertExceedsMax`
  const remedy = 'set "AlertExceedsMax yes" in its clamd.conf, and restart clamd'
  const answer = await tellsOfLimits(server, AbortSignal.timeout(PATIENCE))
  switch (answer.tells) {
    case 'yes':
      return ok(what, 'is on: clamd reports mail that it does not read to the end')
    case 'no':
      return error(what, 'is off: viruses deep in mail or archives get in, marked as clean', remedy)
    case 'unknown':
      return warning(what, `could not be tried: ${answer.why}`, remedy)
  }
}

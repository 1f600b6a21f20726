import { errorText } from '../../../ground/errors/fault.ts'
import { makeNamedCopy } from '../../../message/named-file.ts'
import { readSpoolPolicy } from '../../../message/spool-policy.ts'
import type { ClamdAddress } from '../../../scan/clamd/address.ts'
import { scanPath } from '../../../scan/clamd/ask.ts'
import { eicarMessage } from '../../shared/eicar-message.ts'
import { error, type Finding, ok, warning } from '../shared/finding.ts'
import type { Host } from '../shared/host.ts'

/** Milliseconds that a scan of a few hundred bytes may take. */
const PATIENCE = 30_000

/** Checks whether clamd can read, by its path, a file that the slot puts into SPOOLDIR. */
export async function checkClamdPath(host: Host, server: ClamdAddress): Promise<Finding[]> {
  if (server.kind !== 'unix') return []
  const what = `clamd ${server.text} by path`
  if (!host.env.SPOOLDIR) return [ok(what, 'SPOOLDIR is not set: large mail is copied to clamd')]
  try {
    return [await scanOneFile(host, server, what)]
  } catch (thrown) {
    return [error(what, errorText(thrown), 'see SPOOLDIR')]
  }
}

async function scanOneFile(host: Host, server: ClamdAddress, what: string): Promise<Finding> {
  const policy = readSpoolPolicy(host.env)
  if (policy.sharedDirectory === undefined) return ok(what, 'SPOOLDIR is not used, see there')
  const file = await makeNamedCopy(policy, eicarMessage, [])
  try {
    const outcome = await scanPath(server, file.path, AbortSignal.timeout(PATIENCE))
    if (outcome.kind !== 'answered') return error(what, outcome.why, 'see the log of clamd')
    const { answer } = outcome
    if (answer.says === 'infected') return ok(what, `reads ${host.env.SPOOLDIR}`)
    if (answer.says === 'clean') {
      return error(
        what,
        'finds nothing in the EICAR test message',
        'see its signatures and ScanMail',
      )
    }
    const remedy =
      "let clamd's account read it by group (mode 3730, group of clamd); see AppArmor's profile " +
      '(/etc/apparmor.d/local/usr.sbin.clamd) and PrivateTmp of its unit'
    return warning(what, `${answer.text}: large mail is copied to clamd instead`, remedy)
  } finally {
    file.remove()
  }
}

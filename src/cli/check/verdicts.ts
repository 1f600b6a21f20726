import { readClusterPolicy } from '../../cluster/cluster-policy.ts'
import { errorText } from '../../runtime/fault.ts'
import { sharedKey } from '../../verdicts/secrets.ts'
import { accessOf } from '../../verdicts/valkey/access.ts'
import type { StoreAddress } from '../../verdicts/valkey/address.ts'
import { readVerdictPolicy, type VerdictPolicy } from '../../verdicts/verdicts-policy.ts'
import type { Host } from './host.ts'
import { error, type Finding, ok, warning } from './shared/finding.ts'

/** Milliseconds for a connection and two questions. */
const PATIENCE = 3_000

/** The store in VERDICTS, where one is named: does it answer, and take what it is given? */
export async function checkVerdicts(host: Host): Promise<Finding[]> {
  let policy: VerdictPolicy
  try {
    policy = readVerdictPolicy(host.env)
  } catch (thrown) {
    return [error('VERDICTS', errorText(thrown), 'correct it; until then onescand does not start')]
  }
  const { store } = policy
  if (typeof store === 'string') return []
  return [...checkKey(host), await checkStore(store, policy)]
}

function checkKey({ env, place, now }: Host): Finding[] {
  try {
    const { policy } = readClusterPolicy(env, place.control)
    if (sharedKey(policy?.keys ?? [], now / 1000) !== undefined) return []
  } catch {
    return [] // told by who looks at the keyring
  }
  const remedy = 'make one with onescan keygen, and copy the keyring to all of them'
  return [error('VERDICTS', 'hosts that share verdicts need an hmac-sha256 key', remedy)]
}

async function checkStore(address: StoreAddress, policy: VerdictPolicy): Promise<Finding> {
  const remedy =
    'see that it runs and accepts this host; until it answers each host scans by itself'
  try {
    const { tryStore } = await import('../../verdicts/shared-store.ts')
    const time = await tryStore(accessOf(address, policy), PATIENCE)
    const value = `${address.text} answers in ${time.toFixed(1)} ms`
    if (time <= policy.timeout) return ok('VERDICTS', value)
    return warning('VERDICTS', `${value}, VERDICTTIMEOUT is ${policy.timeout}`, remedy)
  } catch (thrown) {
    const why = errorText(thrown)
    const isClosed = /WRONGPASS|NOAUTH|invalid (username-)?password/i.test(why)
    const password = "put the store's password into VERDICTPASSWORD, a file"
    return warning('VERDICTS', `${address.text}: ${why}`, isClosed ? password : remedy)
  }
}

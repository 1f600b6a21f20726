import { Fault } from '../../ground/errors/fault.ts'
import { readSecret } from '../../ground/path/open.ts'
import { type Environment, readSettings, type Values } from '../../ground/settings/settings.ts'
import { verdicts } from '../../ground/settings/table.ts'
import {
  readStoreAddress,
  type StoreAccess,
  type StoreAddress,
} from '../../protocol/valkey/address.ts'

/** Whether, where and for how long verdicts are remembered; onescan-queue(8) describes each setting. */
export interface VerdictSettings extends Omit<Values<typeof verdicts>, 'VERDICTS'> {
  readonly VERDICTS: 'off' | 'memory' | StoreAddress
}

/** Reads VERDICTS and the settings that belong to it. Throws Faults of kind `config`. */
export function readVerdictSettings(env: Environment): VerdictSettings {
  const settings = readSettings(env, verdicts)
  return { ...settings, VERDICTS: readStore(settings.VERDICTS) }
}

function readStore(text: string): VerdictSettings['VERDICTS'] {
  if (text === 'off' || text === 'memory') return text
  const address = readStoreAddress(text)
  if (address !== undefined) return address
  const forms = 'memory, off, valkey://HOST:PORT, unix:/PATH or another form of onescan-queue(8)'
  throw new Fault('config', `VERDICTS ${text}: must be ${forms}`)
}

/** Reads the files with passwords of a store. Throws if one of them cannot be read, or is open to others. */
export function accessOf(
  address: StoreAddress,
  { VERDICTPASSWORD, VERDICTSENTINELPASSWORD, VERDICTCA }: VerdictSettings,
): StoreAccess {
  const read = (file: string | undefined) => (file === undefined ? undefined : readSecret(file))
  return {
    address,
    password: read(VERDICTPASSWORD),
    sentinelPassword: read(VERDICTSENTINELPASSWORD),
    authorities: VERDICTCA,
  }
}

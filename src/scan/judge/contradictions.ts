import { attempt } from '../../ground/errors/fault.ts'
import { type Environment, readSettings } from '../../ground/settings/settings.ts'
import { treatment } from '../../ground/settings/table/scanning.ts'

/** A setting that makes sense by itself, but not beside the others. */
interface Contradiction {
  /** The name of the setting. */
  readonly name: string
  /** The value of the setting, or its lack of effect, in words that follow the name. */
  readonly value: string
  readonly remedy: string
}

/** Finds the settings that others make useless, or that miss what they seem to do. */
export function contradictionsIn(env: Environment): Contradiction[] {
  return [...inForward(env), ...inQuarantine(env), ...inMaxAge(env), ...inSecondLook(env)]
}

function inForward(env: Environment): Contradiction[] {
  if (!env.VIRUSFORWARD || !refuses(env)) return []
  const value = `gets nothing: REJECTVIRUS=${env.REJECTVIRUS} refuses infected mail before`
  return [{ name: 'VIRUSFORWARD', value, remedy: 'unset REJECTVIRUS, or VIRUSFORWARD' }]
}

function inQuarantine(env: Environment): Contradiction[] {
  if (!env.QUARANTINE) return []
  const found: Contradiction[] = []
  if (refuses(env)) {
    const value = `gets no virus: REJECTVIRUS=${env.REJECTVIRUS} refuses infected mail before`
    found.push({ name: 'QUARANTINE', value, remedy: 'unset REJECTVIRUS to have it kept' })
  }
  if (env.VIRUSFORWARD) {
    const value = 'gets nothing: QUARANTINE comes before it'
    found.push({ name: 'VIRUSFORWARD', value, remedy: 'unset one of the two' })
  }
  return found
}

function refuses(env: Environment): boolean {
  const settings = attempt(() => readSettings(env, treatment)) // whoever reads them tells of a fault
  return settings?.REJECTVIRUS === 'reject'
}

function inMaxAge(env: Environment): Contradiction[] {
  if (!/^0+$/.test(env.CLUSTERMAXAGE ?? '')) return []
  const value = '0: every hmac-sha256 stamp is too old, and all mail is scanned again'
  return [
    { name: 'CLUSTERMAXAGE', value, remedy: 'unset CLUSTERMAXAGE for an hour, or set seconds' },
  ]
}

/** Tells what is missed if not every part is scanned. */
function inSecondLook(env: Environment): Contradiction[] {
  if (!env.QHPSI || env.SECONDLOOK !== 'never') return []
  const value = 'never: files are missed if only mail programs open them'
  return [{ name: 'SECONDLOOK', value, remedy: 'unset it to have every part scanned' }]
}

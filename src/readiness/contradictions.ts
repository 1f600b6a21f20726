import { attempt } from '../lib/errors/fault.ts'
import { type Finding, warning } from '../lib/errors/finding.ts'
import { type Environment, readSettings } from '../lib/settings/settings.ts'
import { treatment } from '../lib/settings/table/scanning.ts'

/** Warns about settings that other settings make useless, or that do not have their apparent effect. */
export function contradictionsIn(env: Environment): Finding[] {
  return [...inForward(env), ...inQuarantine(env), ...inMaxAge(env), ...inSecondLook(env)]
}

function inForward(env: Environment): Finding[] {
  if (!env.VIRUSFORWARD || !refuses(env)) return []
  const value = `gets nothing: REJECTVIRUS=${env.REJECTVIRUS} refuses infected mail first`
  return [warning('VIRUSFORWARD', value, 'unset REJECTVIRUS, or VIRUSFORWARD')]
}

function inQuarantine(env: Environment): Finding[] {
  if (!env.QUARANTINE) return []
  const found: Finding[] = []
  if (refuses(env)) {
    const value = `gets no virus: REJECTVIRUS=${env.REJECTVIRUS} refuses infected mail first`
    found.push(warning('QUARANTINE', value, 'unset REJECTVIRUS to have it kept'))
  }
  if (env.VIRUSFORWARD) {
    const value = 'gets nothing: QUARANTINE comes before it'
    found.push(warning('VIRUSFORWARD', value, 'unset one of the two'))
  }
  return found
}

function refuses(env: Environment): boolean {
  const settings = attempt(() => readSettings(env, treatment)) // another check reports a fault
  return settings?.REJECTVIRUS === 'reject'
}

function inMaxAge(env: Environment): Finding[] {
  if (!/^0+$/.test(env.CLUSTERMAXAGE ?? '')) return []
  const value = '0: every hmac-sha256 stamp is too old, and all mail is scanned again'
  return [
    warning(
      'CLUSTERMAXAGE',
      value,
      'unset CLUSTERMAXAGE (the default is 3600 seconds), or set a number of seconds',
    ),
  ]
}

/** Reports what is missed if not every part is scanned. */
function inSecondLook(env: Environment): Finding[] {
  if (!env.QHPSI || env.SECONDLOOK !== 'never') return []
  const value = 'never: files that only mail programs find are not scanned'
  return [warning('SECONDLOOK', value, 'unset it to have every part scanned')]
}

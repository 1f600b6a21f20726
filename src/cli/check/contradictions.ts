import { existsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { errorText } from '../../runtime/fault.ts'
import { readInfectedPolicy } from '../../scan/shared/scan-policy.ts'
import { accountText, type Host } from './host.ts'
import { obstacle } from './shared/account.ts'
import { type Finding, ok, warning } from './shared/finding.ts'

/** Settings that can be read, and do not do what they look like. */
export function checkContradictions(host: Host): Finding[] {
  return [
    ...checkForward(host),
    ...checkMaxAge(host),
    ...checkLogFile(host),
    ...checkSecondLook(host),
  ]
}

/** What less than a scan of every part misses. */
function checkSecondLook({ env }: Host): Finding[] {
  const missed: Readonly<Record<string, string>> = {
    odd: 'odd: files in mail that follows the standards are missed if only mail programs open them',
    never: 'never: files are missed if only mail programs open them',
  }
  const value = env.QHPSI && missed[env.SECONDLOOK ?? '']
  if (!value) return []
  return [warning('SECONDLOOK', value, 'unset it to have every part scanned')]
}

function checkForward({ env }: Host): Finding[] {
  if (!env.VIRUSFORWARD || !refuses(env)) return []
  const value = `gets nothing: REJECTVIRUS=${env.REJECTVIRUS} refuses infected mail before`
  return [warning('VIRUSFORWARD', value, 'unset REJECTVIRUS, or VIRUSFORWARD')]
}

function refuses(env: Host['env']): boolean {
  try {
    return readInfectedPolicy(env).action === 'reject'
  } catch {
    return false // told by who reads the settings
  }
}

function checkMaxAge({ env }: Host): Finding[] {
  if (!/^0+$/.test(env.CLUSTERMAXAGE ?? '')) return []
  const value = '0: every hmac-sha256 stamp is too old, and all mail is scanned again'
  return [warning('CLUSTERMAXAGE', value, 'unset it for an hour, or set seconds')]
}

function checkLogFile(host: Host): Finding[] {
  const file = host.env.LOGFILE
  if (!file) return []
  const what = 'LOGFILE'
  const lost = (why: string, remedy: string) => [
    warning(what, `${why}: its lines are lost`, remedy),
  ]
  if (!file.startsWith('/')) {
    return lost(`${file} is relative, and callers run in any directory`, 'set an absolute path')
  }
  try {
    const status = existsSync(file) ? statSync(file) : undefined
    if (status?.isDirectory()) return lost(`${file} is a directory`, 'name a file in it')
    const barrier =
      status === undefined
        ? obstacle(host.account, dirname(file), 'write', 'search')
        : obstacle(host.account, file, 'write')
    if (barrier === undefined) return [ok(what, `${file}, written by ${accountText(host)}`)]
    const value = `${file} cannot be written by ${accountText(host)}`
    return lost(value, `look at the owner, group and mode of ${barrier}`)
  } catch (thrown) {
    return lost(errorText(thrown), 'make its directory, for that account to write to')
  }
}

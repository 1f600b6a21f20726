import { existsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { contradictionsIn } from '../../judge/contradictions.ts'
import { errorText } from '../../runtime/fault.ts'
import { accountText, type Host } from './host.ts'
import { obstacle } from './shared/account.ts'
import { type Finding, ok, warning } from './shared/finding.ts'

/** Settings that can be read, and do not do what they look like. */
export function checkContradictions(host: Host): Finding[] {
  const found = contradictionsIn(host.env).map(({ name, value, remedy }) =>
    warning(name, value, remedy),
  )
  return [...found, ...checkLogFile(host)]
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

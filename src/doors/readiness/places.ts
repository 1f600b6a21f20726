import { existsSync, lstatSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { errorText } from '../../ground/errors/fault.ts'
import { error, type Finding, ok, shellWord, warning } from '../../ground/errors/finding.ts'
import { obstacle } from './account.ts'
import { accountText, type StageHost } from './stage.ts'

/** Checks the places that settings name for what onescan keeps: QUARANTINE and LOGFILE. */
export function checkPlaces(host: StageHost): Finding[] {
  return [...checkQuarantine(host), ...checkLogFile(host)]
}

/** Checks the directory of QUARANTINE. If it belongs to another account, onescand keeps mail in it. */
function checkQuarantine(host: StageHost): Finding[] {
  const { env, account } = host
  const what = 'QUARANTINE'
  const directory = env.QUARANTINE
  if (!directory?.startsWith('/')) return [] // `hold`, or a value that another check reports
  const install = `install -d -m 700 -o ${account.uid} ${shellWord(directory)}`
  const keepsNothing = (why: string, remedy = install) => [
    error(what, `${directory} ${why}: infected mail is deferred`, remedy),
  ]
  try {
    const status = lstatSync(directory)
    const { uid, mode } = status
    if (!status.isDirectory()) return keepsNothing('is not a directory', 'name another one')
    if ((mode & 0o077) !== 0) return keepsNothing(`has mode 0${(mode & 0o777).toString(8)}`)
    if (uid === account.uid) return [ok(what, `${directory}, written by ${accountText(host)}`)]
    return [
      ok(
        what,
        `${directory} of uid ${uid}, as which onescand must run; what the slot itself finds is deferred`,
      ),
    ]
  } catch (thrown) {
    return keepsNothing(`cannot be looked at (${errorText(thrown)})`)
  }
}

function checkLogFile(host: StageHost): Finding[] {
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

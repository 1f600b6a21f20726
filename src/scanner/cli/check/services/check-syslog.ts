import { type CheckLine, warning } from '../../../../base/check/check-line.ts'
import { attempt } from '../../../../base/errors/fault.ts'
import { pathExists } from '../../../../base/path/path-handle.ts'
import { SYSLOG_FILES } from '../../../log/read-log.ts'
import { obstacle } from '../../../readiness/host/account.ts'
import { findStorageOff } from '../../host/check-journal.ts'
import { notReadableBy, openToReader } from '../../mail/log-arguments.ts'
import { LOG_GROUPS, reader } from '../../root/check-accounts.ts'

/**
 * Returns the check line that root's commands cannot follow mail, since the account which reads for them may read no file of
 * syslog, and the journal keeps nothing. Undefined if it may, or if there is no such file.
 */
export function checkSyslog(): CheckLine | undefined {
  const off = findStorageOff()
  const account = attempt(() => reader(undefined, LOG_GROUPS))
  if (off === undefined || account === undefined) return undefined
  const files = SYSLOG_FILES.filter((path) => attempt(() => pathExists(path)))
  const closed = files.flatMap((path) => {
    const barrier = attempt(() => obstacle(account, path, 'read'))
    return barrier === undefined ? [] : [{ path, barrier }]
  })
  const [first] = closed
  if (first === undefined || closed.length < files.length) return undefined
  const value = `${notReadableBy(account)}, and the journal keeps nothing (Storage=none in ${off})`
  return warning(`log ${first.path}`, value, openToReader(first.path, first.barrier))
}

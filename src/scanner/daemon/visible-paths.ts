import { existsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { type CheckLine, failure, warning } from '../../base/check/check-line.ts'
import { errorCode } from '../../base/errors/fault.ts'
import { isReadOnly } from '../../base/path/room.ts'
import type { Environment } from '../../base/process/environment.ts'
import { type SettingName, settingNames, settingTable } from '../../base/settings/table.ts'
import { editToBind, isUnderSystemd, toBind } from '../../base/systemd/bound-paths.ts'
import type { DaemonOptions } from '../options/daemon-options.ts'

/**
 * Returns check lines about paths that settings and options name, and that onescand does not see, or may not
 * write to. Run it inside the unit.
 */
export function checkVisiblePaths(env: Environment, { doors }: DaemonOptions): CheckLine[] {
  const named = settingNames
    .filter((name) => settingTable[name].readers.includes('onescand'))
    .flatMap((name) => pathsIn(env[name] ?? '').map((path) => ({ name, path })))
  const nextServers = doors.flatMap(({ route }) =>
    pathsIn(route?.next.text ?? '').map((path) => ({ name: '--next', path }) as const),
  )
  return [...named, ...nextServers].flatMap(({ name, path }) => {
    const use = name === '--next' ? 'connects to' : settingTable[name].path
    const isWritten = use === 'writes' || use === 'writes into'
    if (use === 'writes' && existsSync(path)) return []
    // A socket comes and goes, and a log is replaced: their directories must be visible.
    const where = use === 'writes' || use === 'connects to' ? dirname(path) : path
    if (isWritten && isReadOnly(where)) {
      const remedy = editToBind('onescand', where, true)
      return failure('paths', `${name} ${where}: is read-only for onescand`, remedy)
    }
    const reason = whyUnseen(where)
    // Other checks report the effect on mail without these, and the remedy.
    if (reason === undefined || isOfOtherChecks(name, reason) || !isUnderSystemd()) return []
    if (reason === 'closed') {
      const remedy = 'move it to a directory that its account may enter'
      return warning('paths', `${name} ${where}: is in a directory closed to onescand`, remedy)
    }
    const remedy = toBind('onescand', where, isWritten)
    return warning('paths', `${name} ${where}: is not visible to onescand`, remedy)
  })
}

/** Returns whether a check is about the setting (run-checks.ts). */
function isOfOtherChecks(name: SettingName | '--next', reason: 'missing' | 'closed'): boolean {
  switch (name) {
    case 'QUARANTINE':
    case 'TMPDIR':
      return true
    case 'SPOOLDIR':
    case 'LOGFILE':
    case 'CLUSTERKEYS':
    case 'CLAMD':
      return reason === 'closed'
    default:
      return false
  }
}

function whyUnseen(path: string): 'missing' | 'closed' | undefined {
  try {
    statSync(path)
    return undefined
  } catch (error) {
    return errorCode(error) === 'EACCES' ? 'closed' : 'missing'
  }
}

/**
 * Returns the absolute paths among the words of a value, with or without `unix:`. PATH contains a list of them
 * and is skipped.
 */
const pathsIn = (value: string) =>
  value.split(/[ \t]/).flatMap((word) => /^(?:unix:)?(\/[^:]*)$/.exec(word)?.[1] ?? [])

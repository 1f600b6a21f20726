import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type CheckLine, warning } from '../../../base/check/check-line.ts'
import { attempt } from '../../../base/errors/fault.ts'
import { readOwnFile } from '../../../base/path/open.ts'
import { SYSLOG_FILES } from '../../log/read-log.ts'
import { askSystemd } from './systemd-unit.ts'

/** The directories with systemd's settings: a file replaces those with its name in earlier ones, journald.conf(5). */
const SETTINGS = ['/usr/lib', '/usr/local/lib', '/run', '/etc'].map((top) => `${top}/systemd`)

/**
 * Returns the check line that systemd's journal is not written, or keeps nothing, or undefined if it does, if there is none
 * or if its state is unknown. A journal that keeps nothing may pass the lines on to syslog.
 */
export function checkJournal(): CheckLine | undefined {
  const journald = askSystemd('systemd-journald.service')
  if (journald === undefined) return undefined
  if (journald.active !== 'active') {
    const value = `is not written (systemd-journald: ${journald.active}): lines about mail are lost`
    // Programs that logged to it before have lost their connection.
    const remedy = 'systemctl start systemd-journald && systemctl restart onescand'
    return warning('journal', value, remedy)
  }
  const off = findStorageOff()
  if (off === undefined || SYSLOG_FILES.some(existsSync)) return undefined
  const value = `keeps nothing (Storage=none in ${off}): lines about mail are lost`
  const remedy = `set Storage=auto in ${off}, then run systemctl restart systemd-journald`
  return warning('journal', value, remedy)
}

/** Returns the file that switches the storage of the journal off, or undefined. */
export function findStorageOff(directories: readonly string[] = SETTINGS): string | undefined {
  const main = directories.map((directory) => join(directory, 'journald.conf'))
  const more = new Map<string, string>()
  for (const directory of directories.map((top) => join(top, 'journald.conf.d'))) {
    for (const name of attempt(() => readdirSync(directory)) ?? [])
      if (name.endsWith('.conf')) more.set(name, join(directory, name))
  }
  const last = main.findLast(existsSync)
  const files = [...(last === undefined ? [] : [last]), ...[...more].sort().map(([, file]) => file)]
  const set = files.flatMap((file) => {
    const text = attempt(() => readOwnFile(file).toString('utf8')) ?? ''
    return [...text.matchAll(/^[ \t]*Storage[ \t]*=[ \t]*(\w*)/gm)].map(([, value]) => ({ file, value })) // biome-ignore format: a line
  })
  const decisive = set.at(-1)
  return decisive?.value === 'none' ? decisive.file : undefined
}

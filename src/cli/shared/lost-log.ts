import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import { attempt } from '../../lib/errors/fault.ts'
import { askRunningDaemon } from './running-daemon.ts'

/**
 * Why nobody can read the lines of the running onescand's LOGFILE; undefined if somebody can, if none is set, or
 * if onescand does not tell this user.
 */
export async function lostLog(): Promise<string | undefined> {
  const { settings, pid } = (await askRunningDaemon())?.description ?? {}
  const file = settings?.LOGFILE
  if (!file) return undefined
  // As the unit of onescand sees it, which only root can look at.
  const seen = process.getuid!() === 0 ? `/proc/${pid}/root${file}` : file
  // It is made with its first line.
  const isThere = attempt(() => statSync(dirname(seen))) !== undefined
  if (!isThere) return `${file} is not there for onescand`
  return attempt(() => statSync(seen))?.isCharacterDevice() ? `${file} is a device` : undefined
}

import { askRunningDaemon } from './running-daemon.ts'

/**
 * Why nobody can read the lines of the running onescand's LOGFILE, as it says itself; undefined if somebody can,
 * if none is set, or if onescand does not tell this user.
 */
export async function lostLog(): Promise<string | undefined> {
  const { settings, lostLog } = (await askRunningDaemon())?.description ?? {}
  return lostLog && `${settings?.LOGFILE} is ${lostLog}`
}

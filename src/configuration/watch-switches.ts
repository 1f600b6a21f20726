import { promises } from 'node:fs'
import { LastSeen } from '../lib/flow/last-seen.ts'
import { type ControlDirectories, switchedOff, switchFiles, whyOff } from '../scan/judge/control.ts'

/** Milliseconds for which a look at the switch files counts, so that a burst of mail makes few. */
const SWITCH_FOR = 20

/** Returns what switchedOff() returns, for a process that lasts and may not wait for the directory. */
export function watchSwitches(directories: ControlDirectories): LastSeen<string | undefined> {
  const look = async () => {
    for (const file of switchFiles(directories)) {
      const found = await promises.stat(file).catch(() => undefined)
      if (found !== undefined) return whyOff(file)
    }
    return undefined
  }
  return new LastSeen(switchedOff(directories), look, SWITCH_FOR)
}

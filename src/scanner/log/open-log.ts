import { isLog } from '../../../bin/is-log.cjs'
import type { Environment } from '../../base/process/environment.ts'
import { type LogSink, openSlotLog } from './log-sink.ts'

/** Opens the slot's log: LOGFILE, or descriptor 2 if that is a log, or the system's log. */
export async function openLog(env: Environment): Promise<LogSink> {
  if (env.LOGFILE) {
    const { appenderFor } = await import('./append-by-child.ts')
    return openSlotLog({ file: env.LOGFILE, append: appenderFor(env.LOGFILE) })
  }
  if (isLog(env)) return openSlotLog()
  const { openSyslog } = await import('./syslog.ts')
  return openSyslog()
}

import { fstatSync, type Stats } from 'node:fs'
import type { Environment } from '../../../ground/settings/settings.ts'
import { type LogSink, openDaemonLog } from './log-sink.ts'

/** Where the slot logs: LOGFILE, else fd 2 if that is a log, else the system's log. */
export async function openLog(env: Environment): Promise<LogSink> {
  if (env.LOGFILE || isLog(env)) return openDaemonLog(env.LOGFILE)
  const { openSyslog } = await import('./syslog.ts')
  return openSyslog()
}

/**
 * Whether fd 2 leads to a log: it is a terminal, a file that somebody redirected it to, the
 * journal that systemd.exec(5) names in JOURNAL_STREAM, or a pipe below a server of connections,
 * whose fd 2 is a log by custom. Elsewhere it may be anybody's: below qmail-local it is a pipe to
 * a report that goes into the bounce to the sender, below inetd the connection itself, and with
 * ERROR_FD=2 the reply. The same rule, as far as they can ask, is in c/onescanc/log.c, in
 * c/launcher/launch.c and in bin/onescan-queue, which have to say that this file cannot run.
 */
function isLog(env: Environment): boolean {
  const stats = statusOfLog()
  if (stats === undefined || env.ERROR_FD === '2') return false
  if (stats.isCharacterDevice() || stats.isFile()) return true
  if (env.JOURNAL_STREAM === `${stats.dev}:${stats.ino}`) return true
  return isBelowServer(env) && !isBelowDelivery(env) && !stats.isSocket()
}

/** UCSPI: what tcpserver(1) and its kin tell the programs that they start. */
function isBelowServer(env: Environment): boolean {
  return Boolean(env.PROTO || env.TCPREMOTEIP || env.TCPLOCALIP)
}

/** What qmail-local(8) tells the programs that it starts. */
function isBelowDelivery(env: Environment): boolean {
  return (env.DTLINE ?? env.RPLINE ?? env.UFLINE) !== undefined
}

function statusOfLog(): Stats | undefined {
  try {
    return fstatSync(2)
  } catch {
    return undefined // closed
  }
}

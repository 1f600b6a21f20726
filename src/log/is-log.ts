import { fstatSync, type Stats } from 'node:fs'
import type { Environment } from '../lib/settings/settings.ts'

/**
 * Whether a descriptor for errors, 2 as a rule, is a log. It is one if it is a terminal, a file,
 * the journal that systemd names in JOURNAL_STREAM (systemd.exec(5)), or a pipe below a server of
 * connections, whose descriptor 2 is a log by custom. Otherwise somebody else may read it: below
 * qmail-local it is a pipe to a report that goes into the bounce to the sender, below inetd it is
 * the connection itself, and with ERROR_FD=2 it takes the reply.
 *
 * Programs that run before this file, or instead of it, have the same rule: those in C
 * (c/log-place.h), and bin/onescan-queue, whose shell cannot ask about JOURNAL_STREAM.
 * test/doors/slot/log.test.ts runs all of them against one table. This does not ask node:tty: each
 * cold message would pay for its streams and sockets.
 */
export function isLog(env: Environment, descriptor = 2): boolean {
  const stats = statusOf(descriptor)
  if (stats === undefined || env.ERROR_FD === '2') return false
  if (stats.isCharacterDevice() || stats.isFile()) return true
  if (env.JOURNAL_STREAM === `${stats.dev}:${stats.ino}`) return true
  return isBelowServer(env) && !isBelowDelivery(env) && !stats.isSocket()
}

/** Whether a server as tcpserver(1) has started this program: UCSPI. */
function isBelowServer(env: Environment): boolean {
  return Boolean(env.PROTO || env.TCPREMOTEIP || env.TCPLOCALIP)
}

/** Whether qmail-local(8) has started this program. */
function isBelowDelivery(env: Environment): boolean {
  return (env.DTLINE ?? env.RPLINE ?? env.UFLINE) !== undefined
}

function statusOf(descriptor: number): Stats | undefined {
  try {
    return fstatSync(descriptor)
  } catch {
    return undefined // closed
  }
}

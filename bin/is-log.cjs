// Whether descriptor 2 is a log. Node 12 can read it, too: bin/onescan-queue asks before it loads anything else.
'use strict'
// biome-ignore lint/style/useNodejsImportProtocol: Node 12 does not know it
const { fstatSync } = require('fs')

/**
 * Whether a descriptor for errors, 2 as a rule, is a log. It is one if it is a terminal, a file,
 * the journal that systemd names in JOURNAL_STREAM (systemd.exec(5)), or a pipe below a server of
 * connections, whose descriptor 2 is a log by custom. Otherwise another user may read it: below
 * qmail-local it is a pipe to a report that goes into the bounce to the sender, below inetd it is
 * the connection itself, and with ERROR_FD=2 it takes the reply.
 *
 * Two languages need the rule for themselves, where no JavaScript runs: C in the launcher and the
 * client (src/c/log-place.c), and sh where there is no Node (onescan-queue). test/scanner/log/is-log-rows.ts
 * is the table that all of them are tested with. This does not ask node:tty: each standalone message
 * would pay for its streams and sockets.
 */
exports.isLog = function isLog(env, descriptor = 2) {
  const stats = statusOf(descriptor)
  if (stats === undefined || env.ERROR_FD === '2') return false
  if (stats.isCharacterDevice() || stats.isFile()) return true
  if (env.JOURNAL_STREAM === `${stats.dev}:${stats.ino}`) return true
  return isBelowServer(env) && !isBelowDelivery(env) && !stats.isSocket()
}

/** Whether a server as tcpserver(1) has started this program: UCSPI. */
function isBelowServer({ PROTO, TCPREMOTEIP, TCPLOCALIP }) {
  return Boolean(PROTO || TCPREMOTEIP || TCPLOCALIP)
}

/** Whether qmail-local(8) has started this program. */
function isBelowDelivery({ DTLINE, RPLINE, UFLINE }) {
  return [DTLINE, RPLINE, UFLINE].some((line) => line !== undefined)
}

function statusOf(descriptor) {
  try {
    return fstatSync(descriptor)
  } catch {
    return undefined // closed
  }
}

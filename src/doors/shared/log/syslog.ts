import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { openUnixDatagrams } from '../../../ground/net/unix-datagrams.ts'
import { isExecutable } from '../../../ground/process/find-program.ts'
import { isCompiled } from '../../../ground/runtime/compiled-program.ts'
import type { LogSink } from './log-sink.ts'

/** Where syslogd(8) and systemd's journal take messages. */
const SOCKET = '/dev/log'
/** Facility mail, severity informational (RFC 3164, 4.1.1). */
const PRIORITY = (2 << 3) | 6
const TAG = 'onescan'

/** logger(1), for Node, which knows no datagrams of this kind. */
const LOGGERS = ['/usr/bin/logger', '/bin/logger']
/** Milliseconds for it. */
const LOGGER_PATIENCE = 1000
/** Bytes of scanners' lines that are kept for it. */
const KEPT_MAX = 64 * 1024

/**
 * The system's log, by one datagram a line, for which no mail waits. On Node by logger(1),
 * which is started once for a message and waited for a second at most. (Compiled, it would be
 * cheaper, too, but Bun waits for a child that is stuck, without regard to the timeout.) If there
 * is no such socket, lines are dropped.
 */
export function openSyslog(): LogSink {
  if (!isThere(SOCKET)) return nowhere
  return isCompiled ? byDatagrams() : byLogger()
}

const nowhere: LogSink = { write() {}, relay() {} }

function byDatagrams(): LogSink {
  const send = openUnixDatagrams(SOCKET)
  const write = (line: Buffer) => {
    try {
      send(syslogMessage(line, new Date(), process.pid))
    } catch {
      // Whoever listened there has gone.
    }
  }
  return { write, relay: (line) => write(Buffer.from(line)) }
}

function byLogger(): LogSink {
  const logger = LOGGERS.find(isExecutable)
  if (logger === undefined) return nowhere
  const kept: Buffer[] = []
  let size = 0
  return {
    write(line) {
      const input = Buffer.concat([...kept.splice(0), withoutTag(line)])
      spawnSync(logger, ['-p', 'mail.info', '-t', `${TAG}[${process.pid}]`], {
        input,
        env: {},
        stdio: ['pipe', 'ignore', 'ignore'],
        timeout: LOGGER_PATIENCE,
        killSignal: 'SIGKILL',
      })
    },
    relay(line) {
      const bytes = Buffer.from(line)
      size += bytes.length
      if (size <= KEPT_MAX) kept.push(bytes)
    },
  }
}

/** A line as RFC 3164 has it, without a host, as syslog(3) sends it to a local socket. */
export function syslogMessage(line: Buffer, time: Date, pid: number): Buffer {
  const head = `<${PRIORITY}>${timestamp(time)} ${TAG}[${pid}]: `
  const text = withoutTag(line)
  return Buffer.concat([Buffer.from(head), text.at(-1) === 10 ? text.subarray(0, -1) : text])
}

/** `Nov  5 09:03:07`, in local time (RFC 3164, 4.1.2). */
function timestamp(time: Date): string {
  const [, month, , , clock] = time.toString().split(' ')
  return `${month} ${String(time.getDate()).padStart(2)} ${clock}`
}

/** Lines of our own begin with the name that the system's log puts before them. */
function withoutTag(line: Buffer): Buffer {
  const own = `${TAG}: `
  return line.toString('latin1', 0, own.length) === own ? line.subarray(own.length) : line
}

function isThere(path: string): boolean {
  try {
    return statSync(path).isSocket()
  } catch {
    return false
  }
}

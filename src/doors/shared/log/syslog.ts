import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { openUnixDatagrams } from '../../../ground/net/unix-datagrams.ts'
import { isExecutable } from '../../../ground/process/find-program.ts'
import { isCompiled } from '../../../ground/runtime/compiled-program.ts'
import type { LogSink } from './log-sink.ts'

/** The socket of syslogd(8) and of systemd's journal. */
const SOCKET = '/dev/log'
/** Facility mail, severity informational (RFC 3164, 4.1.1). */
const PRIORITY = (2 << 3) | 6
const TAG = 'onescan'

/** The paths of logger(1). Node needs it, since it has no unix datagrams. */
const LOGGERS = ['/usr/bin/logger', '/bin/logger']
/** logger(1) makes two lines of a longer one, and by itself of one of more than 1,024 bytes. */
const LOGGER_SIZE = '8192'
/** Milliseconds for logger(1). */
const LOGGER_PATIENCE = 1000
/** Bytes of scanners' lines that are kept until logger(1) is started. */
const KEPT_MAX = 64 * 1024

/**
 * Opens the system's log. The compiled program sends a datagram for each line, for which no mail
 * waits. On Node logger(1) is started once for a message, and waited for a second at most. (Bun
 * would wait longer for a child that is stuck, without regard to the timeout.) If there is no
 * socket, lines are dropped.
 */
export function openSyslog(): LogSink {
  if (!isSocket(SOCKET)) return nowhere
  return isCompiled ? byDatagrams() : byLogger()
}

const nowhere: LogSink = { write() {}, relay() {} }

function byDatagrams(): LogSink {
  const send = openUnixDatagrams(SOCKET)
  const write = (line: Buffer) => {
    try {
      send(syslogMessage(line, new Date(), process.pid))
    } catch {
      // Nobody listens there any more.
    }
  }
  return { write, relay: (line) => write(Buffer.from(line)) }
}

function byLogger(): LogSink {
  const logger = LOGGERS.find(isExecutable)
  if (logger === undefined) return nowhere
  const scannerLines: Buffer[] = []
  let size = 0
  return {
    write(line) {
      const input = Buffer.concat([...scannerLines.splice(0), withoutTag(line)])
      const words = ['--size', LOGGER_SIZE, '-p', 'mail.info', '-t', `${TAG}[${process.pid}]`]
      spawnSync(logger, words, {
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
      if (size <= KEPT_MAX) scannerLines.push(bytes)
    },
  }
}

/**
 * Returns a line in the form of RFC 3164 without a host, as syslog(3) sends it to a local socket.
 */
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

/** Takes the name out of a line of onescan's: the system's log puts it before each line. */
function withoutTag(line: Buffer): Buffer {
  const own = `${TAG}: `
  return line.toString('latin1', 0, own.length) === own ? line.subarray(own.length) : line
}

function isSocket(path: string): boolean {
  try {
    return statSync(path).isSocket()
  } catch {
    return false
  }
}

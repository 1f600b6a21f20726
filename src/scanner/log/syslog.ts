import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { attempt } from '../../base/errors/fault.ts'
import { isExecutable } from '../../base/process/execute.ts'
import type { LogSink } from './log-sink.ts'

/** The socket of syslogd(8) and of systemd's journal. */
const SOCKET = '/dev/log'
const TAG = 'onescan'

/** The paths of logger(1), since no runtime has unix datagrams. */
const LOGGERS = ['/usr/bin/logger', '/bin/logger']
/** logger(1) splits a longer line, and by default one of more than 1,024 bytes. */
const LOGGER_SIZE = '8192'
/** Milliseconds for logger(1). */
const LOGGER_TIMEOUT = 1000
/** Bytes of scanners' lines that are kept until logger(1) is started. */
const WAITING_MAX = 64 * 1024

/**
 * Opens the system's log. logger(1) is started once for a message, and waited for a second at most.
 * If there is no socket, lines are dropped. (A LogSink writes synchronously, since this process becomes the next program: so
 * this does not use runProgram().)
 */
export function openSyslog(): LogSink {
  const logger = isSocket(SOCKET) ? LOGGERS.find(isExecutable) : undefined
  if (logger === undefined) return { write() {}, relay() {} }
  const scannerLines: Buffer[] = []
  let size = 0
  return {
    write(line) {
      const input = Buffer.concat([...scannerLines.splice(0), withoutTag(line)])
      const args = ['--size', LOGGER_SIZE, '-p', 'mail.info', '-t', `${TAG}[${process.pid}]`]
      spawnSync(logger, args, {
        input,
        env: {},
        stdio: ['pipe', 'ignore', 'ignore'],
        timeout: LOGGER_TIMEOUT,
        killSignal: 'SIGKILL',
      })
    },
    relay(line) {
      const bytes = Buffer.from(line)
      size += bytes.length
      if (size <= WAITING_MAX) scannerLines.push(bytes)
    },
  }
}

/** Takes the name out of a line of onescan's: the system's log puts it before each line. */
function withoutTag(line: Buffer): Buffer {
  const own = `${TAG}: `
  return line.toString('latin1', 0, own.length) === own ? line.subarray(own.length) : line
}

const isSocket = (path: string): boolean => attempt(() => statSync(path).isSocket()) ?? false

import { spawnSync } from 'node:child_process'
import { attempt, errorCode } from '../../base/errors/fault.ts'
import { runsAsRoot } from '../../base/path/untrusted-writer.ts'
import { inheritedDescriptor } from '../../base/process/descriptors.ts'
import { append } from './log-sink.ts'

/** Milliseconds that mail waits for LOGFILE. */
const APPEND_TIMEOUT = 500

/**
 * Appends standard input to the file `$1` in a process that this shell does not wait for, and prints its id. The
 * pipe of standard output is closed when that process ends: it has that as descriptor 4, too, because dd(1) opens the
 * file as its standard output. It does not wait for the reader of a FIFO.
 */
const APPEND = `umask 027; exec 3<&0
dd of="$1" oflag=append,nonblock conv=notrunc bs=64K status=none <&3 4>&1 & echo $!`

/**
 * Returns what appends a line to LOGFILE for a process that ends with its message. As with onescanc (log.c), that is
 * another process: this one could not even end while a file system does not respond. If it does not in time, the
 * line and further ones are lost. (It is waited for synchronously, as a LogSink writes, and so not run by runProgram().)
 */
export function appenderFor(file: string): (line: Buffer) => void {
  // Root checks each name in the path separately (openToAppend).
  if (runsAsRoot() || inheritedDescriptor(file) !== undefined) return (line) => append(file, line)
  let isLate = false
  return (line) => {
    if (isLate) return
    const { error, stdout } = spawnSync('/bin/sh', ['-c', APPEND, 'sh', file], {
      input: line,
      stdio: ['pipe', 'pipe', 'ignore'],
      timeout: APPEND_TIMEOUT,
    })
    isLate = errorCode(error) === 'ETIMEDOUT'
    const child = Number(String(stdout)) // 0, this group, if the shell had no time to print it
    if (isLate && child > 1) attempt(() => process.kill(child, 'SIGKILL'))
  }
}

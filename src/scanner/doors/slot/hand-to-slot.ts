import { closeSync, existsSync, fstatSync, readSync, realpathSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { errorCode, Fault } from '../../../base/errors/fault.ts'
import { codeInWords } from '../../../base/errors/system-error.ts'
import { readUptime } from '../../../base/flow/uptime.ts'
import { writeWhole } from '../../../base/process/descriptors.ts'
import { runProgram } from '../../../base/process/run-program.ts'
import { ownFile } from '../../../base/runtime/compiled-program.ts'
import { openAnonymousFile } from '../../../mail/message/spool.ts'
import { NEXT_PROGRAM_REACHED } from './test-next-program.ts'

/** A message for a slot, and how the slot is called. */
interface SlotCall {
  /** The qmail-queue program and its arguments; no shell, no search in PATH. */
  readonly program: readonly string[]
  /** A descriptor from which the message is read, which the caller closes, or its bytes. */
  readonly message: number | Iterable<Buffer>
  /** `F` sender NUL (`T` recipient NUL)… NUL; empty for a program that expects none. */
  readonly envelope: Buffer
  /** The slot's whole environment. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Milliseconds after which the slot is killed. */
  readonly timeout: number
}

export interface SlotResult {
  /** The exit code, or null if a signal ended the program. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** The first bytes that were written to fd 2, at most LOG_MAX, as latin1, before the output of TEST_NEXT_PROGRAM. */
  readonly log: string
  /** The header that TEST_NEXT_PROGRAM received, if it is the next program and was reached. */
  readonly header: string | undefined
  /** Milliseconds from the start of the program until it has ended. */
  readonly time: number
  readonly hasTimedOut: boolean
}

const LOG_MAX = 2 * 1024 * 1024

/** Milliseconds that a program may take to queue a message. */
export const QUEUE_TIMEOUT = 300_000

/**
 * Gives a message to a slot program by qmail-queue(8): fd 0 is the message, and fd 1 the envelope. Both
 * are whole before the slot starts, so it never sees a part of a message. There is no error pipe, so
 * the exit code alone is the answer. Rejects if the program cannot be started, or if a file cannot be
 * made.
 */
export async function handToSlot(call: SlotCall): Promise<SlotResult> {
  const files: number[] = []
  const fileOf = (pieces: Iterable<Buffer>) => {
    const fd = openAnonymousFile(tmpdir())
    files.push(fd)
    let size = 0
    for (const piece of pieces) {
      writeWhole(fd, piece, size) // the slot reads from the file's offset, which stays at 0
      size += piece.length
    }
    return fd
  }
  try {
    const message = typeof call.message === 'number' ? call.message : fileOf(call.message)
    const log = fileOf([])
    const started = readUptime()
    const { code, signal, exceeded } = await runProgram({
      command: call.program,
      cwd: qmailDirectory(),
      env: call.environment,
      files: [message, fileOf([call.envelope]), log],
      isDetached: true,
      within: call.timeout,
    }).catch((error) => {
      const reason = codeInWords(errorCode(error))
      const what = `${call.program[0]}: cannot be started (${reason}); specify another`
      throw new Fault('next-hop', what)
    })
    const time = readUptime() - started
    const [before = '', header] = readLog(log).split(`${NEXT_PROGRAM_REACHED}\n`)
    return { code, signal, log: before, header, time, hasTimedOut: exceeded === 'time' }
  } finally {
    for (const fd of files) closeSync(fd)
  }
}

/** /var/qmail, where notqmail starts the slot, or `/` on a host without it. */
const qmailDirectory = () => (existsSync('/var/qmail') ? '/var/qmail' : '/')

function readLog(fd: number): string {
  const bytes = Buffer.alloc(Math.min(fstatSync(fd).size, LOG_MAX))
  return bytes.toString('latin1', 0, readSync(fd, bytes, 0, bytes.length, 0))
}

/**
 * The onescan-queue beside this program, or in the bin/ of the package that it belongs
 * to. Throws a Fault of kind `config` if there is none.
 */
export function installedQueue(): string {
  let directory = dirname(realpathSync(ownFile))
  for (;;) {
    for (const place of ['onescan-queue', 'bin/onescan-queue']) {
      if (existsSync(join(directory, place))) return join(directory, place)
    }
    if (directory === dirname(directory)) break
    directory = dirname(directory)
  }
  throw new Fault('config', 'onescan-queue: is not in the directory of this program; use --program')
}

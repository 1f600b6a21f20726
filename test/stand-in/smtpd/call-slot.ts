import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { isExecutable } from '../../../src/base/process/execute.ts'
import { drain } from './drain.ts'
import { type ByteSource, handOver, type SlotInput } from './hand-over.ts'
import { makePipes, type Pipe } from './pipe.ts'
import { watchMemory } from './watch-memory.ts'

export interface SlotCall extends SlotInput {
  /** The slot program and its arguments; no shell, no search in PATH. */
  readonly program: readonly string[]
  /**
   * The bytes for fd 0, one write for each piece. To act as a client that hangs up, give a part of
   * the message and no envelope.
   */
  readonly message: ByteSource
  /** The bytes for fd 1: qmail-smtpd writes `F` sender NUL (`T` recipient NUL)… NUL. */
  readonly envelope: ByteSource
  /** The slot's whole environment. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** The working directory. Default: qmailDirectory(). */
  readonly directory?: string
  /**
   * The descriptor of the error pipe: 6 in notqmail, 4 in older patches, 2 in IndiMail, where the slot
   * has no other stderr. Default: no error pipe.
   */
  readonly errorFd?: 2 | 4 | 6 | undefined
  /**
   * Milliseconds after which the slot is killed. Default: never, as qmail-smtpd waits for the slot
   * without end.
   */
  readonly timeout?: number
  /**
   * Whether to watch the slot's memory: every few milliseconds, and surely once between message and
   * envelope, where the slot waits. A message that fills the pipe (64 KiB) has been read then.
   */
  readonly watchMemory?: boolean
}

export interface SlotOutcome {
  readonly pid: number
  /** The exit code; undefined if a signal ended the slot. */
  readonly code: number | undefined
  readonly signal: NodeJS.Signals | undefined
  /** All bytes that came through the error pipe. */
  readonly errorText: Buffer
  /** All bytes that were written to fd 2 before the slot ended. */
  readonly log: Buffer
  /**
   * Whether the slot took all of the message and envelope. If not, qmail-smtpd takes exit code 0 for a
   * read error.
   */
  readonly handedOver: boolean
  /** Milliseconds from the start of the program until it and the error pipe have ended. */
  readonly time: number
  readonly timedOut: boolean
  /** The most memory of the slot itself that was seen, in bytes; undefined without `watchMemory`. */
  readonly peakMemory: number | undefined
}

/** /var/qmail, where notqmail starts the slot, or `/` on a host without it. */
export const qmailDirectory = (): string => (existsSync('/var/qmail') ? '/var/qmail' : '/')

/**
 * Calls a slot program as qmail-smtpd does (qmail.c): with a pipe for the message on fd 0, one for
 * the envelope on fd 1, open for reading, perhaps one for an error text, and with SIGPIPE ignored.
 * The whole message is written first and then the envelope, unless the slot has stopped reading. The
 * error pipe is read to its end before the exit code counts.
 *
 * If the slot cannot be started, the exit code is that of qmail.c: 61 for the directory, 120 for the
 * program. Rejects if pipes cannot be made or a source throws; the slot has then seen the end of its
 * input without an envelope.
 */
export async function callSlot(call: SlotCall): Promise<SlotOutcome> {
  const { directory = qmailDirectory(), errorFd } = call
  const [name = '', ...args] = call.program
  const program = resolve(directory, name)
  if (!existsSync(directory)) return notStarted(61)
  if (!isExecutable(program)) return notStarted(120)

  const pipes = makePipes(errorFd === undefined || errorFd === 2 ? 3 : 4)
  const [message, envelope, stderr] = pipes as [Pipe, Pipe, Pipe]
  const error = errorFd === 2 ? stderr : pipes[3]
  const stdio: (number | 'ignore')[] = [message.read, envelope.read, stderr.write]
  if (error !== undefined && errorFd !== undefined && errorFd > 2) {
    while (stdio.length < errorFd) stdio.push('ignore') // the child does not even have it open
    stdio.push(error.write)
  }

  const started = performance.now()
  const child = spawn('/bin/sh', ['-c', AS_QMAIL_SMTPD, 'sh', program, ...args], {
    cwd: directory,
    env: call.environment,
    stdio,
    detached: true, // a session of its own: it cannot type at our terminal (ioctl_tty(2), TIOCSTI)
  })
  for (const end of [message.read, envelope.read, stderr.write]) closeSync(end)
  if (error !== undefined && error !== stderr) closeSync(error.write)
  const memory = call.watchMemory ? watchMemory(child) : undefined

  const log = drain(error === stderr ? undefined : stderr.read)
  const errorText = drain(error?.read)
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  const alarm = startAlarm(child, errorText, call.timeout)
  const handing = handOver(
    { ...call, beforeEnvelope: memory?.read },
    message.write,
    envelope.write,
    ended,
  )
  handing.catch(() => {}) // awaited below, when the slot has ended
  try {
    const [code, signal] = await ended
    const text = await errorText.toEnd()
    const time = performance.now() - started
    const handedOver = await handing
    return {
      pid: child.pid!,
      code: code ?? undefined,
      signal: signal ?? undefined,
      errorText: text,
      log: log.soFar(),
      handedOver,
      time,
      timedOut: alarm.rang(),
      peakMemory: memory?.end(),
    }
  } finally {
    alarm.stop()
    memory?.end()
    errorText.close()
    log.close()
  }
}

/**
 * The shell does the one thing that the runtime cannot do for a child: it leaves SIGPIPE ignored. Then
 * it becomes the program, or ends with exit code 120. It unsets the variables that shells add on their
 * own.
 */
const AS_QMAIL_SMTPD = `trap '' PIPE; trap 'exit 120' EXIT; unset PWD OLDPWD SHLVL; exec "$@"`

function notStarted(code: number): SlotOutcome {
  const nothing = Buffer.alloc(0)
  return {
    pid: 0,
    code,
    signal: undefined,
    errorText: nothing,
    log: nothing,
    handedOver: false,
    time: 0,
    timedOut: false,
    peakMemory: undefined,
  }
}

function startAlarm(child: ChildProcess, errorText: { close(): void }, timeout?: number) {
  let rang = false
  const timer =
    timeout === undefined
      ? undefined
      : setTimeout(() => {
          rang = true
          child.kill('SIGKILL')
          errorText.close() // a process that lives on may hold it open
        }, timeout)
  return { rang: () => rang, stop: () => clearTimeout(timer) }
}

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { isExecutable } from '../../ground/runtime/find-program.ts'
import { drain } from './drain.ts'
import { handOver, type Mail, type Source } from './hand-over.ts'
import { makePipes, type Pipe } from './pipe.ts'
import { watchMemory } from './watch-memory.ts'

export interface SlotCall extends Mail {
  /** The slot program and its arguments; no shell, no search in PATH. */
  readonly program: readonly string[]
  /** What goes to fd 0. Each piece is one write. A client that hangs up: a part of it, and no envelope. */
  readonly message: Source
  /** What goes to fd 1, raw: qmail-smtpd's is `F` sender NUL (`T` recipient NUL)… NUL. */
  readonly envelope: Source
  /** The slot's whole environment. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Default: as notqmail's qmail-smtpd, which lives in /var/qmail where there is one. */
  readonly directory?: string
  /**
   * Where the slot finds the error pipe: 6 in notqmail, 4 in older patches, 2
   * in IndiMail, whose slot then has no other stderr. None by default.
   */
  readonly errorFd?: 2 | 4 | 6 | undefined
  /** Milliseconds after which the slot is killed. qmail-smtpd itself waits for ever, as is the default. */
  readonly timeout?: number
  /** Watch the slot's memory, every few milliseconds. */
  readonly watchMemory?: boolean
}

export interface SlotOutcome {
  readonly pid: number
  /** The exit code; undefined if a signal ended the slot. */
  readonly code: number | undefined
  readonly signal: NodeJS.Signals | undefined
  /** All that came through the error pipe. */
  readonly errorText: Buffer
  /** What was written to fd 2 before the slot ended. */
  readonly log: Buffer
  /** Not everything could be handed over: qmail-smtpd then takes a 0 for a read error. */
  readonly handedOver: boolean
  /** Milliseconds from the start of the program to its end and that of the error pipe. */
  readonly time: number
  readonly timedOut: boolean
  /** Bytes: the largest resident size seen, where `watchMemory` was set. */
  readonly peakMemory: number | undefined
}

/** /var/qmail, where notqmail starts the slot, or `/` on a host without it. */
export const qmailDirectory = (): string => (existsSync('/var/qmail') ? '/var/qmail' : '/')

/**
 * Calls a slot program as qmail-smtpd does (qmail.c): a pipe for the message
 * on fd 0, one for the envelope on fd 1, open for reading, perhaps one for
 * error text; SIGPIPE ignored. The whole message is written first, then the
 * envelope, unless the slot has stopped reading by then. The error pipe is
 * read to its end before the exit code counts.
 *
 * What cannot be started ends as in qmail.c: code 61 for the directory, 120
 * for the program. Rejects if pipes cannot be made or a source throws; the
 * slot then saw the end of its input without an envelope.
 */
export async function callSlot(call: SlotCall): Promise<SlotOutcome> {
  const { directory = qmailDirectory(), errorFd } = call
  const [name = '', ...args] = call.program
  const program = resolve(directory, name)
  if (!existsSync(directory)) return notStarted(61)
  if (!isExecutable(program)) return notStarted(120)

  const pipes = await makePipes(errorFd === undefined || errorFd === 2 ? 3 : 4)
  const [message, envelope, stderr] = pipes as [Pipe, Pipe, Pipe]
  const error = errorFd === 2 ? stderr : pipes[3]
  const stdio: (number | 'ignore')[] = [message.read, envelope.read, stderr.write]
  if (error !== undefined && errorFd !== undefined && errorFd > 2) {
    while (stdio.length < errorFd) stdio.push('ignore') // not open at all in the child
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
  const handing = handOver(call, message.write, envelope.write, ended)
  handing.catch(() => {}) // told below, when the slot has ended
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
      peakMemory: memory?.(),
    }
  } finally {
    alarm.stop()
    memory?.()
    errorText.close()
    log.close()
  }
}

/**
 * The shell is here for the one thing that the runtime cannot do for a child:
 * leave SIGPIPE ignored. It becomes the program; 120 where that fails. The
 * variables are those that shells add by themselves.
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
          errorText.close() // what lives on may hold it open
        }, timeout)
  return { rang: () => rang, stop: () => clearTimeout(timer) }
}

import { type ChildProcess, spawn } from 'node:child_process'
import type { Duplex, Readable } from 'node:stream'
import { killGroup } from '../kill-group.ts'
import { decodeFrame, FRAME_MAX } from '../plugin-host/frame.ts'
import { unknown, type Verdict } from '../scanner.ts'

/** Milliseconds from the deadline until we wait no longer; KILL has been sent by then. */
const GIVE_UP = 700
/** Milliseconds for what an ended process has still in its pipes, or for its end after it closed them. */
const DRAIN = 200

export interface HostProcess {
  readonly command: string
  readonly arguments: readonly string[]
  readonly directory: string
  readonly environment: Readonly<Record<string, string>>
  /** Written to descriptor 3. */
  readonly request: Buffer
  readonly nonce: string
  /** Ends the process and everything in its group. */
  readonly signal: AbortSignal
  /** Gets what the process writes to stderr; where there is none, that goes nowhere. */
  readonly onStderr: ((chunk: Buffer) => void) | undefined
}

/**
 * Runs the process and resolves to the frame that it sent on descriptor 3, else
 * to "could not tell" with what became of it. Never rejects for what the process
 * does. It leads a process group of its own, and when this resolves (700 ms after
 * the signal at the latest) the group has been killed and the process reaped; no
 * listener, timer or open descriptor is left. A process that made itself a group
 * of its own is not waited for, whatever it holds open.
 */
export function runHost(host: HostProcess): Promise<Verdict> {
  return new Promise((resolve) => {
    const child = spawn(host.command, host.arguments, {
      cwd: host.directory,
      env: host.environment,
      detached: true,
      stdio: ['ignore', 'ignore', host.onStderr ? 'pipe' : 'ignore', 'pipe'],
    })
    const stderr = child.stdio[2] as Readable | null
    const channel = child.stdio[3] as Duplex | null
    const timers: NodeJS.Timeout[] = []
    const after = (milliseconds: number, what: () => void) => {
      timers.push(setTimeout(what, milliseconds))
    }

    const received: Buffer[] = []
    let size = 0
    let verdict: Verdict | undefined
    let trouble = '' // what is known before it ends

    const finish = () => {
      for (const timer of timers) clearTimeout(timer)
      host.signal.removeEventListener('abort', stop)
      for (const source of [child, stderr, channel]) source?.removeAllListeners()
      for (const source of [child, stderr, channel]) source?.on('error', () => {})
      stderr?.destroy()
      channel?.destroy()
      child.unref()
      resolve(verdict ?? unknown(trouble || whatBecameOf(child, size)))
    }
    const stop = () => {
      trouble ||= 'did not answer within SCANTIMEOUT'
      killGroup(child, 'SIGTERM')
      after(GIVE_UP, finish)
    }

    stderr?.on('data', (chunk) => host.onStderr?.(chunk))
    stderr?.on('error', () => {})
    channel?.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size <= FRAME_MAX) received.push(chunk)
      else killGroup(child, 'SIGKILL')
    })
    channel?.on('end', () => {
      // Only now is it certain that nothing follows the frame.
      if (size <= FRAME_MAX) verdict = decodeFrame(host.nonce, Buffer.concat(received))
      if (verdict) killGroup(child, 'SIGKILL')
      else {
        after(DRAIN, () => {
          trouble ||= `closed descriptor 3 ${saidWithout(size)}`
          killGroup(child, 'SIGKILL')
        })
      }
    })
    // EPIPE: it ended before it had read the request. What became of it says why.
    channel?.on('error', () => {})
    channel?.end(host.request)

    child.on('error', (error) => {
      trouble ||= `cannot be started: ${error.message}`
      finish()
    })
    child.on('exit', () => {
      killGroup(child, 'SIGKILL')
      after(DRAIN, finish)
    })
    child.on('close', finish)
    if (host.signal.aborted) stop()
    else host.signal.addEventListener('abort', stop, { once: true })
  })
}

function whatBecameOf(child: ChildProcess, size: number): string {
  if (size > FRAME_MAX) return `wrote more than ${FRAME_MAX} bytes to descriptor 3`
  const ending =
    child.signalCode === null ? `exited with code ${child.exitCode}` : `died of ${child.signalCode}`
  return `${ending} ${saidWithout(size)}`
}

function saidWithout(size: number): string {
  return size === 0
    ? 'before it answered'
    : `after ${size} bytes on descriptor 3 that are no verdict`
}

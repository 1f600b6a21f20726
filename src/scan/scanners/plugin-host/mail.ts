import { writeSync } from 'node:fs'
import type { Mail } from '../../../plugin.ts'
import type { PluginRequest } from './protocol.ts'

/** A plugin's own signal fires before it is killed: by this share of its time, and at most so many milliseconds. */
const WARNING_SHARE = 0.1
const WARNING_MAX = 1000

/** Makes the mail that a plugin gets. Call `answered` when it has answered, so that its signal does not fire any more. */
export function mailOf({ timeLeft, origin, ...request }: PluginRequest): {
  readonly mail: Mail
  answered(): void
} {
  const { path, size, part, sender, recipients } = request
  const warning = new AbortController()
  const timer = setTimeout(
    () => warning.abort(new DOMException('SCANTIMEOUT is near', 'TimeoutError')),
    Math.floor(timeLeft - Math.min(timeLeft * WARNING_SHARE, WARNING_MAX)),
  )
  timer.unref()
  return {
    mail: {
      version: 1,
      ...origin,
      path,
      size,
      ...(part && { part }),
      sender,
      recipients,
      signal: warning.signal,
      log,
    },
    answered: () => clearTimeout(timer),
  }
}

/** Writes one line to stderr, which the starter of this process reads line by line. */
export function log(text: string): void {
  const line = String(text).replace(/\r?\n/g, '\\n')
  try {
    writeSync(2, `${line}\n`)
  } catch {
    // A log that is full or closed must not decide about mail.
  }
}

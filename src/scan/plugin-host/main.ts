// The process that one file plugin runs in. Whatever the plugin does to it, only
// a frame with the request's nonce on descriptor 3 is a verdict; see file-plugin.ts.
import { readFileSync, writeSync } from 'node:fs'
import { basename, extname } from 'node:path'
import { recipientsOf } from '../../envelope/envelope.ts'
import { errorText } from '../../fault.ts'
import type { Mail } from '../../plugin.ts'
import { sendLast } from '../../runtime/send-last.ts'
import { unknown, type Verdict } from '../scanner.ts'
import { encodeFrame } from './frame.ts'
import { decodeRequest, type PluginRequest } from './request.ts'
import { askScript } from './script.ts'
import { askSharedObject } from './shared-object.ts'

const CHANNEL = 3

/** Share of the time left at which a plugin's own signal fires before it is killed, and its bounds. */
const WARNING_SHARE = 0.1
const WARNING_MAX = 1000
/** Milliseconds past the deadline; whoever should have killed us is gone. */
const ORPHAN_GRACE = 1000

const request = decodeRequest(readFileSync(CHANNEL))
let said = false

process.once('uncaughtException', (error) => say(unknown(`threw ${describe(error)}`)))
process.once('beforeExit', () =>
  say(unknown('returned a promise that nothing can settle any more')),
)
endOrphan(request.deadline)
ask(request).then(say, (error) => say(unknown(`threw ${describe(error)}`)))

function ask(request: PluginRequest): Promise<Verdict> {
  if (extname(request.file) === '.so') return askSharedObject(request)
  return askScript(request.file, request.symbol, mailOf(request))
}

/** Sends the verdict, the first one alone, whatever processes the plugin has started. */
function say(verdict: Verdict): void {
  if (said) return
  said = true
  sendLast(CHANNEL, encodeFrame(request.nonce, verdict)).then(
    () => process.exit(0),
    () => process.exit(1),
  )
}

function mailOf({ envelope, path, size, deadline }: PluginRequest): Mail {
  return {
    path,
    size,
    sender: envelope.sender.toString('latin1'),
    recipients: Array.from(recipientsOf(envelope), (one) => one.toString('latin1')),
    signal: warningBefore(deadline),
    log,
  }
}

function warningBefore(deadline: number): AbortSignal {
  const left = Math.max(0, deadline - Date.now())
  return AbortSignal.timeout(Math.floor(left - Math.min(left * WARNING_SHARE, WARNING_MAX)))
}

/** One line on stderr, which is read line by line on the other side. */
function log(text: string): void {
  const line = String(text).replace(/\r?\n/g, '\\n')
  try {
    writeSync(2, `${line}\n`)
  } catch {
    // A log that is full or closed must not decide about mail.
  }
}

/** Ends this process and its group where nobody did so at the deadline. */
function endOrphan(deadline: number): void {
  const left = Math.max(0, deadline - Date.now()) + ORPHAN_GRACE
  setTimeout(() => process.kill(0, 'SIGKILL'), Math.min(left, 2 ** 31 - 1)).unref()
}

function describe(error: unknown): string {
  const kind = error instanceof Error && error.name !== 'Error' ? `${error.name}: ` : ''
  return `${kind}${errorText(error)}${placeOf(error)}`
}

/** " (scan.mjs:3:9)" where the stack names the plugin's own file. */
function placeOf(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  const name = basename(request.file)
  const at = stack.indexOf(`/${name}:`)
  const place = at < 0 ? null : /^:\d+(:\d+)?/.exec(stack.slice(at + 1 + name.length))
  return place ? ` (${name}${place[0]})` : ''
}

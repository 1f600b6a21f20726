// The process that a file plugin runs in; see file-plugin/. Requests about one message after another
// come on descriptor 3. Whatever the plugin writes there, only a line with the nonce of the request is
// an answer (protocol.ts).
import { read } from 'node:fs'
import { basename, extname } from 'node:path'
import { errorText } from '../../ground/errors/fault.ts'
import { writeWhole } from '../../ground/process/write-whole.ts'
import { type ScannerAnswer, unknown } from '../shared/scanner.ts'
import { log } from './mail.ts'
import { CODE_SETTING, isUsedUp } from './own-limits.ts'
import type { Plugin } from './plugin.ts'
import { encodeAnswer, encodeSettled, type PluginRequest, RequestReader } from './protocol.ts'
import { loadScript } from './script.ts'
import { loadSharedObject } from './shared-object.ts'

const CHANNEL = 3
const CHUNK = 64 * 1024

delete process.env[CODE_SETTING] // programs that the plugin starts need not know it
const directory = process.cwd()
// The channel is not read while a message is judged. A request that came meanwhile is an error of its
// sender (protocol.ts).
const requests = new RequestReader()
let plugin: Plugin | undefined
/** The last request. */
let request: PluginRequest | undefined
/** Whether the last request waits for its answer. */
let asked = false

process.on('uncaughtException', fail)
process.on('unhandledRejection', fail)
process.on('beforeExit', settle)
awaitRequest()

/**
 * Reads the next request. While a plugin works, the channel is not read, so that only the plugin's own
 * work keeps the event loop alive: `beforeExit` says that none of it is left.
 */
function awaitRequest(): void {
  read(CHANNEL, Buffer.allocUnsafe(CHUNK), 0, CHUNK, null, (error, size, chunk) => {
    if (error || size === 0)
      end() // nobody is left who would ask
    else take(chunk.subarray(0, size))
  })
}

function take(bytes: Buffer): void {
  const whole = requests.push(bytes)
  if (whole === undefined) {
    awaitRequest()
    return
  }
  request = whole
  asked = true
  process.chdir(directory) // wherever the last message has led it
  judge(whole).then(say, fail)
}

async function judge(asked: PluginRequest): Promise<ScannerAnswer> {
  if (plugin === undefined) {
    const load = extname(asked.file) === '.so' ? loadSharedObject : loadScript
    const loaded = await load(asked)
    if ('answer' in loaded) return loaded
    plugin = loaded
  }
  return plugin.ask(asked)
}

/** Sends the answer, if it is the first one for this request. */
function say(answer: ScannerAnswer): void {
  if (!asked) return
  asked = false
  send(encodeAnswer(request!.nonce, answer))
}

/** Handles an error that nobody caught: it is the answer, or ends the process if no answer is due. */
function fail(error: unknown): void {
  const why = `threw ${describe(error)}`
  if (asked) {
    say(unknown(why))
  } else {
    log(`${why} after its answer`)
    end()
  }
}

/** Called when nothing is under way any more. If the answer was given, the next message may come. */
function settle(): void {
  if (asked) {
    say(unknown('returned a promise that nothing can settle any more'))
  } else if (plugin !== undefined && !plugin.leftBehind() && !isUsedUp()) {
    send(encodeSettled(request!.nonce))
    awaitRequest()
  } // else this process ends
}

/** Writes all of the line: the descriptor blocks. */
function send(line: Buffer): void {
  try {
    writeWhole(CHANNEL, line)
  } catch {
    end()
  }
}

/** Kills this process and its group at once: exit handlers are the plugin's, and could wait for ever. */
function end(): void {
  process.kill(0, 'SIGKILL')
}

function describe(error: unknown): string {
  const kind = error instanceof Error && error.name !== 'Error' ? `${error.name}: ` : ''
  return `${kind}${errorText(error)}${placeOf(error)}`
}

/** Returns " (scan.mjs:3:9)" if the stack names the plugin's own file, else ''. */
function placeOf(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  const name = basename(request?.file ?? '')
  const at = stack.indexOf(`/${name}:`)
  const place = at < 0 ? null : /^:\d+(:\d+)?/.exec(stack.slice(at + 1 + name.length))
  return place ? ` (${name}${place[0]})` : ''
}

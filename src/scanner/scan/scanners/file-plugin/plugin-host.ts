// The process that a file plugin runs in. See file-plugin/. Requests arrive on descriptor 3, one at a time.
// Whatever the plugin writes there, only a line with the nonce of the request is an answer (protocol.ts).

import { read } from 'node:fs'
import { basename, dirname } from 'node:path'
import { errorText } from '../../../../base/errors/fault.ts'
import { readUptime } from '../../../../base/flow/uptime.ts'
import { writeWhole } from '../../../../base/process/descriptors.ts'
import { type ScanResult, unknown } from '../findings/scan-result.ts'
import { loadPlugin, log } from './load-plugin.ts'
import {
  CODE_SETTING,
  decodeRequest,
  encodeAnswer,
  type Plugin,
  type PluginRequest,
  RENEWED_AFTER_SECONDS,
} from './protocol.ts'

const CHANNEL = 3
const CHUNK = 64 * 1024

delete process.env[CODE_SETTING] // programs that the plugin starts do not need it
let plugin: Plugin | undefined
let file = ''
/** The current request, or undefined between two of them. */
let request: PluginRequest | undefined
/** The answer to it, which is sent when all work of the plugin has ended. */
let answer: ScanResult | undefined
let deadline: NodeJS.Timeout | undefined

process.on('uncaughtException', fail)
process.on('unhandledRejection', fail)
process.on('beforeExit', settle)
awaitRequest([])

/**
 * Reads the next request. While a plugin works, the channel is not read, so that only the plugin's own
 * work keeps the event loop alive: `beforeExit` means that none of it is left.
 */
function awaitRequest(before: readonly Buffer[]): void {
  read(CHANNEL, Buffer.allocUnsafe(CHUNK), 0, CHUNK, null, (error, size, chunk) => {
    if (error || size === 0) return end() // no process is left to send requests
    const chunks = [...before, chunk.subarray(0, size)]
    request = decodeRequest(chunks)
    if (request === undefined) return awaitRequest(chunks)
    file = request.file
    process.chdir(dirname(file)) // wherever the last message has led it
    const askedAt = plugin === undefined ? 0 : readUptime() // it was started for the first request
    runPlugin(request, askedAt + request.timeLeft).then(takeResult, fail)
  })
}

async function runPlugin(asked: PluginRequest, endsAt: number): Promise<ScanResult> {
  if (plugin === undefined) {
    const loaded = await loadPlugin(asked)
    if ('answer' in loaded) return loaded
    plugin = loaded
  }
  return plugin(asked, endsAt - readUptime())
}

/** Takes the plugin's answer. What it has left under way may end, but soon. */
function takeResult(result: ScanResult): void {
  answer = result
  deadline = setTimeout(end, request!.settle)
  deadline.unref()
}

/** Handles an uncaught error: it is the answer, if there is none yet, and ends the process. */
function fail(error: unknown): void {
  const reason = `threw ${describe(error)}`
  if (request !== undefined && answer === undefined) answer = unknown(reason)
  else log(`${reason} after its answer`)
  end()
}

/** Called when all work has ended: the next message is not affected by this one. */
function settle(): void {
  clearTimeout(deadline)
  const isInOrder = answer !== undefined && !isUsedUp()
  answer ??= unknown('returned a promise that can no longer settle')
  if (isInOrder) {
    send()
    awaitRequest([])
  } else end()
}

/** Sends the answer that is due. */
function send(): void {
  if (request === undefined || answer === undefined) return
  const line = encodeAnswer(request.nonce, answer)
  request = undefined
  answer = undefined
  try {
    writeWhole(CHANNEL, line) // all of it: the descriptor blocks
  } catch {
    end()
  }
}

/**
 * Sends the answer that is due, and kills this process and its group at once: exit handlers are the
 * plugin's, and could wait indefinitely.
 */
function end(): void {
  send()
  process.kill(0, 'SIGKILL')
}

/** Returns whether this process has used RENEWED_AFTER_SECONDS of processor time. */
function isUsedUp(): boolean {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6 >= RENEWED_AFTER_SECONDS
}

function describe(error: unknown): string {
  const kind = error instanceof Error && error.name !== 'Error' ? `${error.name}: ` : ''
  return `${kind}${errorText(error)}${placeOf(error)}`
}

/** Returns " (scan.mjs:3:9)" if the stack names the plugin's own file, else ''. */
function placeOf(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  const name = basename(file)
  const at = stack.indexOf(`/${name}:`)
  const place = at < 0 ? null : /^:\d+(:\d+)?/.exec(stack.slice(at + 1 + name.length))
  return place ? ` (${name}${place[0]})` : ''
}

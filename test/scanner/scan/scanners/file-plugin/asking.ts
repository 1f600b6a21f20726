import { execFileSync } from 'node:child_process'
import { getEventListeners } from 'node:events'
import { createReadStream, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { Bytes } from '../../../../../src/mail/message/bytes.ts'
import { makeEnvelope } from '../../../../../src/mail/message/envelope.ts'
import {
  readScanSettings,
  type ScanSettings,
} from '../../../../../src/scanner/scan/scanners/contract/scan-settings.ts'
import {
  abortLate,
  type ContentScanner,
  type Sample,
} from '../../../../../src/scanner/scan/scanners/contract/scanner.ts'
import {
  filePluginScanner,
  standardLimits,
} from '../../../../../src/scanner/scan/scanners/file-plugin/file-plugin.ts'
import type { ScanResult } from '../../../../../src/scanner/scan/scanners/findings/scan-result.ts'
import type { Ending } from '../../../../programs/host/server.ts'

export interface Question {
  /** PLUGINDIR. The message is there, too, unless `path` is set. */
  readonly directory: string
  readonly file: string
  readonly message?: string
  readonly path?: string
  /** A content of the message, about which the plugin is asked. It is beside the message. */
  readonly part?: string
  /** The sender's address, in latin1. */
  readonly sender?: string
  readonly recipients?: readonly string[]
  /** Milliseconds; SCANTIMEOUT. */
  readonly timeout?: number
  /** More settings, as in the environment of the slot. */
  readonly settings?: Readonly<Record<string, string>>
}

interface Reply {
  readonly answer: ScanResult
  readonly milliseconds: number
  /** The number of listeners that the scan left on the task's signal. */
  readonly listeners: number
}

export function settingsFor(question: Question): ScanSettings {
  const settings = { QHPSI: `plugin: ${question.file}`, PLUGINDIR: question.directory }
  const env = { PATH: process.env.PATH, ERROR_FD: '2', ...settings, ...question.settings }
  const policy = readScanSettings(env, { qmailHome: '/var/qmail', control: '/var/qmail/control' })
  return { ...policy!, timeout: question.timeout ?? 20_000 }
}

/** Asks a file plugin about a message as the judgement does; with a scanner of the daemon, as the daemon does. */
export async function ask(
  question: Question,
  scanner: ContentScanner = filePluginScanner(settingsFor(question), question.file),
  gone: AbortSignal = new AbortController().signal,
): Promise<Reply> {
  const policy = settingsFor(question)
  const message = Buffer.from(question.message ?? 'Subject: a message\n\nbody\n', 'latin1')
  const path = question.path ?? join(question.directory, 'message')
  writeFileSync(path, message)
  const bytes = (text: string) => Buffer.from(text, 'latin1')
  const recipients = question.recipients ?? ['recipient@example.org']
  const envelope = makeEnvelope(
    bytes(question.sender ?? 'sender@example.org'),
    recipients.map(bytes),
  )
  const sampleOf = (content: Buffer, path: string) => ({
    kind: 'message' as const,
    bytes: Bytes.of(content),
    envelope,
    origin: undefined,
    file: async () => ({ path, confirm() {} }),
  })
  const whole = sampleOf(message, path)
  let sample: Sample = whole
  if (question.part !== undefined) {
    writeFileSync(`${path}.part`, bytes(question.part))
    sample = { ...sampleOf(bytes(question.part), `${path}.part`), kind: 'content', message: whole }
  }
  const abort = new AbortController()
  const { signal } = abort
  const started = performance.now()
  const timeLeft = () => Math.max(0, started + policy.timeout - performance.now())
  const timer = setTimeout(() => abortLate(abort), policy.timeout)
  gone.addEventListener('abort', () => abort.abort())
  const mail = { size: message.length, network: '', signal, timeLeft, hasBegun: false }
  const permit = await scanner.permits!.acquire(mail)
  const isPermitted = typeof permit === 'function'
  try {
    const task = { signal, timeLeft, note() {}, tolerance: { keepsOut: new Set<never>() } }
    const answer = isPermitted ? await scanner.scan(sample, task) : permit
    const listeners = getEventListeners(signal, 'abort').length
    return { answer, milliseconds: performance.now() - started, listeners }
  } finally {
    if (isPermitted) permit()
    clearTimeout(timer)
  }
}

/** The name of what was found, "clean", or the reason of an unknown result behind the plugin's name. */
export function wordsOf(answer: ScanResult, file = 'a.mjs'): string {
  if (answer.answer === 'infected') return answer.name
  return 'reason' in answer ? answer.reason.replace(`plugin ${file}: `, '') : answer.answer
}

let messages = 0

/** A file plugin as onescand has it, but with longer times for a slow machine. Its processes end with the test. */
export function poolPlugin(
  t: Ending,
  question: Pick<Question, 'directory' | 'file' | 'settings' | 'timeout'>,
  limits: Partial<typeof standardLimits> = {},
) {
  const { directory, file } = question
  const settled = { ...standardLimits, settle: 10_000, ...limits }
  const scanner = filePluginScanner(settingsFor(question), file, { isLasting: true }, settled)
  t.teardown(() => scanner.close?.())
  /** Asks about the message `Subject: SUBJECT`. */
  const askAbout = (subject: string, more?: Partial<Question>, gone?: AbortSignal) => {
    const path = join(directory, `message-${messages++}`)
    return ask({ ...question, message: `Subject: ${subject}\n\n`, path, ...more }, scanner, gone)
  }
  return {
    scanner,
    ask: askAbout,
    hear: async (subject: string, more?: Partial<Question>) =>
      wordsOf((await askAbout(subject, more)).answer, file),
  }
}

/** The same of a plugin in JavaScript with this source. */
export function pluginOf(t: Test, source: string, limits: Partial<typeof standardLimits> = {}) {
  return poolPlugin(t, { directory: t.testdir({ 'a.mjs': source }), file: 'a.mjs' }, limits)
}

/**
 * A plugin in JavaScript that finds its own process id in each message, so that a test
 * sees which process judged it. `offence` is what it does where the subject is "offend",
 * and `always` what it does for each.
 */
export function namesProcess(offence = '', always = ''): string {
  return `
    import fs from 'node:fs'
    import { spawn } from 'node:child_process'
    const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds))
    export async function virusscan(mail) {
      const subject = /^Subject: (.*)$/m.exec(fs.readFileSync(mail.path, 'latin1'))[1]
      ${always}
      if (subject === 'offend') {
        ${offence}
      }
      return { infected: true, name: String(process.pid) }
    }`
}

export const isProcess = /^\d+$/

/** What a plugin does that opens the FIFO `lifeline`, for as long as its process lasts. */
export const HOLDS_LIFELINE = `fs.openSync('lifeline', 'w')`

/** What a plugin does that starts a process which ignores TERM, and holds the FIFO `lifeline` and descriptor 3. */
export const STARTS_SLEEPER = `spawn('sh', ['-c', 'trap "" TERM; sleep 3600'], {
  stdio: ['ignore', 'inherit', 'inherit', 3, ${HOLDS_LIFELINE}] })`

/** Makes a FIFO of that name. Resolves when all processes that have opened it for writing have ended. */
export function lifeline(directory: string, name = 'lifeline'): Promise<void> {
  const fifo = join(directory, name)
  execFileSync('mkfifo', [fifo])
  return new Promise((resolve, reject) => {
    createReadStream(fifo).on('error', reject).on('end', resolve).resume()
  })
}

import { spawnSync } from 'node:child_process'
import { getEventListeners } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Bytes } from '../../../../src/mail/message/bytes.ts'
import { makeEnvelope } from '../../../../src/mail/message/envelope/envelope.ts'
import { filePluginScanner } from '../../../../src/scan/scanners/file-plugin/file-plugin.ts'
import type { ScanFinding } from '../../../../src/scan/scanners/shared/finding.ts'
import {
  readScanSettings,
  type ScanSettings,
} from '../../../../src/scan/scanners/shared/scan-settings.ts'
import { abortLate, type ContentScanner } from '../../../../src/scan/scanners/shared/scanner.ts'

/** The reason why C plugins cannot be tested here, or false. */
export const noCompiler = spawnSync('gcc', ['--version']).error
  ? 'install Debian packages gcc and libc6-dev'
  : false

export interface Question {
  /** PLUGINDIR; the message lies there too, unless `path` says otherwise. */
  readonly directory: string
  readonly file: string
  readonly message?: string
  readonly path?: string
  /** The sender's address, in latin1. */
  readonly sender?: string
  readonly recipients?: readonly string[]
  /** Milliseconds; SCANTIMEOUT. */
  readonly timeout?: number
  /** More settings, as in the environment of the slot. */
  readonly settings?: Readonly<Record<string, string>>
}

export interface Reply {
  readonly answer: ScanFinding
  readonly milliseconds: number
  /** The number of listeners that the scan left on the task's signal. */
  readonly listeners: number
}

export function policyFor(question: Question): ScanSettings {
  const settings = { QHPSI: `plugin: ${question.file}`, PLUGINDIR: question.directory }
  const env = { PATH: process.env.PATH, ERROR_FD: '2', ...settings, ...question.settings }
  const policy = readScanSettings(env, { qmailHome: '/var/qmail', control: '/var/qmail/control' })
  return { ...policy!, timeout: question.timeout ?? 20_000 }
}

/** Asks a file plugin about a message as the judgement does; with a scanner of the daemon, as the daemon does. */
export async function ask(
  question: Question,
  scanner: ContentScanner = filePluginScanner(policyFor(question), question.file),
  gone: AbortSignal = new AbortController().signal,
): Promise<Reply> {
  const policy = policyFor(question)
  const message = Buffer.from(question.message ?? 'Subject: a message\n\nbody\n', 'latin1')
  const path = question.path ?? join(question.directory, 'message')
  writeFileSync(path, message)
  const bytes = (text: string) => Buffer.from(text, 'latin1')
  const recipients = question.recipients ?? ['recipient@example.org']
  const sample = {
    bytes: Bytes.of(message),
    envelope: makeEnvelope(bytes(question.sender ?? 'sender@example.org'), recipients.map(bytes)),
    origin: undefined,
    path: async () => path,
  }
  const abort = new AbortController()
  const started = performance.now()
  const timer = setTimeout(() => abortLate(abort), policy.timeout)
  gone.addEventListener('abort', () => abort.abort())
  try {
    const answer = await scanner.scan(sample, {
      signal: abort.signal,
      timeLeft: () => Math.max(0, started + policy.timeout - performance.now()),
      note: () => {},
    })
    const listeners = getEventListeners(abort.signal, 'abort').length
    return { answer, milliseconds: performance.now() - started, listeners }
  } finally {
    clearTimeout(timer)
  }
}

/** The reason of "could not tell", or another answer. */
export function whyOf(answer: ScanFinding): string {
  return answer.answer === 'unknown' ? answer.why : `answered ${answer.answer}`
}

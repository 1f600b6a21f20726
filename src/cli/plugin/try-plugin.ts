import { basename, dirname, resolve } from 'node:path'
import type { Environment } from '../../ground/settings/settings.ts'
import { readControlDirectories } from '../../judge/policy.ts'
import { makeEnvelope } from '../../message/envelope/envelope.ts'
import { readSpoolPolicy } from '../../message/spool-policy.ts'
import { filePluginScanner } from '../../scan/file-plugin.ts'
import { scanBytes } from '../../scan/scan-bytes.ts'
import { cleanMessage, eicarMessage } from '../../scan/shared/eicar-message.ts'
import { readScanPolicy } from '../../scan/shared/scan-policy.ts'
import type { Verdict } from '../../scan/shared/verdict.ts'
import { readMessageBytes } from '../shared/message-file.ts'
import { mustRunOwnScanners } from '../shared/must-run-own.ts'

/** The answer of a plugin about one message. */
export interface PluginResult {
  /** The file, or the name of one of our own messages. */
  readonly message: string
  readonly answer: 'clean' | 'infected' | 'could not tell'
  /** The name of what was found, or why it could not tell. */
  readonly text: string
  /** Milliseconds, including the start of its process. */
  readonly time: number
  /** The lines that the plugin wrote to the log or to standard error. */
  readonly log: readonly string[]
}

export interface PluginTestMail {
  /** Files with one message each. If empty: a clean message, and one with the EICAR test file. */
  readonly messages: readonly string[]
  readonly sender: string
  readonly recipients: readonly string[]
}

/**
 * Asks the plugin in `file` about each message as the slot would under `env`: in a process of its
 * own, with the slot's limits. Throws if the file cannot be a plugin; rejects if a message cannot
 * be read.
 */
export async function* tryPlugin(
  file: string,
  env: Environment,
  mail: PluginTestMail,
): AsyncGenerator<PluginResult> {
  const path = resolve(file)
  const name = basename(path)
  const settings = { ...env, QHPSI: `plugin: ${name}`, PLUGINDIR: dirname(path) }
  const policy = readScanPolicy(settings, readControlDirectories(settings))!
  mustRunOwnScanners(policy)
  let lines: string[] = []
  const prefix = `plugin ${name}: `
  const log = (line: string) => void lines.push(line.trimEnd().replace(prefix, ''))
  const scanner = filePluginScanner(policy, name, 'one message', log)
  await scanner.prepare?.()
  const bytes = (text: string) => Buffer.from(text, 'latin1')
  const byHand = {
    spool: readSpoolPolicy(settings),
    scanners: [scanner],
    timeout: policy.timeout,
    maxNesting: policy.nesting.max,
    secondLook: policy.secondLook.when,
    envelope: makeEnvelope(bytes(mail.sender), mail.recipients.map(bytes)),
  }
  for (const [message, source] of sourcesOf(mail.messages)) {
    lines = []
    const started = performance.now()
    const { result } = await scanBytes(source, byHand)
    const time = performance.now() - started
    yield { message, ...answerIn(result, prefix), time, log: lines }
  }
}

function* sourcesOf(files: readonly string[]): Generator<[string, AsyncIterable<Buffer>]> {
  if (files.length === 0) {
    yield ['a clean message', once(cleanMessage)]
    yield ['the EICAR test file', once(eicarMessage)]
  }
  for (const file of files) yield [file, readMessageBytes(file, Number.MAX_SAFE_INTEGER)]
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes
}

function answerIn(result: Verdict, prefix: string): Pick<PluginResult, 'answer' | 'text'> {
  switch (result.answer) {
    case 'clean':
      return { answer: 'clean', text: '' }
    case 'infected':
      return { answer: 'infected', text: result.name }
    case 'skipped':
    case 'nested':
    case 'crowded':
    case 'strange':
    case 'unknown':
      return { answer: 'could not tell', text: result.why.replace(prefix, '') }
  }
}

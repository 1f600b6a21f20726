import * as crypto from 'node:crypto'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { makeEnvelope } from '../../../../src/mail/message/envelope.ts'
import { messageOf } from '../../../../src/mail/message/intake.ts'
import { Deadline } from '../../../../src/scanner/scan/judge/context/deadline.ts'
import {
  type JudgeConfig,
  readScanningConfig,
  withSettings,
} from '../../../../src/scanner/scan/judge/context/judge-config.ts'
import type {
  LoadedRules,
  Tools,
} from '../../../../src/scanner/scan/judge/context/judge-context.ts'
import type { Client } from '../../../../src/scanner/scan/judge/context/transaction.ts'
import type { Decision } from '../../../../src/scanner/scan/judge/decision/decision.ts'
import type { AnswerMode } from '../../../../src/scanner/scan/judge/decision/divide.ts'
import { judge } from '../../../../src/scanner/scan/judge/judge.ts'
import { judgeByRules } from '../../../../src/scanner/scan/judge/judge-by-rules.ts'
import { Rules } from '../../../../src/scanner/scan/rules/match.ts'
import { parseRules } from '../../../../src/scanner/scan/rules/parse-rules.ts'
import type {
  BanScanner,
  ContentScanner,
  Sample,
  Scanner,
} from '../../../../src/scanner/scan/scanners/contract/scanner.ts'
import {
  clean,
  infected,
  type ScanResult,
  unread,
} from '../../../../src/scanner/scan/scanners/findings/scan-result.ts'
import type { ScanPlan } from '../../../../src/scanner/scan/scanners/run/scan-plan.ts'
import type {
  CachedOrScanned,
  MessageToScan,
} from '../../../../src/scanner/scan/verdicts/copies/message-identity.ts'
import type { Verdicts } from '../../../../src/scanner/scan/verdicts/verdicts.ts'
import { openDirectory } from '../../../programs/host/reachable.ts'
import { keyring } from '../stamps/independently-stamped.ts'

/** Judges messages in tests, with scanners and clocks of the tests' own. */

export const NOW = 1_800_000_000_000
export const letter = 'From: a@example.org\nSubject: hello\n\nHello\n'

export interface Setup {
  readonly settings?: Readonly<Record<string, string>>
  /** What was read of the settings, if they have been read already. */
  readonly config?: JudgeConfig
  readonly scan?: ContentScanner['scan']
  readonly scanners?: readonly Scanner[]
  readonly client?: Partial<Client>
  readonly sender?: string
  readonly recipients?: readonly string[]
  readonly tools?: Partial<Tools>
}

export function scannerOf(name: string, scan: ContentScanner['scan']): ContentScanner {
  return { name, hasBans: false, scan }
}

/** A message, and what it is judged by. `asked` names the scanners that are asked. */
export function stageFor(text: string, setup: Setup = {}) {
  const { settings, scan = async () => clean, sender = 'a@example.org' } = setup
  const { recipients = ['b@example.org'] } = setup
  const env = { QHPSI: 'plugin: clamd', ...settings }
  const config = setup.config ?? readScanningConfig(env)!
  const asked: string[] = []
  const scanners = (setup.scanners ?? [scannerOf('clamd', scan)]).map((scanner): Scanner => {
    const { name } = scanner
    if (!scanner.hasBans) {
      const note = ({ kind }: Sample) => kind !== 'content' && asked.push(name)
      const scan: ContentScanner['scan'] = (sample, task) => {
        note(sample)
        return scanner.scan(sample, task)
      }
      const together = scanner.scanTogether?.bind(scanner)
      const scanTogether: ContentScanner['scanTogether'] = (samples, task) => {
        samples.forEach(note)
        return together!(samples, task)
      }
      return { ...scanner, scan, ...(together && { scanTogether }) }
    }
    const inspect: BanScanner['inspect'] = async (task) => {
      const begun = await scanner.inspect(task)
      const ask = begun.answer.bind(begun)
      const answer = () => {
        asked.push(name)
        return ask()
      }
      return Object.assign(begun, { answer })
    }
    return { ...scanner, inspect }
  })
  const message = messageOf(Buffer.from(text, 'latin1'), {
    spool: config.spool,
    digestsFor: () => ({ wantsMd5: true, wantsSha256: true }),
    createHash: crypto.createHash,
  })
  const client = { mayRelay: false, isClusterPeer: false, isBounceInjector: false, ...setup.client }
  const envelope = makeEnvelope(
    Buffer.from(sender),
    recipients.map((address) => Buffer.from(address)),
  )
  const tools = {
    scanners,
    crypto,
    signatureFiles: () => undefined,
    now: () => NOW,
    uptime: () => performance.now(),
    ...setup.tools,
  }
  return { env, transaction: { message, envelope, client }, context: { config, tools }, asked }
}

/** Judges a message. */
export async function judgeMail(text: string, setup: Setup = {}) {
  const { transaction, context, asked } = stageFor(text, setup)
  const decision = await judge(transaction, context, new Deadline(context.tools.uptime))
  return { decision, asked }
}

/** Judges a message by lines of onescan.policy. `planned` are the settings of those that count. */
export async function judgeByLines(
  lines: string,
  text: string,
  { answers = 'one reply', ...setup }: Setup & { readonly answers?: AnswerMode } = {},
) {
  const { env, transaction, context } = stageFor(text, setup)
  const planned: unknown[] = []
  const path = '/c/onescan.policy'
  const rules: LoadedRules = {
    lines: new Rules(path, parseRules(lines, path)),
    contextOfLine(settings) {
      planned.push(settings)
      return { ...context, config: withSettings(context.config, env, settings) }
    },
  }
  const deadline = new Deadline(context.tools.uptime)
  const decision = await judgeByRules(transaction, { ...context, rules }, deadline, answers)
  return { decision, planned }
}

/** Returns `name value` of each field that is added, and `-name` of each that is removed. */
export function editsOf(decision: Decision): string[] {
  if (decision.kind !== 'accept') return []
  const { add, remove } = decision.edits
  return [...remove.map((name) => `-${name}`), ...add.map(({ name, value }) => `${name} ${value}`)]
}

export const virus = async () => infected('Eicar')
export const banned = async (): Promise<ScanResult> => {
  return { answer: 'infected', name: 'attachment a.exe', isBanned: true }
}
export const tooLarge = async () => unread('size', 'clamd: too large')
export const bounce = { isBounceInjector: true }
export const relay = { mayRelay: true }

/** A memory that has this verdict, and the runs that it was to replace. */
export function cachingVerdicts(found: CachedOrScanned) {
  const runs: ScanPlan[] = []
  const verdicts = {
    async find(_: MessageToScan, run: ScanPlan) {
      runs.push(run)
      return found
    },
  } as unknown as Verdicts
  return { runs, verdicts }
}

/** The path of a keyring with the key of the tests, and with an md5 key. */
export function ringIn(t: Test, mark = ''): string {
  const directory = openDirectory(t)
  const ring = join(directory, 'ring')
  writeFileSync(ring, `${keyring.trim()}${mark}\nmd5:old:sesame\n`)
  chmodSync(ring, 0o600)
  return ring
}

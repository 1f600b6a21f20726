import { readUptime } from '../../../base/flow/uptime.ts'
import type { Environment } from '../../../base/process/environment.ts'
import { type Crypto, loadCrypto } from '../../../base/runtime/crypto.ts'
import { HOST_DIRECTORY, readControlDirectories } from '../../../base/settings/control-directories.ts' // biome-ignore format: a line
import { makeEnvelope } from '../../../mail/message/envelope.ts'
import type { Message } from '../../../mail/message/message.ts'
import type { MessageOptions } from '../../../mail/message/message-options.ts'
import { Deadline } from '../../scan/judge/context/deadline.ts'
import { type JudgeConfig, readScanningConfig, withSettings } from '../../scan/judge/context/judge-config.ts' // biome-ignore format: a line
import type { JudgeContext, LoadedRules, Tools } from '../../scan/judge/context/judge-context.ts'
import type { Transaction } from '../../scan/judge/context/transaction.ts'
import type { SingleDecision } from '../../scan/judge/decision/decision.ts'
import { judgeByRules } from '../../scan/judge/judge-by-rules.ts'
import { isReleased } from '../../scan/judge/message-stamps.ts'
import { Rules } from '../../scan/rules/match.ts'
import { loadRules } from '../../scan/rules/parse-rules.ts'
import type { Rule } from '../../scan/rules/rule.ts'
import { makeScanners } from '../../scan/scanners/make-scanners.ts'
import { isOfRelease } from '../../scan/stamps/bound-fields.ts'
import type { ClusterSettings } from '../../scan/stamps/keyring.ts'
import { stampsIn } from '../../scan/stamps/stamp.ts'
import { digestsFor, verifyStamps } from '../../scan/stamps/verify-stamps.ts'
import { ReleasedMail } from './released-mail.ts'

/** What happens to a delivered message in which scanners find something. */
export type DeliveredFate =
  /** The settings keep such mail out. */
  | { readonly is: 'kept out'; readonly grounds: string; readonly found: string | undefined }
  /** A person or the settings let it in. */
  | { readonly is: 'let in'; readonly why: string }
  | { readonly is: 'unknown'; readonly reason: string }

/** The delivery of a message, as far as its header and its place show it. */
interface PastDelivery {
  readonly sender: string
  /** All addresses that it may have been sent to, latin1. */
  readonly addresses: readonly string[]
  /** Unix milliseconds. */
  readonly time: number
}

/**
 * Judges delivered mail by what its first judge goes by: releases, onescan.policy, and the settings for infected mail. Stamps
 * of scans and cached verdicts are of the time before the new signatures, and do not count.
 */
export class SecondJudge {
  readonly #context: JudgeContext & { readonly rules: LoadedRules }
  readonly #cluster: ClusterSettings | undefined
  readonly #noKeys: string | undefined
  readonly #released: readonly ReleasedMail[]
  readonly #crypto: Crypto

  private constructor(
    config: JudgeConfig,
    env: Environment,
    tools: Tools & { readonly crypto: Crypto },
    own: string,
  ) {
    // biome-ignore format: a line
    const { cluster, ...others } = config
    const { QUARANTINE: site } = config.settings
    const directories = new Set([own, ...(site?.kind === 'directory' ? [site.directory] : [])])
    // No field is edited in a mailbox, so mail with a field that cannot be removed is judged like other mail.
    const context = { config: { ...others, cluster: undefined, resultOnlyFor: 'mails' as const }, tools } // biome-ignore format: a line
    this.#context = { ...context, rules: rulesOfDelivered(context, env) }
    this.#cluster = cluster
    this.#noKeys = config.remarks.find((remark) => remark.includes('no stamps'))
    this.#released = [...directories].map((directory) => new ReleasedMail(directory, config.spool))
    this.#crypto = tools.crypto
  }

  /** Reads settings and rules. `own` is the quarantine to which mail is moved. Rejects with a Fault of kind `config`. */
  static async make(
    env: Environment,
    scanners: Tools['scanners'],
    own: string,
  ): Promise<SecondJudge | undefined> {
    // biome-ignore format: a line
    const config = readScanningConfig({ ...env, QUOTAD: undefined })
    if (config === undefined) return undefined
    const crypto = await loadCrypto()
    const clocks = { now: Date.now, uptime: readUptime, signatureFiles: () => undefined }
    return new SecondJudge(config, env, { scanners, crypto, ...clocks }, own)
  }

  /** The options with which a message is read that is to be judged. */
  get messageOptions(): Pick<MessageOptions, 'digestsFor' | 'createHash'> {
    const keys = this.#cluster?.keys ?? []
    return {
      digestsFor: (header) => digestsFor(header, keys, Date.now() / 1000),
      createHash: this.#crypto.createHash,
    }
  }

  /** Resolves to what happens to a message. It is scanned once more: a line of onescan.policy may have other scanners. */
  async fateOf(message: Message, delivery: PastDelivery): Promise<DeliveredFate> {
    const release = await this.#release(message, delivery)
    if (release !== undefined) return { is: 'let in', why: release }
    const deadline = new Deadline(readUptime)
    const transaction = transactionOf(message, delivery)
    const decision = await judgeByRules(transaction, this.#context, deadline, 'one reply')
    if (decision.kind === 'split') throw new Error('one reply was divided')
    return fateBy(decision, this.#context.rules.lines.path)
  }

  /** Returns how it is known that a person has released the message, or undefined. */
  async #release(message: Message, delivery: PastDelivery): Promise<string | undefined> {
    for (const released of this.#released) {
      // The quarantine of onescand may belong to another account. Stamps are known without it.
      if (await released.has(message).catch(() => false)) return 'released from quarantine'
    }
    const stamps = stampsIn(message.header).filter(
      (stamp) => stamp.scheme === 'hmac-sha256' && isOfRelease(stamp.claims),
    )
    if (stamps.length === 0) return undefined
    if (this.#cluster === undefined)
      return this.#noKeys && `it has the stamp of a release, and ${this.#noKeys}`
    const trust = verifyStamps(message, {
      keys: this.#cluster.keys,
      maxAgeSeconds: this.#cluster.CLUSTERMAXAGE,
      now: Math.floor(delivery.time / 1000),
      signatureDate: () => undefined,
      crypto: this.#crypto,
    })
    const isOne = delivery.addresses.some((address) =>
      isReleased(trust, transactionOf(message, { ...delivery, addresses: [address] }), {
        crypto: this.#crypto,
      }),
    )
    return isOne ? 'released from quarantine' : undefined
  }
}

function transactionOf(message: Message, { sender, addresses }: PastDelivery): Transaction {
  const [recipient] = addresses
  const bytes = (address: string) => Buffer.from(address, 'latin1')
  const envelope = makeEnvelope(bytes(sender), recipient === undefined ? [] : [bytes(recipient)])
  const client = { mayRelay: false, isClusterPeer: false, isBounceInjector: false }
  return { message, envelope, client }
}

/** Returns the lines of onescan.policy for delivered mail. */
function rulesOfDelivered(base: JudgeContext, env: Environment): LoadedRules {
  const { control } = readControlDirectories(env)
  const { path, all } = loadRules(control, HOST_DIRECTORY) ?? { path: '', all: [] }
  return {
    lines: new Rules(path, all.flatMap(forAnyClient)),
    async contextOfLine(settings) {
      const config = withSettings(base.config, env, settings)
      return { config, tools: { ...base.tools, scanners: await makeScanners(config.settings) } }
    },
  }
}

/**
 * The client of delivered mail is not known. An exception for some clients counts, because it may be the reason why the mail
 * was accepted. Of other lines, those for some clients do not count.
 */
function forAnyClient(rule: Rule): readonly Rule[] {
  const { client, mayRelay, ...conditions } = rule.conditions
  if (client === undefined && mayRelay === undefined) return [rule]
  return rule.action.kind === 'allow' ? [{ ...rule, conditions }] : []
}

function fateBy(decision: SingleDecision, rules: string): DeliveredFate {
  const { details } = decision
  const keptOut = (grounds: string): DeliveredFate => {
    return { is: 'kept out', grounds, found: details.virus ?? details.banned }
  }
  switch (decision.kind) {
    case 'reject':
      return keptOut(decision.reply.grounds)
    case 'quarantine':
      return keptOut(decision.grounds)
    case 'discard':
      return keptOut(details.banned === undefined ? 'virus' : 'banned')
    case 'defer':
      return { is: 'unknown', reason: decision.reply.text }
    case 'accept': {
      if (decision.recipients !== undefined) return keptOut('virus')
      if (details.allowed !== undefined)
        return { is: 'let in', why: `allowed by ${rules} line ${details.allowed}` }
      if (details.scan === 'unknown') return { is: 'unknown', reason: details.reason }
      const line = details.rule?.replace(/^-$/, '')
      const by = line ? `${rules} line ${line}` : 'the settings'
      const isTagged = decision.edits.add.some(({ value }) => value === 'virus found')
      return { is: 'let in', why: `${by} ${isTagged ? 'tag and deliver it' : 'accept it'}` }
    }
  }
}

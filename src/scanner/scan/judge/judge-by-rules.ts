import { nextTurn } from '../../../base/flow/event-loop.ts'
import { parseIpAddress } from '../../../base/net/ip-address.ts'
import type { MailAddress } from '../../../base/text/address.ts'
import { compileGlob } from '../../../base/text/glob.ts'
import { NO_EDITS } from '../../../mail/message/header-block.ts'
import type { Rules } from '../rules/match.ts'
import type { Rule } from '../rules/rule.ts'
import { inOneWord, nameOfRefusal } from '../scanners/clamd/onescan-names.ts'
import type { Deadline } from './context/deadline.ts'
import type { JudgeConfig } from './context/judge-config.ts'
import type { JudgeContext, LoadedRules } from './context/judge-context.ts'
import type { Transaction } from './context/transaction.ts'
import type { Decision, DecisionDetails, SingleDecision } from './decision/decision.ts'
import { type AnswerMode, divide, type GroupDecision, joinLines } from './decision/divide.ts'
import { refusalByRule } from './decision/own-text.ts'
import { judge } from './judge.ts'

/**
 * Resolves to the decision about a message by onescan.policy(5): for each recipient, the first matching line
 * applies. If the decisions differ, divide() assigns an answer to each recipient. All scans of the message
 * together have the time limit of one.
 */
export async function judgeByRules(
  transaction: Transaction,
  context: JudgeContext & { readonly rules: LoadedRules },
  deadline: Deadline,
  answers: AnswerMode,
): Promise<Decision> {
  const { lines: rules } = context.rules
  const { groups, groupOf } = await groupRecipients(transaction, rules)
  const judgeWith = createJudge(transaction, context, deadline)
  const decisions: GroupDecision[] = []
  for (const { lines, exceptions } of groups) {
    const byLine: GroupDecision[] = []
    const isAlone = groups.length === 1 && lines.length === 1
    for (const rule of lines) {
      let decision = rule && decideByAction(rule, rules, transaction)
      if (isAlone) decision ??= await judgeWith({ rule, exceptions })
      else decision ??= await judgeInGroups({ rule, exceptions }, judgeWith)
      byLine.push({ line: String(rule?.line ?? '-'), decision })
    }
    decisions.push(joinLines(byLine, transaction))
  }
  return divide(decisions, groupOf, transaction, answers)
}

/** The lines that a message is judged by: one line, if any, and exceptions. */
interface JudgedBy {
  readonly rule: Rule | undefined
  readonly exceptions: readonly Rule[]
}

type Judge = (by: JudgedBy) => Promise<SingleDecision>

/** Returns a function that judges the message by a line. Lines with equal settings share one result. */
function createJudge(
  transaction: Transaction,
  context: JudgeContext & { readonly rules: LoadedRules },
  deadline: Deadline,
): Judge {
  const { lines, contextOfLine } = context.rules
  const decided = new Map<string, SingleDecision>()
  return async ({ rule, exceptions }) => {
    const key = groupKey({ lines: [rule], exceptions })
    const before = decided.get(key)
    if (before !== undefined) return before
    const settings = rule?.action.kind === 'set' ? rule.action.settings : undefined
    const { config, tools } = settings === undefined ? context : await contextOfLine(settings)
    const excepting = withExceptions(config, inOrder(lines.always, exceptions))
    const decision = await judge(transaction, { config: excepting, tools }, deadline)
    decided.set(key, decision)
    return decision
  }
}

/**
 * Judges the message first without the exceptions of a group, then again with those that name what
 * was found, until no further one does. So the message is not scanned a thousand times if a
 * thousand recipients have an exception each.
 */
async function judgeInGroups(
  { rule, exceptions }: JudgedBy,
  judgeWith: Judge,
): Promise<SingleDecision> {
  let named: readonly Rule[] = []
  while (true) {
    const decision = await judgeWith({ rule, exceptions: named })
    const { virus, banned } = decision.details
    const found = virus ?? banned
    if (found === undefined) return decision
    const before = named
    const isNamed = (exception: Rule) => before.includes(exception) || mayExcept(exception, found)
    named = exceptions.filter(isNamed)
    if (named.length === before.length) return decision
  }
}

/**
 * Returns whether an exception may accept mail with this finding: it names any signature, or the finding, as the log or as
 * the clamd door has it.
 */
function mayExcept({ conditions: { signature } }: Rule, found: string): boolean {
  if (signature === undefined) return true
  return [found, inOneWord(found), nameOfRefusal('banned', found)].some(compileGlob(signature, '*'))
}

/** The configuration with these exceptions. Of several for the same result, the first line counts. */
function withExceptions(config: JudgeConfig, exceptions: readonly Rule[]): JudgeConfig {
  if (exceptions.length === 0) return config
  return {
    ...config,
    allowedBy: (found) => exceptions.find((exception) => mayExcept(exception, found))?.line,
  }
}

/** Merges two lists of lines into the order of the file. Mostly one of them is empty. */
function inOrder(some: readonly Rule[], others: readonly Rule[]): readonly Rule[] {
  if (some.length === 0) return others
  return others.length === 0 ? some : [...some, ...others].sort((a, b) => a.line - b.line)
}

/**
 * Returns the decision of a line that turns the scan off or refuses mail, or undefined for any other line.
 */
function decideByAction(
  { action, line }: Rule,
  { path }: Rules,
  { client }: Transaction,
): SingleDecision | undefined {
  if (action.kind === 'off') {
    const details = unscannedFor(`scan off by ${path} line ${line}`)
    return { kind: 'accept', edits: NO_EDITS, details }
  }
  // A refused bounce would be tried again indefinitely.
  if (action.kind !== 'refuse' || client.isBounceInjector) return undefined
  const details = unscannedFor(`refused by ${path} line ${line}`)
  return { kind: 'reject', reply: refusalByRule(action.text, client.origin?.queueId), details }
}

const unscannedFor = (reason: string): DecisionDetails => ({ scan: 'skipped', reason, times: {} })

/** Recipients for whom the same lines of onescan.policy count. */
interface RecipientGroup {
  /**
   * The line that applies to their mail, or undefined if there is none. With several lines, the strictest
   * decision applies.
   */
  readonly lines: readonly (Rule | undefined)[]
  /** Their exceptions, in addition to those that may apply to any message. */
  readonly exceptions: readonly Rule[]
}

interface RecipientGroups {
  readonly groups: readonly RecipientGroup[]
  /** The index of the group of each recipient of the message, in the order of recipients. */
  readonly groupOf: readonly number[]
}

/** Recipients that are looked at before other mail gets a turn. */
const RECIPIENTS_PER_TURN = 4096

/** Groups the recipients of a message. A message without recipients has one group. */
async function groupRecipients(
  { message, envelope, client }: Transaction,
  rules: Rules,
): Promise<RecipientGroups> {
  const address = client.origin?.clientAddress
  const common = {
    sender: envelope.sender,
    client: address === undefined ? undefined : parseIpAddress(address),
    mayRelay: client.mayRelay,
    size: message.size,
  }
  const indexes = new Map<string, number>()
  const groups: RecipientGroup[] = []
  const groupOf: number[] = []
  const nameless = new Map<string, number>() // many lines may have to be read for each
  const add = (recipient: MailAddress | undefined) => {
    const name = recipient && rules.namelessKey(recipient)
    const index = (name === undefined ? undefined : nameless.get(name)) ?? groupFor(recipient)
    if (name !== undefined) nameless.set(name, index)
    groupOf.push(index)
  }
  const groupFor = (recipient: MailAddress | undefined): number => {
    const facts = { ...common, recipient }
    const group = { lines: rules.find(facts), exceptions: rules.exceptions(facts) }
    const key = groupKey(group)
    const index = indexes.get(key) ?? groups.push(group) - 1
    indexes.set(key, index)
    return index
  }
  let count = 0
  for (const recipient of envelope.recipients) {
    if (++count % RECIPIENTS_PER_TURN === 0) await nextTurn()
    add(recipient)
  }
  if (count === 0) add(undefined)
  return { groups, groupOf }
}

/** Returns a text that is equal for groups whose mail is judged in the same way. */
function groupKey({ lines, exceptions }: RecipientGroup): string {
  const actions = new Set(lines.map((rule) => JSON.stringify(rule?.action)))
  return `${[...actions].join()} ${exceptions.map(({ line }) => line).join()}`
}

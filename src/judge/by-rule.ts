import { setImmediate as turn } from 'node:timers/promises'
import { parseIpAddress } from '../ground/net/ip-address.ts'
import { compileGlob } from '../ground/settings/glob.ts'
import type { MailAddress } from '../message/envelope/address.ts'
import { recipientsOf } from '../message/envelope/envelope.ts'
import type { MailFacts, Rules } from '../rules/match.ts'
import type { Rule } from '../rules/rule.ts'
import type { Decision, Findings, SingleDecision } from './decision.ts'
import { type AnswerMode, divide, type GroupDecision } from './divide.ts'
import { judge } from './engine.ts'
import type { Policy } from './policy.ts'
import { refusalByRule } from './refusal-text.ts'
import type { Tools } from './tools.ts'
import type { Transaction } from './transaction.ts'

/** What a message is judged by. */
export interface PolicyAndTools {
  readonly policy: Policy
  readonly tools: Tools
}

/**
 * The judgement by what one line sets; `undefined` stands for recipients that no line is about.
 * Throws a Fault for a setting that makes no sense.
 */
export type PolicyFor = (
  settings: Readonly<Record<string, string>> | undefined,
) => PolicyAndTools | Promise<PolicyAndTools>

/** Recipients that the same lines are about. */
interface RecipientGroup {
  readonly rule: Rule | undefined
  /** Beside those that may apply to any message. */
  readonly exceptions: readonly Rule[]
}

/** Recipients that are looked at before other mail gets a turn. */
const SLICE = 4096

/**
 * The decision about a message by onescan.policy(5): for each of its recipients the first line
 * that fits counts. If they differ, divide() says who gets which answer. All scans together have
 * the time of one.
 */
export async function judgeByRules(
  transaction: Transaction,
  rules: Rules,
  policyFor: PolicyFor,
  answers: AnswerMode,
): Promise<Decision> {
  const { groups, groupOf } = await groupsOf(transaction, rules)
  const parts: GroupDecision[] = []
  const known = new Map<string, SingleDecision>()
  let spent = 0
  for (const group of groups) {
    const { rule } = group
    const line = String(rule?.line ?? '-')
    const unseen = rule && withoutScan(rule, rules, transaction)
    if (unseen) {
      parts.push({ line, decision: unseen })
      continue
    }
    const settings = rule?.action.kind === 'set' ? rule.action.settings : undefined
    const judgedBy = async (exceptions: readonly Rule[]): Promise<SingleDecision> => {
      const key = keyOf({ rule, exceptions })
      const before = known.get(key)
      if (before !== undefined) return before
      const { policy, tools } = await policyFor(settings)
      const began = tools.uptime()
      const those = inOrder(rules.always, exceptions)
      const decision = await judge(transaction, excepting(policy, those, spent), tools)
      spent += tools.uptime() - began
      known.set(key, decision)
      return decision
    }
    const decision =
      groups.length === 1 ? await judgedBy(group.exceptions) : await judgedOnce(group, judgedBy)
    parts.push({ line, decision })
  }
  return divide(parts, groupOf, transaction, answers)
}

/**
 * Where a thousand recipients have an exception each, the message is not scanned a thousand times:
 * exceptions count once something is found, and then those that name it.
 */
async function judgedOnce(
  { exceptions }: RecipientGroup,
  judgedBy: (exceptions: readonly Rule[]) => Promise<SingleDecision>,
): Promise<SingleDecision> {
  const without = await judgedBy([])
  const { virus, banned } = without.findings
  const found = virus ?? banned
  const naming =
    found === undefined ? [] : exceptions.filter((exception) => names(exception, found))
  return naming.length === 0 ? without : judgedBy(naming)
}

const names = ({ conditions: { signature } }: Rule, found: string) =>
  signature === undefined || compileGlob(signature, '*')(found)

/** As they stand in the file; mostly one of them has none. */
function inOrder(one: readonly Rule[], other: readonly Rule[]): readonly Rule[] {
  if (one.length === 0) return other
  return other.length === 0 ? one : [...one, ...other].sort((a, b) => a.line - b.line)
}

/** The policy with these exceptions, for the time that is left. */
function excepting(policy: Policy, exceptions: readonly Rule[], spent: number): Policy {
  const timeout = Math.max(1, policy.scan.timeout - spent)
  const inTime = { ...policy, scan: { ...policy.scan, timeout } }
  if (exceptions.length === 0) return inTime
  const fitting = (found: string, ofFiles: boolean) =>
    exceptions.filter((exception) => {
      return names(exception, found) && (exception.conditions.sha256 !== undefined) === ofFiles
    })
  return {
    ...inTime,
    allowedBy: (found) => fitting(found, false)[0]?.line,
    allowedFiles: (found) => {
      const lines = fitting(found, true).map(({ line, conditions }) => [conditions.sha256!, line])
      return new Map(lines.toReversed() as [string, number][])
    },
  }
}

/** Each different answer of the lines to the recipients, and for each recipient the place of its own. */
async function groupsOf(
  { message, envelope, client }: Transaction,
  rules: Rules,
): Promise<{ readonly groups: readonly RecipientGroup[]; readonly groupOf: readonly number[] }> {
  const address = client.origin?.clientAddress
  const common = {
    sender: envelope.sender,
    client: address === undefined ? undefined : parseIpAddress(address),
    auth: client.relay,
    size: message.size,
  }
  const places = new Map<string, number>()
  const groups: RecipientGroup[] = []
  const groupOf: number[] = []
  const look = (recipient: MailAddress | undefined) => {
    const facts: MailFacts = { ...common, recipient }
    const group = { rule: rules.find(facts), exceptions: rules.exceptions(facts) }
    const key = keyOf(group)
    let place = places.get(key)
    if (place === undefined) {
      place = groups.push(group) - 1
      places.set(key, place)
    }
    groupOf.push(place)
  }
  let count = 0
  for (const recipient of recipientsOf(envelope)) {
    if (++count % SLICE === 0) await turn()
    look(recipient)
  }
  if (count === 0) look(undefined)
  return { groups, groupOf }
}

/** Lines that set the same are one group. */
function keyOf({ rule, exceptions }: RecipientGroup): string {
  const does = rule === undefined ? '' : JSON.stringify(rule.action)
  return `${does} ${exceptions.map(({ line }) => line).join()}`
}

/** What a line says of a message without a look at it; undefined if it says how to look. */
function withoutScan(
  { action, line }: Rule,
  { path }: Rules,
  { client }: Transaction,
): SingleDecision | undefined {
  if (action.kind === 'off') {
    const why = `scan off by ${path} line ${line}`
    const findings: Findings = { scan: 'skipped', why, times: {} }
    return { kind: 'accept', edits: { remove: [], add: [] }, findings }
  }
  // A refused bounce would be tried again for ever.
  if (action.kind !== 'refuse' || client.bounceInjector) return undefined
  const findings: Findings = { scan: 'skipped', why: `refused by ${path} line ${line}`, times: {} }
  return { kind: 'reject', reply: refusalByRule(action.text, client.origin?.queueId), findings }
}

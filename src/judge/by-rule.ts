import { setImmediate as turn } from 'node:timers/promises'
import type { MailAddress } from '../envelope/address.ts'
import { recipientsOf } from '../envelope/envelope.ts'
import { parseAddress } from '../net/address.ts'
import type { Facts, Rules } from '../rules/match.ts'
import type { Rule } from '../rules/rule.ts'
import { matchesName, refusal } from './decide.ts'
import type { Decision, Findings } from './decision.ts'
import { judge, type Tools } from './engine.ts'
import type { Policy } from './policy.ts'
import type { Transaction } from './transaction.ts'

/** What a message is judged by. */
export interface Plan {
  readonly policy: Policy
  readonly tools: Tools
}

/** By what a line sets; `undefined` for recipients that no line is about. Throws a Fault for a setting that makes no sense. */
export type PlanFor = (
  settings: Readonly<Record<string, string>> | undefined,
) => Plan | Promise<Plan>

/** Recipients that the same lines are about. */
interface Group {
  readonly rule: Rule | undefined
  readonly exceptions: readonly Rule[]
}

/** Recipients that are looked at before others get a turn. */
const SLICE = 4096

/**
 * The decision about a message by onescan.policy(5): for each of its recipients the first line
 * that fits counts, and the strictest of their decisions for all, but none that would take mail
 * from a recipient in silence (strictest()). All scans together have the time of one.
 */
export async function judgeByRules(
  transaction: Transaction,
  rules: Rules,
  planFor: PlanFor,
): Promise<Decision> {
  const groups = await groupsOf(transaction, rules)
  const decisions: Decision[] = []
  let spent = 0
  for (const group of groups) {
    const { rule } = group
    if (rule?.action.kind === 'off') {
      decisions.push(unscanned(rules, rule))
      continue
    }
    const settings = rule?.action.kind === 'set' ? rule.action.settings : undefined
    const { policy, tools } = await planFor(settings)
    const began = tools.uptime()
    decisions.push(await judge(transaction, forGroup(policy, group, spent), tools))
    spent += tools.uptime() - began
  }
  const decision = strictest(decisions, transaction)
  const named = [...new Set(groups.map(({ rule }) => String(rule?.line ?? '-')))].join(',')
  if (named === '-') return decision
  return { ...decision, findings: { ...decision.findings, rule: named.slice(0, NAMED_MAX) } }
}

/** Characters of line numbers in the log. */
const NAMED_MAX = 100

function forGroup(policy: Policy, { exceptions }: Group, spent: number): Policy {
  const timeout = Math.max(1, policy.scan.timeout - spent)
  const allowedBy =
    exceptions.length === 0
      ? undefined
      : (found: string) => {
          const fits = ({ conditions: { signature } }: Rule) =>
            signature === undefined || matchesName(signature, found)
          return exceptions.find(fits)?.line
        }
  return { ...policy, scan: { ...policy.scan, timeout }, allowedBy }
}

/** Each different answer of the lines to the recipients, in their order. */
async function groupsOf(
  { message, envelope, client }: Transaction,
  rules: Rules,
): Promise<Group[]> {
  const address = client.origin?.clientAddress
  const common = {
    sender: envelope.sender,
    client: address === undefined ? undefined : parseAddress(address),
    auth: client.relay,
    size: message.size,
  }
  const groups = new Map<string, Group>()
  const look = (recipient: MailAddress | undefined) => {
    const facts: Facts = { ...common, recipient }
    const group = { rule: rules.find(facts), exceptions: rules.exceptions(facts) }
    groups.set(keyOf(group), group)
  }
  let count = 0
  for (const recipient of recipientsOf(envelope)) {
    if (++count % SLICE === 0) await turn()
    look(recipient)
  }
  if (count === 0) look(undefined)
  return [...groups.values()]
}

/** Lines that set the same are one group. */
function keyOf({ rule, exceptions }: Group): string {
  const does = rule === undefined ? '' : rule.action.kind === 'set' ? JSON.stringify(rule.action.settings) : 'off' // biome-ignore format: a line
  return `${does} ${exceptions.map(({ line }) => line).join()}`
}

function unscanned({ path }: Rules, { line }: Rule): Decision {
  const findings: Findings = { scan: 'skipped', why: `scan off by ${path} line ${line}`, times: {} }
  return { kind: 'accept', edits: { remove: [], add: [] }, findings }
}

/**
 * Of decisions for different recipients of one message the strictest that loses nothing: deferred
 * for one, deferred for all; refused, the sender hears of it; kept in quarantine for all; sent to
 * VIRUSFORWARD for all. What would be dropped for some alone is refused, or else delivered.
 */
export function strictest(decisions: readonly Decision[], { client }: Transaction): Decision {
  const first = (isMeant: (decision: Decision) => boolean) => decisions.find(isMeant)
  const of = (kind: Decision['kind']) => first((decision) => decision.kind === kind)
  const found = of('defer') ?? of('reject') ?? of('quarantine')
  if (found !== undefined) return found
  const forwarded = first((it) => it.kind === 'accept' && it.recipients !== undefined)
  if (forwarded !== undefined) return forwarded
  const dropped = of('discard')
  if (dropped !== undefined) {
    if (decisions.every(({ kind }) => kind === 'discard')) return dropped
    const { virus, banned } = dropped.findings
    const reply = refusal(virus ?? banned ?? 'found', virus === undefined)
    if (!client.bounceInjector) return { kind: 'reject', reply, findings: dropped.findings }
  }
  const accepted = decisions.filter(({ kind }) => kind === 'accept')
  const by = (scan: Findings['scan']) => accepted.find(({ findings }) => findings.scan === scan)
  return by('infected') ?? by('unknown') ?? accepted.find(hasEdits) ?? accepted[0]!
}

function hasEdits(decision: Decision): boolean {
  return decision.kind === 'accept' && decision.edits.add.length > 0
}

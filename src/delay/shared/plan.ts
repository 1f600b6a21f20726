import { type AllowList, findName, findNetwork } from './allow-list.ts'
import { type Classification, type ClientClass, classify } from './classify.ts'
import type { NameRule } from './name-rules.ts'
import type { DelayOptions } from './options.ts'
import { isConfirmed, lookUpNames, type Resolver, type ReverseNames } from './reverse-dns.ts'
import type { UcspiClient } from './ucspi-client.ts'

/** How long a client waits for its greeting, and why. */
export interface DelayJudgement {
  /** Seconds from the time when the client connected. */
  readonly delay: number
  readonly why: string
  /** Whether its confirmed name is in the allow list: then it may even talk early. */
  readonly exempt: boolean
  /** The class that decided; undefined if something else decided. */
  readonly class: ClientClass | undefined
}

/** The client gets its greeting if it has not talked before the delay is over. */
export interface Wait {
  readonly kind: 'wait'
  readonly delay: Promise<DelayJudgement>
  /** Whether the client's name may still turn out to be in the allow list. */
  readonly mayBeExempt: boolean
}

/** The server program gets the client at once. */
export interface Pass {
  readonly kind: 'pass'
  readonly why: string
}

export type Plan = Pass | Wait

export interface PlanContext {
  readonly allowed: AllowList
  readonly rules: readonly NameRule[]
  readonly resolver: Resolver
  /** Whether the client behaved before, and need not wait. */
  readonly isRemembered?: boolean
}

/**
 * Decides how long a client waits. The first of these that says something counts: RELAYCLIENT, the
 * networks of the allow list, SMTPDELAY, RBLSMTPD, the class of the client. DNS questions begin
 * here, and go on while the client waits.
 */
export function planFor(client: UcspiClient, options: DelayOptions, context: PlanContext): Plan {
  if (client.relay) return { kind: 'pass', why: 'RELAYCLIENT' }
  const network = findNetwork(context.allowed, client.address)
  if (network !== undefined) return { kind: 'pass', why: `allowed by ${network}` }
  if (client.rbl === 'refused') return { kind: 'pass', why: 'RBLSMTPD refuses it' }
  if (client.delay === 0) return { kind: 'pass', why: 'SMTPDELAY=0' }
  if (client.delay !== undefined) {
    return waitFor(client.delay, 'SMTPDELAY')
  }
  if (client.rbl === 'accepted') return waitFor(0, 'RBLSMTPD accepts it')
  const delay = judgeByName(client, options, context)
  return { kind: 'wait', delay, mayBeExempt: context.allowed.names.length > 0 }
}

/** A wait whose reason needs no name. Early talkers are noticed even if it is 0 seconds long. */
export function waitFor(delay: number, why: string): Wait {
  const judgement = { delay, why, exempt: false, class: undefined }
  return { kind: 'wait', delay: Promise.resolve(judgement), mayBeExempt: false }
}

async function judgeByName(
  client: UcspiClient,
  options: DelayOptions,
  { allowed, rules, resolver, isRemembered }: PlanContext,
): Promise<DelayJudgement> {
  const { address, name } = client
  // A client whose name is allowed may even talk early, so the name is looked up if the allow list
  // has names.
  if (isRemembered && allowed.names.length === 0) return rememberedJudgement
  const names: ReverseNames =
    name === undefined ? await lookUpNames(address, resolver) : { answer: 'names', names: [name] }
  const entry = await findConfirmed(names, client, allowed, resolver)
  if (entry !== undefined)
    return { delay: 0, why: `allowed by ${entry}`, exempt: true, class: undefined }
  if (isRemembered) return rememberedJudgement
  const finding = classify(names, address, rules)
  const delay = options.delays[finding.class]
  return { delay, why: describeClass(finding), exempt: false, class: finding.class }
}

const rememberedJudgement: DelayJudgement = {
  delay: 0,
  why: 'remembered',
  exempt: false,
  class: undefined,
}

/** The entry of the allow list that fits a name which the DNS confirms for the client's address. */
async function findConfirmed(
  names: ReverseNames,
  { address }: UcspiClient,
  allowed: AllowList,
  resolver: Resolver,
): Promise<string | undefined> {
  for (const name of names.answer === 'names' ? names.names : []) {
    const entry = findName(allowed, name)
    if (entry !== undefined && (await isConfirmed(name, address, resolver))) return entry
  }
  return undefined
}

function describeClass({ class: which, name, rule }: Classification): string {
  return [which, name, `(${rule})`].filter((part) => part !== undefined).join(' ')
}

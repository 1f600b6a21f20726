import { type AllowList, findName, findNetwork } from './allow-list.ts'
import { type Classification, classify } from './classify.ts'
import type { Client } from './client.ts'
import type { NameRule } from './name-rules.ts'
import type { Options } from './options.ts'
import { isConfirmed, lookUpNames, type Names, type Resolver } from './reverse-dns.ts'

/** How long a client waits for its greeting, and why. */
export interface Judgement {
  /** Seconds since it connected. */
  readonly delay: number
  readonly why: string
  /** Allowed by its confirmed name: not even talking early counts. */
  readonly exempt: boolean
}

export type Plan =
  /** The next program gets the client at once. */
  | { readonly kind: 'pass'; readonly why: string }
  /** It gets its greeting if it has not talked by then. */
  | {
      readonly kind: 'wait'
      readonly judgement: Promise<Judgement>
      /** Its name may turn out to be allowed. */
      readonly mayBeExempt: boolean
    }

export interface PlanContext {
  readonly allowed: AllowList
  readonly rules: readonly NameRule[]
  readonly resolver: Resolver
}

/**
 * What a client is in for, from the strongest word to the weakest: RELAYCLIENT, the
 * allow list's networks, SMTPDELAY, RBLSMTPD, and its class. The questions to the DNS
 * are asked from here on, while the client waits.
 */
export function planFor(client: Client, options: Options, context: PlanContext): Plan {
  if (client.relay) return { kind: 'pass', why: 'RELAYCLIENT' }
  const network = findNetwork(context.allowed, client.address)
  if (network !== undefined) return { kind: 'pass', why: `allowed by ${network}` }
  if (client.rbl === 'refused') return { kind: 'pass', why: 'RBLSMTPD refuses it' }
  if (client.delay === 0) return { kind: 'pass', why: 'SMTPDELAY=0' }
  if (client.delay !== undefined) {
    return waitOf(client.delay, 'SMTPDELAY')
  }
  if (client.rbl === 'accepted' && !options.evenAllowed) {
    return waitOf(0, 'RBLSMTPD accepts it')
  }
  const judgement = judgeByName(client, options, context)
  return { kind: 'wait', judgement, mayBeExempt: context.allowed.names.length > 0 }
}

/** A wait for a reason that needs no name. With 0 seconds, whether the client has talked already is still looked at. */
export function waitOf(delay: number, why: string): Plan & { readonly kind: 'wait' } {
  const judgement = Promise.resolve({ delay, why, exempt: false })
  return { kind: 'wait', judgement, mayBeExempt: false }
}

async function judgeByName(
  client: Client,
  options: Options,
  { allowed, rules, resolver }: PlanContext,
): Promise<Judgement> {
  const { address, name } = client
  const names: Names =
    name === undefined ? await lookUpNames(address, resolver) : { answer: 'names', names: [name] }
  const entry = await findConfirmed(names, client, allowed, resolver)
  if (entry !== undefined) return { delay: 0, why: `allowed by ${entry}`, exempt: true }
  const finding = classify(names, address, rules)
  return { delay: options.delays[finding.class], why: describe(finding), exempt: false }
}

/** The entry of the allow list that one of the names comes under, if that name leads back to the client. */
async function findConfirmed(
  names: Names,
  { address }: Client,
  allowed: AllowList,
  resolver: Resolver,
): Promise<string | undefined> {
  for (const name of names.answer === 'names' ? names.names : []) {
    const entry = findName(allowed, name)
    if (entry !== undefined && (await isConfirmed(name, address, resolver))) return entry
  }
  return undefined
}

export function describe({ class: which, name, rule }: Classification): string {
  return [which, name, `(${rule})`].filter((part) => part !== undefined).join(' ')
}

import { readFileSync } from 'node:fs'
import { errorTextAt, Fault } from '../../base/errors/fault.ts'
import type { IpAddress } from '../../base/net/ip-address.ts'
import type { Environment } from '../../base/process/environment.ts'
import type { DelayOptions } from '../options/delay-options.ts'
import type { UcspiClient } from '../options/ucspi.ts'
import { AllowList } from './allow-list.ts'
import { dynamicNames } from './dynamic-names.ts'
import { findRule, type NameRule, parseNameRules } from './name-rules.ts'
import {
  isConfirmed,
  lookUpNames,
  openDns,
  type Resolver,
  type ReverseNames,
} from './reverse-dns.ts'

/** How long a client waits for its greeting, and why. */
export interface DelayJudgement {
  /** Seconds from the time when the client connected. */
  readonly delay: number
  readonly reason: string
  /** Whether its confirmed name is in the allow list: then it may even talk early. */
  readonly isExempt: boolean
  /** The class that decided, or undefined if another rule decided. */
  readonly class: ClientClass | undefined
}

/** The client gets its greeting if it has not talked before the delay has ended. */
export interface Wait {
  readonly kind: 'wait'
  readonly judgement: Promise<DelayJudgement>
  /** Whether the client's name may still be found in the allow list. */
  readonly mayBeExempt: boolean
}

/** The server program gets the client at once. */
interface Pass {
  readonly kind: 'pass'
  readonly reason: string
}

export type Plan = Pass | Wait

export interface PlanContext {
  readonly allowed: AllowList
  readonly rules: readonly NameRule[]
  readonly resolver: Resolver
  /** Whether the client behaved before, and need not wait. */
  readonly isRemembered?: boolean
}

/** The lists that decide how long clients wait, and the resolver for a client. */
type PlanSources = Pick<PlanContext, 'allowed' | 'rules'> & { readonly ask: () => Resolver }

/** Reads the lists, and prepares the DNS. Throws a Fault if one of them cannot be used. */
export function readPlanSources(
  options: DelayOptions,
  env: Environment,
  uptime: () => number,
): PlanSources {
  return {
    allowed: options.allowFile === undefined ? new AllowList() : readAllowList(options.allowFile),
    rules: [
      ...options.nameFiles.flatMap(readRules),
      ...parseNameRules(dynamicNames, 'built-in names'),
    ],
    ask: openDns(dnsServers(options, env), options.dnsSeconds * 1000, uptime),
  }
}

function readAllowList(file: string): AllowList {
  try {
    return new AllowList(readFileSync(file, 'latin1'))
  } catch (error) {
    throw new Fault('config', `--allow ${file}: ${errorTextAt(file, error)}`, error)
  }
}

function readRules(file: string): NameRule[] {
  let text: string
  try {
    text = readFileSync(file, 'latin1')
  } catch (error) {
    throw new Fault('config', `--names ${file}: ${errorTextAt(file, error)}`, error)
  }
  return parseNameRules(text, `--names ${file}`)
}

/**
 * Returns the servers of --dns, or else of DNSCACHEIP (as in ucspi-tcp). If the list is empty, the system's
 * are used.
 */
function dnsServers(options: DelayOptions, env: Environment): readonly string[] {
  if (options.dnsServers.length > 0) return options.dnsServers
  return (env.DNSCACHEIP ?? '').split(/[\s,]+/).filter((server) => server !== '')
}

/**
 * Returns how long a client waits. The first of these decides: RELAYCLIENT, the networks of the allow list, a text in
 * RBLSMTPD, SMTPDELAY, an empty RBLSMTPD, the names of the allow list, the class of the client. DNS queries begin here, and continue while the
 * client waits.
 */
export function planFor(client: UcspiClient, options: DelayOptions, context: PlanContext): Plan {
  if (client.mayRelay) return { kind: 'pass', reason: 'RELAYCLIENT' }
  const network = context.allowed.networkOf(client.address)
  if (network !== undefined) return { kind: 'pass', reason: `allowed by ${network}` }
  if (client.rbl === 'refused') return { kind: 'pass', reason: 'RBLSMTPD refuses it' }
  if (client.delay === 0) return { kind: 'pass', reason: 'SMTPDELAY=0' }
  if (client.delay !== undefined) {
    return waitFor(client.delay, 'SMTPDELAY')
  }
  if (client.rbl === 'accepted') return waitFor(0, 'RBLSMTPD accepts it')
  const judgement = judgeByName(client, options, context)
  return { kind: 'wait', judgement, mayBeExempt: context.allowed.hasNames }
}

/** A wait whose reason needs no name. Early talkers are noticed even if it is 0 seconds long. */
export function waitFor(delay: number, reason: string): Wait {
  const judgement = Promise.resolve({ delay, reason, isExempt: false, class: undefined })
  return { kind: 'wait', judgement, mayBeExempt: false }
}

async function judgeByName(
  client: UcspiClient,
  options: DelayOptions,
  { allowed, rules, resolver, isRemembered }: PlanContext,
): Promise<DelayJudgement> {
  const { address, name } = client
  // A client whose name is allowed may even talk early, so the name is looked up if the allow list
  // has names.
  if (isRemembered && !allowed.hasNames) return rememberedJudgement
  const names: ReverseNames =
    name === undefined ? await lookUpNames(address, resolver) : { answer: 'names', names: [name] }
  const entry = await findConfirmed(names, client, allowed, resolver)
  if (entry !== undefined)
    return { delay: 0, reason: `allowed by ${entry}`, isExempt: true, class: undefined }
  if (isRemembered) return rememberedJudgement
  const classification = classify(names, address, rules)
  const delay = options.delaySeconds[classification.class]
  return {
    delay,
    reason: describeClass(classification),
    isExempt: false,
    class: classification.class,
  }
}

const rememberedJudgement: DelayJudgement = {
  delay: 0,
  reason: 'remembered',
  isExempt: false,
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
    const entry = allowed.entryFor(name)
    if (entry !== undefined && (await isConfirmed(name, address, resolver))) return entry
  }
  return undefined
}

/** The three classes of clients by their reverse DNS. */
type ClientClass = 'ordinary' | 'dynamic' | 'nameless'

/** The class, and why, for the log and `--explain`. */
function describeClass({ class: which, name, rule }: Classification): string {
  return [which, name, `(${rule})`].filter((part) => part !== undefined).join(' ')
}

interface Classification {
  readonly class: ClientClass
  /** The name that decided, as in the DNS, or undefined if there is none. */
  readonly name: string | undefined
  /** The rule that fits the name, or why no rule decided. */
  readonly rule: string
}

/** Characters of a domain name (RFC 1035 2.3.4). */
const DOMAIN_NAME_MAX = 255

/**
 * Returns the class of a client. The client is nameless only if the DNS reports that there is no name. If the
 * DNS gave no answer, the client counts as ordinary. If there are several names, an ordinary one decides,
 * because their order is random.
 */
function classify(
  names: ReverseNames,
  address: IpAddress,
  rules: readonly NameRule[],
): Classification {
  switch (names.answer) {
    case 'unknown':
      return { class: 'ordinary', name: undefined, rule: `no answer: ${names.reason}` }
    case 'none':
      return { class: 'nameless', name: undefined, rule: 'no name' }
    case 'names': {
      const classifications = names.names.map((name) => classifyName(name, address, rules))
      return (
        classifications.find((classification) => classification.class === 'ordinary') ??
        classifications[0]!
      )
    }
  }
}

function classifyName(
  name: string,
  address: IpAddress,
  rules: readonly NameRule[],
): Classification {
  if (!isHostName(name)) return { class: 'dynamic', name, rule: 'not a host name' }
  const rule = findRule(rules, name, address)
  return { class: rule?.nameClass ?? 'ordinary', name, rule: rule?.text ?? 'no rule matches' }
}

/** Returns whether a mail server could have the name: at least two labels of letters, digits, `-` and `_`. */
function isHostName(name: string): boolean {
  return name.length <= DOMAIN_NAME_MAX && /^[\w-]{1,63}(\.[\w-]{1,63})+\.?$/.test(name)
}

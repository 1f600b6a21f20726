import { existsSync, statSync } from 'node:fs'
import { error, type Finding, ok, warning } from '../../../ground/errors/finding.ts'
import { findAccount, groupName, obstacle } from '../../../readiness/account.ts'
import { checkListener, milterService } from '../shared/listener.ts'
import { matchAddress } from '../shared/service-address.ts'
import { shellWord } from '../shared/shell-word.ts'
import { milterPlaces, onescandAddresses } from './onescand-addresses.ts'
import { type MilterEntry, milterAction, type Parameters, queueOf, secondsOf } from './postconf.ts'
import { postfixAddress, type ReadPostfix } from './read-postfix.ts'
import { notListening, scanTimeout, type TriedMilter, tryMilter } from './try-milter.ts'

/** Where onescand listens for Postfix, below its queue directory. */
const USUAL_MILTER = 'unix:onescan/milter.sock'

/**
 * Checks one milter of smtpd_milters: can Postfix reach it, does it answer and, if it is onescand,
 * does it find EICAR?
 */
export async function checkMilter(postfix: ReadPostfix, milter: MilterEntry): Promise<TriedMilter> {
  const { accounts, defaults, running, parameters } = postfix
  const { text } = milter
  const what = `milter ${text}`
  const address = postfixAddress(text, postfix)
  if (address === undefined) {
    return { isOnescand: false, finding: warning(what, 'is not understood', 'see MILTER_README') }
  }
  const barrier = 'path' in address ? checkReach(postfix, milter, address.path) : undefined
  if (barrier !== undefined) return { isOnescand: false, finding: barrier }
  const { milters } = onescandAddresses(postfix)
  const tried = await tryMilter(address, {
    what,
    address: 'path' in address ? `unix:${address.path}` : text,
    meanwhile: whileDown(milterAction(parameters, milter)),
    defaults,
    running,
    nameInstead: nameInstead(milter, parameters),
    isKnown: matchAddress(text, milters, queueOf(parameters)) !== undefined,
  })
  if (!tried.isOnescand) return tried
  const [trouble] = checkListener(what, address, accounts, milterService)
  return { isOnescand: true, finding: trouble ?? tried.finding }
}

/** What Postfix does with mail while nobody answers: milter_default_action. */
function whileDown(action: string): string {
  switch (action) {
    case 'accept':
      return 'Postfix accepts mail unscanned, viruses get in (milter_default_action = accept)'
    case 'reject':
      return 'Postfix refuses all mail for good (milter_default_action = reject)'
    case 'quarantine':
      return 'Postfix puts all mail on hold (milter_default_action = quarantine)'
    default:
      return `Postfix defers all mail (milter_default_action = ${action})`
  }
}

/** The command that names another address of --milter in the place of this milter. */
const nameInstead = (milter: MilterEntry, parameters: Parameters) => (address: string) =>
  nameMilters((parameters.smtpd_milters ?? '').replace(milter.text, inQueue(address, parameters)))

/** An address of --milter as Postfix has it: relative to its queue directory, if it is below it. */
const inQueue = (address: string, parameters: Parameters) =>
  address.replace(`unix:${queueOf(parameters)}/`, 'unix:')

/** The list may name what an onescand told of itself. */
const nameMilters = (list: string) =>
  `postconf -e ${shellWord(`smtpd_milters = ${list}`)} && postfix reload`

/** The finding that none of these milters is onescand. The others stay. */
export function noMilter(postfix: ReadPostfix): Finding {
  const { parameters, defaults } = postfix
  const [own] = milterPlaces(postfix)
  const place = inQueue(own ?? USUAL_MILTER, parameters)
  const list = [parameters.smtpd_milters, place].filter(Boolean).join(', ')
  const more = own === undefined && existsSync(defaults) ? `, and see ${defaults}` : ''
  const value = 'no milter of onescand is named: mail is not scanned'
  return error('smtpd_milters', value, `${nameMilters(list)}${more}`)
}

/** Why Postfix cannot connect to the socket at this path; undefined if it can. */
function checkReach(
  { accounts, defaults, running, parameters, isChrooted }: ReadPostfix,
  milter: MilterEntry,
  path: string,
): Finding | undefined {
  const { text } = milter
  const what = `milter ${text}`
  const meanwhile = whileDown(milterAction(parameters, milter))
  if (!existsSync(path)) {
    const outside = text.replace(/^\w+:/, '')
    if (isChrooted && existsSync(outside)) {
      const value = `is out of reach: smtpd runs in ${parameters.queue_directory}, where ${outside} is ${path}`
      const queue = queueOf(parameters)
      const remedy = outside.startsWith(`${queue}/`)
        ? nameInstead(milter, parameters)(`unix:${outside}`)
        : `let onescand listen by --milter unix:${queue}/onescan/milter.sock, and ${nameInstead(milter, parameters)(`unix:${queue}/onescan/milter.sock`)}, or use inet:`
      return error(what, `${value}: ${meanwhile}`, remedy)
    }
    const value = `${path} does not exist: ${meanwhile}`
    return notListening(what, value, {
      address: `unix:${path}`,
      defaults,
      running,
      nameInstead: nameInstead(milter, parameters),
    })
  }
  const account = findAccount(accounts, parameters.mail_owner ?? 'postfix', 'all')
  const barrier = account && obstacle(account, path, 'write')
  if (account === undefined || barrier === undefined) return undefined
  const value = `${account.name} may not connect to ${path}: ${meanwhile}`
  const { gid, mode } = statSync(barrier)
  // Nobody should be in the group of root for the sake of a socket.
  const mayJoin = gid !== 0 && (mode & 0o030) !== 0
  const remedy = mayJoin
    ? `adduser ${account.name} ${groupName(accounts, gid)} && postfix reload`
    : `see the owner, group and mode of ${barrier}: onescand --mode 0660, or the unit onescan-postfix.socket`
  return error(what, value, remedy)
}

/** Checks what Postfix does while it waits for this milter, and whether it waits long enough. */
export function checkMilterTerms(postfix: ReadPostfix, milter: MilterEntry): Finding[] {
  const { parameters, defaults } = postfix
  const { text, options } = milter
  const set = (name: TermName, value: string) => setTerm(parameters, milter, name, value)
  const action = milterAction(parameters, milter)
  const findings = [checkAction(text, action, set('default_action', 'tempfail'))]
  const timeout = options.content_timeout ?? parameters.milter_content_timeout ?? '300s'
  const scan = scanTimeout(defaults)
  if (secondsOf(timeout) <= scan) {
    const value = `${timeout}: Postfix gives up before a scan does (SCANTIMEOUT, ${scan} s)`
    const longer = `${Math.max(300, 2 * scan)}s`
    findings.push(warning('milter_content_timeout', value, set('content_timeout', longer)))
  }
  return findings
}

type TermName = 'default_action' | 'content_timeout'

/** The command that sets a term of this milter: in its braces if it stands there, else for all. */
function setTerm(
  parameters: Parameters,
  { written, options }: MilterEntry,
  name: TermName,
  value: string,
): string {
  if (options[name] === undefined) return `postconf -e milter_${name}=${value} && postfix reload`
  const changed = written.replace(`${name}=${options[name]}`, `${name}=${value}`)
  return nameMilters((parameters.smtpd_milters ?? '').replace(written, changed))
}

function checkAction(text: string, action: string, remedy: string): Finding {
  const what = 'milter_default_action'
  switch (action) {
    case 'tempfail':
      return ok(what, `tempfail: mail is deferred while ${text} is down`)
    case 'accept':
      return error(what, `accept: mail gets in unscanned while ${text} is down`, remedy)
    default: {
      const value = `${action}: Postfix does this with mail while ${text} is down`
      return warning(what, value, remedy)
    }
  }
}

/**
 * Says that a DKIM milter may come before or after onescan, since people wonder about it: a
 * signature does not cover the stamp, and the stamp does not cover the signature.
 */
export function checkMilterOrder(milters: readonly MilterEntry[], index: number): Finding[] {
  return milters.flatMap(({ text }, at) => {
    if (!/dkim/i.test(text)) return []
    const side = at < index ? 'before' : 'after'
    const value = `${text} comes ${side} onescand: signatures and stamps hold in either order`
    return [ok('smtpd_milters', value)]
  })
}

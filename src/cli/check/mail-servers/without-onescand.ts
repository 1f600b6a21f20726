import { existsSync } from 'node:fs'
import { error, type Finding, warning } from '../shared/finding.ts'
import { matchAddress } from '../shared/service-address.ts'
import type { OnescandAddresses } from './onescand-addresses.ts'
import {
  milterAction,
  type Parameters,
  postconf,
  queueOf,
  readParameters,
  splitMilters,
} from './postconf.ts'
import { filtersIn, readSendmailText, type SendmailFilter } from './sendmail-cf.ts'

/** The configurations of the mail servers of a host. */
export interface ServerConfigurations {
  /** The directory of Postfix's main.cf; it may be missing. */
  readonly postfix: string
  /** The file sendmail.cf; it may be missing. */
  readonly sendmail: string
}

/**
 * Reports what Postfix and Sendmail will do with mail when nobody listens any more at these addresses,
 * if they name them.
 */
export async function withoutOnescand(
  { postfix, sendmail }: ServerConfigurations,
  addresses: OnescandAddresses,
): Promise<Finding[]> {
  return [
    ...(existsSync(`${postfix}/main.cf`) ? await postfixWithout(postfix, addresses) : []),
    ...(existsSync(sendmail) ? sendmailWithout(sendmail, addresses) : []),
  ]
}

const MILTERS = ['smtpd_milters', 'non_smtpd_milters']
const ANSWER = 'smtpd_policy_service_default_action'

async function postfixWithout(directory: string, addresses: OnescandAddresses): Promise<Finding[]> {
  let main: Parameters
  let master: string
  try {
    main = readParameters(await postconf({ directory }, '-x'))
    master = await postconf({ directory }, '-P', '-x')
  } catch {
    const value = 'cannot be asked whether it names onescand'
    return [warning('Postfix', value, 'see smtpd_milters, non_smtpd_milters and its restrictions')]
  }
  return [
    ...parameterFindings(main, '', main, addresses),
    // `submission/inet/smtpd_milters = …`: -o of a service in master.cf.
    ...[...servicesIn(master)].flatMap(([service, own]) =>
      parameterFindings(own, `${service}/`, { ...main, ...own }, addresses),
    ),
  ]
}

/** The parameters that master.cf sets for single services, by a name like `submission/inet`. */
function servicesIn(master: string): Map<string, Record<string, string>> {
  const services = new Map<string, Record<string, string>>()
  for (const [, service, name, value] of master.matchAll(/^(\S+)\/(\w+) = (.*)$/gm)) {
    services.set(service!, { ...services.get(service!), [name!]: value! })
  }
  return services
}

/** The findings about the parameters of one service, `own`. `all` has those of all services, too. */
function parameterFindings(
  own: Parameters,
  service: string,
  all: Parameters,
  addresses: OnescandAddresses,
): Finding[] {
  return Object.entries(own).flatMap(([name, value]) => {
    if (MILTERS.includes(name)) return milterFindings(`${service}${name}`, value, all, addresses)
    if (!name.endsWith('_restrictions')) return []
    return policyFindings(`${service}${name}`, value, all, addresses)
  })
}

function milterFindings(
  what: string,
  value: string,
  main: Parameters,
  addresses: OnescandAddresses,
): Finding[] {
  const all = splitMilters(value)
  const onescandMilters = all.filter(
    ({ text }) => matchAddress(text, addresses.milters, queueOf(main)) !== undefined,
  )
  const others = all
    .filter((milter) => !onescandMilters.includes(milter))
    .map(({ written }) => written)
  const whose = what.endsWith('non_smtpd_milters') ? 'mail of local programs' : 'mail'
  return onescandMilters.map((milter) => {
    const action = milterAction(main, milter)
    const names = `names ${milter.text}, where onescand listens: without it`
    const because = `(milter_default_action = ${action})`
    const remedy = what.includes('/')
      ? 'take it out of master.cf, and postfix reload'
      : `postconf -e '${what} = ${others.join(', ')}' && postfix reload`
    switch (action) {
      case 'accept':
        return warning(what, `${names} ${whose} gets in unscanned ${because}`, remedy)
      case 'quarantine':
        return error(what, `${names} ${whose} is put on hold ${because}`, remedy)
      case 'reject':
        return error(what, `${names} ${whose} is refused for good ${because}`, remedy)
      default:
        return error(what, `${names} ${whose} is deferred ${because}`, remedy)
    }
  })
}

function policyFindings(
  what: string,
  value: string,
  main: Parameters,
  addresses: OnescandAddresses,
): Finding[] {
  const named = value.matchAll(
    /check_policy_service\s*[ ,]\s*(?:\{\s*([^}]*)\}|((?:unix|inet):[^\s,}]+))/g,
  )
  return [...named].flatMap(([, braced, plain]) => {
    const [service = '', ...options] = (braced ?? plain!).split(/\s*,\s*|\s+(?=\w+=)/)
    if (matchAddress(service.trim(), addresses.policies, queueOf(main)) === undefined) return []
    const own = options.map((option) => /^default_action=(.*)$/.exec(option)?.[1]).find(Boolean)
    const answer = own?.trim() ?? main[ANSWER] ?? ''
    const names = `names ${service.trim()}, where onescand listens: without it`
    const remedy = 'take that check_policy_service out, and postfix reload'
    if (/^(?:DUNNO|OK|PERMIT)$/i.test(answer)) {
      return [warning(what, `${names} nobody is asked whether mailboxes are full`, remedy)]
    }
    return [error(what, `${names} each recipient is answered "${answer}"`, remedy)]
  })
}

function sendmailWithout(file: string, addresses: OnescandAddresses): Finding[] {
  let filters: readonly SendmailFilter[]
  try {
    filters = filtersIn(readSendmailText(file).text)
  } catch {
    return [warning(file, 'cannot be read: it may name onescand', 'see InputMailFilters in it')]
  }
  return filters
    .filter(({ socket }) => matchAddress(socket, addresses.milters, undefined) !== undefined)
    .map(({ name, socket, failure }) => {
      const remedy = `take INPUT_MAIL_FILTER(\`${name}', …) out of sendmail.mc, rebuild sendmail.cf, and restart Sendmail`
      const names = `InputMailFilters names ${name} (S=${socket}), where onescand listens: without it`
      if (failure === undefined) return warning(file, `${names} mail gets in unscanned`, remedy)
      const becomes = failure === 'R' ? 'is refused for good' : 'is deferred'
      return error(file, `${names} mail ${becomes} (F=${failure})`, remedy)
    })
}

import { error, type Finding, warning } from '../../../ground/errors/finding.ts'
import { rootFacts } from '../../shared/root-facts.ts'
import { type Parameters, postconf, queueOf, readParameters, splitMilters } from './postconf.ts'
import type { ReadPostfix } from './read-postfix.ts'

/** A program of Postfix that takes mail by SMTP: a line of master.cf, and what -o sets for it. */
interface SmtpdService {
  /** `smtp/inet`, as postconf -P has it. */
  readonly name: string
  readonly own: Parameters
}

/**
 * Finds what keeps mail from a milter of main.cf that is well: parameters of single services in
 * master.cf, and those of main.cf that lead elsewhere. Postfix itself is asked (postconf -n, -M, -P).
 * `milters` are those of onescand, as main.cf names them.
 */
export async function findUnscannedWays(
  postfix: ReadPostfix,
  milters: readonly string[],
): Promise<Finding[]> {
  const main = readParameters(await postconf(postfix, '-x', '-n'))
  const master = await postconf(postfix, '-M')
  const services = smtpdServices(master, await postconf(postfix, '-P', '-x'))
  return [
    ...services.filter(takesStrangers).flatMap((service) => ofService(service, milters)),
    ...ofMain(main, master),
  ]
}

function ofService({ name, own }: SmtpdService, milters: readonly string[]): Finding[] {
  const findings: Finding[] = []
  const named = own.smtpd_milters
  if (named !== undefined && !splitMilters(named).some(({ text }) => milters.includes(text))) {
    const value = `"${named}" in master.cf: its mail is not scanned`
    const remedy = `postconf -PX ${name}/smtpd_milters && postfix reload`
    findings.push(error(`${name}/smtpd_milters`, value, remedy))
  }
  const overrides = own.receive_override_options
  if (/\bno_milters\b/.test(overrides ?? '')) {
    const value = 'no_milters in master.cf: its mail is not scanned'
    const remedy = `take no_milters out of ${name} in master.cf, and postfix reload`
    findings.push(error(`${name}/receive_override_options`, value, remedy))
  }
  return findings
}

function ofMain(main: Parameters, master: string): Finding[] {
  const findings: Finding[] = []
  if (/\bno_milters\b/.test(main.receive_override_options ?? '')) {
    const value = 'no_milters in main.cf: no mail is scanned'
    const remedy = 'take no_milters out of main.cf, and postfix reload'
    findings.push(error('receive_override_options', value, remedy))
  }
  if (main.smtpd_milter_maps) {
    const value = `${main.smtpd_milter_maps}: clients in it have milters of their own, or none`
    const remedy = 'see that it names no client whose mail must be scanned'
    findings.push(warning('smtpd_milter_maps', value, remedy))
  }
  if (main.smtpd_proxy_filter) {
    const value = `${main.smtpd_proxy_filter} in main.cf: each smtpd hands mail to it, also the one behind the filter: a loop`
    const remedy = `postconf -X smtpd_proxy_filter, postconf -P smtp/inet/smtpd_proxy_filter=${main.smtpd_proxy_filter}, and postfix reload`
    findings.push(error('smtpd_proxy_filter', value, remedy))
  }
  const [transport] = (main.content_filter ?? '').split(':')
  if (transport && !hasTransport(master, transport)) {
    const value = `${main.content_filter}: master.cf has no transport ${transport}, so all mail is deferred`
    const remedy =
      'add it to master.cf as its page has it, or postconf -X content_filter; then postfix reload'
    findings.push(error('content_filter', value, remedy))
  }
  return findings
}

/** Whether master.cf has a service of this name that delivers: master(5). */
const hasTransport = (master: string, name: string): boolean =>
  master
    .split('\n')
    .some((line) => new RegExp(`^${escaped(name)}\\s+(unix|fifo|inet)\\s`).test(line))

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

function smtpdServices(master: string, parameters: string): SmtpdService[] {
  const names = master.split('\n').flatMap((line) => {
    const [, name, type] = /^(\S+)\s+(inet|pass)\s.*\ssmtpd\b/.exec(line) ?? []
    return name === undefined ? [] : [`${name}/${type}`]
  })
  return names.map((name) => {
    const lines = parameters
      .split('\n')
      .filter((line) => line.startsWith(`${name}/`))
      .map((line) => line.slice(name.length + 1))
    return { name, own: readParameters(lines.join('\n')) }
  })
}

/** Not the service behind a filter, which takes mail of this host alone: FILTER_README. */
const takesStrangers = ({ name }: SmtpdService) => !/^(127\.|localhost:|\[::1\])/.test(name)

/** Checks whether Postfix runs, if this is the Postfix of the host. Only root sees that. */
export function checkRuns({ directory, parameters }: ReadPostfix): Finding[] {
  const part = rootFacts?.part
  if (directory !== '' || part?.of !== 'host') return []
  if (part.postfix.includes(queueOf(parameters))) return []
  return [error('Postfix', 'does not run: no mail moves', 'postfix start')]
}

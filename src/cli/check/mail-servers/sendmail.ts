import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { errorText } from '../../../ground/errors/fault.ts'
import { error, type Finding, ok, warning } from '../../../ground/errors/finding.ts'
import { readOwnText } from '../../../ground/path/read.ts'
import { readAccounts } from '../../../readiness/account.ts'
import { checkListener, milterService } from '../shared/listener.ts'
import { matchAddress, readServiceAddress } from '../shared/service-address.ts'
import { milterPlaces, type OnescandSources, onescandAddresses } from './onescand-addresses.ts'
import { filtersIn, type SendmailFilter } from './sendmail-cf.ts'
import {
  makesStamps,
  notListening,
  scanTimeout,
  type TriedMilter,
  tryMilter,
} from './try-milter.ts'

/** The configuration of Sendmail since 8.10. */
export const SENDMAIL_CF = '/etc/mail/sendmail.cf'

/** The files of Sendmail and of onescand. */
export interface SendmailHost extends OnescandSources {
  /** sendmail.cf; sendmail.mc is beside it. */
  readonly file: string
}

/** Where onescand listens for Sendmail. */
const USUAL_MILTER = 'unix:/run/onescan/milter.sock'

/**
 * Checks each filter of this host's Sendmail: does it answer, is it onescand, does it find EICAR, and
 * what happens to mail while it does not answer? Nothing is delivered.
 */
export async function checkSendmail(host: SendmailHost): Promise<Finding[]> {
  let filters: readonly SendmailFilter[]
  try {
    filters = filtersIn(readOwnText(host.file))
  } catch (thrown) {
    return [error('Sendmail', errorText(thrown), 'run check as root, or name its sendmail.cf')]
  }
  const findings: Finding[] = []
  let hasOnescand = false
  for (const filter of filters) {
    const { isOnescand, finding } = await checkFilter(host, filter)
    findings.push(finding)
    if (!isOnescand) continue
    hasOnescand = true
    findings.push(...checkTerms(filter, host))
  }
  const trouble = findings.some(({ level }) => level === 'error')
  if (!hasOnescand && !trouble) findings.push(noFilter(host))
  if (hasOnescand && makesStamps(host.defaults)) {
    const value =
      'Sendmail folds long lists of addresses when it sends mail, which breaks its stamp'
    findings.push(ok('stamps', `${value}: the next host scans it again`))
  }
  return findings
}

async function checkFilter(
  { defaults, running }: SendmailHost,
  { name, socket, address, failure }: SendmailFilter,
): Promise<TriedMilter> {
  const what = `filter ${name}`
  const place = address === undefined ? undefined : readServiceAddress(address)
  if (address === undefined || place === undefined) {
    const finding = warning(what, `S=${socket} is not understood`, 'see INPUT_MAIL_FILTER')
    return { isOnescand: false, finding }
  }
  if ('path' in place && !existsSync(place.path)) {
    const value = `${place.path} does not exist: ${meanwhile(failure)}`
    return {
      isOnescand: false,
      finding: notListening(what, value, { address, defaults, running, nameInstead }),
    }
  }
  const addresses = onescandAddresses({ defaults, running }).milters
  const isKnown = matchAddress(socket, addresses, undefined) !== undefined
  const whileDown = meanwhile(failure)
  const tried = await tryMilter(place, {
    what,
    address,
    meanwhile: whileDown,
    defaults,
    running,
    isKnown,
    nameInstead,
  })
  if (!tried.isOnescand) return tried
  const [trouble] = checkListener(what, place, readAccounts(), milterService)
  return { isOnescand: true, finding: trouble ?? tried.finding }
}

const nameInstead = (address: string) =>
  `name S=${socketOf(address)} in sendmail.mc, and make -C /etc/mail`

/** An address of --milter in the form of Sendmail: `local:/PATH`, `inet:PORT@HOST`. */
const socketOf = (address: string) =>
  address.replace('unix:', 'local:').replace(/^inet:(.*):(\d+)$/, 'inet:$2@$1')

function meanwhile(failure: SendmailFilter['failure']): string {
  if (failure === undefined) return 'Sendmail accepts mail unscanned'
  return failure === 'R' ? 'Sendmail refuses mail for good' : 'Sendmail defers mail'
}

function checkTerms(
  { name, failure, timeout }: SendmailFilter,
  { defaults }: SendmailHost,
): Finding[] {
  const what = `F= of ${name}`
  const findings = [
    failure === undefined
      ? error(what, 'is not set: mail gets in unscanned while onescand is down', 'set F=T')
      : failure === 'R'
        ? warning(what, 'R: mail is refused for good while onescand is down', 'set F=T')
        : ok(what, `${failure}: mail is deferred while onescand is down`),
  ]
  const scan = scanTimeout(defaults)
  if (timeout <= scan) {
    const value = `${timeout} s: Sendmail gives up before a scan does (SCANTIMEOUT, ${scan} s)`
    const longer = Math.max(5, Math.ceil((2 * scan) / 60))
    findings.push(warning(`T=E: of ${name}`, value, `set E:${longer}m`))
  }
  return findings
}

function noFilter({ file, defaults, running }: SendmailHost): Finding {
  const source = join(dirname(file), 'sendmail.mc')
  const why = 'no filter of onescand is named: mail is not scanned'
  if (namesAFilter(source)) {
    const value = `${why}, and ${source} names one`
    return error(file, value, 'rebuild it (make -C /etc/mail), and restart Sendmail')
  }
  const [own] = milterPlaces({ defaults, running })
  const terms = `S=${socketOf(own ?? USUAL_MILTER)}, F=T, T=S:30s;R:30s;E:5m`
  const line = `INPUT_MAIL_FILTER(\`onescan', \`${terms}')dnl`
  const more = own === undefined && existsSync(defaults) ? `, and see ${defaults}` : ''
  return error(file, why, `put ${line} into ${source}, and rebuild ${file}${more}`)
}

function namesAFilter(source: string): boolean {
  try {
    return /^\s*INPUT_MAIL_FILTER\(/m.test(readOwnText(source))
  } catch {
    return false
  }
}

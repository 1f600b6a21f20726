import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { readReplyForm } from '../../../doors/shared/replies/error-report.ts'
import { errorText } from '../../../ground/errors/fault.ts'
import { error, type Finding, ok, warning } from '../../../ground/errors/finding.ts'
import { readAccounts } from '../../../readiness/account.ts'
import { accountText, runStage, type Stage } from '../../../readiness/stage.ts'
import type { Host } from '../shared/host.ts'
import { checkListeners } from '../shared/listeners.ts'
import { trySlot } from '../shared/try-as-account.ts'
import { checkPrograms } from './chain.ts'
import { checkService, findRunningServices, readService } from './running-services.ts'
import { namesSlot, type SlotOptions, slotHosts } from './slot-hosts.ts'

/**
 * Checks the slot of qmail as the options set it up, or that of the process that they name. Without such
 * options it checks the slot of each SMTP service that runs, once for each class of clients in
 * its rules.
 */
export async function checkSlot(
  options: SlotOptions,
): Promise<{ readonly heading: string; readonly findings: readonly Finding[] }> {
  const { services, findings: notSeen } =
    options.pid !== undefined
      ? { services: [readService(options.pid)], findings: [] }
      : namesSlot(options)
        ? { services: [], findings: [] }
        : findRunningServices()
  const hosts = (services.length > 0 ? services : [undefined]).flatMap((service) =>
    slotHosts(service, options, process.env, readAccounts(), Date.now()),
  )
  const findings: Finding[] = [...notSeen, ...services.flatMap((service) => checkService(service))]
  for (const host of hosts) {
    const ofHost = passesOnPurpose(host) ?? (await checkSlotOf(host, options.user !== undefined))
    for (const finding of ofHost) addOnce(findings, finding, hosts.length > 1 ? host : undefined)
  }
  return { heading: `as ${accountText(hosts[0]!)}`, findings }
}

/** Readings only read, as the caller: the kernel shows root alone who listens where. */
const readings: readonly Stage<Host>[] = [
  checkPrograms, // slot, chain, /etc/onescan/queue
  checkErrorFd, // ERROR_FD
  checkListeners, // QUOTAD: who listens there
]

/** Checks ERROR_FD and ERROR_EXIT. Only mail by SMTP shows whether qmail-smtpd reads a text there. */
function checkErrorFd({ env, directories }: Host): Finding[] {
  const what = 'ERROR_FD'
  let form: ReturnType<typeof readReplyForm>
  try {
    form = readReplyForm(env)
  } catch (thrown) {
    return [error(what, errorText(thrown), 'correct it; until then mail is deferred')]
  }
  if (form.fd === undefined) return []
  const smtpd = join(directories.qmailHome, 'bin/qmail-smtpd')
  const value = `${form.fd} with exit code ${form.code}`
  if (existsSync(smtpd)) return [ok(what, `${value}; onescan check --mail ADDRESS tries it`)]
  const remedy = 'send EICAR by SMTP: the reply must name the virus'
  return [warning(what, `${value}, and there is no ${smtpd}`, remedy)]
}

async function checkSlotOf(host: Host, mayBeRoot: boolean): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const reading of readings) findings.push(...(await runStage(reading, host)))
  for await (const finding of trySlot(host, mayBeRoot)) findings.push(finding)
  return findings
}

/**
 * The only finding about relay clients without QHPSI, since that is often intended, as for this host
 * itself. Undefined for all other clients.
 */
function passesOnPurpose({ env, clients }: Host): Finding[] | undefined {
  if (clients === undefined || env.QHPSI || env.RELAYCLIENT === undefined) return undefined
  return [ok('QHPSI', 'is not set for these clients, who may relay: their mail passes unscanned')]
}

/**
 * Adds a finding, unless the same one was found for another class of clients. If there are several
 * classes, the finding names the class of `host`.
 */
function addOnce(findings: Finding[], finding: Finding, host: Host | undefined): void {
  const isSame = (other: Finding) =>
    other.level === finding.level &&
    withoutFigures(other.value) === withoutFigures(finding.value) &&
    other.remedy === finding.remedy &&
    other.account === finding.account &&
    other.what.split(' [')[0] === finding.what
  if (findings.some(isSame)) return
  const what = host === undefined ? finding.what : `${finding.what} [${host.clients}]`
  findings.push({ ...finding, what })
}

/** What was measured differs each time: the room on a disk, and how long a trial took. */
const withoutFigures = (value: string) => value.replace(/\d+(?= (?:MiB|ms)\b)/g, '')

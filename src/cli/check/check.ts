import type { CommandModule } from 'yargs'
import { errorText } from '../../ground/errors/fault.ts'
import { error, type Finding } from '../../ground/errors/finding.ts'
import { readSetting } from '../../ground/settings/read.ts'
import { readAccounts } from '../../readiness/account.ts'
import { checkHostSwitch } from '../../readiness/settings.ts'
import { DEFAULTS } from '../shared/defaults-file.ts'
import { printFindings } from '../shared/print-findings.ts'
import { rootFacts } from '../shared/root-facts.ts'
import { type Output, runCommand } from '../shared/run-command.ts'
import { askRunningDaemon, type RunningDaemon } from '../shared/running-daemon.ts'
import { checkOnescand } from './daemon/check-onescand.ts'
import { configuredDaemon } from './daemon/configured-daemon.ts'
import { checkQuotadStart } from './daemon/quotad-start.ts'
import { checkRunning } from './daemon/running-daemon.ts'
import { checkBySmtp } from './mail-servers/by-smtp.ts'
import type { MailServer } from './mail-servers/find.ts'
import type { OnescandSources } from './mail-servers/onescand-addresses.ts'
import { checkPostfix } from './mail-servers/postfix.ts'
import { checkMailPorts, type InfectedAction } from './mail-servers/send-mail.ts'
import { checkSendmail, SENDMAIL_CF } from './mail-servers/sendmail.ts'
import { addCheckOptions, type CheckOptions, isWholeHost, serversToCheck } from './options.ts'
import { howToStart } from './shared/how-to-start.ts'
import { checkSlot } from './slot/check-slot.ts'

/** `onescan check`: what would keep the slot from working here, and what to do about it. */
export const checkCommand: CommandModule<object, CheckOptions> = {
  command: 'check',
  describe: 'Look at this host as its mail servers see it: is it scanning?',
  builder: addCheckOptions,
  handler: (args) => runCommand('check', args, (output) => check(args, output)),
}

async function check(args: CheckOptions, output: Output): Promise<number> {
  if (args.daemon) return printFindings(await checkRunningDaemons(), output)
  if (args.mail !== undefined) {
    return printFindings(await checkMailPorts(args.mail, await infectedAction()), output)
  }
  const { headings, findings } = await checkParts(args)
  // Root says itself as whom this process looks.
  return printFindings(findings, output, rootFacts === undefined ? headings.join('; ') : undefined)
}

/** What onescand does with infected mail, by its file of settings or else by those of one that runs. */
async function infectedAction(): Promise<InfectedAction | undefined> {
  const running = await askRunningDaemon()
  const configured = configuredDaemon(running?.account, readAccounts(), Date.now())
  return configured && readSetting(configured.host.env, 'REJECTVIRUS')
}

async function checkRunningDaemons(): Promise<Finding[]> {
  const running = await askRunningDaemon()
  if (running === undefined) {
    const remedy = rootFacts === undefined ? 'run check as root' : howToStart()
    return [error('onescand', 'does not answer', remedy)]
  }
  return checkRunning(running, DEFAULTS, readAccounts())
}

interface Report {
  readonly headings: readonly string[]
  readonly findings: readonly Finding[]
}

/** Checks the part that root gave to this account; without root, all that the options name. */
async function checkParts(args: CheckOptions): Promise<Report> {
  switch (rootFacts?.part?.of) {
    case 'slot': {
      const { heading, findings } = await checkSlot(args)
      return { headings: [heading], findings: named('qmail', findings, args) }
    }
    case 'quotad':
      return { headings: [], findings: await checkQuotadStart() }
    case 'host': {
      const servers = serversToCheck(args).filter((server) => server !== 'qmail')
      return checkHost(servers, args)
    }
    case undefined: {
      const { headings, findings } = await checkHost(serversToCheck(args), args)
      const quotad = isWholeHost(args) ? await checkQuotadStart() : []
      return { headings, findings: [...findings, ...quotad] }
    }
  }
}

/** What was checked in a few words, and what was found. */
interface ServerReport {
  readonly heading: string
  readonly findings: readonly Finding[]
}

/**
 * Checks onescand and these mail servers. What servers complain of because of onescand is left out, and what
 * several complain of is said once.
 */
async function checkHost(servers: readonly MailServer[], args: CheckOptions): Promise<Report> {
  const running = await askRunningDaemon()
  const onescand = isWholeHost(args) ? await checkOnescand(running) : undefined
  const headings: string[] = []
  const ofServers: Finding[] = []
  for (const server of servers) {
    const report = await checkServer(server, args, running).catch((thrown): ServerReport => {
      if (args.pid !== undefined) throw thrown // what was named is not there
      const remedy = 'correct it; the rest was looked at'
      return { heading: server, findings: [error(server, errorText(thrown), remedy)] }
    })
    headings.push(report.heading)
    ofServers.push(...named(server, report.findings, args))
  }
  const marks = (onescand ?? []).filter(({ level }) => level !== 'ok').map(({ mark }) => mark)
  const isSaid = ({ level, value }: Finding) =>
    level !== 'ok' && ofServers.some((other) => other.level === level && other.value === value)
  const findings = [...(onescand ?? []).filter((finding) => !isSaid(finding)), ...ofServers].filter(
    ({ follows }) => follows === undefined || !marks.includes(follows),
  )
  return { headings: onescand === undefined ? headings : [...headings, 'onescand'], findings }
}

/** Findings with the name of their server, if the host has several. */
function named(server: MailServer, findings: readonly Finding[], args: CheckOptions): Finding[] {
  const isOneOfSeveral = serversToCheck(args).length > 1
  return findings.map((finding) =>
    isOneOfSeveral ? { ...finding, what: `${finding.what} [${server}]` } : finding,
  )
}

/** While the switch of all doors is off, trials would tell nothing more. */
async function checkServer(
  server: MailServer,
  args: CheckOptions,
  running: RunningDaemon | undefined,
): Promise<ServerReport> {
  if (server === 'qmail') return checkSlot(args) // the check of its settings reports the switch
  const off = checkHostSwitch()
  if (off.length > 0) return { heading: server, findings: off }
  const sources: OnescandSources = { defaults: DEFAULTS, running: running?.account?.words ?? [] }
  switch (server) {
    case 'Postfix': {
      const host = { ...sources, directory: args.postfix ?? '', accounts: readAccounts() }
      return { heading: server, findings: await checkPostfix(host) }
    }
    case 'Sendmail': {
      const host = { ...sources, file: args.sendmail || SENDMAIL_CF }
      return { heading: server, findings: await checkSendmail(host) }
    }
    case 'Exim':
    case 'OpenSMTPD':
      return { heading: server, findings: checkBySmtp(server, sources) }
  }
}

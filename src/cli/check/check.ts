import type { CommandModule } from 'yargs'
import { attempt } from '../../ground/errors/attempt.ts'
import { error, type Finding } from '../../ground/errors/finding.ts'
import { readAccounts } from '../../readiness/account.ts'
import { checkHostSwitch } from '../../readiness/settings.ts'
import { readInfectedPolicy } from '../../scan/shared/scan-policy.ts'
import { DEFAULTS } from '../shared/defaults-file.ts'
import { type Output, runCommand } from '../shared/run-command.ts'
import { askRunningDaemon, type RunningDaemon } from '../shared/running-daemon.ts'
import { checkOnescand } from './daemon/check-onescand.ts'
import { configuredDaemon } from './daemon/configured-daemon.ts'
import { checkQuotadStart } from './daemon/quotad-start.ts'
import { checkRunning } from './daemon/running-daemon.ts'
import { joinReports, type ServerReport } from './join-reports.ts'
import { checkBySmtp } from './mail-servers/by-smtp.ts'
import type { MailServer } from './mail-servers/find.ts'
import type { OnescandSources } from './mail-servers/onescand-addresses.ts'
import { checkPostfix } from './mail-servers/postfix.ts'
import { checkMailPorts, type InfectedAction } from './mail-servers/send-mail.ts'
import { checkSendmail, SENDMAIL_CF } from './mail-servers/sendmail.ts'
import { addCheckOptions, type CheckOptions, isWholeHost, serversToCheck } from './options.ts'
import { printFindings } from './print-findings.ts'
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
  const { headings, findings } = await checkHost(args)
  return printFindings(findings, output, headings.join('; '))
}

/** What onescand does with infected mail, by its file of settings or else by those of one that runs. */
async function infectedAction(): Promise<InfectedAction | undefined> {
  const running = await askRunningDaemon()
  const configured = configuredDaemon(running?.account, readAccounts(), Date.now())
  return configured && attempt(() => readInfectedPolicy(configured.host.env).action)
}

async function checkRunningDaemons(): Promise<Finding[]> {
  const running = await askRunningDaemon()
  if (running === undefined) {
    const remedy = process.getuid!() === 0 ? howToStart() : 'run check as root'
    return [error('onescand', 'does not answer', remedy)]
  }
  return checkRunning(running, DEFAULTS, readAccounts())
}

/**
 * Checks the mail servers that the options name. Without any option it checks all of this host, then
 * onescand and onescan-quotad.
 */
async function checkHost(
  args: CheckOptions,
): Promise<{ readonly headings: readonly string[]; readonly findings: readonly Finding[] }> {
  const servers = serversToCheck(args)
  const reports: ServerReport[] = []
  const running = await askRunningDaemon()
  for (const server of servers) {
    reports.push({ server, ...(await checkServer(server, args, running)) })
  }
  const onescand = isWholeHost(args) ? await checkOnescand(running) : undefined
  const quotad = isWholeHost(args) ? await checkQuotadStart(readAccounts()) : []
  const headings = reports.map(({ heading }) => heading)
  return {
    headings: onescand === undefined ? headings : [...headings, 'onescand'],
    findings: joinReports(reports, onescand ?? [], quotad),
  }
}

/** While the switch of all doors is off, trials would tell nothing more. */
async function checkServer(
  server: MailServer,
  args: CheckOptions,
  running: RunningDaemon | undefined,
): Promise<{ readonly heading: string; readonly findings: readonly Finding[] }> {
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

import { existsSync } from 'node:fs'
import type { ArgumentsCamelCase, CommandModule } from 'yargs'
import { DEFAULTS } from '../shared/defaults-file.ts'
import { type Output, runCommand } from '../shared/run-command.ts'
import { runningDaemons } from '../shared/running-daemons.ts'
import { addEnvironmentOptions } from '../shared/slot-environment.ts'
import { tryAsAccount } from './as-account.ts'
import { checkDaemon, checkRunning, daemonHost } from './daemon/daemon.ts'
import { configuredDaemon, findAskedDaemon } from './daemon/daemon-host.ts'
import { START } from './daemon/daemon-start.ts'
import { checkListeners } from './daemon/listeners.ts'
import { checkQuotadStart } from './daemon/quotad-start.ts'
import { checkRelays } from './daemon/relays.ts'
import { checkWithheldMailOnHost } from './daemon/withheld.ts'
import { findMailServers, type MailServer } from './mail-servers/find.ts'
import { checkPostfix, postfixHost } from './mail-servers/postfix.ts'
import { checkRemoval, thisInstallation } from './mail-servers/removal.ts'
import { checkSendmail, sendmailHost } from './mail-servers/sendmail.ts'
import { report } from './report.ts'
import { checkAnswers, checkHostSwitch, checkSettings } from './settings/check-settings.ts'
import { checkContradictions } from './settings/contradictions.ts'
import { checkVariables } from './settings/variables.ts'
import { readAccounts } from './shared/account.ts'
import { type Check, runCheck } from './shared/carefully.ts'
import { type Finding, ok } from './shared/finding.ts'
import { accountText, buildHosts, type Host, type SlotOptions } from './shared/host.ts'
import { checkPrograms } from './slot/chain.ts'
import { checkLineEnds, findRunScripts } from './slot/find-run-scripts.ts'
import { checkKeyring } from './stages/keyring.ts'

/** proc(5). */
const PROCESSES = '/proc'

interface CheckOptions extends SlotOptions {
  removal: boolean
  daemon: boolean
  postfix: string | undefined
  sendmail: string | undefined
  json: boolean
}

/**
 * Checks that only read. They may need root for files that the slot's account cannot read. Trials
 * are made elsewhere.
 */
const readings: readonly Check[] = [
  checkSettings,
  checkVariables,
  checkContradictions,
  checkPrograms,
  checkKeyring,
  checkListeners,
]

/** `onescan check`: what would keep the slot from working here, and what to do about it. */
export const checkCommand: CommandModule<object, CheckOptions> = {
  command: 'check',
  describe: 'Look at this host as its mail servers see it: is it scanning?',
  builder: (yargs) =>
    addEnvironmentOptions(yargs)
      .option('run', {
        type: 'string',
        requiresArg: true,
        describe: "The service's run script: its limits, account, envdir and variables",
      })
      .option('user', {
        type: 'string',
        requiresArg: true,
        describe: 'Account of the slot [default: by --run; else qmaild for root, or yourself]',
      })
      .option('program', {
        type: 'string',
        requiresArg: true,
        describe: 'The slot program [default: QMAILQUEUE, else the onescan-queue of this onescan]',
      })
      .option('client', {
        type: 'string',
        requiresArg: true,
        describe: "IP address of a client: its rule of tcpserver's -x alone",
      })
      .option('postfix', {
        type: 'string',
        describe: 'Look only at Postfix (of this configuration directory)',
      })
      .option('sendmail', {
        type: 'string',
        describe: 'Look only at Sendmail (of this sendmail.cf)',
      })
      .option('daemon', {
        type: 'boolean',
        default: false,
        describe: 'Look only at the onescand that runs: its settings, and files that changed since',
      })
      .option('removal', {
        type: 'boolean',
        default: false,
        describe: 'Only list what still names the programs, before you remove them',
      })
      .option('json', { type: 'boolean', default: false, describe: 'Print JSON' })
      .example('$0 check --run /service/smtpd/run', 'As the SMTP service runs it (as root)')
      .example("$0 check --env QHPSI='plugin: clamd'", 'If tcp.smtp sets QHPSI')
      .epilogue(
        'Sends the harmless test file of eicar.org through the scanners and the slot; nothing is ' +
          'delivered.\n\nExit codes: 0 all is well; 1 there are warnings; 2 there are errors.',
      ),
  handler: (args) => runCommand('check', args, (output) => check(args, output)),
}

async function check(args: ArgumentsCamelCase<CheckOptions>, output: Output): Promise<number> {
  if (args.removal) return report(await checkRemoval(thisInstallation()), output)
  if (args.daemon) {
    const here = daemonHost(readAccounts())
    const relays = runningDaemons(here.processes).map(({ words }) => checkRelays(words))
    const found = [...checkDaemon(here), ...(await Promise.all(relays)).flat()]
    return report([...found, ...(await checkWithheldMailOnHost(here.processes))], output)
  }
  const findings: Finding[] = []
  const headings: string[] = []
  const servers = serversOf(args)
  for (const server of servers) {
    const { heading, found } = await look(server, args)
    headings.push(heading)
    for (const { what, ...rest } of found) {
      findings.push({ what: servers.length > 1 ? `${what} [${server}]` : what, ...rest })
    }
  }
  if (isBare(args)) {
    const daemon = await lookAtDaemon(servers)
    if (daemon !== undefined) headings.push('onescand')
    for (const finding of daemon ?? []) {
      if (!findings.some((other) => isSame(other, finding))) findings.push(finding)
    }
    findings.push(...(await checkQuotadStart(readAccounts())))
    if (daemon?.some(keepsFromStart)) findings.splice(0, findings.length, ...findings.map(notYet))
  }
  // The trials of the slot already ask the onescand that the slot asks.
  if (!servers.includes('qmail')) findings.push(...(await checkWithheldMailOnHost(PROCESSES)))
  return report(findings, output, { heading: headings.join('; ') })
}

/**
 * The mail servers that were asked for; else the slot, if an option or variable says how it is set;
 * else all on this host.
 */
function serversOf(args: CheckOptions): MailServer[] {
  const { postfix, sendmail } = args
  const asked: MailServer[] = []
  if (postfix !== undefined) asked.push('Postfix')
  if (sendmail !== undefined) asked.push('Sendmail')
  if (asked.length > 0) return asked
  return isAboutSlot(args) ? ['qmail'] : findMailServers(existsSync)
}

function isAboutSlot({ run, user, program, client, envdir, env }: CheckOptions): boolean {
  const { QMAILQUEUE, QHPSI, QMAILHOME, QUEUECHAIN } = process.env
  return (
    [run, user, program, client, envdir, env[0]].some((word) => word !== undefined) ||
    [QMAILQUEUE, QHPSI, QMAILHOME, QUEUECHAIN].some(Boolean)
  )
}

/** Whether no option or variable says what to look at: then everything on this host is. */
const isBare = (args: CheckOptions) =>
  args.postfix === undefined && args.sendmail === undefined && !isAboutSlot(args)

/** Checks onescand's own settings, and the onescand that runs, if mail servers ask it. */
async function lookAtDaemon(servers: readonly MailServer[]): Promise<Finding[] | undefined> {
  const accounts = readAccounts()
  const running = await findAskedDaemon(servers, PROCESSES)
  const seen = configuredDaemon(running, accounts, Date.now())
  if (seen === undefined) return undefined
  const { host, found } = seen
  const findings = [...found]
  if (running !== undefined) {
    findings.push(...checkRunning(running, { defaults: DEFAULTS, accounts }))
    findings.push(...(await checkRelays(running.words)))
  }
  if (host.daemon !== undefined) {
    const ring = await runCheck(checkKeyring, host)
    // If its settings cannot be read, `onescand --check` reports that.
    findings.push(...ring, ...(await runCheck(checkListeners, host)))
    findings.push(...checkAnswers(host).filter(({ level }) => level === 'warning'))
    const isTold = ({ value }: Finding) =>
      /^CLUSTERKEYS|: no clustering$/.test(value) && ring.some(({ level }) => level !== 'ok')
    for await (const finding of tryAsAccount(host, false)) {
      if (!isTold(finding)) findings.push(finding)
    }
  }
  return findings.map(({ what, ...rest }) => {
    return { what: what.includes('onescand') ? what : `${what} [onescand]`, ...rest }
  })
}

const keepsFromStart = ({ level, what, value }: Finding) =>
  level === 'error' &&
  (what === START || value.startsWith('CLUSTERKEYS') || value.includes('does not start onescand'))

/**
 * Changes the remedy: as long as something keeps onescand from starting, to start it is of no use.
 */
function notYet(finding: Finding): Finding {
  if (!finding.remedy?.startsWith('start onescand')) return finding
  const remedy = 'correct what keeps onescand from starting (see below), and start it'
  return { ...finding, remedy }
}

/** Whether the other finding says the same. Findings that are ok are always kept. */
function isSame(finding: Finding, other: Finding): boolean {
  return finding.level === other.level && finding.value === other.value && finding.level !== 'ok'
}

interface ServerReport {
  readonly heading: string
  readonly found: readonly Finding[]
}

async function look(
  server: MailServer,
  args: ArgumentsCamelCase<CheckOptions>,
): Promise<ServerReport> {
  const off = server === 'qmail' ? [] : checkHostSwitch() // for the slot, its settings report it
  if (off.length > 0) return { heading: server, found: off } // trials would tell nothing more
  switch (server) {
    case 'qmail':
      return lookAtSlot(args)
    case 'Postfix': {
      const found = await checkPostfix(postfixHost(args.postfix ?? '', readAccounts()))
      return { heading: server, found }
    }
    case 'Sendmail':
      return { heading: server, found: await checkSendmail(sendmailHost(args.sendmail ?? '')) }
  }
}

async function lookAtSlot(args: ArgumentsCamelCase<CheckOptions>): Promise<ServerReport> {
  const scripts = isAboutSlot(args) ? { files: [], found: [] } : findRunScripts()
  const runs = scripts.files.length > 0 ? scripts.files : [args.run]
  const hosts = runs.flatMap((run) =>
    buildHosts({ ...args, run }, process.env, readAccounts(), Date.now()),
  )
  const found: Finding[] = [
    ...scripts.found,
    ...scripts.files.map((file) => ok('run script', file)),
    ...runs.flatMap((file) => (file === undefined ? [] : checkLineEnds(file))),
  ]
  for (const host of hosts) {
    const ofHost = passesOnPurpose(host) ?? (await inspect(host, args.user !== undefined))
    for (const finding of ofHost) tellOnce(found, finding, hosts.length > 1 ? host : undefined)
  }
  return { heading: `as ${accountText(hosts[0]!)}`, found }
}

async function inspect(host: Host, asRoot: boolean): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const reading of readings) findings.push(...(await runCheck(reading, host)))
  for await (const finding of tryAsAccount(host, asRoot)) findings.push(finding)
  return findings
}

/**
 * Whether these are relay clients without QHPSI: that is often intended, as for this host itself.
 */
function passesOnPurpose({ env, clients }: Host): Finding[] | undefined {
  if (clients === undefined || env.QHPSI || env.RELAYCLIENT === undefined) return undefined
  return [ok('QHPSI', 'is not set for them, who may relay: their mail passes unscanned')]
}

/**
 * Adds a finding. If it holds for several classes of clients, it is added once; otherwise it names
 * the class.
 */
function tellOnce(findings: Finding[], finding: Finding, host: Host | undefined): void {
  const same = (other: Finding) =>
    other.level === finding.level &&
    other.value === finding.value &&
    other.remedy === finding.remedy
  const isKnown = (other: Finding) => same(other) && other.what.split(' [')[0] === finding.what
  if (findings.some(isKnown)) return
  const what = host === undefined ? finding.what : `${finding.what} [${host.clients}]`
  findings.push({ ...finding, what })
}

import { existsSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import type { Argv } from 'yargs'
import { type CheckLine, failure, hasMark, ok, warning } from '../../../base/check/check-line.ts'
import { printCheck } from '../../../base/check/print-check.ts'
import { attempt, errorText } from '../../../base/errors/fault.ts'
import { readSetting } from '../../../base/settings/read-settings.ts'
import { settingTable } from '../../../base/settings/table.ts'
import { findLog, type LogFile } from '../../log/read-log.ts'
import { checkHostSwitch } from '../../readiness/check-settings.ts'
import { ownAccount, readAccounts } from '../../readiness/host/account.ts'
import { accountText } from '../../readiness/host/checked-host.ts'
import { caller } from '../command/caller.ts'
import { flag, printsJson, textOption, textOptions } from '../command/cli-options.ts'
import { printCheckLines } from '../command/print-check-lines.ts'
import { type Arguments, makeCommand } from '../command/run-command.ts'
import { isServed } from '../host/open-ports.ts'
import { askRunningDaemon, lostLog, type RunningDaemon } from '../host/running-daemon.ts'
import { findRunningServices, type RunningService } from '../host/running-services.ts'
import { optionsOfOnescand } from '../host/settings-file.ts'
import { addEnvironmentOptions } from '../host/slot-environment.ts'
import { checkReadable, logsOfHost } from '../mail/log-arguments.ts'
import { checkExim, checkEximStart, eximOfHost, withEximReturn } from './mail-server-config/exim.ts'
import {
  checkServerUnit,
  findMailServers,
  logsOfExim,
  type MailServer,
  noMailServer,
} from './mail-server-config/mail-servers.ts'
import {
  checkAllowed,
  onescandEndpoints,
  servesClientsAlone,
} from './mail-server-config/onescand-endpoints.ts'
import { checkPostfix } from './mail-server-config/postfix.ts'
import { checkQueueRoom } from './mail-server-config/queue-room.ts'
import { withRspamd } from './mail-server-config/rspamd.ts'
import { checkSendmail, checkSendmailLoad } from './mail-server-config/sendmail.ts'
import { checkSendmailFiles } from './mail-server-config/sendmail-files.ts'
import { SHOWN_BY_MAIL } from './mail-server-config/unreachable-milter.ts'
import { checkOnescand } from './services/check-onescand.ts'
import { checkQuotadHere } from './services/check-quotad.ts'
import { type LostSocket, lostSockets } from './services/lost-sockets.ts'
import { checkMailServices } from './services/mail-units.ts'
import { withOtherClamd } from './services/other-clamd.ts'
import { checkPackageAccounts } from './services/package-accounts.ts'
import { checkPackageFiles } from './services/package-files.ts'
import { withSignatureService } from './services/signature-service.ts'
import { checkMailUnits, checkSupervisors } from './services/supervised.ts'
import { checkSystemPaths } from './services/system-paths.ts'
import { checkUnitDifferences } from './services/unit-differences.ts'
import { onceStarted, withClamdStart } from './services/while-starting.ts'
import { checkSlot } from './slot/check-slot.ts'
import { checkSlots } from './slot/check-slots.ts'
import { namesSlot } from './slot/slot-hosts.ts'
import { checkByMail } from './test-mail/check-by-mail.ts'
import { checkInterface } from './test-mail/check-interface.ts'
import { checkNamedServer } from './test-mail/check-named-server.ts'
import { addServerOptions, readServerOptions } from './test-mail/server-options.ts'

/** `onescan check`: what keeps mail from being scanned here, and what to do about it. */
export const checkCommand = makeCommand('check', {
  command: 'check',
  describe: 'Test whether mail is scanned on this host',
  builder: addCheckOptions,
  async work(args, output) {
    if (!args.servicesFromRoot) {
      const checkLines = adjusted(withBackground(args), args.accept)
      return printCheckLines(checkLines, output, headingFor(args), unseenIn(args))
    }
    const services = JSON.parse((await buffer(process.stdin)).toString()) as RunningService[]
    await printCheck(checkSlot(args, services), true)
    return 0
  },
})

type CheckOptions = Arguments<typeof addCheckOptions>

/**
 * Returns a short text about what is checked, or undefined if an option states it, or for root, which checks
 * under its own account.
 */
function headingFor(args: CheckOptions): string | undefined {
  if (process.getuid!() === 0 || caller !== undefined) return undefined
  if (!looksAtServers(args)) return undefined
  const accounts = readAccounts()
  const servers = serversToCheck(args).map((server) =>
    server === 'qmail' ? `as ${accountText({ account: ownAccount(accounts), accounts })}` : server,
  )
  return `checking ${[...servers, ...(isWholeHost(args) ? ['onescand'] : [])].join('; ')}`
}

/** Returns the servers whose mail this check does not test. onescan-queue has its own test. */
function unseenIn(args: CheckOptions): MailServer[] {
  if (!looksAtServers(args) || checkHostSwitch().length > 0) return []
  return serversToCheck(args).filter((server) => server !== 'qmail')
}

const looksAtServers = ({ daemon, mail, interface: named }: CheckOptions) =>
  !daemon && mail === undefined && named === undefined

/**
 * Yields the check lines of a command, and, after an error, those about units and packages that are not as distributed: a
 * program that fails because of that does not know it.
 */
async function* withBackground(args: CheckOptions) {
  const values: string[] = []
  let hasError = false
  for await (const checkLine of checkLinesFor(args)) {
    values.push(checkLine.value)
    hasError ||= checkLine.level === 'error'
    yield checkLine
  }
  if (!hasError || !(isWholeHost(args) || args.mail !== undefined)) return
  yield* checkUnitDifferences((line) => values.some((value) => value.includes(line)))
  yield* await checkPackageFiles()
}

/** Matches the commands of remedies that start onescand again, by its unit or below supervise. */
const RESTARTS = /\b(?:re)?start onescand\b|\b(?:svc -[tu]|sv (?:restart|up)) \S*\/onescand\b/

/** Adds what only this host knows to remedies, and turns warnings about these things into `ok`: their names are those before the colon, with or without what is in brackets. */
async function* adjusted(checkLines: AsyncIterable<CheckLine>, names: readonly string[]) {
  let mayRestart = true
  for await (const found of checkLines) {
    const stops = hasMark(found, 'stops a restart')
    if (stops) mayRestart = false
    const checkLine =
      withClamdStart(found) ??
      withOtherClamd(found) ??
      withEximReturn(found) ??
      withSignatureService(found)
    const { level, what, value, remedy, ...more } = checkLine
    const isAccepted = names.includes(what) || names.includes(what.replace(/ \[.*\]$/, ''))
    if (level === 'warning' && isAccepted) yield { ...more, ...ok(what, `${value} (accepted)`) }
    else if (mayRestart || stops || remedy === undefined || !RESTARTS.test(remedy)) yield checkLine
    else yield { ...checkLine, remedy: `${MEND_FIRST}: ${remedy}` }
  }
}

const MEND_FIRST =
  'first correct the settings above, with which onescand would not start again; then'

function checkLinesFor(args: CheckOptions): AsyncGenerator<CheckLine> {
  if (args.interface !== undefined) return checkInterface(args.interface)
  const server = readServerOptions(args)
  if (server !== undefined) return checkNamedServer(server)
  return args.mail === undefined ? checkHost(args) : checkMail(args.mail, args)
}

/** Sends mail, if a log shows its outcome. */
async function* checkMail(address: string, args: CheckOptions): AsyncGenerator<CheckLine> {
  const named = args.log
  const ofRoot = args.lostLog === undefined ? undefined : (JSON.parse(args.lostLog) as CheckLine)
  const lost = named.length === 0 ? (ofRoot ?? (await lostLog())) : undefined
  const logs = lost === undefined ? logsToFollow(named) : []
  const blind = lost ?? checkReadable(logs)
  if (findMailServers(existsSync).includes('Sendmail')) yield* checkSendmailLoad(loadOfHost())
  if (blind === undefined)
    return yield* checkByMail(address, logs, { readsSlots: readsSlots(named) })
  yield { ...blind, level: 'error', value: `${blind.value}, and no mail was sent` }
}

/** The logs that are named, and those of this host from now on. */
function logsToFollow(named: readonly string[]): LogFile[] {
  // Postfix starts a program that has ended again only after a minute: until then its reason is above.
  const span = { since: Date.now() - 70_000, until: undefined }
  return [...named.flatMap(findLog), ...logsOfHost(span, { takesAll: true }), ...logsOfExim()]
}

/**
 * Returns whether the logs of onescan-queue are read: qmail's services write them where their run scripts
 * configure it.
 */
function readsSlots(named: readonly string[]): boolean {
  if (named.length > 0 || !findMailServers(existsSync).includes('qmail')) return true
  return logsOfHost({ since: undefined, until: undefined }).some(({ path }) =>
    /\/(?:qmail-)?smtpd\//.test(path),
  )
}

/** The load average of the last minute, as Sendmail rounds it, and the number of processors. */
const loadOfHost = () => ({ load: Math.round(loadavg()[0]!), processors: cpus().length })

const SMTP = 25
const NO_SERVICE = failure(
  'qmail',
  'no qmail-smtpd runs, and nothing listens at port 25: its settings are unknown',
  'start its service (svc -u, or a link to it in /service); to check settings before it runs, name them, as by --envdir',
)

/** Checks onescan's services and the mail servers, as far as the options name them. */
async function* checkHost(args: CheckOptions): AsyncGenerator<CheckLine> {
  const servers = args.daemon ? [] : serversToCheck(args)
  const isWhole = isWholeHost(args)
  const others = servers.filter((server) => server !== 'qmail')
  const running = isWhole || others.length > 0 ? await askRunningDaemon() : undefined
  const lost = lostSockets(running)
  const isSlotAlone = servers.length > 0 && others.length === 0
  const broken = isWhole && !args.daemon ? [...checkMailUnits(), ...(await checkSupervisors())] : []
  if (isWhole) yield* checkSystemPaths()
  if (isWhole && !args.daemon) yield* checkPackageAccounts()
  yield* broken
  const endpoints = onescandEndpoints(optionsOfOnescand(), running)
  const isForClients = !args.daemon && servers.length === 0 && servesClientsAlone(endpoints)
  let aboutInfected: CheckLine | undefined
  for await (const checkLine of isWhole ? checkOnescand(running, !isSlotAlone, lost) : []) {
    // Whether it is true depends on how the mail servers use onescand.
    const isDefault = hasMark(checkLine, 'infected mail by default')
    if (isDefault && (others.length > 0 || isForClients)) aboutInfected = checkLine
    else yield checkLine
  }
  if (isWhole && running !== undefined) yield* checkAllowed(endpoints)
  let isDecidedHere = false
  if (!args.daemon && servers.length === 0) yield* checkUnknownServer(args, running)
  for (const server of servers) {
    try {
      const found =
        server === 'qmail'
          ? checkQmail(args, broken.length > 0)
          : onceStarted(() => checkServer(server, args, running, lost))
      const isOneOfSeveral = servers.length > 1
      for await (const checkLine of found) {
        isDecidedHere ||= hasMark(checkLine, 'onescand acts on mail')
        yield isOneOfSeveral ? { ...checkLine, what: `${checkLine.what} [${server}]` } : checkLine
      }
    } catch (error) {
      if (isOnly(args)) throw error
      yield failure(server, `its settings were not checked: ${errorText(error)}`, SHOWN_BY_MAIL)
    }
  }
  if (aboutInfected !== undefined)
    yield isDecidedHere ? aboutInfected : decidedByClients(aboutInfected)
  if (isWhole && !args.daemon) {
    yield* checkMailServices()
    yield* checkQuotadHere()
  }
}

/**
 * Checks the slots. If no service of qmail runs, nothing is known about its settings. Check lines about its
 * units are the reason, if there are any.
 */
async function* checkQmail(args: CheckOptions, isExplained: boolean): AsyncGenerator<CheckLine> {
  if (!isOnly(args))
    yield* checkQueueRoom('qmail', join(settingTable.QMAILHOME.default, 'queue'), [])
  const runsNone = !isOnly(args) && (await findRunningServices()).services.length === 0
  if (!runsNone || (!isExplained && isServed(SMTP))) yield* checkSlots(args)
  else if (!isExplained) yield NO_SERVICE
}

/**
 * Returns the check line about infected mail where no mail server of this host was seen to use a door by which
 * onescand decides: a client of the clamd door acts by its own settings.
 */
function decidedByClients({ what, value, account }: CheckLine): CheckLine {
  const limited = `${value} by the milter and SMTP interfaces, which no mail server of this host was seen to use; clamd clients such as Exim apply their own settings to infected mail`
  return { ...ok(what, limited), ...(account !== undefined && { account }) }
}

/** A host on which no mail server was found by its files: its qmail may be in another directory. */
async function* checkUnknownServer(
  args: CheckOptions,
  running: RunningDaemon | undefined,
): AsyncGenerator<CheckLine> {
  const { services, checkLines } = await findRunningServices()
  if (services.length > 0) {
    yield* checkSlots(args)
    return
  }
  yield* checkLines
  yield noMailServer(onescandEndpoints(optionsOfOnescand(), running))
}

async function* checkServer(
  server: MailServer,
  args: CheckOptions,
  running: RunningDaemon | undefined,
  lost: ReadonlyMap<string, LostSocket>,
): AsyncGenerator<CheckLine> {
  const off = checkHostSwitch()
  if (off.length > 0) {
    yield* off
    return
  }
  const exim = eximOfHost()
  if (server === 'Exim') yield* await checkEximStart(exim)
  yield* checkServerUnit(server)
  const settings = running?.description?.settings ?? {}
  const endpoints = onescandEndpoints(optionsOfOnescand(), running)
  const scanSeconds =
    attempt(() => readSetting(settings, 'SCANTIMEOUT')) ?? settingTable.SCANTIMEOUT.default
  switch (server) {
    case 'Postfix':
      return yield* await withRspamd(
        await checkPostfix({
          directory: args.postfix ?? '',
          endpoints,
          accounts: readAccounts(),
          scanSeconds,
          makesStamps: Boolean(settings.CLUSTERKEYS),
          settings,
          lost,
        }),
        endpoints,
      )
    case 'Sendmail':
      yield* checkSendmailLoad(loadOfHost())
      yield* checkSendmailFiles()
      return yield* checkSendmail({
        endpoints,
        lost,
        scanSeconds,
      })
    case 'Exim':
      return yield* await checkExim({ endpoints, scanSeconds, exim })
  }
  yield warning(server, 'its settings cannot be read here', SHOWN_BY_MAIL)
}

function addCheckOptions(yargs: Argv<object>) {
  const ofHost = addEnvironmentOptions(yargs)
    .option('pid', textOption('Check only this running service, by the pid of its tcpserver'))
    .option(
      'rules',
      textOption(
        'FILE=NEW: check only the running services that use FILE of tcprules, as if NEW replaced it',
      ),
    )
    .option('postfix', {
      type: 'string',
      describe: 'Check only Postfix (with this configuration directory)',
    })
    .option(
      'daemon',
      flag(
        'Check only the running onescand: its settings and changed files, or why it is not running',
      ),
    )
    .option(
      'accept',
      textOptions(
        'Print warnings about this subject as ok, such as "infected mail"; may be repeated',
        {
          default: [] as string[],
        },
      ),
    )
    .option(
      'interface',
      textOption('Send a clean message to this interface of onescand: milter:PATH or smtp:PORT'),
    )
    .option(
      'mail',
      textOption(
        'Send a clean message, and EICAR in a small and a large one, to this address through every port and program that accepts mail without a login',
      ),
    )
    .option(
      'log',
      textOptions('With --mail: also search this log of onescan; may be repeated', {
        default: [] as string[],
      }),
    )
  return addServerOptions(ofHost)
    .option('json', printsJson)
    .option('lost-log', { type: 'string', hidden: true }) // from root: for-root.ts
    .option('services-from-root', { type: 'boolean', default: false, hidden: true }) // from root: check-slots.ts
    .example('$0 check --mail you@example.org', 'Send test mail through the mail server instead')
    .epilogue(
      'Scans the harmless test file of eicar.org. Nothing is delivered, except with --mail or --interface.\n\nExit codes: 0 no problems found; 1 there are warnings; 2 there are errors, ' +
        'or it failed.',
    )
}

/**
 * Returns the mail servers to check: the one that the options name, qmail if an option or variable describes
 * onescan-queue, or else all of this host.
 */
function serversToCheck(options: CheckOptions): MailServer[] {
  if (options.postfix !== undefined) return ['Postfix']
  return namesSlot(options) ? ['qmail'] : findMailServers(existsSync)
}

/** Returns whether the options name one server. */
const isOnly = (options: CheckOptions) => options.postfix !== undefined || namesSlot(options)

/** Returns whether no option or variable selects what to check: then everything on this host is checked. */
function isWholeHost(options: CheckOptions): boolean {
  return options.daemon || !isOnly(options)
}

import { existsSync } from 'node:fs'
import type { Argv } from 'yargs'
import { findLog, type LogFile } from '../../doors/observe/log/read-log.ts'
import { ownAccount, readAccounts } from '../../doors/readiness/account.ts'
import { checkHostSwitch } from '../../doors/readiness/settings.ts'
import { accountText } from '../../doors/readiness/stage.ts'
import { errorText } from '../../ground/errors/fault.ts'
import { error, type Finding, ok } from '../../ground/errors/finding.ts'
import { logsOfHost } from '../shared/log-arguments.ts'
import { flag, printsJson, text, texts } from '../shared/options.ts'
import { printFindings } from '../shared/print-findings.ts'
import { rootFacts } from '../shared/root-facts.ts'
import { type Arguments, makeCommand } from '../shared/run-command.ts'
import { askRunningDaemon, type RunningDaemon } from '../shared/running-daemon.ts'
import { addEnvironmentOptions } from '../shared/slot-environment.ts'
import { checkByMail } from './by-mail/check-by-mail.ts'
import { findMailServers, type MailServer } from './by-rule/mail-servers.ts'
import { onescandPlaces } from './by-rule/onescand-places.ts'
import { checkPostfix } from './by-rule/postfix.ts'
import { checkOnescand, checkRunningDaemon } from './daemon/check-onescand.ts'
import { configuredDaemon, scanTimeOf } from './daemon/configured-daemon.ts'
import { checkQuotadStart } from './daemon/quotad-start.ts'
import { checkSlot } from './slot/check-slot.ts'
import { namesSlot } from './slot/slot-hosts.ts'

/** `onescan check`: what keeps mail from being scanned here, and what to do about it. */
export const checkCommand = makeCommand('check', {
  command: 'check',
  describe: 'Look at this host as its mail servers see it: is it scanning?',
  builder: addCheckOptions,
  work: (args, output) => printFindings(findingsFor(args), output, headingFor(args)),
})

type CheckOptions = Arguments<typeof addCheckOptions>

/**
 * What is checked in a few words; undefined if an option says it, or root, which knows as whom this
 * looks.
 */
function headingFor(args: CheckOptions): string | undefined {
  if (rootFacts !== undefined || args.daemon || args.mail !== undefined) return undefined
  const accounts = readAccounts()
  const servers = serversToCheck(args).map((server) =>
    server === 'qmail' ? `as ${accountText({ account: ownAccount(accounts), accounts })}` : server,
  )
  return [...servers, ...(isWholeHost(args) ? ['onescand'] : [])].join('; ')
}

function findingsFor(args: CheckOptions): AsyncGenerator<Finding> {
  if (args.mail !== undefined) return checkByMail(args.mail, logsToFollow(args.log))
  return args.daemon ? checkRunningDaemon() : checkPart(args)
}

/** The logs that are named, and those of this host from now on. */
function logsToFollow(named: readonly string[]): LogFile[] {
  const span = { since: Date.now() - 1000, until: undefined }
  return [...named.flatMap(findLog), ...logsOfHost(span)]
}

/** Checks the part that root gave to this account; without root, all that the options name. */
async function* checkPart(args: CheckOptions): AsyncGenerator<Finding> {
  const part = rootFacts?.part?.of
  const servers = serversToCheck(args)
  if (part === undefined || part === 'host') {
    const others = servers.filter((server) => server !== 'qmail')
    yield* checkHost(others, args)
  }
  const hasSlot = part === 'slot' || (part === undefined && servers.includes('qmail'))
  if (hasSlot) yield* named('qmail', checkSlot(args), args)
  if (part === 'quotad' || (part === undefined && isWholeHost(args))) yield* checkQuotadStart()
}

/** Checks onescand and these mail servers. */
async function* checkHost(
  servers: readonly MailServer[],
  args: CheckOptions,
): AsyncGenerator<Finding> {
  const running = servers.length > 0 || isWholeHost(args) ? await askRunningDaemon() : undefined
  if (isWholeHost(args)) yield* checkOnescand(running, servers.length > 0)
  for (const server of servers) {
    try {
      yield* named(server, checkServer(server, args, running), args)
    } catch (thrown) {
      const remedy = 'correct it; the rest was looked at'
      yield error(server, errorText(thrown), remedy)
    }
  }
}

/** Findings with the name of their server, if the host has several. */
async function* named(
  server: MailServer,
  findings: AsyncIterable<Finding>,
  args: CheckOptions,
): AsyncGenerator<Finding> {
  const isOneOfSeveral = serversToCheck(args).length > 1
  for await (const finding of findings) {
    yield isOneOfSeveral ? { ...finding, what: `${finding.what} [${server}]` } : finding
  }
}

async function* checkServer(
  server: MailServer,
  args: CheckOptions,
  running: RunningDaemon | undefined,
): AsyncGenerator<Finding> {
  const off = checkHostSwitch()
  if (off.length > 0) {
    yield* off
    return
  }
  if (server !== 'Postfix') {
    const value = `what it does with mail is not read: onescan check --mail ADDRESS shows it`
    yield ok(server, value)
    return
  }
  const accounts = readAccounts()
  const configured = configuredDaemon(running?.description, accounts, Date.now())
  const words = configured?.words?.words ?? []
  yield* await checkPostfix({
    directory: args.postfix ?? '',
    places: onescandPlaces(words, running),
    accounts,
    scanTime: scanTimeOf(configured?.host.env),
    makesStamps: Boolean(configured?.host.env.CLUSTERKEYS),
  })
}

function addCheckOptions(yargs: Argv<object>) {
  return addEnvironmentOptions(yargs)
    .option('pid', text('Only this running service: the process of its tcpserver'))
    .option('postfix', {
      type: 'string',
      describe: 'Look only at Postfix (of this configuration directory)',
    })
    .option(
      'daemon',
      flag(
        'Look only at the onescand that runs: its settings, and changed files; or why it does not run',
      ),
    )
    .option(
      'mail',
      text(
        'Send a clean mail, and the EICAR test file in a small and a large one, to this address by each way of the server',
      ),
    )
    .option(
      'log',
      texts('With --mail: a log of onescan in another place than usual; repeat it', {
        default: [] as string[],
      }),
    )
    .option('json', printsJson)
    .example("$0 check --env QHPSI='plugin: clamd'", 'If tcp.smtp sets QHPSI')
    .epilogue(
      'Sends the harmless test file of eicar.org through the scanners and the slot; nothing is ' +
        'delivered but with --mail.\n\nExit codes: 0 all is well; 1 there are warnings; 2 there are errors, ' +
        'or it failed.',
    )
}

/**
 * The mail servers to look at: the one that the options name, the slot if an option or variable says how it
 * is set up, else all of this host.
 */
function serversToCheck(options: CheckOptions): MailServer[] {
  if (options.postfix !== undefined) return ['Postfix']
  return namesSlot(options) ? ['qmail'] : findMailServers(existsSync)
}

/** Whether no option or variable says what to check: then everything on this host is checked. */
function isWholeHost(options: CheckOptions): boolean {
  return options.postfix === undefined && !namesSlot(options)
}

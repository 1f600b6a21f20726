import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { errorText, Fault } from '../../../base/errors/fault.ts'
import { inheritedDescriptor } from '../../../base/process/descriptors.ts'
import { ServiceRun } from '../../protocol/slot/service-run.ts'
import { FAILED, runCommand } from '../command/run-command.ts'
import { refuseTerminal } from '../command/terminal.ts'
import { lostLog, socketOfOnescand } from '../host/running-daemon.ts'
import { findRunningServices } from '../host/running-services.ts'
import { BY_CALLER, HAND_ON, type HandOnAnswer, isHandedLine } from '../quarantine/by-caller.ts'
import { WHOLE } from './account-report.ts'
import { accountOfSlot, LOG_GROUPS, reader } from './check-accounts.ts'
import { type FedCommand, follow, printTo, type RunningCommand } from './follow.ts'
import { invokingUser, runAs } from './run-as.ts'

/** The way in which root delegates a command. */
interface Delegation {
  /**
   * By onescand, in its unit, or by an account that runs no service: that of onescan-queue, or one that
   * reads.
   */
  readonly by: 'service' | 'slot' | 'reader'
  /** More groups of the reader, for this command alone. */
  readonly groups?: readonly string[]
  /** Mail is queued by programs with set-ID bits. */
  readonly maySetId?: boolean
}

const ofLogs: Delegation = { by: 'reader', groups: LOG_GROUPS }

/** The commands that root delegates: not `check`, and not those that change root's files. */
const delegations: Readonly<Record<string, Delegation>> = {
  'check --interface': { by: 'reader' },
  'check --mail': { ...ofLogs, maySetId: true },
  'check --smtp': { by: 'reader' },
  inject: { by: 'slot', maySetId: true },
  log: ofLogs,
  policy: { by: 'reader' },
  quarantine: { by: 'service', maySetId: true },
  quota: { by: 'reader' },
  report: ofLogs,
  scan: { by: 'reader' },
  verify: { by: 'reader', groups: ['onescan-keys'] },
}

/** A command line, as yargs parses it: the command and its operands, and the options that matter here. */
interface ParsedLine {
  readonly _: readonly (string | number)[]
  readonly [option: string]: unknown
}

/** Returns how root delegates the command of this line, or undefined if root runs it itself. */
export function delegationFor(parsed: ParsedLine): Delegation | undefined {
  const command = String(parsed._[0])
  const of =
    command === 'check'
      ? ['smtp', 'interface', 'mail'].find((option) => parsed[option] !== undefined)
      : undefined
  const name = of === undefined ? command : `check --${of}`
  return Object.hasOwn(delegations, name) ? delegations[name] : undefined
}

/** Delegates a command to another process, which parses the same arguments. Sets the exit code. */
export async function doForRoot(
  delegation: Delegation,
  args: readonly string[],
  parsed: ParsedLine,
): Promise<void> {
  // A named account means the quarantine of a qmail-queue program, which that account keeps.
  const isInService = delegation.by === 'service' && parsed.user === undefined
  try {
    process.exitCode = await (isInService
      ? byService(args, parsed)
      : byAccount(delegation, args, parsed))
  } catch (error) {
    process.exitCode = FAILED
    await runCommand(String(parsed._[0]), { json: parsed.json === true }, () =>
      Promise.reject(error),
    )
  }
}

function byService(args: readonly string[], { _: [, act], raw }: ParsedLine): Promise<number> {
  if (act === 'release' || act === 'digest') return sendForRoot(args)
  const isRaw = raw === true
  if (isRaw) refuseTerminal()
  return follow(serviceRun(args), isRaw ? process.stdout : printLine, { whole: WHOLE })
}

async function byAccount(
  delegation: Delegation,
  args: readonly string[],
  { _: [command], user, dryRun }: ParsedLine,
): Promise<number> {
  const { by, groups, maySetId = false } = delegation
  const last = [user].flat().at(-1) // an option that is repeated is a list
  const named = typeof last === 'string' ? last : undefined
  const account =
    by === 'slot'
      ? accountOfSlot(named, (await findRunningServices()).services)
      : reader(named, groups)
  const readsInput = readsStdin(args)
  // onescand does not report to an account how it runs.
  const lost = delegation === delegations['check --mail'] ? await lostLog() : undefined
  const all = lost === undefined ? args : [...args, `--lost-log=${JSON.stringify(lost)}`]
  const mayQueue = maySetId && dryRun !== true
  const run = runAs({ account, args: all, readsInput, maySetId: mayQueue })
  if (run.stdin !== null) process.stdin.pipe(run.stdin)
  try {
    // A port of any user may send a greeting and then block check. An account controlled by an attacker may
    // block quarantine.
    const isBounded = command === 'check' || command === 'quarantine'
    return await follow(run, printLine, isBounded ? { whole: WHOLE } : {})
  } catch (error) {
    throw new Fault('read', `as ${account.name}: ${errorText(error)}`, error)
  } finally {
    if (readsInput) process.stdin.destroy()
  }
}

const printLine = (line: string) => printTo(process.stdout, line)

/** Returns whether the arguments read it: the shell may have a list there for its next command. */
function readsStdin(args: readonly string[]): boolean {
  return args.some((arg) => arg === '-' || inheritedDescriptor(arg) === 0)
}

/** Makes onescand run a command in its unit, under its account. */
function serviceRun(args: readonly string[]): ServiceRun {
  return new ServiceRun(socketOfOnescand(), { program: 'onescan', args, caller: invokingUser() })
}

/**
 * Makes onescand send mail on, and an account deliver it: src/scanner/cli/quarantine/by-caller.ts. Resolves to
 * the exit code of the command.
 */
function sendForRoot(args: readonly string[]): Promise<number> {
  const [route, others] = apart(args, ['--by'])
  const [settings] = apart(args, ['--env'])
  const sending = serviceRun([...others, '--by', BY_CALLER])
  let handing: FedCommand | undefined
  const take = async (line: string) => {
    if (!isHandedLine(line)) return printTo(process.stdout, line)
    handing ??= runAs({
      account: reader(),
      args: ['quarantine', HAND_ON, ...route, ...settings],
      maySetId: true,
      readsInput: true,
    })
    if (!line.startsWith('{"end":')) return writeTo(handing.stdin, `${line}\n`)
    handing.stdin.end(`${line}\n`)
    // Not end(): a frame after the answer may arrive on a closed connection (EPIPE), and the outcome would
    // then be lost.
    sending.stdin.write(`${JSON.stringify(await answerOf(handing))}\n`)
    handing = undefined
    return undefined
  }
  return follow(sending, take, { whole: WHOLE }).finally(() => handing?.close())
}

/** Resolves when the reader has room for more, or has stopped reading: the input may be endless. */
async function writeTo(out: Writable, line: string): Promise<void> {
  if (out.destroyed || out.write(line)) return
  const over = new AbortController()
  const events = ['drain', 'close'].map((event) => once(out, event, over))
  await Promise.race(events).catch(() => {}) // the caller that awaits its exit gets the error
  over.abort()
  for (const event of events) event.catch(() => {})
}

async function answerOf(handing: RunningCommand): Promise<HandOnAnswer> {
  const printed: string[] = []
  const code = await follow(handing, (line) => printed.push(line))
  const [by = '', ...reason] = printed
  return { code, by, reason: reason.join(' ') }
}

/** Splits the arguments into the options of these names, with their values, and all other arguments. */
function apart(args: readonly string[], names: readonly string[]): [string[], string[]] {
  const [taken, others]: [string[], string[]] = [[], []]
  const words = args.values()
  for (const word of words) {
    const [name = ''] = word.split('=')
    const isTaken = names.includes(name)
    ;(isTaken ? taken : others).push(word)
    if (isTaken && word === name) taken.push(words.next().value ?? '')
  }
  return [taken, others]
}

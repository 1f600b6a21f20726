import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { ServiceRun } from '../../doors/slot-socket/command.ts'
import { reader } from '../host/accounts.ts'
import { socketOfOnescand } from '../host/running-daemon.ts'
import { BY_CALLER, HAND_ON, type HandOnAnswer, isHandedLine } from '../quarantine/by-caller.ts'
import { WHOLE } from './account-report.ts'
import { follow, printTo, type RunningCommand } from './follow.ts'
import { runAs, whoTypes } from './run-as.ts'

/** Has onescand run a command in its unit, and with its account. */
export function serviceRun(args: readonly string[]): ServiceRun {
  return new ServiceRun(socketOfOnescand(), { program: 'onescan', args, caller: whoTypes() })
}

/**
 * Makes onescand release a message, and an account deliver it: src/cli/quarantine/by-caller.ts. Resolves to
 * the exit code of the release.
 */
export function releaseForRoot(args: readonly string[]): Promise<number> {
  const [route, others] = apart(args, ['--by'])
  const [settings] = apart(args, ['--env'])
  const release = serviceRun([...others, '--by', BY_CALLER])
  let handing: RunningCommand | undefined
  const take = async (line: string) => {
    if (!isHandedLine(line)) return printTo(process.stdout, line)
    handing ??= runAs({
      account: reader(),
      args: ['quarantine', HAND_ON, ...route, ...settings],
      maySetId: true,
      reads: true,
    })
    const isEnd = line.startsWith('{"end":')
    if (isEnd) handing.stdin!.end(`${line}\n`)
    else await writeTo(handing.stdin!, `${line}\n`)
    // Not end(): a frame after the answer may arrive on a closed connection (EPIPE), and the outcome of the
    // release would then be lost.
    if (isEnd) release.stdin.write(`${JSON.stringify(await answerOf(handing))}\n`)
    return undefined
  }
  return follow(release, take, { whole: WHOLE }).finally(() => handing?.close())
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
  const said: string[] = []
  const code = await follow(handing, (line) => said.push(line))
  const [by = '', ...why] = said
  return { code, by, why: why.join(' ') }
}

/** Splits the arguments into the options of these names, with their values, and all other arguments. */
function apart(args: readonly string[], names: readonly string[]): [string[], string[]] {
  const [taken, others]: [string[], string[]] = [[], []]
  for (let at = 0; at < args.length; at++) {
    const [name = ''] = args[at]!.split('=')
    const isTaken = names.includes(name)
    ;(isTaken ? taken : others).push(args[at]!)
    if (isTaken && args[at] === name) taken.push(args[++at] ?? '')
  }
  return [taken, others]
}

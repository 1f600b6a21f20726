import { writeSync } from 'node:fs'
import { asksAbout, tellAbout } from '../runtime/about.ts'
import { errorText, Fault } from '../runtime/fault.ts'
import { type Libc, loadLibc } from '../runtime/libc.ts'
import { readClient } from './client.ts'
import { type Connection, openConnection } from './connection.ts'
import { explain } from './explain.ts'
import { takePlace } from './limit.ts'
import { type Event, log } from './log.ts'
import { becomeNext, findNext } from './next-program.ts'
import { readOptions, USAGE, UsageError } from './options.ts'
import { planFor, waitOf } from './plan.ts'
import { loadPlanContext } from './plan-context.ts'
import { talk } from './talk.ts'
import { holdBack, waitForGreeting } from './wait.ts'

/** Exit codes of UCSPI programs. */
const exit = { done: 0, usage: 100, temporary: 111 } as const

process.exitCode = exit.temporary // until something better is known

const env = { ...process.env }
/** Milliseconds since this process began: its own start is part of the delay. */
const clock = () => performance.now()

smtpDelay(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error) => {
    log('failed', ['reason', errorText(error)])
    process.exit(error instanceof UsageError ? exit.usage : exit.temporary)
  },
)

/** One connection (smtp-delay(8)): the exit code, unless this process became the next program. */
async function smtpDelay(argv: readonly string[]): Promise<number> {
  if (asksAbout(argv)) {
    tellAbout('smtp-delay', `${USAGE}\n`, argv)
    return exit.done
  }
  const options = readOptions(argv)
  if (options.explain) return print(await explain(options, loadPlanContext(options, env)))

  const next = findNext(options.words, env)
  const client = readClient(env)
  const tell = (event: Event, why: string, waited?: number) => {
    if (!options.verbose) return
    log(event, ['remote', client.ip], ['waited_ms', waited?.toFixed(1)], ['reason', why])
  }
  const plan = planFor(client, options, loadPlanContext(options, env))
  const libc = await requireLibc()
  if (plan.kind === 'pass') {
    tell('passed', plan.why)
    return becomeNext(next, env, libc)
  }

  const connection = openConnection(libc)
  const place = options.limit && takePlace(options.limit, libc, process.pid)
  const isFull = options.limit !== undefined && place === undefined
  const { judgement, mayBeExempt } = isFull ? waitOf(0, 'no place to wait') : plan
  const delay = judgement.then((judged) => judged.delay * 1000)
  const sign = await waitForGreeting(connection, delay, clock)

  const judged = mayBeExempt ? await judgement : await Promise.race([judgement, undefined])
  const why = judged?.why ?? 'not looked up yet'
  const waited = clock()
  if (sign === 'left') {
    tell('left', why, waited)
    return exit.done
  }
  if (sign === 'silent' || judged?.exempt) {
    tell('passed', why, waited)
    place?.giveBack()
    return becomeNext(next, env, libc)
  }

  tell('talked', why, waited)
  if (!holdBack(connection, options.penalty * 1000, clock)) return exit.done
  place?.giveBack()
  if (!options.standalone) return becomeNext(next, env, libc, options.text)
  return refuse(connection, options.text, client.ip)
}

/** Talks to an early talker as rblsmtpd would. */
function refuse(connection: Connection, text: string, ip: string): number {
  log('refused', ['remote', ip], ['reply', 451], ['reason', text])
  talk(connection, text, clock)
  return exit.done
}

/** Without it an early talker cannot be seen; a delay that never refuses would be a pretence. */
async function requireLibc(): Promise<Libc> {
  const libc = await loadLibc()
  if (libc) return libc
  throw new Fault(
    'config',
    'the npm package koffi: is not installed, and early talkers cannot be seen without it; npm install koffi',
  )
}

function print(line: string): number {
  writeSync(1, `${line}\n`)
  return exit.done
}

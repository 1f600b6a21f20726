// `npm run bench:ordinary`: what happens to real mail, and what it costs.
//
//     npm run bench:ordinary -- ~/Maildir ~/old.mbox
//     npm run bench:ordinary -- --limit 1600 phishing_pot/email
//     npm run bench:ordinary -- --refusals --keep-from corpus
//
// Each file of a folder is a message, each mbox is split. They go through the warm slot, with default
// settings and the real clamd: first all of them, eight at a time, to find those that are refused or
// deferred; then those that were accepted, one at a time, by default and with SECONDLOOK=never. Both
// have a clamd and an onescand of their own, so that neither clamd remembers what the other one
// has read, after made-up mail that warms them up. A relay in front of clamd counts the scans that
// it answers. Each round starts all of these anew, since a process may be compiled well or badly as long as it
// runs; the table shows the median of the rounds, and the least and the most of each ratio.
//
// With --limit N: N messages, evenly spread over all of them. With --documents: of those with a document or an archive.
// With --rounds N: 3 by default. With --refusals: only the first of the three. With --keep-from: a line `From ` in
// front of a message belongs to it. With --set NAME=VALUE: this setting in all runs. With --alert-exceeds-max: a clamd
// that reports its limits. With --many-signatures: a clamd with a database of real size. With --quick: hardly a
// warm-up, to try the program. With --programs DIR: the compiled programs in DIR. With --over DIR:
// each mail also goes through the compiled programs in DIR, such as those of another version, and is compared with
// those of --programs. With --spool DIR: where mail is stored (/dev/shm, else /tmp). With --out DIR: where
// ordinary.json is written, which has all names (build/bench).
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { treeOf } from '../../../test/programs/host/process-tree.ts'
import { type Ending, withEnding } from '../../../test/programs/host/server.ts'
import { type Clamd, clamdMissing, startClamd } from '../../../test/programs/servers/clamd.ts'
import { buildDirectory } from '../compile.ts'
import { NATIVE } from '../contestants.ts'
import { manySignatures, oneSignature } from '../databases.ts'
import { FORMS } from '../letters.ts'
import { describeMachine } from '../machine.ts'
import { startOnescand } from '../onescand.ts'
import { openWorkshop, SPOOL, type Workshop } from '../workshop.ts'
import { evenly, hasDocument, type Mail, mailsIn } from './mails.ts'
import { startRelay } from './relay.ts'
import { type Cost, type Measured, type Passed, type Results, report, type Way } from './report.ts'
import { BATCH, type Lane, type Outcome, send } from './send.ts'

const USAGE = `usage: npm run bench:ordinary --
           [--limit N] [--documents] [--rounds N] [--refusals] [--keep-from] [--set NAME=VALUE]... [--alert-exceeds-max]
           [--many-signatures] [--quick] [--programs DIR] [--over DIR] [--spool DIR] [--out DIR] PLACE...
`

/** How many are on their way at once while nothing is measured. */
const AT_ONCE = 8

/**
 * How many turns of the benchmark's mail come before measuring, until hot code is compiled, and onescand
 * has asked what clamd takes; and with --quick.
 */
const WARM_UP = 1.5
const WARM_UP_QUICK = 0.05

/** What is measured goes through code that the warm-up has been through. */
const ONE_WORKER = ['--workers', '1']

const settingsOf: Readonly<Record<Way, Readonly<Record<string, string>>>> = {
  default: {},
  never: { SECONDLOOK: 'never' },
  other: {},
}

const root = join(import.meta.dirname, '../../..')

// Daemons and directories of the run go with it (each waits for `exit`).
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(130))
process.stdout.once('error', () => process.exit(111)) // nobody reads any more

const parsed = understand(process.argv.slice(2))
process.exitCode = parsed ? await bench(parsed) : 100

function understand(args: readonly string[]) {
  try {
    return readOrder(args)
  } catch (error) {
    print(`bench:ordinary: ${error instanceof Error ? error.message : error}\n${USAGE}`)
    return undefined
  }
}

type Order = ReturnType<typeof readOrder>

/** Throws an Error that shows what is wrong with the arguments. */
function readOrder(args: readonly string[]) {
  const { values, positionals: places } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      limit: { type: 'string' },
      documents: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '3' },
      refusals: { type: 'boolean', default: false },
      'keep-from': { type: 'boolean', default: false },
      set: { type: 'string', multiple: true, default: [] },
      'alert-exceeds-max': { type: 'boolean', default: false },
      'many-signatures': { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      programs: { type: 'string' },
      over: { type: 'string' },
      spool: { type: 'string', default: SPOOL },
      out: { type: 'string', default: buildDirectory },
    },
  })
  if (places.length === 0) throw new Error('name folders of mails, or mboxes')
  const [limit, rounds] = (['limit', 'rounds'] as const).map((name) => {
    const count = Number(values[name] ?? Number.MAX_SAFE_INTEGER)
    if (Number.isSafeInteger(count) && count >= 1) return count
    throw new Error(`--${name} ${values[name]}: give a whole number from 1 on`)
  })
  const settings = values.set.map((words) => {
    const [, name, value] = /^(\w+)=(.*)$/.exec(words) ?? []
    if (name === undefined) throw new Error(`--set ${words}: give NAME=VALUE`)
    return [name, value!] as const
  })
  if (values.over !== undefined && values.programs === undefined) {
    throw new Error('--over: needs --programs, with the compiled programs to compare')
  }
  const found = places.flatMap((place) => mailsIn(place, values['keep-from']))
  const all = values.documents ? found.filter(hasDocument) : found
  if (all.length === 0) throw new Error(`no mail in ${places.join(', ')}`)
  return {
    mails: evenly(all, limit!),
    rounds: rounds!,
    places,
    settings: Object.fromEntries(settings),
    refusalsAlone: values.refusals,
    alertExceedsMax: values['alert-exceeds-max'],
    database: values['many-signatures'] ? manySignatures() : oneSignature,
    warmUp: values.quick ? WARM_UP_QUICK : WARM_UP,
    programs: values.programs === undefined ? undefined : resolve(values.programs),
    over: values.over === undefined ? undefined : resolve(values.over),
    spool: resolve(values.spool),
    out: resolve(values.out),
  }
}

/** Measures, prints and writes the results; 0 if each accepted mail came out once and whole. */
async function bench(order: Order): Promise<number> {
  if (clamdMissing) throw new Error(clamdMissing)
  const workshop = openWorkshop(order.spool, order.spool) // fsync on a disk would take longest
  process.once('exit', workshop.remove) // when it is interrupted, too
  const machine = describeMachine(workshop.directory)
  const passed = await findRefusals(order, workshop)
  const accepted = passed.filter(({ outcome }) => outcome.decision === 'accepted')
  const those = order.refusalsAlone ? [] : accepted.map(({ mail }) => mail)
  const measured: Measured[][] = []
  for (let round = 1; those.length > 0 && round <= order.rounds; round++) {
    measured.push(await measureCosts(those, order, workshop, round))
  }
  workshop.remove()

  const { places, settings, database } = order
  const run = { machine, places, settings, database: database.name }
  const results: Results = { ...run, passed, measured }
  const file = join(order.out, 'ordinary.json')
  mkdirSync(order.out, { recursive: true })
  writeFileSync(file, `${JSON.stringify(results, undefined, 2)}\n`)
  print(`${report(results)}\n\nwritten to ${file}`)
  return process.exitCode === undefined ? 0 : 1
}

/** All of them by default, several at a time. */
function findRefusals(order: Order, workshop: Workshop): Promise<Passed[]> {
  return withEnding(async (t) => {
    const station = await startStation(t, 'refusals', {
      order,
      workshop,
      programs: order.programs,
    })
    const passed: Passed[] = []
    for (const mails of batches(order.mails)) {
      for (const [index, outcome] of (await station.send(mails, AT_ONCE)).entries()) {
        passed.push({ mail: mails[index]!, outcome })
      }
      progress('refusals', passed.length, order.mails.length)
    }
    return passed
  })
}

/** Each mail in all ways, one at a time; batches in turns, so that all ways meet the same changes of the machine. */
function measureCosts(
  mails: readonly Mail[],
  order: Order,
  workshop: Workshop,
  round: number,
): Promise<Measured[]> {
  return withEnding(async (t) => {
    const open = (way: Way) =>
      startStation(t, `${way}-${round}`, {
        order,
        workshop,
        settings: settingsOf[way],
        options: ONE_WORKER,
        programs: way === 'other' ? order.over : order.programs,
      })
    const byDefault = await open('default')
    const byNever = await open('never')
    const byOther = order.over === undefined ? undefined : await open('other')
    for (const station of [byDefault, byNever, byOther]) await station?.warmUp()
    const measured: Measured[] = []
    for (const batch of batches(mails)) {
      const defaults = await byDefault.measure(batch)
      const nevers = await byNever.measure(batch)
      const others = await byOther?.measure(batch)
      for (const [index, { name, size }] of batch.entries()) {
        const both = { name, size, default: defaults[index]!, never: nevers[index]! }
        measured.push(others ? { ...both, other: others[index]! } : both)
      }
      progress(`costs, round ${round}`, measured.length, mails.length)
    }
    return measured
  })
}

interface StationWish {
  readonly order: Order
  readonly workshop: Workshop
  /** Those that differ from the order's. */
  readonly settings?: Readonly<Record<string, string>>
  /** Of onescand. */
  readonly options?: readonly string[]
  /** Where the compiled programs are; by default those that run on Node. */
  readonly programs?: string | undefined
}

/** A clamd that has seen nothing, an onescand that asks it, and a way to send mail to that. */
async function startStation(t: Ending, name: string, wish: StationWish) {
  const { order, workshop, settings = {}, options = [] } = wish
  const { alertExceedsMax, database } = order
  const setup = { parent: order.spool, alertExceedsMax, database: database.files }
  const clamd = await startClamd(t, setup)
  const relay = await startRelay(t, clamd.socket, name, workshop.directory)
  const programs = programsIn(wish.programs)
  const environment = {
    ...workshop.environment({ ...clamd, socket: relay.socket } satisfies Clamd),
    ...order.settings,
    ...settings,
  }
  const { directory } = workshop
  const onescand = await startOnescand(t, [programs.daemon], name, directory, environment, options)
  const lane: Lane = {
    client: programs.client,
    environment: { ...environment, ONESCAN_SOCKET: onescand.socket },
  }
  const sendAll = async (
    messages: readonly Buffer[],
    atOnce: number,
    servers: readonly number[] = [],
  ): Promise<readonly Outcome[]> => {
    const { outcomes, trouble } = await send(messages, { ...lane, servers }, atOnce, workshop)
    if (trouble !== '') {
      print(`TROUBLE: ${name}: ${trouble}`)
      process.exitCode = 1
    }
    return outcomes
  }
  return {
    send: (mails: readonly Mail[], atOnce: number) =>
      sendAll(
        mails.map((mail) => mail.read()),
        atOnce,
      ),
    async warmUp() {
      for (const { make, oneAtATime } of FORMS) {
        const length = Math.ceil(order.warmUp * oneAtATime)
        const letters = Array.from({ length }, (_, serial) => Buffer.from(make(serial), 'latin1'))
        await sendAll(letters, 1)
      }
    },
    async measure(mails: readonly Mail[]): Promise<Cost[]> {
      const pids = treeOf(onescand.pid)
      const messages = mails.map((mail) => mail.read())
      const outcomes = await sendAll(messages, 1, [clamd.pid, ...pids])
      const questions = relay.take(outcomes.map(({ passage }) => passage))
      return outcomes.map(({ decision, passage: { ms, servers } }, index) => {
        const [ofClamd = 0, ...ofOnescand] = servers
        const used = ofOnescand.reduce((sum, own) => sum + own, 0)
        return { decision, ms, questions: questions[index]!, onescand: used, clamd: ofClamd }
      })
    },
  }
}

/** Those that run on Node unless others are named. */
function programsIn(directory: string | undefined) {
  return {
    client: join(directory ?? NATIVE, 'onescanc'),
    daemon: join(directory ?? join(root, 'bin'), 'onescand'),
  }
}

function batches<Item>(items: readonly Item[]): Item[][] {
  const count = Math.ceil(items.length / BATCH)
  return Array.from({ length: count }, (_, n) => items.slice(n * BATCH, (n + 1) * BATCH))
}

function progress(what: string, done: number, all: number): void {
  if (done % 1000 === 0 || done === all) process.stderr.write(`${what}: ${done} of ${all}\n`)
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

// `npm run bench`: wrappers for the slot side by side; doc/development/benchmark.md explains it.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { withEnding } from '../../test/programs/host/server.ts'
import { clamdMissing, startClamd } from '../../test/programs/servers/clamd.ts'
import { buildDirectory } from './compile.ts'
import { type Contestant, contestants, NAMES, NATIVE } from './contestants.ts'
import { type Database, manySignatures, oneSignature } from './databases.ts'
import { FORMS } from './letters.ts'
import { describeMachine } from './machine.ts'
import { type Lane, measure, type Turn } from './measure.ts'
import { startOnescand } from './onescand.ts'
import { prove } from './prove.ts'
import { figuresOf, type Results, report } from './report.ts'
import { openWorkshop, SPOOL, type Workshop } from './workshop.ts'

// Daemons and directories of the run go with it (each waits for `exit`).
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(130))
process.stdout.once('error', () => process.exit(111)) // nobody reads any more

const USAGE = `usage: npm run bench --
           [--quick] [--rounds N] [--only NAME]... [--programs DIR] [--spool DIR] [--out DIR]

  --quick         fewer messages, one round
  --rounds N      measure everything N times (3; 1 with --quick)
  --only NAME     this contestant; repeat it for several
  --programs DIR  where onescanc, onescand and onescan-queue are (build/native)
  --spool DIR     where files lie that live for a moment (/dev/shm, else /tmp)
  --out DIR       where the results go (build/bench)
`

const parsed = understand(process.argv.slice(2))
process.exitCode = parsed ? await bench(parsed) : 100

/** Measures, prints and writes the results; 0 if everything that took part did its work. */
async function bench(options: ReturnType<typeof readOptions>): Promise<number> {
  if (clamdMissing) throw new Error(clamdMissing)
  const workshop = openWorkshop(options.spool)
  process.once('exit', workshop.remove) // when it is interrupted, too
  const machine = describeMachine(workshop.directory)
  const all = contestants(options.programs).filter(
    ({ name }) => options.only.length === 0 || options.only.includes(name),
  )
  const present = all.filter(({ missing }) => missing === undefined)
  for (const { label, missing } of all) if (missing) print(`missing: ${label}: ${missing}`)

  const runs = []
  for (const database of [oneSignature, manySignatures()]) {
    runs.push(await benchWith(database, present, workshop))
  }
  workshop.remove()

  const turns = runs.flatMap((run) => run.turns)
  const figures = figuresOf(turns)
  const { quick, rounds, spool } = options // not the directories: they are this machine's
  const results: Results = { machine, options: { quick, rounds, spool }, figures }
  const file = join(options.out, 'results.json')
  mkdirSync(options.out, { recursive: true })
  writeFileSync(file, `${JSON.stringify(results, undefined, 2)}\n`)
  print(`\n${report(results)}\n\nwritten to ${file}`)

  for (const { contestant, form, atOnce, trouble, standalone } of turns) {
    const where = `${contestant}, ${form}, ${atOnce} at a time`
    if (trouble !== '') print(`TROUBLE: ${where}: ${trouble}`)
    if (standalone > 0) print(`went standalone: ${where}: ${standalone}`)
  }
  const isSound = turns.every(({ trouble }) => trouble === '')
  return isSound && runs.every((run) => run.areAllProven) ? 0 : 1
}

/** All rounds of all contestants with one clamd. */
async function benchWith(
  { name: database, files }: Database,
  present: readonly Contestant[],
  workshop: Workshop,
) {
  const { rounds, quick, spool } = parsed!
  print(`clamd with ${database}`)
  return withEnding(async (t) => {
    const clamd = await startClamd(t, { parent: spool, alertExceedsMax: true, database: files })
    const environment = workshop.environment(clamd)
    const lanes: Lane[] = []
    for (const contestant of present) {
      const { daemon, name } = contestant
      const own = { ...environment, ...contestant.settings }
      const onescand = daemon && (await startOnescand(t, [daemon], name, workshop.directory, own))
      const asked = onescand ? { ...own, ONESCAN_SOCKET: onescand.socket } : own
      const faults = await prove(contestant, asked, workshop)
      for (const fault of faults) print(`LEFT OUT: ${contestant.label}: ${fault}`)
      const pids = { clamd: clamd.pid, onescand: onescand ? onescand.pid : undefined }
      if (faults.length === 0) lanes.push({ contestant, environment: asked, ...pids })
    }
    const turns: Turn[] = []
    // The first round is for programs to be in memory, and compiled where they are hot.
    for (let round = 0; round <= rounds; round++) {
      for (const form of FORMS) {
        print(`${round === 0 ? 'warming up' : `round ${round} of ${rounds}`}: ${form.name}`)
        for (const atOnce of [1, 8]) {
          const count = atOnce === 1 ? form.oneAtATime : form.eightAtATime
          const size = { count: quick ? Math.ceil(count / 8) : count, atOnce, database }
          for (const lane of rotated(lanes, round)) {
            const turn = await measure(lane, form, size, workshop)
            if (round > 0) turns.push(turn)
          }
        }
      }
    }
    return { turns, areAllProven: lanes.length === present.length }
  })
}

/** Another one begins each round, so that what drifts drifts for all. */
function rotated<Item>(items: readonly Item[], by: number): Item[] {
  const start = items.length > 0 ? by % items.length : 0
  return [...items.slice(start), ...items.slice(0, start)]
}

function understand(args: readonly string[]) {
  try {
    return readOptions(args)
  } catch (error) {
    print(`bench: ${error instanceof Error ? error.message : error}\n${USAGE}`)
    return undefined
  }
}

/** Throws an Error that shows what is wrong with the arguments. */
function readOptions(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      rounds: { type: 'string' },
      programs: { type: 'string', default: NATIVE },
      spool: { type: 'string', default: SPOOL },
      out: { type: 'string', default: buildDirectory },
    },
  })
  const strange = values.only.find((name) => !(NAMES as readonly string[]).includes(name))
  if (strange !== undefined) {
    throw new Error(`--only ${strange}: no such contestant; there are ${NAMES.join(', ')}`)
  }
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 3))
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > 100) {
    throw new Error(`--rounds ${values.rounds}: give a whole number from 1 to 100`)
  }
  const { quick, only, programs, spool, out } = values
  const directories = { programs: resolve(programs), spool: resolve(spool), out: resolve(out) }
  return { quick, only, rounds, ...directories }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

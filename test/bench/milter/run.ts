// `npm run bench:milter`: Postfix with one milter and another; doc/benchmark.md explains it.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { clamavMilterMissing } from '../../programs/clamav-milter.ts'
import { clamdMissing, startClamd } from '../../programs/clamd.ts'
import { postfixMissing } from '../../programs/postfix.ts'
import { describeMachine, machineText } from '../machine.ts'
import { type Options, readOptions, usageOf } from '../options.ts'
import { openWorkshop } from '../workshop.ts'
import { contestants, NAMES, planStreams } from './contestants.ts'
import { openField } from './field.ts'
import { figuresOf, goalsOf } from './figures.ts'
import { type Measurement, measure } from './measure.ts'
import { prove } from './prove.ts'
import { report } from './report.ts'

// Daemons and directories of the run go with it (each waits for `exit`).
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(130))

const options = understand(process.argv.slice(2))
process.exitCode = options ? await bench(options) : 100

/** Measures, prints and writes the results; 0 where all that took part did their work. */
async function bench(options: Options): Promise<number> {
  const missing = clamdMissing || postfixMissing || clamavMilterMissing
  if (missing) throw new Error(missing)
  const { programs, spool, only, rounds } = options
  const workshop = openWorkshop(spool)
  process.once('exit', workshop.remove) // when it is interrupted, too
  const machine = describeMachine(workshop.directory)
  const clamd = await startClamd({ parent: spool })
  const present = contestants.filter(({ name }) => only.length === 0 || only.includes(name))
  const field = await openField(present, { workshop, clamd, programs, spool })
  try {
    workshop.stampMessages()
    const sound = []
    for (const lane of field.lanes) {
      const faults = await prove(lane, workshop)
      for (const fault of faults) say(`LEFT OUT: ${lane.contestant.label}: ${fault}`)
      if (faults.length === 0) sound.push(lane)
    }
    say('warming up') // a runtime compiles what it has done some thousand times
    for (let turn = 0; turn < (options.quick ? 1 : 4); turn++) {
      for (const stream of planStreams(options.quick)) {
        for (const lane of sound) await measure(lane, stream, 0, workshop)
      }
    }
    const measurements: Measurement[] = []
    for (let round = 0; round < rounds; round++) {
      workshop.stampMessages() // a stamp is good for an hour
      for (const stream of planStreams(options.quick)) {
        say(`round ${round + 1} of ${rounds}: ${stream.name} mail, ${stream.size.name}`)
        for (const lane of rotated(sound, round)) {
          measurements.push(await measure(lane, stream, round, workshop))
        }
      }
    }
    const figures = figuresOf(measurements)
    const goals = goalsOf(figures)
    const text = [machineText(machine), `rounds: ${rounds}`, report(figures, goals)].join('\n\n')
    mkdirSync(options.out, { recursive: true })
    writeFileSync(join(options.out, 'milter.txt'), `${text}\n`)
    const results = { machine, options, goals, figures }
    writeFileSync(join(options.out, 'milter.json'), `${JSON.stringify(results, undefined, 2)}\n`)
    say(`\n${text}\n\nwritten to ${options.out}: milter.json, milter.txt`)
    return sound.length < present.length ? 1 : 0
  } finally {
    await field.stop()
    await clamd.stop()
    workshop.remove()
  }
}

/** Another one begins each round, so that what drifts drifts for all. */
function rotated<Item>(items: readonly Item[], by: number): Item[] {
  const start = items.length > 0 ? by % items.length : 0
  return [...items.slice(start), ...items.slice(0, start)]
}

function understand(args: readonly string[]): Options | undefined {
  try {
    return readOptions(args, NAMES)
  } catch (error) {
    say(`bench: ${error instanceof Error ? error.message : error}\n${usageOf('bench:milter')}`)
    return undefined
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

// `npm run bench`: wrappers for the slot side by side; doc/benchmark.md explains it.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { clamdMissing, startClamd } from '../programs/clamd.ts'
import { contestants, NAMES } from './contestants.ts'
import { startDaemons } from './daemons.ts'
import { chooseField } from './field.ts'
import { figuresOf } from './figures.ts'
import { goalsOf } from './goals.ts'
import { loadDaemon } from './load.ts'
import { describeMachine, machineText } from './machine.ts'
import { type Options, readOptions, usageOf } from './options.ts'
import { plot } from './plot.ts'
import { report } from './report.ts'
import { measureAll, proveAll } from './rounds.ts'
import { openWorkshop } from './workshop.ts'

// Daemons and directories of the run go with it (each waits for `exit`).
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(130))
process.stdout.once('error', () => process.exit(111)) // nobody reads any more

const options = understand(process.argv.slice(2))
process.exitCode = options ? await bench(options) : 100

/** Measures, prints and writes the results; 0 where everything that took part did its work. */
async function bench(options: Options): Promise<number> {
  if (clamdMissing) throw new Error(clamdMissing)
  const workshop = openWorkshop(options.spool)
  process.once('exit', workshop.remove) // when it is interrupted, too
  const machine = describeMachine(workshop.directory)
  const clamd = await startClamd({ parent: options.spool })
  const environment = workshop.environment(clamd)
  const all = contestants(options.programs).filter(({ name }) => wanted(name, options))
  const present = all.filter(({ missing }) => missing === undefined)
  for (const { label, missing } of all) if (missing) say(`missing: ${label}: ${missing}`)
  const daemons = await startDaemons(present, workshop.directory, environment)
  try {
    const lanes = present.map((contestant) => ({
      contestant,
      environment: { ...environment, ...daemons.settings(contestant) },
      servers: [clamd.pid, daemons.pid(contestant) ?? 0].filter((pid) => pid > 0),
    }))
    workshop.stampMessages()
    const sound = await proveAll(lanes, workshop, say)
    const field = chooseField(workshop)
    const measurements = await measureAll(sound, { field, workshop, options, say })
    const warm = sound.find(({ contestant }) => contestant.name === 'warm')
    const pid = warm && daemons.pid(warm.contestant)
    if (warm && pid) say('memory of onescand under load')
    const load = options.quick ? 500 : 10_000
    const daemonMemory = warm && pid ? await loadDaemon(warm, pid, load, field) : undefined

    const figures = figuresOf(measurements)
    const goals = goalsOf({ figures, daemonMemory })
    const text = [
      machineText(machine),
      `rounds: ${options.rounds}; short-lived files: ${options.spool}; chain: ${field.queue ? 'test/bench/sink.c' : field.chain}`,
      report(figures, all, goals),
    ].join('\n\n')
    const summary = { machine, chain: field.chain, options, daemonMemory, goals, figures }
    const write = (name: string, content: string) => writeTo(options.out, name, content)
    write('results.json', JSON.stringify(summary, undefined, 2))
    write('results.svg', plot(figures, all, machine))
    write('results.txt', text)
    say(`\n${text}\n\nwritten to ${options.out}: results.json, results.svg, results.txt`)

    const troubles = measurements.filter(({ trouble }) => trouble !== '')
    for (const { contestant, kind, size, atOnce, trouble } of troubles) {
      say(`TROUBLE: ${contestant}, ${kind}, ${size}, ${atOnce} at a time: ${trouble}`)
    }
    return troubles.length > 0 || sound.length < present.length ? 1 : 0
  } finally {
    await daemons.stop()
    await clamd.stop()
    workshop.remove()
  }
}

function wanted(name: string, { only }: Options): boolean {
  return only.length === 0 || only.includes(name)
}

function understand(args: readonly string[]): Options | undefined {
  try {
    return readOptions(args, NAMES)
  } catch (error) {
    say(`bench: ${error instanceof Error ? error.message : error}\n${usageOf('bench')}`)
    return undefined
  }
}

function writeTo(directory: string, name: string, text: string): void {
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, name), `${text}\n`)
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

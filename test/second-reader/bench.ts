import fc from 'fast-check'
import { EICAR } from '../../src/scan/scanners/eicar/eicar.ts'
import { type Attack, attacks } from './attacks.ts'
import { describe, make, type Recipe, recipes, smaller } from './mail.ts'
import { type Door, type Passage, scanOf, type Variant } from './passage.ts'
import { clamdSays } from './readers/clamd.ts'
import { readByLines } from './readers/lines.ts'
import { readByPostalMime } from './readers/postal-mime.ts'
import type { Rig } from './rig.ts'
import { faults, type Readings } from './truths.ts'

/** One message, and where it goes. */
interface Trial {
  readonly recipe: Recipe
  readonly door: keyof Rig['doors']
  readonly variant: Variant
}

export interface Fault {
  /** Door, variant and recipe or attack. */
  readonly trial: string
  readonly message: Buffer
  readonly faults: readonly string[]
}

export interface Tally {
  messages: number
  /** By door, and by what became of them. */
  readonly doors: Map<string, number>
  readonly outcomes: Map<string, number>
  /** Attachments that readers open and clamd does not find in what is called clean, by class. */
  readonly missed: Map<string, number>
  /** Readings that a reader gave up. */
  readonly troubles: Map<string, number>
  readonly faults: Fault[]
}

export const newTally = (): Tally => ({
  messages: 0,
  doors: new Map(),
  outcomes: new Map(),
  missed: new Map(),
  troubles: new Map(),
  faults: [],
})

type DoorName = keyof Rig['doors']
type Weights<Name extends string> = Readonly<Partial<Record<Name, number>>>

export interface Order {
  readonly count: number
  readonly seed: number
  /** How many of them go through each door; by default the more, the less a door costs. */
  readonly doors?: Weights<DoorName>
  /** By default most are refused where they are infected. */
  readonly variants?: Weights<Variant>
  /** Told after each batch. */
  readonly progress?: (tally: Tally) => void
}

const allDoors: Weights<DoorName> = { cold: 2, client: 5, socket: 45, milter: 38, smtp: 10 }
const allVariants: Weights<Variant> = { refuse: 8, tag: 2, skip: 1 }

function trialsOf({ doors = allDoors, variants = allVariants }: Order): fc.Arbitrary<Trial> {
  return fc.record({ recipe: recipes, door: weighted(doors), variant: weighted(variants) })
}

function weighted<Name extends string>(weights: Weights<Name>): fc.Arbitrary<Name> {
  return fc.oneof(
    ...(Object.entries(weights) as [Name, number][]).map(([name, weight]) => ({
      weight,
      arbitrary: fc.constant(name),
    })),
  )
}

/** Messages that are made, and judged, with others in between. */
const AT_ONCE = 16
const BATCH = 1000

/** `count` messages by `seed`: the same seed makes the same messages, but for the time in stamps. */
export async function runBench(rig: Rig, order: Order): Promise<Tally> {
  const { count, seed, progress } = order
  const trials = trialsOf(order)
  const tally = newTally()
  for (let done = 0; done < count; done += BATCH) {
    const numRuns = Math.min(BATCH, count - done)
    const batch = fc.sample(trials, { numRuns, seed: seed + done })
    let next = 0
    const lane = async () => {
      while (next < batch.length) await runTrial(rig, batch[next++]!, tally)
    }
    await Promise.all(Array.from({ length: AT_ONCE }, lane))
    progress?.(tally)
  }
  return tally
}

/**
 * Every attack through every door. If that is wanted, those that ask a daemon take it in every variant,
 * and not the slot socket alone; and not only one attack in five starts a cold program, or is so large
 * that it goes by a file.
 */
export async function runAttacks(rig: Rig, tally: Tally, isWhole = true): Promise<void> {
  const tryIt = async (attack: Attack, door: Door, variant: Variant, large: boolean) => {
    const made = attack.message(unixTime())
    const message = large ? Buffer.concat([made, EPILOGUE]) : made
    const { found } = await pass(rig, door, variant, message, attack.name, tally)
    if (found.length === 0) return
    const trial = `${door.name}, ${variant}: ${attack.name}${large ? ', large' : ''}`
    tally.faults.push({ trial, message, faults: found })
  }
  const { cold, client, socket, milter, smtp } = rig.doors
  const some = isWhole ? variants : (['refuse'] as const)
  const calls = attacks.flatMap((attack, number) => {
    const through = (door: Door, variant: Variant, large = false) => {
      return () => tryIt(attack, door, variant, large)
    }
    return [
      ...variants.map((variant) => through(socket, variant)),
      ...[milter, smtp].flatMap((door) => some.map((variant) => through(door, variant))),
      through(client, 'refuse'),
      ...(isWhole || number % 5 === 0
        ? [through(cold, 'refuse'), through(client, 'refuse', true)]
        : []),
    ]
  })
  const lane = async () => {
    for (let call = calls.shift(); call; call = calls.shift()) await call()
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
}

/** More than onescanc sends: from 64 KiB on, it names a file in SPOOLDIR, if there is one. */
const EPILOGUE = Buffer.alloc(80_000, '\nwhat stands behind all that matters')

const variants: readonly Variant[] = ['refuse', 'tag', 'skip']

const unixTime = () => Math.floor(Date.now() / 1000)

async function runTrial(rig: Rig, trial: Trial, tally: Tally): Promise<void> {
  const { door, variant, recipe } = trial
  const tryIt = async (candidate: Recipe, into: Tally) => {
    const message = make(candidate, unixTime())
    const { found } = await pass(rig, rig.doors[door], variant, message, describe(candidate), into)
    return { message, found }
  }
  let { message, found } = await tryIt(recipe, tally)
  if (found.length === 0) return
  let least = recipe
  for (let steps = smaller(least), step = steps.next(); !step.done; step = steps.next()) {
    const tried = await tryIt(step.value, newTally())
    if (tried.found.length === 0) continue
    least = step.value
    message = tried.message
    found = tried.found
    steps = smaller(least)
  }
  tally.faults.push({
    trial: `${rig.doors[door].name}, ${variant}: ${JSON.stringify(least)}`,
    message,
    faults: found,
  })
}

async function pass(
  rig: Rig,
  door: Door,
  variant: Variant,
  message: Buffer,
  kind: string,
  tally: Tally,
): Promise<{ readonly found: readonly string[] }> {
  const passage = await door.send(message, variant)
  const readings = await read(rig, passage)
  tally.messages++
  count(tally.doors, door.name)
  count(tally.outcomes, `${passage.outcome} ${scanOf(passage)}`)
  if (readings !== undefined) tellOf(readings, passage, kind, tally)
  return { found: faults(passage, readings, variant) }
}

async function read(rig: Rig, { came, left }: Passage): Promise<Readings | undefined> {
  if (left === undefined) return undefined
  const [before, after, postal, virus] = await Promise.all([
    rig.python.stamps(came),
    rig.python.read(left),
    readByPostalMime(left, EICAR),
    clamdSays(rig.clamd, left),
  ])
  const parts = {
    'compat32 of Python': after.compat32,
    'default of Python': after.default,
    'postal-mime': postal,
  }
  const fields = readByLines(left)
  for (const [name, { qhpsi, trouble }] of Object.entries(parts)) {
    if (trouble === undefined) fields[name] = qhpsi
  }
  return { fields, parts, virus, stampsBefore: before, stampsAfter: after.stamps }
}

function tellOf(readings: Readings, passage: Passage, kind: string, tally: Tally): void {
  const readers = Object.entries(readings.parts)
  for (const [name, { trouble }] of readers)
    if (trouble !== undefined) count(tally.troubles, `${name}: ${trouble}`)
  const opened = readers.some(([, reading]) => reading.opened)
  if (opened && readings.virus === '' && scanOf(passage) === 'clean') count(tally.missed, kind)
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

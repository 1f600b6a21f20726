import { clamdAnswer } from '../../test/programs/servers/clamd.ts'
import { createRandom } from '../../test/run/random.ts'
import { minimise } from '../bench/readers/minimise.ts'
import { type Attack, attacks } from './attacks.ts'
import { made } from './mail.ts'
import { type Door, inLanes, type Passage, scanOf, type Variant } from './passage.ts'
import { readFields } from './readers/fields.ts'
import type { Doors, Rig } from './rig.ts'
import { faults, type Readings } from './truths.ts'

export interface Fault {
  /** Interface, variant, and what the message is. */
  readonly trial: string
  readonly message: Buffer
  readonly faults: readonly string[]
}

export interface Tally {
  messages: number
  /** By interface, and by what happened to them. */
  readonly doors: Map<string, number>
  readonly outcomes: Map<string, number>
  /** Readings that a reader gave up. */
  readonly troubles: Map<string, number>
  readonly faults: Fault[]
}

export const newTally = (): Tally => ({
  messages: 0,
  doors: new Map(),
  outcomes: new Map(),
  troubles: new Map(),
  faults: [],
})

type Weights<Name extends string> = Readonly<Partial<Record<Name, number>>>

export interface Order {
  readonly count: number
  /** Of the first message; the others have those behind it. */
  readonly seed: number
  /** How many of them go through each interface; by default the more, the less an interface costs. */
  readonly doors?: Weights<keyof Doors>
  /** By default most are refused where they are infected. */
  readonly variants?: Weights<Variant>
  /** Called after each thousand. */
  readonly progress?: (tally: Tally) => void
}

const allDoors: Weights<keyof Doors> = {
  standalone: 2,
  client: 5,
  socket: 45,
  milter: 38,
  smtp: 10,
}
const allVariants: Weights<Variant> = { refuse: 8, tag: 2, skip: 1 }

/** Each name as often as it weighs. */
const inWeight = <Name extends string>(weights: Weights<Name>) =>
  (Object.entries(weights) as [Name, number][]).flatMap(([name, weight]) =>
    Array<Name>(weight).fill(name),
  )

/** Messages that are made, and judged, with others in between. */
const AT_ONCE = 16
const PROGRESS_EVERY = 1000

/** `count` messages by `seed`: the same seed makes the same messages, but for the time in stamps. */
export async function runBench(rig: Rig, order: Order): Promise<Tally> {
  const { count, seed, progress } = order
  const doors = inWeight(order.doors ?? allDoors)
  const variants = inWeight(order.variants ?? allVariants)
  const tally = newTally()
  await inLanes(Array(count).keys(), AT_ONCE, async (at) => {
    const random = createRandom(-seed - at) // others than those that make the message
    await runTrial(rig, random.pick(variants), random.pick(doors), seed + at, tally)
    if (tally.messages % PROGRESS_EVERY === 0) progress?.(tally)
  })
  return tally
}

async function runTrial(
  rig: Rig,
  variant: Variant,
  name: keyof Doors,
  seed: number,
  tally: Tally,
): Promise<void> {
  const door = rig.hosts[variant][name]
  const make = (only?: readonly number[]) => made(seed, unixTime(), only)
  const faultsOf = (message: Buffer, into = newTally()) => pass(rig, door, variant, message, into)
  if ((await faultsOf(make().message, tally)).length === 0) return
  const least = await minimise(make, async (message) => (await faultsOf(message)).length > 0)
  tally.faults.push({
    trial: `${door.name}, ${variant}, seed ${seed}: ${least.changes.join(', ')}`,
    message: least.message,
    faults: await faultsOf(least.message),
  })
}

/**
 * Every attack through every door. If that is wanted, those that ask a daemon take it in every variant,
 * and not the slot socket alone; and not only one attack in five starts a standalone program, or is so large
 * that it goes by a file.
 */
export async function runAttacks(rig: Rig, tally: Tally, isWhole = true): Promise<void> {
  const tryIt = async ({ name, message }: Attack, door: Door, variant: Variant, behind: Buffer) => {
    const attack = Buffer.concat([message(unixTime()), behind])
    const found = await pass(rig, door, variant, attack, tally)
    if (found.length === 0) return
    const trial = `${door.name}, ${variant}: ${name}${behind.length > 0 ? ', large' : ''}`
    tally.faults.push({ trial, message: attack, faults: found })
  }
  const calls = attacks.flatMap((attack, number) => {
    const through = (name: keyof Doors, variant: Variant = 'refuse', behind = Buffer.alloc(0)) => {
      return () => tryIt(attack, rig.hosts[variant][name], variant, behind)
    }
    const some = isWhole ? variants : (['refuse'] as const)
    return [
      ...variants.map((variant) => through('socket', variant)),
      ...some.flatMap((variant) => [through('milter', variant), through('smtp', variant)]),
      through('client'),
      ...(isWhole || number % 5 === 0
        ? [through('standalone'), through('client', 'refuse', EPILOGUE)]
        : []),
    ]
  })
  await inLanes(calls, AT_ONCE, (call) => call())
}

/** More than onescanc sends: from 64 KiB on, it names a file in SPOOLDIR, if there is one. */
const EPILOGUE = Buffer.alloc(80_000, '\nwhat stands behind all that matters')

const variants: readonly Variant[] = ['refuse', 'tag', 'skip']

const unixTime = () => Math.floor(Date.now() / 1000)

/** The truths that do not hold for a message. */
async function pass(
  rig: Rig,
  door: Door,
  variant: Variant,
  message: Buffer,
  tally: Tally,
): Promise<readonly string[]> {
  const passage = await door.send(message)
  const readings = await read(rig, passage)
  tally.messages++
  increment(tally.doors, door.name)
  increment(tally.outcomes, `${passage.outcome} ${scanOf(passage)}`)
  for (const [reader, values] of Object.entries(readings?.fields ?? {})) {
    if (values === null) increment(tally.troubles, reader)
  }
  return faults(passage, readings, variant)
}

/** The field that the next host puts on top, before it looks at the message. */
const NEXT_HOST = 'Received: from a.example.org by b.example.org; Fri, 20 Nov 2026 10:00:00 +0000'

async function read({ python, clamd }: Rig, { left }: Passage): Promise<Readings | undefined> {
  if (left === undefined) return undefined
  const ending = left[left.indexOf(0x0a) - 1] === 0x0d ? '\r\n' : '\n'
  const [fields, found] = await Promise.all([
    readFields(python, left),
    clamdAnswer(clamd, Buffer.concat([Buffer.from(NEXT_HOST + ending), left])),
  ])
  const virus = found.answer === 'infected' ? found.name : found.answer
  return { fields, virus: virus === 'clean' ? '' : virus }
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

import { join } from 'node:path'
import { type Cell, cellName, HUGE, planCells } from './cells.ts'
import { compiled } from './compile.ts'
import type { Field } from './field.ts'
import { type Lane, type Measurement, measure } from './measure.ts'
import type { Options } from './options.ts'
import { prove } from './prove.ts'
import type { Workshop } from './workshop.ts'

/** Those contestants that do their work; the others are told, and left out. */
export async function proveAll(
  lanes: readonly Lane[],
  workshop: Workshop,
  say: (line: string) => void,
): Promise<Lane[]> {
  const ground = { ...workshop, sink: compiled('sink'), log: join(workshop.directory, 'log-proof') }
  const sound: Lane[] = []
  for (const lane of lanes) {
    const faults = await prove(lane.contestant, { ...ground, environment: lane.environment })
    for (const fault of faults) say(`LEFT OUT: ${lane.contestant.label}: ${fault}`)
    if (faults.length === 0) sound.push(lane)
  }
  return sound
}

/**
 * Every cell in every round, contestant after contestant within a cell, so that what
 * drifts on the machine drifts for all of them; another one begins each turn.
 */
export async function measureAll(
  lanes: readonly Lane[],
  run: {
    readonly field: Field
    readonly workshop: Workshop
    readonly options: Options
    say(line: string): void
  },
): Promise<Measurement[]> {
  const { field, workshop, options, say } = run
  const cells = planCells(options.quick)
  const measurements: Measurement[] = []
  const measureCell = async (cell: Cell, round: number) => {
    const taking = lanes.filter(({ contestant }) => contestant.takesPart(cell))
    for (let turn = 0; turn < cell.turns; turn++) {
      for (const lane of rotated(taking, round + turn)) {
        measurements.push(await measure(lane, cell, round, field))
      }
    }
  }

  await warmUp(lanes, field)
  for (let round = 0; round < options.rounds; round++) {
    workshop.stampMessages() // a stamp is good for an hour
    for (const cell of cells) {
      say(`round ${round + 1} of ${options.rounds}: ${cellName(cell)}`)
      await measureCell(cell, round)
    }
  }
  say('memory at 100 MB')
  await measureCell(
    { kind: 'clean', size: HUGE, atOnce: 1, turns: options.quick ? 1 : 3, messages: 1 },
    0,
  )
  return measurements
}

/** Programs into the page cache, pages into daemons. */
async function warmUp(lanes: readonly Lane[], field: Field): Promise<void> {
  for (const cell of planCells(true)) {
    for (const lane of lanes.filter(({ contestant }) => contestant.takesPart(cell))) {
      await measure(lane, { ...cell, messages: 3 }, 0, field)
    }
  }
}

function rotated<Item>(items: readonly Item[], by: number): Item[] {
  const start = items.length > 0 ? by % items.length : 0
  return [...items.slice(start), ...items.slice(0, start)]
}

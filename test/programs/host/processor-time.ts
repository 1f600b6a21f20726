import { closeSync, openSync, readSync } from 'node:fs'

/**
 * The processor time of work, however busy the machine is. Limits of tests are those of a machine that does nothing else; where
 * processors are slower or shared, known pieces of work take longer, too, and `slowness` is how many times as long.
 */

const sample = Buffer.alloc(1024 * 1024, 'some text of a header; ')
const piece = Buffer.alloc(4096)
/** Milliseconds that each known work takes on a machine that does nothing else. */
const USUAL = 20

/** Returns the milliseconds of processor time that the work takes here. */
async function processorTime(work: () => unknown): Promise<number> {
  const start = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1000
}

function addBytes(): void {
  let sum = 0
  for (let n = 0; n < 40; n++) {
    for (let at = 0; at < sample.length; at++) sum = (sum + sample[at]!) | 0
  }
  if (sum === 0) throw new Error('the known work was left out')
}

/** The kernel's part of work slows down more than the rest where processors are shared. */
function readFiles(): void {
  for (let n = 0; n < 2000; n++) {
    const fd = openSync(import.meta.filename, 'r')
    readSync(fd, piece, 0, piece.length, 0)
    closeSync(fd)
  }
}

/** Returns how many times as long as usual the slower of the known works takes now, at least 1. */
export async function slowness(): Promise<number> {
  const times: number[] = []
  for (const work of [addBytes, readFiles]) {
    await processorTime(work) // the first time, it is compiled
    times.push((await processorTime(work)) / USUAL)
  }
  return Math.max(1, ...times)
}

/**
 * Does the work until it takes no more than `most` milliseconds of processor time, at most `rounds` times. Returns the least
 * time that it took, divided by the slowness of the machine if it was more.
 */
export async function timeOf(work: () => unknown, most: number, rounds = 3): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < rounds && least > most; round++) {
    const took = await processorTime(work)
    least = Math.min(least, took > most ? took / (await slowness()) : took)
  }
  return least
}

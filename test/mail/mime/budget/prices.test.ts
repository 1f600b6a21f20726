import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import t from 'tap'
import { Bytes } from '../../../../src/mail/message/bytes.ts'
import { openAnonymousFile } from '../../../../src/mail/message/spool.ts'
import { contentsOf } from '../../../../src/mail/mime/contents.ts'
import { containerShapes } from '../../../messages/hostile/container-shapes.ts'
import { hostileShapes } from '../../../messages/hostile/hostile-shapes.ts'
import { sampleOf } from '../../../run/is-whole.ts'

/**
 * Limits bound the time of a message only if each unit of work takes about the same time, whatever it is counted for. So the
 * processor time of a unit is compared with that in a plain text, in the same process, since a busy machine slows down both.
 */

/** How many times as long a unit may take as in a plain text: in containers, and in other shapes. */
const FACTOR = 4
const FACTOR_OF_SHAPES = 6
/** The same for a few whose work is counted by their length, and not by what is in it. */
const DEAR_FACTOR = 12
const DEAR: readonly RegExp[] = [
  // A section is read alone, and in all orders of the others.
  /^sections of character sets/,
  // They cost more than their line, and their number is limited.
  /^dashes below/,
  // Lines that may end data are read as lines, too.
  /lines .* (?:yEnc|uuencode)$/,
]
/** Each so manieth shape is read. */
const STRIDE = 5
/** How often a message is read at most until it is cheap enough. */
const ROUNDS = 8
/** Bytes of a message, and of one in which a container is. */
const SIZE = 64 * 1024
const CONTAINER_SIZE = 128 * 1024

const openFile = () => openAnonymousFile(tmpdir())

/** Returns the nanoseconds of processor time of a unit, and of a byte that is yielded. */
function priceOf(message: Buffer): number {
  const start = process.cpuUsage()
  let counted = 0
  const onWork = (units: number) => {
    counted += units
  }
  for (const step of contentsOf(Bytes.of(message), { openFile, createHash, onWork }))
    if (step.kind === 'content') counted += step.bytes.size
  const { user, system } = process.cpuUsage(start)
  return ((user + system) * 1000) / counted
}

const plain = Buffer.from(`Subject: x\n\n${'some line of text that says nothing\n'.repeat(6_000)}`)

/** Returns the lowest of several ratios to the price of a text, or the first that is low enough. */
function ratioOf(message: Buffer, enough: number): number {
  let ratio = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS && ratio > enough; round++)
    ratio = Math.min(ratio, priceOf(message) / priceOf(plain))
  return ratio
}

const shapes = [
  ...containerShapes.map((shape) => ({ ...shape, size: CONTAINER_SIZE, factor: FACTOR })),
  ...hostileShapes.map((shape) => ({ ...shape, size: SIZE, factor: FACTOR_OF_SHAPES })),
]

t.test('a unit of work takes as long as in a text, whatever the mail is made of', async (t) => {
  for (const { name, make, size, factor } of sampleOf(shapes, STRIDE)) {
    const most = DEAR.some((dear) => dear.test(name)) ? DEAR_FACTOR : factor
    const ratio = ratioOf(Buffer.from(make(size), 'latin1'), most)
    if (ratio > most) t.fail(`${name}: ${ratio.toFixed(1)} times`)
  }
  t.ok(shapes.length > 800, `${shapes.length} were found`)
})

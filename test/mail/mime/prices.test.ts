import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import t from 'tap'
import { Bytes } from '../../../src/mail/message/bytes.ts'
import { openAnonymousFile } from '../../../src/mail/message/spool.ts'
import { contentsOf } from '../../../src/mail/mime/contents.ts'
import { containerShapes } from '../../messages/hostile/container-shapes.ts'
import { hostileShapes } from '../../messages/hostile/hostile-shapes.ts'

/**
 * Limits bound the time of a message only if each unit of work takes about the same time, whatever it is counted for. So the
 * processor time of a unit is compared with that in a plain text, in the same process, since a busy machine slows down both.
 */

/** How many times as long a unit may take as in a plain text. */
const FACTOR = 4
/** How often a message is read at most until it is cheap enough. */
const ROUNDS = 8
/** Bytes of a message. */
const SIZE = 128 * 1024

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

const madeOf = (shape: { make(size: number): string }) => Buffer.from(shape.make(SIZE), 'latin1')
const plain = Buffer.from(`Subject: x\n\n${'some line of text that says nothing\n'.repeat(30_000)}`)

t.test(
  'a unit of work in a container or archive, of CRs, and of short lines, takes as long as in a text',
  async (t) => {
    const shapes = [
      ...containerShapes,
      ...hostileShapes.filter(({ name }) => /S\/MIME|CR alone|below an escape/.test(name)),
    ]
    for (const shape of shapes) {
      const message = madeOf(shape)
      let ratio = Number.POSITIVE_INFINITY
      for (let round = 0; round < ROUNDS && ratio > FACTOR; round++)
        ratio = Math.min(ratio, priceOf(message) / priceOf(plain))
      t.ok(ratio <= FACTOR, `${shape.name}: ${ratio.toFixed(1)} times`)
    }
    t.ok(shapes.length > 35, `${shapes.length} were found`)
  },
)

import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { Bytes } from '../../../src/mail/message/bytes.ts'
import { examineClearing } from '../../../src/mail/message/clear-header.ts'
import { openAnonymousFile } from '../../../src/mail/message/spool.ts'
import { headerFault } from '../../../src/mail/message/well-formed.ts'
import { budgetOf } from '../../../src/mail/mime/budget/limits.ts'
import { contentsOf } from '../../../src/mail/mime/contents.ts'
import { headerOfMessage } from '../../mail/message/header-of-message.ts'
import { BlockCounter } from '../../run/block-counter.ts'
import { isWhole } from '../../run/is-whole.ts'
import { composedShapes } from './hostile-grammar.ts'

/** Bytes of a message. */
const SIZE = 8 * 1024

/** Of the shapes, so many are left out between two, unless all are asked for. */
const STRIDE = process.env.HOSTILE === 'all' ? 1 : isWhole ? 5 : 31

/** The steps of a byte that may be decoded, which follow the size of the mail. */
const STEPS_OF_BYTE = 8

const options = { openFile: () => openAnonymousFile(tmpdir()), createHash }

/** Does all that is done about a message before a scanner is asked. */
function* judged(message: Buffer): Generator<void> {
  const header = headerOfMessage(message)
  headerFault(header)
  examineClearing(header, ['x-qhpsi'])
  yield
  for (const step of contentsOf(Bytes.of(message), options)) {
    if (step.kind === 'content') for (const chunk of step.bytes.chunks()) void chunk
    yield
  }
}

t.test(
  'a message that repeats anything in anything takes steps in proportion to its size',
  async (t) => {
    const counter = new BlockCounter()
    const stepsOf = (text: string) => {
      counter.take()
      for (const _ of judged(Buffer.from(text, 'latin1'))) void _
      return counter.take()
    }
    const shapes = composedShapes.filter((_, at) => at % STRIDE === 0)
    for (const { name, make } of shapes) {
      const steps = stepsOf(make(SIZE))
      const most = STEPS_OF_BYTE * budgetOf(make(SIZE).length).bytes
      t.ok(steps <= most, `${name}: ${steps} steps`)
    }
    t.ok(shapes.length > 50)
  },
)

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

/** Returns the most bytes of objects that are held at a time. */
function heldBy(message: Buffer): number {
  collectGarbage()
  const before = process.memoryUsage().heapUsed
  let most = 0
  let step = 0
  for (const _ of judged(message)) {
    if (step++ % 300 !== 0) continue
    collectGarbage()
    most = Math.max(most, process.memoryUsage().heapUsed - before)
  }
  return most
}

t.test('it takes memory in proportion to its size, with every object', async (t) => {
  const stride = 8 * STRIDE + 1
  const messages = composedShapes
    .filter((_, at) => at % stride === 0)
    .map(({ name, make }) => ({ name, message: Buffer.from(make(8 * SIZE), 'latin1') }))
  for (const { message } of messages.slice(0, 5)) heldBy(message) // what is loaded stays
  for (const { name, message } of messages) {
    const held = heldBy(message)
    t.ok(held <= 16 * message.length + 1024 * 1024, `${name}: ${held} bytes`)
  }
  t.ok(messages.length > 7)
})

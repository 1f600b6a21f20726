import t from 'tap'
import { LogQueue } from '../../../src/base/log/log-queue.ts'

/** A log that takes `room` bytes at once, and others in a thread. */
function logWith(room: number) {
  const log = { text: '', inThread: 0 }
  const queue = new LogQueue({
    withoutWaiting(bytes) {
      const taken = bytes.subarray(0, room)
      log.text += taken
      return taken.length
    },
    async inThread(take) {
      const bytes = take()
      log.text += bytes
      log.inThread += bytes.length
      return bytes.length
    },
    now: () => {},
  })
  return { log, queue }
}

const LINES = ['one\n', 'another\n', 'the last\n']
const ALL = LINES.join('')

t.test('lines that the log takes at once need no thread', async (t) => {
  const { log, queue } = logWith(100)
  for (const line of LINES) queue.write(Buffer.from(line))
  await queue.flush()
  t.same(log, { text: ALL, inThread: 0 })
  t.same(queue.state, { lost: 0, trouble: undefined })
})

t.test(
  'a thread writes what the log does not take at once, in the order of the lines',
  async (t) => {
    for (const room of [0, 1, 6]) {
      const { log, queue } = logWith(room)
      for (const line of LINES) queue.write(Buffer.from(line))
      await queue.flush()
      t.same(log, { text: ALL, inThread: ALL.length - room }, `${room} bytes at once`)
    }
  },
)

t.test('a log that takes lines again has no trouble any longer', async (t) => {
  let room = 0
  const queue = new LogQueue({
    withoutWaiting: () => room,
    inThread: async () => Promise.reject(new Error('the disk is full')),
    now: () => {},
  })
  queue.write(Buffer.from('line\n'))
  await new Promise(setImmediate)
  t.equal(queue.state.trouble, 'the disk is full')
  room = 5
  await queue.flush()
  t.equal(queue.state.trouble, undefined)
})

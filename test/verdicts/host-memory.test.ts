import { once } from 'node:events'
import t from 'tap'
import type { Landing } from '../../src/verdicts/flights.ts'
import { type HostMemory, type HostWords, openHostMemory } from '../../src/verdicts/host-memory.ts'

/** Processes of one host, as those that really are tell each other: through the first one. */
function connected(count: number) {
  const memories = Array.from({ length: count }, (_, n) => openHostMemory({ self: n + 1 }))
  const said: HostWords[] = []
  const spoken = new EventTarget()
  for (const memory of memories) {
    memory.connect((words) => {
      said.push(words)
      for (const other of memories) if (other !== memory) other.hear(JSON.parse(JSON.stringify(words))) // biome-ignore format: a pipe
      spoken.dispatchEvent(new Event('words'))
    })
  }
  return {
    memories: memories as [HostMemory, ...HostMemory[]],
    said,
    heard: () => once(spoken, 'words'),
  }
}

const print = Buffer.alloc(32, 5)
const sealed = Buffer.from('sealed')

t.test('what one process finds, all of them know', async (t) => {
  const { memories, said, heard } = connected(3)
  memories[0].store.put(print, sealed, 60)
  t.same(memories[0].store.get(print), sealed)
  await heard()
  for (const memory of memories) t.same(memory.store.get(print), sealed)
  t.equal(said.length, 1, 'nobody says again what it heard')
})

t.test('what one process looks at for long, the others wait for', async (t) => {
  const { memories, heard } = connected(3)
  const [first, second, third] = memories
  const flight = first.flights.begin(print, 10_000)
  await heard()
  const waiting = [second!, third!].map((memory) => memory.flights.of(print)!.landed)
  first.store.put(print, sealed, 60)
  flight.land({ kind: 'nothing' })
  for (const landed of waiting) t.same(await landed, { kind: 'elsewhere' })
  t.same(second!.store.get(print), sealed, 'it is there by then')
  t.equal(third!.flights.of(print), undefined)
})

t.test('that it could not tell is heard, too, and why', async (t) => {
  const { memories, heard } = connected(2)
  const flight = memories[0].flights.begin(print, 10_000)
  await heard()
  const { landed } = memories[1]!.flights.of(print)!
  const couldNotTell: Landing = { kind: 'unknown', why: 'clamd is down', cause: 'unreachable' }
  flight.land(couldNotTell)
  t.same(await landed, couldNotTell)
})

t.test('a short look is not spoken of', async (t) => {
  const { memories, said, heard } = connected(2)
  memories[0].flights.begin(print, 10_000).land({ kind: 'nothing' })
  memories[0].store.put(print, sealed, 60)
  await heard()
  t.match(said, [{ verdicts: [{ is: 'put' }] }])
  t.equal(said[0]!.verdicts.length, 1)
})

t.test('the end of a long look is heard, although a short one follows at once', async (t) => {
  const { memories, said, heard } = connected(2)
  const [first, second] = memories as [HostMemory, HostMemory]
  const flight = first.flights.begin(print, 10_000)
  await heard()
  const { landed } = second.flights.of(print)!
  flight.land({ kind: 'nothing' })
  first.flights.begin(print, 10_000).land({ kind: 'nothing' })
  const third = first.flights.begin(print, 10_000)
  t.same(await landed, { kind: 'elsewhere' })
  t.same(
    said[1]!.verdicts.map(({ is }) => is),
    ['landed', 'begun'],
  )
  third.land({ kind: 'nothing' })
})

t.test('nobody waits for a process that has ended, nor for longer than it said', async (t) => {
  const { memories, heard } = connected(2)
  const [first, second] = memories as [HostMemory, HostMemory]
  first.flights.begin(print, 10_000)
  await heard()
  const { landed } = second.flights.of(print)!
  second.hear(first.farewell(1))
  t.same(await landed, { kind: 'nothing' })

  first.flights.begin(Buffer.alloc(32, 6), 5)
  await heard()
  const other = second.flights.of(Buffer.alloc(32, 6))!
  const alive = setInterval(() => {}, 1000)
  t.same(await other.landed, { kind: 'nothing' })
  clearInterval(alive)
})

t.test('who is at it already goes on, whoever else begins', async (t) => {
  const { memories, heard } = connected(2)
  const [first, second] = memories as [HostMemory, HostMemory]
  const own = second.flights.begin(print, 10_000)
  const theirs = first.flights.begin(print, 10_000)
  await heard()
  await heard()
  t.equal(second.flights.of(print), own)
  theirs.land({ kind: 'nothing' })
  t.equal(second.flights.of(print), own)
})

t.test(
  'one that begins is told the secret of the others, and nothing makes it stumble',
  async (t) => {
    const [first, second] = [openHostMemory({ self: 1 }), openHostMemory({ self: 2 })]
    t.notSame(first.secret, second.secret)
    second.hear(JSON.parse(JSON.stringify(first.welcome())))
    t.same(first.secret, second.secret)
    for (const words of ['reload', null, undefined, 5, {}]) second.hear(words)
  },
)

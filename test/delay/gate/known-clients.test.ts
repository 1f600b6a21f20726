import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  KNOWN_MAX,
  KnownClients,
  type KnownClientsOptions,
} from '../../../src/delay/gate/known-clients.ts'
import { readKnownFile } from '../../../src/delay/gate/known-file.ts'

/** The clients that a gate knows, from its own visits and from the other hosts of a cluster. */

const NOW = 1_800_000_000

function opened(setup: Partial<KnownClientsOptions> = {}) {
  const clock = { uptime: 0 }
  const log: string[] = []
  const known = new KnownClients({
    remember: 100,
    file: undefined,
    uptime: () => clock.uptime,
    now: () => NOW * 1000,
    log: (line) => log.push(line),
    ...setup,
  })
  return { known, clock, log }
}

t.test('a client that has behaved is known for the time that is set', async (t) => {
  const { known, clock } = opened()
  t.equal(known.has('a'), false)
  known.add('a')
  clock.uptime = 99_000
  t.equal(known.has('a'), true)
  clock.uptime = 100_000
  t.equal(known.has('a'), false)
  known.add('a')
  known.forget('a')
  t.equal(known.has('a'), false)
  t.equal(known.size, 0)
})

t.test('if no client is remembered, none is known', async (t) => {
  const { known } = opened({ remember: 0 })
  known.add('a')
  t.equal(known.has('a'), false)
  t.equal(known.size, 0)
})

t.test('if there are too many, the client that behaved longest ago makes room', async (t) => {
  const { known } = opened()
  for (let n = 0; n < KNOWN_MAX; n++) known.add(`${n}`)
  known.add('0')
  known.add('one more')
  t.equal(known.size, KNOWN_MAX)
  t.equal(known.has('0'), true, 'it has behaved again')
  t.equal(known.has('1'), false)
  t.equal(known.has('2'), true)
})

t.test(
  'the file is written if something has changed, with the clients that are still known',
  async (t) => {
    const file = join(t.testdir({}), 'known')
    const { known, clock } = opened({ file })
    const kept = () => [...readKnownFile(file, NOW)]
    const isWritten = async () => {
      rmSync(file, { force: true })
      await known.save()
      return kept().length > 0
    }
    t.equal(await isWritten(), false, 'nothing is to be written')
    known.add('a')
    clock.uptime = 60_000
    known.add('b')
    clock.uptime = 100_000
    await known.save()
    t.same(kept(), [['b', 60]])
    t.notMatch(readFileSync(file, 'latin1'), /^a /m, 'who is no longer known is left out')
    t.equal(await isWritten(), false, 'it is up to date')
    known.forget('stranger')
    t.equal(await isWritten(), false, 'nobody was forgotten')
    known.forget('a')
    t.equal(await isWritten(), true)
    known.add('d')
    await known.save()
    t.same(kept(), [['b', 60], ['d', 100]]) // biome-ignore format: a line
    t.equal(opened({ file }).known.size, 2, 'the next run begins with them')
    const brief = opened({ file, remember: 65 })
    brief.clock.uptime = 65_000
    t.equal(brief.known.has('d'), false, 'for no longer than it remembers')
    t.equal(opened({ file, remember: 0 }).known.size, 0)
    const without = opened()
    without.known.add('a')
    await without.known.save()
    t.same(without.log, [], 'without a file nothing is written')
  },
)

t.test('a file that cannot be read is reported, and no client is known at first', async (t) => {
  const file = join(t.testdir({ known: 'nonsense' }), 'known')
  const { known, log } = opened({ file })
  t.equal(known.size, 0)
  t.same(log, [`--known-file ${file}: is damaged; starts with no known clients`])
})

t.test('a directory that is missing is a fault, with the remedy', async (t) => {
  const file = join(t.testdir({}), 'none', 'known')
  t.throws(() => opened({ file }), {
    kind: 'config',
    message: /^--known-file .*: ENOENT.*; make it a directory that the user of -u may write to$/,
  })
})

t.test('a file that cannot be written is reported once, until it could be written', async (t) => {
  const directory = join(t.testdir({}), 'd')
  mkdirSync(directory)
  const file = join(directory, 'known')
  const { known, log } = opened({ file })
  const linesAfter = async (client: string) => {
    known.add(client)
    await known.save()
    return log.length
  }
  rmSync(directory, { recursive: true })
  t.equal(await linesAfter('a'), 1)
  t.match(
    log[0],
    /^--known-file .*: ENOENT.*; known clients are kept in memory, and lost at the end$/,
  )
  t.equal(await linesAfter('b'), 1)
  mkdirSync(directory)
  t.equal(await linesAfter('c'), 1)
  t.same([...readKnownFile(file, NOW).keys()], ['a', 'b', 'c'])
  rmSync(directory, { recursive: true })
  t.equal(await linesAfter('d'), 2)
})

import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readRememberFile } from '../../../src/delay/gate/remember-file.ts'
import {
  REMEMBERED_MAX,
  RememberedClients,
  type RememberedClientsOptions,
} from '../../../src/delay/gate/remembered-clients.ts'

/** The clients that a gate knows, from its own visits and from the other hosts of a cluster. */

const NOW = 1_800_000_000

function opened(setup: Partial<RememberedClientsOptions> = {}) {
  const clock = { uptime: 0 }
  const log: string[] = []
  const remembered = new RememberedClients({
    remember: 100,
    file: undefined,
    uptime: () => clock.uptime,
    now: () => NOW * 1000,
    log: (line) => log.push(line),
    ...setup,
  })
  return { remembered, clock, log }
}

t.test('a client that has behaved is remembered for the time that is set', async (t) => {
  const { remembered, clock } = opened()
  t.equal(remembered.has('a'), false)
  remembered.add('a')
  clock.uptime = 99_000
  t.equal(remembered.has('a'), true)
  clock.uptime = 100_000
  t.equal(remembered.has('a'), false)
  remembered.add('a')
  remembered.forget('a')
  t.equal(remembered.has('a'), false)
  t.equal(remembered.size, 0)
})

t.test('with a time of 0 no client is remembered', async (t) => {
  const { remembered } = opened({ remember: 0 })
  remembered.add('a')
  t.equal(remembered.has('a'), false)
  t.equal(remembered.size, 0)
})

t.test('if there are too many, the client that behaved longest ago makes room', async (t) => {
  const { remembered } = opened()
  for (let n = 0; n < REMEMBERED_MAX; n++) remembered.add(`${n}`)
  remembered.add('0')
  remembered.add('one more')
  t.equal(remembered.size, REMEMBERED_MAX)
  t.equal(remembered.has('0'), true, 'it has behaved again')
  t.equal(remembered.has('1'), false)
  t.equal(remembered.has('2'), true)
})

t.test(
  'the file is written if something has changed, with the clients that are still remembered',
  async (t) => {
    const file = join(t.testdir({}), 'remembered')
    const { remembered, clock } = opened({ file })
    const kept = () => [...readRememberFile(file, NOW)]
    const isWritten = async () => {
      rmSync(file, { force: true })
      await remembered.save()
      return kept().length > 0
    }
    t.equal(await isWritten(), false, 'nothing is to be written')
    remembered.add('a')
    clock.uptime = 60_000
    remembered.add('b')
    clock.uptime = 100_000
    await remembered.save()
    t.same(kept(), [['b', 60]])
    t.notMatch(readFileSync(file, 'latin1'), /^a /m, 'who is no longer remembered is left out')
    t.equal(await isWritten(), false, 'it is up to date')
    remembered.forget('stranger')
    t.equal(await isWritten(), false, 'nobody was forgotten')
    remembered.forget('a')
    t.equal(await isWritten(), true)
    remembered.add('d')
    await remembered.save()
    t.same(kept(), [['b', 60], ['d', 100]]) // biome-ignore format: a line
    t.equal(opened({ file }).remembered.size, 2, 'the next run begins with them')
    const brief = opened({ file, remember: 65 })
    brief.clock.uptime = 65_000
    t.equal(brief.remembered.has('d'), false, 'for no longer than it remembers')
    t.equal(opened({ file, remember: 0 }).remembered.size, 0)
    const without = opened()
    without.remembered.add('a')
    await without.remembered.save()
    t.same(without.log, [], 'without a file nothing is written')
  },
)

t.test(
  'a file that cannot be read is reported, and no client is remembered at first',
  async (t) => {
    const file = join(t.testdir({ remembered: 'nonsense' }), 'remembered')
    const { remembered, log } = opened({ file })
    t.equal(remembered.size, 0)
    t.same(log, [`--remember-file ${file}: is damaged; starts with no remembered clients`])
  },
)

t.test('a directory that is missing is a fault, with the remedy', async (t) => {
  const file = join(t.testdir({}), 'none', 'remembered')
  t.throws(() => opened({ file }), {
    kind: 'config',
    message: /^--remember-file .*: ENOENT.*; make it a directory that the user of -u may write to$/,
  })
})

t.test('a file that cannot be written is reported once, until it could be written', async (t) => {
  const directory = join(t.testdir({}), 'd')
  mkdirSync(directory)
  const file = join(directory, 'remembered')
  const { remembered, log } = opened({ file })
  const linesAfter = async (client: string) => {
    remembered.add(client)
    await remembered.save()
    return log.length
  }
  rmSync(directory, { recursive: true })
  t.equal(await linesAfter('a'), 1)
  t.match(
    log[0],
    /^--remember-file .*: ENOENT.*; remembered clients are kept in memory, and lost at the end$/,
  )
  t.equal(await linesAfter('b'), 1)
  mkdirSync(directory)
  t.equal(await linesAfter('c'), 1)
  t.same([...readRememberFile(file, NOW).keys()], ['a', 'b', 'c'])
  rmSync(directory, { recursive: true })
  t.equal(await linesAfter('d'), 2)
})

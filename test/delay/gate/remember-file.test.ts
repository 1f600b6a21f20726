import { join } from 'node:path'
import t from 'tap'
import { readRememberFile, writeRememberFile } from '../../../src/delay/gate/remember-file.ts'
import { RememberedClients } from '../../../src/delay/gate/remembered-clients.ts'

/** How long clients are remembered over restarts of the gate, while clocks are set. */

const NOW = 1_800_000_000
const HOUR = 3600

t.test('the time between two runs counts, unless the clock was set back', async (t) => {
  const file = join(t.testdir({}), 'remembered')
  const clients = new Map([
    ['7f000001', 10],
    ['7f000002', 2 * HOUR],
  ])
  await writeRememberFile(file, clients, NOW)
  t.same([...readRememberFile(file, NOW)], [...clients], 'at once')
  t.same([...readRememberFile(file, NOW + HOUR)], [['7f000002', HOUR]], 'after an hour')
  t.same([...readRememberFile(file, NOW - HOUR)], [...clients], 'set back by an hour')
  t.same([...readRememberFile(file, NOW + 2 * HOUR)], [], 'when it is over')
})

t.test('a clock that is set while a gate runs changes nothing there', async (t) => {
  const file = join(t.testdir({}), 'remembered')
  let now = NOW * 1000
  let uptime = 0
  const log: string[] = []
  const open = () =>
    new RememberedClients({
      remember: 100,
      file,
      uptime: () => uptime,
      now: () => now,
      log: (line) => log.push(line),
    })
  const first = open()
  first.add('7f000001')
  now -= HOUR * 1000
  uptime += 60_000
  t.equal(await first.has('7f000001'), true, 'set back')
  now += 2 * HOUR * 1000
  t.equal(await first.has('7f000001'), true, 'set forward')
  await first.save()

  now -= HOUR * 1000 // and back again, before the next run
  const second = open()
  t.equal(await second.has('7f000001'), true, 'it has forty seconds yet')
  uptime += 41_000
  t.equal(await second.has('7f000001'), false, 'and no more')
  t.same(log, [])
})

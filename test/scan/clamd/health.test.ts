import t from 'tap'
import { FIRST_REST, Health, LONGEST_REST } from '../../../src/scan/clamd/health.ts'

t.test('a server that failed rests for a while', async (t) => {
  let now = 1000
  const health = new Health(() => now)
  t.notOk(health.isResting('a'))
  health.failed('a')
  t.ok(health.isResting('a'))
  t.notOk(health.isResting('b'))
  now += FIRST_REST
  t.notOk(health.isResting('a'))
})

t.test('the rest is longer each time, up to a limit, until the server answers', async (t) => {
  let now = 0
  const health = new Health(() => now)
  const restOf = () => {
    health.failed('a')
    const began = now
    while (health.isResting('a')) now += 1000
    return now - began
  }
  t.same([restOf(), restOf(), restOf()], [FIRST_REST, 2 * FIRST_REST, 4 * FIRST_REST])
  for (let i = 0; i < 10; i++) restOf()
  t.equal(restOf(), LONGEST_REST)
  health.answered('a')
  t.equal(restOf(), FIRST_REST)
})

t.test('messages that fail at the same time are one failure of the server', async (t) => {
  let now = 0
  const health = new Health(() => now)
  for (let i = 0; i < 100; i++) health.failed('a')
  now += FIRST_REST
  t.notOk(health.isResting('a'))
})

t.test(
  'a server counts as missed from the first failed connection until it answers again',
  async (t) => {
    let now = 0
    const health = new Health(() => now)
    t.equal(health.missed('a'), 0)
    t.ok(health.isResting('a'))
    now += 500
    t.equal(health.missed('b'), 0)
    now += 500
    t.equal(health.missed('a'), 1000)
    health.answered('a')
    t.notOk(health.isResting('a'))
    now += 500
    t.equal(health.missed('a'), 0)
    health.failed('a') // it took the connection, so it was there
    now += 500
    t.equal(health.missed('a'), 0)
  },
)

t.test('the log says once that a server fails, and once that it answers again', async (t) => {
  const said: string[] = []
  const health = new Health<string>(
    () => 0,
    (server, state) => said.push(`${server} ${state}`),
  )
  health.answered('a')
  health.failed('a')
  health.missed('a')
  health.failed('b')
  health.answered('a')
  health.answered('a')
  t.same(said, ['a fails', 'b fails', 'a answers'])
})

import t from 'tap'
import { createHealth, FIRST_REST, LONGEST_REST } from '../../../src/scan/clamd/health.ts'

t.test('a server that failed is asked last until it has rested', async (t) => {
  let now = 1000
  const health = createHealth(['a', 'b', 'c'], () => now)
  t.same(health.inOrder(), ['a', 'b', 'c'])
  health.failed('a')
  t.same(health.inOrder(), ['b', 'c', 'a'])
  health.failed('b')
  t.same(health.inOrder(), ['c', 'a', 'b'])
  now += FIRST_REST
  t.same(health.inOrder(), ['a', 'b', 'c'])
})

t.test('the rest is longer each time, up to a limit, until the server answers', async (t) => {
  let now = 0
  const health = createHealth(['a', 'b'], () => now)
  const restOf = () => {
    health.failed('a')
    const began = now
    while (health.inOrder()[0] === 'b') now += 1000
    return now - began
  }
  t.same([restOf(), restOf(), restOf()], [FIRST_REST, 2 * FIRST_REST, 4 * FIRST_REST])
  for (let i = 0; i < 10; i++) restOf()
  t.equal(restOf(), LONGEST_REST)
  health.answered('a')
  t.equal(restOf(), FIRST_REST)
})

t.test('many that fail at once are one failure', async (t) => {
  let now = 0
  const health = createHealth(['a', 'b'], () => now)
  for (let i = 0; i < 100; i++) health.failed('a')
  now += FIRST_REST
  t.same(health.inOrder(), ['a', 'b'])
})

import t from 'tap'
import { ConnectionSet } from '../../../src/doors/shared/serve.ts'

/** How a door looks at its connections, and waits for them when it closes. */

t.test('an empty set is drained at once', async (t) => {
  const connections = new ConnectionSet<string>()
  connections.add('a')
  connections.delete('a')
  await connections.drain(1_000_000, () => t.fail('none is open'))
})

t.test('a set is drained when its last connection ends, however long the grace', async (t) => {
  const connections = new ConnectionSet<string>()
  connections.add('a')
  connections.add('b')
  let over = false
  const drained = connections
    .drain(1_000_000, () => t.fail('they have time'))
    .then(() => {
      over = true
    })
  connections.delete('a')
  await new Promise(setImmediate)
  t.notOk(over)
  t.same([...connections], ['b'])
  connections.delete('b')
  await drained
})

t.test('connections that are open after the grace are dismissed, and waited for', async (t) => {
  const connections = new ConnectionSet<string>()
  for (const name of ['a', 'b', 'c']) connections.add(name)
  connections.delete('b')
  const dismissed: string[] = []
  await connections.drain(1, (name) => {
    dismissed.push(name)
    setImmediate(() => connections.delete(name))
  })
  t.same(dismissed, ['a', 'c'])
  t.equal(connections.size, 0)
})

t.test('connections are looked at again and again, as long as there are any', async (t) => {
  const looked: string[] = []
  let enough = () => {}
  const connections = new ConnectionSet<string>({
    every: 1,
    tick(name) {
      looked.push(name)
      if (looked.length >= 4) enough()
    },
  })
  for (const round of ['a', 'b']) {
    looked.length = 0
    connections.add(round)
    await new Promise<void>((resolve) => {
      enough = resolve
    })
    connections.delete(round)
    t.same([...new Set(looked)], [round])
  }
  // A timer that is still running would keep this process from ending.
})

import t from 'tap'
import { cachedFor, LruCache, SharedWork } from '../../../src/base/flow/cache.ts'

t.test(
  'a value that is used stays in the cache, and the cache never grows beyond its limit',
  async (t) => {
    const memory = new LruCache<number>(100)
    for (let i = 0; i < 10_000; i++) {
      memory.set(`k${i}`, i)
      t.equal(memory.get('k0'), 0)
    }
    const kept = Array.from({ length: 10_000 }, (_, i) => memory.get(`k${i}`))
    const there = kept.filter((value) => value !== undefined).length
    t.ok(there <= 100 && there >= 50, `${there}`)
    memory.set('k0', 5)
    t.equal(memory.get('k0'), 5)
    memory.delete('k0')
    t.equal(memory.get('k0'), undefined)
    memory.clear()
    t.equal(memory.get('k9999'), undefined)
  },
)

t.test('a cache for one value keeps one, and a cache for none keeps none', async (t) => {
  for (const most of [0, 1, 2, 3]) {
    const memory = new LruCache<number>(most)
    for (let i = 0; i < 10; i++) memory.set(`k${i}`, i)
    t.ok(memory.size <= most, `${memory.size} of ${most}`)
    t.equal(memory.get('k9'), most > 0 ? 9 : undefined)
  }
})

t.test('a value is made again when its time has ended', async (t) => {
  let now = 0
  let made = 0
  const value = cachedFor(
    100,
    () => now,
    () => ++made,
  )
  t.equal(value(), 1)
  now = 99
  t.equal(value(), 1)
  now = 100
  t.equal(value(), 2)
  now = 199
  t.equal(value(), 2)
})

t.test('after an error the value is made again at the next call', async (t) => {
  let isBroken = true
  const value = cachedFor(
    100,
    () => 0,
    () => {
      if (isBroken) throw new Error('broken')
      return 'mended'
    },
  )
  t.throws(value, { message: 'broken' })
  isBroken = false
  t.equal(value(), 'mended')
})

t.test('work is shared under its name until its promise settles', async (t) => {
  const underWay = new SharedWork<string>()
  let end = (_value: string) => {}
  let fail = (_error: Error) => {}
  const good = underWay.begin('good', new Promise((resolve) => (end = resolve)))
  const bad = underWay.begin('bad', new Promise((_, reject) => (fail = reject)))
  t.equal(underWay.get('good'), good)
  t.equal(underWay.get('other'), undefined)
  t.same(underWay.all().length, 2)
  end('done')
  fail(new Error('no'))
  t.equal(await good, 'done')
  t.equal(underWay.get('good'), undefined, 'it may begin anew at once')
  await t.rejects(bad, { message: 'no' })
  t.same(underWay.all(), [])
})

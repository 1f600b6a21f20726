import t from 'tap'
import { LruCache } from '../../../src/ground/flow/lru-cache.ts'

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

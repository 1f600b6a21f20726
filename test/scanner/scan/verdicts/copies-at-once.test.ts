import { getEventListeners } from 'node:events'
import t from 'tap'
import type { ScanResult } from '../../../../src/scanner/scan/scanners/findings/scan-result.ts'
import { HostMemory } from '../../../../src/scanner/scan/verdicts/host-memory.ts'
import { clamd, clean, copy, letter, open, scanner, settings, vain, virus } from './rig.ts'

/** Copies that come while the first of them is scanned. */

t.test('copies that come at once wait for the first one', async (t) => {
  const { find, scans } = open()
  let end: (result: ScanResult) => void = () => {}
  const first = find(letter, new Promise<ScanResult>((resolve) => (end = resolve)))
  const others = Array.from({ length: 50 }, () => find(copy))
  await new Promise(setImmediate)
  t.equal(scans.length, 1)
  end(virus)
  t.equal((await first).cached, undefined)
  for (const found of await Promise.all(others)) {
    t.match(found, { result: virus, cached: { host: 'here' } })
  }
  t.equal(scans.length, 1)
})

t.test('other processes hear of a scan, and not of copies with a cached verdict', async (t) => {
  const memory = new HostMemory()
  const { find } = open({ memory })
  const kinds: string[] = []
  await new Promise<void>((resolve) => {
    memory.connect(({ events }) => {
      kinds.push(...events.map(({ kind }) => kind))
      resolve()
    })
    find(letter).then(() => find(copy))
  })
  t.same(kinds, ['begun', 'ended', 'found'])
})

const left: ScanResult = { ...vain, isUnfinished: true }
const skipped = { answer: 'unread', kind: 'size', reason: 'too large' } as const
const within = (share: number) => ({ within: settings.timeout * share })
/** The result of copies that come at once: some with an answer of their own, then others. */
const atOnce: readonly (readonly [
  what: string,
  first: readonly [count: number, answer: ScanResult, setup?: { readonly within: number }],
  others: number,
  scans: number,
])[] = [
  ['the first could not be judged: one that waits is scanned, not all', [1, vain], 50, 2],
  ['two could not be judged: those that waited for both are not scanned', [50, vain], 0, 2],
  ['two with half of the time could not be judged either', [5, vain, within(1 / 2)], 0, 2],
  // promise: others-unharmed
  ['clients leave: no other copy is deferred for them', [5, left], 50, 6],
  // promise: others-unharmed
  ['clients give no time: no other copy is deferred for them', [5, vain, within(1 / 3)], 50, 6],
  ['mail is over a limit: the result of each is for itself', [4, skipped], 0, 4],
]
for (const [what, [count, answer, setup], others, expected] of atOnce) {
  t.test(`simultaneous copies: ${what}`, async (t) => {
    const { find, scans } = open()
    const first = Array.from({ length: count }, () => find(letter, answer, setup))
    const waiting = Array.from({ length: others }, () => find(copy))
    for (const { result } of await Promise.all(first)) t.same(result, answer)
    for (const { result } of await Promise.all(waiting)) t.same(result, clean)
    t.equal(scans.length, expected)
    t.same((await find(letter)).result, clean, 'the next one is')
  })
}

t.test('a scan that throws leaves no copy waiting', async (t) => {
  const { find, scans } = open()
  const first = find(letter, Promise.reject(new Error('disk full')))
  const others = Array.from({ length: 5 }, () => find(copy))
  await t.rejects(first, { message: 'disk full' })
  for (const { result } of await Promise.all(others)) t.same(result, clean)
  t.equal(scans.length, 6)
})

t.test('no message waits for longer than its own time', async (t) => {
  const { find, scans } = open()
  let end: (result: ScanResult) => void = () => {}
  const first = find(letter, new Promise<ScanResult>((resolve) => (end = resolve)))
  const hasty = { within: 20 }
  t.match((await find(copy, clean, hasty)).result, { answer: 'unknown', reason: /SCANTIMEOUT/ })
  t.equal(scans.length, 1)
  end(clean)
  await first
})

t.test('a copy waits for a scan no longer than its client', async (t) => {
  const { find, scans } = open()
  let end: (result: ScanResult) => void = () => {}
  const first = find(letter, new Promise<ScanResult>((resolve) => (end = resolve)))
  const leaving = new AbortController()
  const { signal: gone } = leaving
  const waiting = find(copy, clean, { gone })
  await new Promise(setImmediate)
  leaving.abort()
  t.match((await waiting).result, { answer: 'unknown' })
  t.match((await find(copy, clean, { gone })).result, { answer: 'unknown' }, 'that left before')
  t.same(getEventListeners(gone, 'abort'), [])
  t.equal(scans.length, 1)
  end(clean)
  t.same((await first).result, clean)
})

t.test('while signatures are being loaded, "clean" counts only for copies that wait', async (t) => {
  const date = 1.8e9 - 10
  const late = scanner('clamd', {
    cacheable: { ...clamd.cacheable!, hasLoaded: async () => false },
  })
  for (const [result, lasts] of [
    [clean, false],
    [virus, true],
  ] as const) {
    const { find, scans } = open({ signatureFiles: () => ({ changed: date, size: 0, seen: 2e9 }) })
    const setup = { scanners: [late] }
    const first = find(letter, result, setup)
    const waits = find(copy, vain, setup)
    t.match(await first, { result })
    t.match(await waits, { result: { answer: result.answer }, cached: { host: 'here' } })
    t.equal(scans.length, 1)
    const next = await find(copy, result, setup)
    t.equal(next.cached !== undefined, lasts, 'the next copy')
  }
})

t.test('a copy that waited has what is left of its time', async (t) => {
  const { find, given, pass } = open()
  const slow = () => {
    pass(5_000)
    return vain
  }
  const first = find(letter, slow)
  const second = find(copy)
  t.same((await first).result, vain)
  t.same((await second).result, clean)
  t.same(given, [settings.timeout, settings.timeout - 5_000])
})

t.test('a verdict that is too old for a copy that waited does not apply to it', async (t) => {
  for (const [maxAgeSeconds, host] of [
    [1, undefined],
    [10, 'here'],
  ] as const) {
    const { find, scans, pass } = open({ maxAgeSeconds })
    const slow = () => {
      pass(5_000)
      return clean
    }
    const first = find(letter, slow)
    const waiting = find(copy)
    t.equal((await first).cached, undefined)
    t.equal((await waiting).cached?.host, host)
    t.equal(scans.length, host ? 1 : 2)
  }
})

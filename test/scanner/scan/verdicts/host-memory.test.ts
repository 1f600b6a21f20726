import { once } from 'node:events'
import t from 'tap'
import { unknown } from '../../../../src/scanner/scan/scanners/findings/scan-result.ts'
import type { CachedVerdict } from '../../../../src/scanner/scan/verdicts/copies/fresh.ts'
import type { ScanEnd } from '../../../../src/scanner/scan/verdicts/copies/scans-for-copies.ts'
import { type HostEvents, HostMemory } from '../../../../src/scanner/scan/verdicts/host-memory.ts'
import { until } from '../../../run/until.ts'

/** Processes of one host, which inform each other through the first one, as real ones do. */
function connected(count: number) {
  const memories = Array.from({ length: count }, (_, n) => new HostMemory({ self: n + 1 }))
  const messages: HostEvents[] = []
  const spoken = new EventTarget()
  for (const memory of memories) {
    memory.connect((words) => {
      messages.push(words)
      for (const other of memories) if (other !== memory) other.receive(JSON.parse(JSON.stringify(words))) // biome-ignore format: a pipe
      spoken.dispatchEvent(new Event('words'))
    })
  }
  return {
    memories: memories as [HostMemory, ...HostMemory[]],
    messages,
    heard: () => once(spoken, 'words'),
  }
}

const printOf = (n: number) => Buffer.alloc(32, n).toString('base64url')
const print = printOf(5)
const verdict: CachedVerdict = {
  found: { answer: 'clean' },
  scanners: ['clamd'],
  signatures: 'clamd=ClamAV 1.4.3',
  time: 1_800_000_000,
  host: 'mx1.example.org',
}

t.test('a verdict that one process finds is known to all', async (t) => {
  const { memories, messages, heard } = connected(3)
  memories[0].cacheVerdict(print, verdict, 60)
  t.same(memories[0].cachedVerdict(print), verdict)
  await heard()
  for (const memory of memories) t.same(memory.cachedVerdict(print), verdict)
  t.equal(messages.length, 1, 'no process sends again what it received')
})

t.test('a verdict of before a restart of clamd counts in no process', async (t) => {
  const { memories, heard } = connected(3)
  for (const memory of memories) t.equal(memory.isSinceRestart(verdict), true)
  memories[0].noteRestart(verdict.time)
  await heard()
  for (const memory of memories) {
    t.equal(memory.isSinceRestart(verdict), false)
    t.equal(memory.isSinceRestart({ ...verdict, time: verdict.time + 1 }), true)
  }
  const later = new HostMemory({ self: 4 })
  later.receive(memories[0].initialEvents())
  t.equal(later.isSinceRestart(verdict), false, 'nor in one that is started later')
})

t.test('only processes that scan copies receive events about them', async (t) => {
  const received: HostEvents[] = []
  const lone = new HostMemory({ self: 2, scanning: 'alone' })
  lone.connect((words) => received.push(words))
  lone.scansForCopies.begin(print, 10_000).end({ kind: 'nothing' })
  lone.cacheVerdict(print, verdict, 60)
  t.same(lone.cachedVerdict(print), verdict)
  lone.poison.diedWithOthers(print)
  await until(() => received.length > 0, 'an event')
  t.same(
    received.map(({ events }) => events.map(({ kind }) => kind)),
    [['died']],
    'what a message does to scanners is for the next process, too',
  )

  const first = new HostMemory({ self: 1, scanning: 'none' })
  const begun = { kind: 'begun', fingerprint: print, within: 10_000 } as const
  first.receive({
    from: 2,
    events: [
      begun,
      { kind: 'found', fingerprint: print, verdict, seconds: 60 },
      ...received[0]!.events,
    ],
  })
  t.equal(first.scansForCopies.of(print), undefined)
  t.equal(first.cachedVerdict(print), undefined)
  t.equal(first.poison.isSuspect(print), true)
})

t.test('while one process scans for long, the others wait for its verdict', async (t) => {
  const { memories, heard } = connected(3)
  const [first, second, third] = memories
  const scan = first.scansForCopies.begin(print, 10_000)
  await heard()
  const waiting = [second!, third!].map((memory) => memory.scansForCopies.of(print)!.ended)
  first.cacheVerdict(print, verdict, 60)
  scan.end({ kind: 'nothing' })
  for (const ended of waiting) t.same(await ended, { kind: 'elsewhere' })
  t.same(second!.cachedVerdict(print), verdict, 'it is there by then')
  t.equal(third!.scansForCopies.of(print), undefined)
})

t.test('other processes receive an unknown result, and its reason', async (t) => {
  const { memories, heard } = connected(2)
  const scan = memories[0].scansForCopies.begin(print, 10_000)
  await heard()
  const { ended } = memories[1]!.scansForCopies.of(print)!
  const finding = unknown('clamd is down', 'unreachable')
  const failed: ScanEnd = { kind: 'unknown', result: finding }
  scan.end(failed)
  t.same(await ended, failed)
})

t.test('the end of a scan is announced, even if others follow at once', async (t) => {
  const { memories, messages, heard } = connected(2)
  const [first, second] = memories as [HostMemory, HostMemory]
  const scan = first.scansForCopies.begin(print, 10_000)
  await heard()
  const { ended } = second.scansForCopies.of(print)!
  scan.end({ kind: 'nothing' })
  first.scansForCopies.begin(print, 10_000).end({ kind: 'nothing' })
  const third = first.scansForCopies.begin(print, 10_000)
  t.same(await ended, { kind: 'elsewhere' })
  const kinds = messages[1]!.events.map(({ kind }) => kind)
  t.same(kinds, ['ended', 'begun', 'ended', 'begun'])
  third.end({ kind: 'nothing' })
})

t.test('no process waits for one that has ended, or for longer than it announced', async (t) => {
  const { memories, heard } = connected(2)
  const [first, second] = memories as [HostMemory, HostMemory]
  first.scansForCopies.begin(print, 10_000)
  await heard()
  const { ended } = second.scansForCopies.of(print)!
  second.receive(first.endOf(1))
  t.same(await ended, { kind: 'nothing' })

  first.scansForCopies.begin(printOf(6), 5)
  await heard()
  const other = second.scansForCopies.of(printOf(6))!
  const alive = setInterval(() => {}, 1000)
  t.same(await other.ended, { kind: 'nothing' })
  clearInterval(alive)
})

t.test('processes that begin simultaneously agree on the first', async (t) => {
  const { memories, heard } = connected(3)
  const [first, second, third] = memories as [HostMemory, HostMemory, HostMemory]
  const later = second.scansForCopies.begin(print, 10_000)
  t.equal(second.scansForCopies.of(print), later, 'it knows of no other one yet')
  const own = first.scansForCopies.begin(print, 10_000)
  await heard()
  await heard()
  t.equal(first.scansForCopies.of(print), own)
  const { ended } = second.scansForCopies.of(print)!
  t.not(second.scansForCopies.of(print), later)
  later.end({ kind: 'elsewhere' })
  await heard()
  const waiting = third.scansForCopies.of(print)!.ended
  own.end({ kind: 'nothing' })
  t.same(await ended, { kind: 'elsewhere' })
  t.same(await waiting, { kind: 'elsewhere' })
  for (const memory of memories) t.equal(memory.scansForCopies.of(print), undefined)
})

t.test('the memory is bounded in bytes, and forgets the verdicts used longest ago', async (t) => {
  const memory = new HostMemory()
  const large = { ...verdict, signatures: 'x'.repeat(1024 * 1024) }
  const prints = Array.from({ length: 40 }, (_, n) => printOf(n))
  for (const print of prints) memory.cacheVerdict(print, large, 60)
  const kept = prints.filter((print) => memory.cachedVerdict(print) !== undefined)
  t.same(kept, prints.slice(-15), 'as many as have room in 16 MiB')
})

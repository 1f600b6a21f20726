import * as crypto from 'node:crypto'
import { setImmediate as setImmediatePromise } from 'node:timers/promises'
import t from 'tap'
import { type HostEvents, HostMemory } from '../../../../src/scanner/scan/verdicts/host-memory.ts'
import { sealVerdict } from '../../../../src/scanner/scan/verdicts/store/seal.ts'
import {
  clean,
  copy,
  letter,
  local,
  notingStore,
  open,
  type Shared,
  secrets,
  settings,
  vain,
  virus,
} from './rig.ts'

/** Verdicts in a store that hosts share. */

const cachedThere = {
  found: { answer: 'clean' },
  scanners: ['clamd'],
  signatures: 'clamd=ClamAV 1.4.3',
  time: 1.8e9 - 600,
  host: 'there',
} as const

t.test('no verdict of before a restart of clamd is used, whichever host has it', async (t) => {
  const memory = new HostMemory()
  const seal = (fingerprint: string) => sealVerdict(cachedThere, fingerprint, secrets.seal, crypto)
  const { find, scans } = open({ memory, ...notingStore(seal) })
  t.match(await find(letter), { cached: { host: 'there' } })
  memory.noteRestart(cachedThere.time)
  t.equal((await find(letter)).cached, undefined)
  t.equal(scans.length, 1)
  t.match(await find(letter), { cached: { host: 'here' } }, 'the new one is')
})

t.test('a message is scanned if the store has invalid data, or another verdict', async (t) => {
  const verdict = {
    found: { answer: 'clean' },
    scanners: ['clamd'],
    signatures: 'clamd=ClamAV 1.4.3',
    time: 1.8e9,
    host: 'there',
  } as const
  const kept: [string, Buffer][] = []
  const fill = (make: (fingerprint: string) => Buffer | undefined): Shared => ({
    ...notingStore(make).shared,
    put: (...entry) => kept.push([entry[0], entry[1]]),
  })
  const seal = (fingerprint: string) => sealVerdict(verdict, fingerprint, secrets.seal, crypto)
  const honest = open({ shared: fill(seal) })
  t.match(await honest.find(letter), { cached: { host: 'there' } })
  for (const make of [
    () => Buffer.alloc(0),
    () => Buffer.from('OK'),
    () => seal('of another message'),
    (print: string) => seal(print).subarray(0, -1),
    (print: string) => sealVerdict(verdict, print, secrets.fingerprint, crypto),
    (print: string) => sealVerdict({ ...verdict, time: 1 }, print, secrets.seal, crypto),
  ]) {
    const { find, scans } = open({ shared: fill(make) })
    t.equal((await find(letter)).cached, undefined)
    t.equal(scans.length, 1)
  }
  t.equal(kept.length, 6)
})

t.test('a verdict of another host is cached here for the remaining time', async (t) => {
  for (const [time, left] of [
    [1.8e9 - 600, 3000],
    [1.8e9 - 3600, 1],
    [1.8e9 + 100, 3600],
  ] as const) {
    const { shared, calls } = notingStore((print) => {
      return sealVerdict({ ...cachedThere, time }, print, secrets.seal, crypto)
    })
    const memory = new HostMemory()
    const events: HostEvents[] = []
    memory.connect((message) => events.push(message))
    const { find } = open({ memory, shared })
    t.match(await find(letter), { cached: { host: 'there' } })
    t.match(await find(copy), { cached: { host: 'there' } })
    const asked = calls.filter(([what]) => what !== 'release')
    t.same(asked, [['get', settings.timeout / 4]], 'once, and nothing is published')
    while (events.length === 0) await setImmediatePromise()
    const [begun, found, ended] = [
      { kind: 'begun' },
      { kind: 'found', seconds: left },
      { kind: 'ended' },
    ]
    t.match(events, [{ events: [begun, found, ended] }])
  }
})

t.test('a store is informed immediately if a scan found no verdict to cache', async (t) => {
  for (const [result, what] of [
    [clean, 'put'],
    [virus, 'put'],
    [vain, 'release'],
    [{ answer: 'unread', kind: 'size', reason: 'too large' }, 'release'],
  ] as const) {
    const { shared, calls } = notingStore(() => undefined)
    const { find } = open({ shared })
    await find(letter, result)
    t.same(calls.slice(1), [what === 'put' ? ['put', 3600] : ['release']], result.answer)
  }
})

t.test("the time that a store takes is part of the message's time", async (t) => {
  const slow = notingStore(() => {
    opened.pass(2_000)
    return undefined
  })
  const opened = open({ shared: slow.shared })
  await opened.find(letter)
  t.same(opened.given, [settings.timeout - 2_000])
})

t.test('copies that wait for a store get its verdict', async (t) => {
  let answer: (() => void) | undefined
  const shared: Shared = {
    ...notingStore(() => undefined).shared,
    async get(print) {
      await new Promise<void>((resolve) => (answer = resolve))
      return sealVerdict(cachedThere, print, secrets.seal, crypto)
    },
  }
  const { find, scans } = open({ shared })
  const all = [find(letter), find(copy)]
  await setImmediatePromise()
  answer?.()
  for (const { cached } of await Promise.all(all)) t.match(cached, { host: 'there' })
  t.same(scans, [])
})

t.test('processes of a host that wait for a dead store at the same time scan once', async (t) => {
  let giveUp = () => {}
  const givenUp = new Promise<void>((resolve) => {
    giveUp = resolve
  })
  const dead: Shared = {
    ...notingStore(() => undefined).shared,
    get: () => givenUp.then(() => undefined),
  }
  const memories = Array.from({ length: 3 }, (_, n) => new HostMemory({ self: n + 1 }))
  const processes = memories.map((memory) => open({ memory, shared: dead }))
  const letters = Array.from({ length: 5 }, (_, n) => letter.replace('Hello', `Hello ${n}`))
  const all = letters.flatMap((text) => processes.map(({ find }) => find(text)))
  await new Promise<void>((resolve) => {
    let connected = 0
    for (const memory of memories) {
      memory.connect((events) => {
        for (const other of memories) if (other !== memory) other.receive(events)
        if (++connected === memories.length) resolve()
      })
    }
  })
  giveUp()
  for (const { result } of await Promise.all(all)) t.equal(result.answer, 'clean')
  t.equal(processes.flatMap(({ scans }) => scans).length, letters.length)
})

t.test('the state of the shared store is returned, and it is closed', async (t) => {
  const { shared, calls } = notingStore(() => undefined)
  t.equal(open().verdicts.sharing(), undefined)
  const { verdicts } = open({ shared })
  t.match(verdicts.sharing(), { trouble: 'down' })
  verdicts.close()
  t.same(calls.at(-1), ['close'])
})

t.test('a store is not asked about scanners that are asked each time', async (t) => {
  const { shared, calls } = notingStore(() => undefined)
  const { find, scans } = open({ shared })
  await find(letter, clean, { scanners: [local] })
  await new Promise(setImmediate)
  t.same(calls, [])
  t.same(scans, [['local']])
})

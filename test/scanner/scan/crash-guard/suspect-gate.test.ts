import t from 'tap'
import { SuspectGate } from '../../../../src/scanner/scan/crash-guard/suspect-gate.ts'

/** Scans beside each other, and of suspects alone. */

const never = new AbortController().signal
/** Resolves when all that can go on has gone on. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

/** Begins a scan, and notes what is scanned at each moment. */
function openScans() {
  const gate = new SuspectGate()
  const now = new Set<string>()
  const begin = async (name: string, isSuspect = false, signal = never) => {
    const scan = await gate.begin(isSuspect, signal)
    if (scan === undefined) return undefined
    now.add(name)
    return {
      ...{ isLone: scan.isLone, wasAlone: () => scan.wasAlone },
      end() {
        now.delete(name)
        scan.end()
      },
    }
  }
  return { begin, now: () => [...now].sort().join(' ') }
}

t.test('ordinary messages are scanned beside each other, and then none was alone', async (t) => {
  const { begin, now } = openScans()
  const a = await begin('a')
  t.equal(a?.wasAlone(), true)
  const b = await begin('b')
  t.equal(now(), 'a b')
  t.same([a?.wasAlone(), b?.wasAlone(), a?.isLone], [false, false, false])
  b?.end()
  t.equal(a?.wasAlone(), false, 'it may have died meanwhile')
  a?.end()
  t.equal((await begin('c'))?.wasAlone(), true)
})

t.test('a suspect waits until nothing is scanned, and is scanned alone', async (t) => {
  const { begin, now } = openScans()
  const a = await begin('a')
  const suspects = [begin('x', true), begin('y', true)]
  const b = begin('b')
  await settled()
  t.equal(now(), 'a', 'nothing new begins')
  a?.end()
  const x = await suspects[0]
  await settled()
  t.equal(now(), 'x')
  t.same([x?.isLone, x?.wasAlone()], [true, true])
  x?.end()
  await b
  await settled()
  t.equal(now(), 'b', 'others have their turn between two suspects')
  ;(await b)?.end()
  const y = await suspects[1]
  t.equal(now(), 'y')
  y?.end()
  await begin('c')
  t.equal(now(), 'c')
})

t.test('no caller waits longer than its time limit', async (t) => {
  const { begin, now } = openScans()
  /** Begins a scan, and ends its time when all waits that can. */
  const beginAndAbort = async (name: string, isSuspect: boolean) => {
    const time = new AbortController()
    const begun = begin(name, isSuspect, time.signal)
    await settled()
    time.abort()
    return begun
  }
  const a = await begin('a')
  t.equal(await beginAndAbort('x', true), undefined, 'a suspect')
  await begin('b')
  t.equal(now(), 'a b', 'others go on')
  a?.end()
  const y = begin('y', true)
  t.equal(await beginAndAbort('z', true), undefined, 'a suspect behind another one')
  t.equal(await beginAndAbort('c', false), undefined, 'what comes behind a suspect')
  t.equal(now(), 'b')
  t.equal(await y, undefined, 'which never has a moment alone')
  await begin('d')
  t.equal(now(), 'b d')
})

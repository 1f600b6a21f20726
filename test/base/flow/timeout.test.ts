import { getEventListeners } from 'node:events'
import t from 'tap'
import {
  ABORTED,
  answerInTime,
  TIMED_OUT,
  unlessAborted,
  withDeadline,
  withTimeout,
} from '../../../src/base/flow/timeout.ts'

const never = new Promise<string>(() => {})
const HOUR = 3_600_000

t.test('a result or a failure that comes in time is passed on', async (t) => {
  t.equal(await withTimeout(Promise.resolve('an answer'), HOUR), 'an answer')
  t.equal(await answerInTime(Promise.resolve('an answer'), HOUR), 'an answer')
  await t.rejects(withTimeout(Promise.reject(new Error('no')), HOUR), { message: 'no' })
})

t.test('late work is not awaited, and its failure is dropped', async (t) => {
  t.equal(await withTimeout(never, 1), TIMED_OUT)
  await t.rejects(answerInTime(never, 1), { message: 'no answer in 1 ms' })
  let fail = (_error: Error) => {}
  const work = new Promise<string>((_, reject) => {
    fail = reject
  })
  t.equal(await withTimeout(work, 1), TIMED_OUT)
  fail(new Error('much later'))
  await new Promise(setImmediate)
})

t.test("work ends by its caller's signal or by its own deadline", async (t) => {
  const ended = (signal: AbortSignal) =>
    new Promise<string>((resolve) => {
      if (signal.aborted) resolve('aborted already')
      signal.addEventListener('abort', () => resolve('aborted'))
    })
  const given = new AbortController()
  t.equal(await withDeadline(1, given.signal, ended), 'aborted')
  t.notOk(given.signal.aborted)
  const work = withDeadline(HOUR, given.signal, ended)
  given.abort()
  t.equal(await work, 'aborted')
  t.equal(await withDeadline(HOUR, given.signal, ended), 'aborted already')
})

t.test('work counts until a signal comes, which forgets who waited', async (t) => {
  const { signal } = new AbortController()
  t.equal(await unlessAborted(Promise.resolve('an answer'), signal), 'an answer')
  await t.rejects(unlessAborted(Promise.reject(new Error('no')), signal), { message: 'no' })
  t.same(getEventListeners(signal, 'abort'), [])
  const given = new AbortController()
  let fail = (_error: Error) => {}
  const work = new Promise<string>((_, reject) => {
    fail = reject
  })
  const asked = unlessAborted(work, given.signal)
  given.abort()
  t.equal(await asked, ABORTED)
  t.equal(await unlessAborted(never, given.signal), ABORTED, 'also if it came before')
  fail(new Error('much later'))
  await new Promise(setImmediate)
})

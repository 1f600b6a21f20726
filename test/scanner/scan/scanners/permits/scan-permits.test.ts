import { getEventListeners } from 'node:events'
import t from 'tap'
import {
  PERMITS,
  type PermitOrResult,
  ScanPermits,
} from '../../../../../src/scanner/scan/scanners/permits/scan-permits.ts'

const LARGE_FROM = 1024 * 1024

const LARGE = LARGE_FROM
const SMALL = LARGE_FROM - 1
const patient = new AbortController().signal

/** The permits at servers, and a clock that the test moves. */
function opened({ servers = 1 } = {}) {
  const state = { servers, now: 0 }
  const permits = new ScanPermits(
    () => state.servers,
    () => state.now,
  )
  /** A message that has this many milliseconds from now on. */
  const take = (
    size: number,
    within = 60_000,
    { hasBegun = false, signal = patient, network = '' } = {},
  ) => {
    const end = state.now + within
    const timeLeft = () => end - state.now
    const message = { size, network, signal, timeLeft, hasBegun }
    const mail = {
      result: undefined as PermitOrResult | undefined,
      end() {
        if (typeof this.result === 'function') this.result()
      },
      acquire() {
        this.result = undefined
        void permits.acquire(message).then((result) => {
          this.result = result
        })
      },
      nextTurn: () => permits.nextTurn(message),
      /** Gives way if it must, as between two questions. */
      askNext() {
        if (typeof this.result !== 'function' || !permits.mustGiveWay(message)) return
        this.result()
        this.acquire()
      },
    }
    mail.acquire()
    return mail
  }
  return { state, take }
}

type Mail = ReturnType<ReturnType<typeof opened>['take']>

/** Of each message whether it has a permit, waits, or was refused. */
async function stateOf(mails: readonly Mail[]): Promise<string> {
  await new Promise(setImmediate)
  const letters = mails.map(({ result }) => {
    if (result === undefined) return '.'
    return typeof result === 'function' ? 'T' : 'x'
  })
  return letters.join('')
}

/** Lets this many milliseconds go by, and releases the permits of these messages. */
async function after(state: { now: number }, milliseconds: number, mails: readonly Mail[]) {
  state.now += milliseconds
  for (const mail of mails) mail.end()
  await new Promise(setImmediate)
}

const many = <Value>(count: number, make: () => Value) => Array.from({ length: count }, make)

t.test('large and small messages leave permits to each other', async (t) => {
  const { take } = opened()
  const large = many(PERMITS.large + 1, () => take(LARGE))
  const small = many(PERMITS.small + 1, () => take(SMALL))
  t.equal(await stateOf(large), `${'T'.repeat(PERMITS.large)}.`)
  t.equal(await stateOf(small), `${'T'.repeat(PERMITS.small)}.`)
  small[0]!.end()
  t.equal(await stateOf([...small.slice(-1), ...large.slice(-1)]), 'T.')
  large[0]!.end()
  t.equal(await stateOf(large.slice(-1)), 'T')
})

t.test('permits come in the order of coming, but what has begun goes first', async (t) => {
  const { take } = opened()
  const mails = many(5, () => take(LARGE))
  const begun = [take(LARGE, 60_000, { hasBegun: true }), take(LARGE, 60_000, { hasBegun: true })]
  const all = [...mails, ...begun]
  t.equal(await stateOf(all), 'TT.....')
  mails[0]!.end()
  t.equal(await stateOf(all), 'TT...T.')
  mails[1]!.end()
  t.equal(await stateOf(all), 'TT...TT')
  begun[0]!.end()
  t.equal(await stateOf(all), 'TTT..TT')
})

t.test('each server that takes messages has permits of its own', async (t) => {
  const { state, take } = opened({ servers: 2 })
  const mails = many(7, () => take(LARGE))
  t.equal(await stateOf(mails), 'TTTT...')
  state.servers = 1
  mails[0]!.end()
  mails[1]!.end()
  t.equal(await stateOf(mails), 'TTTT...', 'two are still under way at the one that is left')
  mails[2]!.end()
  t.equal(await stateOf(mails), 'TTTTT..')
  state.servers = 2
  mails[3]!.end()
  t.equal(await stateOf(mails), 'TTTTTTT')
})

t.test('a message learns as soon as possible that its scan would be too late', async (t) => {
  const { state, take } = opened()
  const mails = many(20, () => take(LARGE, 15_000))
  t.equal(await stateOf(mails), `TT${'.'.repeat(18)}`)
  await after(state, 2000, mails.slice(0, 2))
  t.equal(await stateOf(mails), `TTTT${'.'.repeat(16)}`, 'one round shows too little')
  await after(state, 2000, mails.slice(2, 4))
  // Ten more end by second 14.
  t.equal(await stateOf(mails), `TTTTTT${'.'.repeat(8)}${'x'.repeat(6)}`)
  t.match(mails[14]!.result, {
    answer: 'unknown',
    cause: 'busy',
    reason:
      '10 messages are ahead: the scan would begin in 10 s and take 2 s, but only 11 s are left',
  })
  for (let at = 4; at < 14; at += 2) await after(state, 2000, mails.slice(at, at + 2))
  t.equal(await stateOf(mails), `${'T'.repeat(14)}${'x'.repeat(6)}`)
})

/** Keeps a scanner busy with messages of this size, until it is known how long they take; two are under way. */
async function busyWith(size: number, took: number) {
  const opening = opened()
  const { state, take } = opening
  const mails = many(6, () => take(size))
  await stateOf(mails)
  await after(state, took, mails.slice(0, 2))
  await after(state, took, mails.slice(2, 4))
  return { ...opening, under: mails.slice(4) }
}

t.test('a new message learns immediately that its scan would begin too late', async (t) => {
  const { take } = await busyWith(LARGE, 3000)
  t.equal(await stateOf([take(LARGE, 2000), take(LARGE, 5999), take(LARGE, 6000)]), 'xx.')
})

t.test('a scan does not begin if what is left of the time is too short for it', async (t) => {
  const { state, take, under } = await busyWith(LARGE, 2000)
  const late = take(LARGE, 4000)
  await after(state, 1500, [])
  const later = take(LARGE, 2500)
  t.equal(await stateOf([late, later]), '..', 'both scans should be over soon')
  await after(state, 500, under.slice(0, 1))
  t.equal(await stateOf([late, later]), 'T.')
  await after(state, 500, under.slice(1))
  t.equal(await stateOf([late, later]), 'Tx')
})

t.test('the shorter of two estimates, by bytes and by number, applies', async (t) => {
  const { take } = await busyWith(10 * LARGE, 10_000)
  t.equal(await stateOf([take(LARGE, 10_999), take(LARGE, 11_000)]), 'x.', 'a tenth by its bytes')
  const huge = [take(1000 * LARGE, 19_999), take(1000 * LARGE, 20_000)]
  t.equal(await stateOf(huge), 'x.', 'no more than others by its number')
})

t.test('measurements from before a time without mail are dropped', async (t) => {
  const { state, take, under } = await busyWith(LARGE, 20_000)
  await after(state, 20_000, under)
  t.equal(await stateOf(many(6, () => take(LARGE, 1000))), 'TT....')
})

t.test('messages that come while the scanner stalls do not pay for it', async (t) => {
  const { state, take } = opened()
  const small = () => many(PERMITS.small, () => take(SMALL, 150_000))
  const rounds = [small(), small(), small(), small()]
  await stateOf(rounds.flat())
  for (const [n, round] of rounds.slice(0, 3).entries()) {
    await after(state, n === 0 ? 100_000 : 100, round)
  }
  t.notMatch(await stateOf(many(1000, () => take(SMALL, 50_000))), /x/)
})

t.test('a caller that leaves no longer waits, and leaks no listener', async (t) => {
  const { take } = opened()
  const first = many(2, () => take(LARGE))
  const leaving = new AbortController()
  const { signal } = leaving
  const waiting = [take(LARGE, 60_000, { signal }), take(LARGE)]
  t.equal(await stateOf([...first, ...waiting]), 'TT..')
  leaving.abort()
  t.equal(await stateOf(waiting), 'x.')
  t.match(waiting[0]!.result, { answer: 'unknown', cause: 'busy' })
  t.equal(getEventListeners(signal, 'abort').length, 0)
  first[0]!.end()
  t.equal(await stateOf(waiting), 'xT')
  t.equal(await stateOf([take(SMALL, 60_000, { signal })]), 'x', 'it has left already')
})

t.test('ordinary mail waits for costly mail only until that asks its next question', async (t) => {
  for (const network of ['', 'c00002']) {
    const { state, take } = opened()
    const costly = many(30, () => take(1000, 60_000, { network }))
    await stateOf(costly)
    await after(state, 1000, [])
    for (let round = 0; round < 10; round++) {
      await after(state, 400, [])
      for (const mail of costly) mail.askNext()
      const ordinary = take(4000, 60_000, { network: 'cb0071' })
      t.equal(await stateOf([ordinary]), 'T', `round ${round}`)
      await after(state, 10, [ordinary])
    }
    t.notMatch(await stateOf(costly), /x/)
  }
})

t.test('costly mail of many networks delays ordinary mail no longer', async (t) => {
  const { state, take } = opened()
  const of = (n: number) => ({ network: String(n) })
  const costly = Array.from({ length: 60 }, (_, n) => take(64_000, 60_000, of(n)))
  const ordinary = many(12, () => take(4000, 60_000, of(1000)))
  let rounds = 0
  for (; /\./.test(await stateOf(ordinary)); rounds++) {
    await after(state, 200, ordinary)
    for (const mail of costly) mail.askNext()
    await stateOf(costly)
  }
  // Sixty messages that were there before have 18 permits, for as long as an ordinary message of 64,000 bytes has one.
  t.ok(rounds * 200 <= 4 * 18 * (50 + 64_000 / 500), `${rounds} rounds`)
  t.notMatch(await stateOf([...ordinary, ...costly]), /x/)
})

t.test('of fresh messages those whose network has used less precede', async (t) => {
  const { state, take } = opened()
  const first = many(PERMITS.small, () => take(1000, 60_000, { network: 'a' }))
  const more = many(3, () => take(1000, 60_000, { network: 'a' }))
  const other = take(1000, 60_000, { network: 'b' })
  await stateOf(first)
  await after(state, 100, first.slice(0, 1))
  t.equal(await stateOf([...more, other]), '...T')
  await after(state, 0, first.slice(1, 2))
  t.equal(await stateOf([...more, other]), 'T..T', 'then in the order of coming')
})

t.test('fresh messages of ever new networks do not precede indefinitely', async (t) => {
  const { state, take } = opened()
  let serial = 0
  const fresh = () => take(1000, 60_000, { network: `new ${serial++}` })
  const inUse = many(PERMITS.small, () => take(1000, 60_000, { network: 'known' }))
  await stateOf(inUse)
  await after(state, 400, inUse)
  const others = many(PERMITS.small + 12, fresh)
  const ordinary = take(1000, 60_000, { network: 'known' })
  let ended = 0
  // As many places end each 10 ms as there are, and each client sends its next message from another network.
  for (; !/T/.test(await stateOf([ordinary])) && ended < 5000; ended++) {
    await after(
      state,
      1,
      others.splice(
        others.findIndex(({ result }) => result !== undefined),
        1,
      ),
    )
    others.push(fresh())
  }
  t.ok(ended <= 400 + 12, `${ended} other messages came first`)
})

t.test('turns go round among messages no costlier than ordinary mail', async (t) => {
  const { state, take } = opened()
  const first = take(1000)
  await after(state, 10, [])
  const turns: string[] = []
  const goOn = (name: string, mail: Mail): Promise<void> =>
    mail.nextTurn().then(() => {
      turns.push(name)
      if (name === 'fresh' && turns.length < 10) for (const _ of [1, 2]) void goOn(name, take(1000))
    })
  void goOn('fresh', take(1000))
  void goOn('fresh', take(1000))
  await goOn('first', first)
  t.ok(turns.indexOf('first') <= 3, turns.join(', '))
})

t.test('costly mail has some of the permits, and all of it is scanned in the end', async (t) => {
  const { state, take } = opened()
  const costly = many(20, () => take(1000))
  await stateOf(costly)
  for (let round = 0; round < 20; round++) {
    await after(state, 1000, [])
    for (const mail of costly) mail.askNext()
    await stateOf(costly)
  }
  const letters = await stateOf(costly)
  t.equal(letters.replaceAll('.', '').length, Math.floor(PERMITS.small / 4))
  for (let round = 0; round < 10; round++) await after(state, 100, costly)
  t.match(await stateOf(costly), /^T+$/)
})

t.test(
  'ordinary mail of a network is scanned beside a hundred costly messages of it',
  async (t) => {
    const { state, take } = opened()
    const of = { network: 'a' }
    const fresh = () => take(1000, 30_000, of)
    const costly = many(100, fresh)
    const waits: number[] = []
    let ordinary: Mail | undefined
    let [began, turns] = [0, 0]
    for (; state.now < 60_000; state.now += 20) {
      for (const [n, mail] of costly.entries()) {
        mail.askNext()
        // Its client sends the next one after an answer.
        if (mail.result !== undefined && typeof mail.result !== 'function') costly[n] = fresh()
      }
      if (state.now >= 5_000 && ordinary === undefined) {
        ordinary = take(4000, 30_000, of)
        began = state.now
        turns = 0
      }
      await stateOf([])
      if (typeof ordinary?.result === 'function' && ++turns === 5) {
        ordinary.end()
        waits.push(state.now - began)
        ordinary = undefined
      } else if (ordinary?.result !== undefined && typeof ordinary.result !== 'function') {
        waits.push(Number.POSITIVE_INFINITY)
        ordinary = undefined
      }
    }
    t.ok(waits.length >= 5, `${waits.length} were scanned`)
    t.ok(Math.max(...waits) < 10_000, `${waits.join(' ')} ms`)
  },
)

t.test(
  'of too many messages that are half read, the costliest of the busiest network is given up',
  async (t) => {
    const { state, take } = opened()
    const busy = many(5 * PERMITS.small, () => take(1000, 600_000, { network: 'a' }))
    const other = take(1000, 600_000, { network: 'b' })
    for (let round = 0; round < 300; round++) {
      await after(state, 200, [])
      for (const mail of [...busy, other]) mail.askNext()
      await stateOf(busy)
    }
    t.match(await stateOf(busy), /x/)
    t.notMatch(await stateOf([other]), /x/)
    const half = [...(await stateOf(busy))].filter((letter) => letter === '.').length
    t.ok(half <= 4 * PERMITS.small, `${half} wait`)
  },
)

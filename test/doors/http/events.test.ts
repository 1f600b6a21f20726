import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import t, { type Test } from 'tap'
import { createEvents } from '../../../src/doors/http/events.ts'
import { createHistory, type LoggedDecision } from '../../../src/observe/live/history.ts'
import { createLineViewer } from '../../../src/observe/live/line-view.ts'
import type { Observer } from '../../../src/observe/live/observer.ts'

/** Pages get the last decisions of a second, readers of decisions all of them. */

function open(t: Test) {
  const history = createHistory()
  const viewOf = createLineViewer()
  let tell: (decided: readonly LoggedDecision[]) => void = () => {}
  const observer = {
    history,
    processes: [],
    clamds: [],
    trial: undefined,
    follow: (listener: typeof tell) => {
      tell = listener
    },
  }
  const alive = setInterval(() => {}, 1000) // the timer of events keeps no process
  t.teardown(() => clearInterval(alive))
  const events = createEvents(observer as never as Observer, {
    hideAddresses: false,
    about: () => ({ host: 'mx1', version: '1', does: [] }),
    amiss: () => [],
  })
  t.teardown(() => events.close())
  return {
    events,
    decide(count: number) {
      const line = 'onescan: decision=accept scan=clean from=<a@b>'
      tell(Array.from({ length: count }, () => history.add(line, viewOf(line), 1000)!))
    },
  }
}

/** A stand-in for an HTTP answer, which is read as slowly as `writableLength` says. */
function reader() {
  const written: { decided: { number: number; line?: string }[] }[] = []
  const response = Object.assign(new EventEmitter(), {
    writableLength: 0,
    isGone: false,
    write(text: string) {
      const data = /^data: (.*)\n\n$/s.exec(text)
      if (data) written.push(JSON.parse(data[1]!))
      response.emit('told')
    },
    destroy() {
      response.isGone = true
    },
  })
  const next = async () => {
    const before = written.length
    while (written.length === before) await new Promise((done) => response.once('told', done))
    return written.at(-1)!.decided
  }
  return { response, as: response as never as ServerResponse, written, next }
}

t.test('of 3,000 decisions at once a reader gets all and a page the last ones', async (t) => {
  const { events, decide } = open(t)
  const [page, all] = [reader(), reader()]
  t.equal(events.join(page.as), true)
  t.equal(events.joinDecisions(all.as), true)
  decide(1500)
  decide(1500)
  const [shown, told] = await Promise.all([page.next(), all.next()])
  t.equal(shown.length, 200)
  t.equal(shown.at(-1)?.number, 3000)
  t.same(
    told.map(({ number }) => number),
    Array.from({ length: 3000 }, (_, n) => n + 1),
  )
  t.equal(told[0]?.line, undefined)
})

t.test('a reader that is too slow misses some decisions, and goes on', async (t) => {
  const { events, decide } = open(t)
  const [slow, fast] = [reader(), reader()]
  events.joinDecisions(slow.as)
  events.joinDecisions(fast.as)
  slow.response.writableLength = 1e9
  decide(5)
  await fast.next()
  t.same(slow.written, [])
  slow.response.writableLength = 0
  decide(2)
  t.same(
    (await slow.next()).map(({ number }) => number),
    [6, 7],
  )
  t.equal(slow.response.isGone, false)
})

t.test(
  'if there are more decisions than can be sent, their numbers show how many are missing',
  async (t) => {
    const { events, decide } = open(t)
    const all = reader()
    events.joinDecisions(all.as)
    decide(6000)
    const told = await all.next()
    t.equal(told.length, 5000)
    t.equal(told[0]?.number, 1001)
  },
)

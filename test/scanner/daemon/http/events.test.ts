import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import t, { type Test } from 'tap'
import { PageEvents } from '../../../../src/scanner/daemon/http/snapshot.ts'
import { parseLogText } from '../../../../src/scanner/log/parsed-line.ts'
import { History, type LoggedDecision } from '../../../../src/scanner/observe/live/history.ts'
import type { Observer } from '../../../../src/scanner/observe/live/observer.ts'

function open(t: Test) {
  const history = new History()
  let publish: (decided: readonly LoggedDecision[]) => void = () => {}
  const observer = {
    history,
    processes: [],
    clamds: [],
    selfTest: undefined,
    follow: (listener: typeof publish) => {
      publish = listener
    },
  }
  const alive = setInterval(() => {}, 1000) // the timer of events keeps no process
  t.teardown(() => clearInterval(alive))
  const events = new PageEvents(observer as never as Observer, {
    hidesAddresses: false,
    about: () => ({ host: 'mx1', version: '1', does: [] }),
    amiss: () => [],
  })
  t.teardown(() => events.close())
  return {
    events,
    decide(count: number) {
      const line = 'onescan: decision=accept scan=clean from=<a@b>'
      publish(
        Array.from({ length: count }, () => history.add(line, parseLogText(line, 0).fields, 1000)!),
      )
    },
  }
}

/** A stand-in for an HTTP answer, which is read as slowly as `writableLength` shows. */
function openPage() {
  const written: { decided: { number: number; line?: string }[] }[] = []
  const response = Object.assign(new EventEmitter(), {
    writableLength: 0,
    isGone: false,
    write(text: string) {
      const data = /^data: (.*)\n\n$/s.exec(text)
      if (data) written.push(JSON.parse(data[1]!))
      response.emit('answered')
    },
    destroy() {
      response.isGone = true
      response.emit('close')
    },
  })
  const next = async () => {
    const before = written.length
    while (written.length === before) await new Promise((done) => response.once('answered', done))
    return written.at(-1)!.decided
  }
  return { response, as: response as never as ServerResponse, next }
}

t.test('a page receives the last 200 of 3,000 simultaneous decisions', async (t) => {
  const { events, decide } = open(t)
  const page = openPage()
  t.equal(events.join(page.as), true)
  decide(1500)
  decide(1500)
  const shown = await page.next()
  t.equal(shown.length, 200)
  t.equal(shown.at(-1)?.number, 3000)
})

t.test('a page that is too far behind is dropped, and the others continue', async (t) => {
  const { events, decide } = open(t)
  const [slow, fast] = [openPage(), openPage()]
  events.join(slow.as)
  events.join(fast.as)
  slow.response.writableLength = 1e9
  decide(5)
  t.equal((await fast.next()).length, 5)
  t.equal(slow.response.isGone, true)
  decide(2)
  t.same(
    (await fast.next()).map(({ number }) => number),
    [6, 7],
  )
})

t.test('the 201st page is not kept up to date', async (t) => {
  const { events } = open(t)
  for (let page = 0; page < 200; page++) t.equal(events.join(openPage().as), true)
  t.equal(events.join(openPage().as), false)
})

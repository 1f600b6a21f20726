import t from 'tap'
import { failure, marked, ok, warning } from '../../../../../src/base/check/check-line.ts'
import {
  onceStarted,
  withClamdStart,
} from '../../../../../src/scanner/cli/check/services/while-starting.ts'

/** What check reports about services that have just been started. */

const silent = marked(failure('milter', 'nothing listens there', 'start it'), 'nothing listens')
const QUICK = { within: 500, pause: 1 }

/** The check lines of a mail server whose filter listens from a look on, and the number of looks. */
async function found(isStarting: boolean, listensAt: number, limits = QUICK) {
  let looks = 0
  async function* check() {
    looks++
    yield looks < listensAt ? silent : ok('milter', 'listens')
  }
  const levels: string[] = []
  for await (const { level } of onceStarted(check, () => isStarting, limits)) levels.push(level)
  return { levels, looks }
}

t.test('a filter that is being started is looked at again, for a limited time', async (t) => {
  t.same(await found(true, 3), { levels: ['ok'], looks: 3 })
  t.same(await found(false, 3), { levels: ['error'], looks: 1 }, 'nothing is being started')
  t.same(await found(true, 1), { levels: ['ok'], looks: 1 })
  t.same((await found(true, Number.POSITIVE_INFINITY)).levels, ['error'], 'it never listens')
})

t.test('a clamd that has just been started has the remedy to wait', async (t) => {
  const line = failure('clamd /run/clamd.ctl [onescand]', 'cannot connect', 'start clamd')
  const down = marked(line, 'nothing scans')
  const at = (seconds: number, active = 'active') =>
    withClamdStart(
      down,
      () => ({ active, since: Date.now() - seconds * 1000 }),
      () => '/var/run/clamd.ctl',
    )
  t.match(at(12), {
    level: 'error',
    value: /^cannot connect: clamav-daemon was started 12(?:\.\d)? s ago, and may still read /,
    remedy: /^run onescan check again in two minutes$/,
  })
  t.match(at(12, 'activating'), { remedy: /again/ })
  t.equal(at(12, 'failed'), undefined)
  t.equal(at(600), undefined)
  const other = marked(warning('scanner', 'is slow', 'wait'), 'nothing scans')
  t.equal(withClamdStart(other), undefined)
  t.equal(withClamdStart(line), undefined)
})

t.test('waiting is no remedy where clamd will not be reached', (t) => {
  const ask = () => ({ active: 'active', since: Date.now() })
  const line = failure('clamd /run/clamd.ctl [onescand]', 'cannot connect', 'usermod')
  const down = marked(line, 'nothing scans')
  t.ok(
    withClamdStart(down, ask, () => undefined),
    'it may still begin to listen there',
  )
  t.equal(
    withClamdStart(marked(down, 'clamd is closed'), ask, () => undefined),
    undefined,
  )
  t.equal(
    withClamdStart(down, ask, () => '/run/clamd.sock'),
    undefined,
  )
  t.end()
})

import t from 'tap'
import { InFlight } from '../../../src/ground/flow/in-flight.ts'

t.test('work is in flight under its name until its promise settles', async (t) => {
  const underWay = new InFlight<string>()
  let end = (_value: string) => {}
  let fail = (_error: Error) => {}
  const good = underWay.begin('good', new Promise((resolve) => (end = resolve)))
  const bad = underWay.begin('bad', new Promise((_, reject) => (fail = reject)))
  t.equal(underWay.get('good'), good)
  t.equal(underWay.get('other'), undefined)
  t.same(underWay.all().length, 2)
  end('done')
  fail(new Error('no'))
  t.equal(await good, 'done')
  t.equal(underWay.get('good'), undefined, 'it may begin anew at once')
  await t.rejects(bad, { message: 'no' })
  t.same(underWay.all(), [])
})

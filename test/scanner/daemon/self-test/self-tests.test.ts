import t from 'tap'
import { failure } from '../../../../src/base/check/check-line.ts'
import { readConfiguration } from '../../../../src/scanner/configuration/configuration.ts'
import { SelfTests } from '../../../../src/scanner/daemon/self-test/self-tests.ts'

/** Self-tests by the workers of onescand; test/scanner/daemon/http/health.test.ts shows the result of them. */

t.test('if a worker ends during a self-test, another one is asked', async (t) => {
  const asked: number[] = []
  const workers = [1, 2]
  const configuration = await readConfiguration({ QHPSI: 'plugin: eicar' }, () => {})
  t.teardown(configuration.close)
  const selfTests = new SelfTests(({ id }) => {
    asked.push(id)
    return workers.shift()
  })
  const make = () => selfTests.make({ configuration, doors: [] }, [])
  const made = make()
  selfTests.ended(1)
  const wrong = [failure('EICAR', 'came out as clean', "check clamd's log")]
  selfTests.answered({ id: 1, wrong, judgesRightly: false })
  t.match(await made, { hasPassed: false, reason: "EICAR: came out as clean; check clamd's log" })
  t.same(asked, [1, 1])
  t.match(await make(), { hasPassed: false, reason: /^workers: no worker accepts mail/ })
})

t.test('a self-test is repeated if its worker ends', async (t) => {
  const configuration = await readConfiguration({ QHPSI: 'plugin: eicar' }, () => {})
  t.teardown(configuration.close)
  const selfTests = new SelfTests(() => 7)
  const doors = [{ kind: 'milter', address: 'unix:/nonexistent' }] as const
  const made = selfTests.make({ configuration, doors }, [])
  selfTests.ended(6)
  selfTests.ended(7)
  selfTests.ended(7)
  const { reason, doors: tried } = await made
  t.match(reason, /^workers: worker 7 ended; check onescand's log/)
  t.match(tried, [{ kind: 'milter', hasPassed: false }])
})

t.test(
  'the self-test sends EICAR until it is found, and again if something has changed',
  async (t) => {
    const [first, second] = [
      await readConfiguration({ QHPSI: 'plugin: eicar' }, () => {}),
      await readConfiguration({ QHPSI: 'plugin: eicar' }, () => {}),
    ]
    t.teardown(first.close)
    t.teardown(second.close)
    let answer = [failure('EICAR', 'came out as clean', '')]
    const wanted: boolean[] = []
    const selfTests = new SelfTests(({ id, wantsEicar }) => {
      wanted.push(wantsEicar)
      setImmediate(() =>
        selfTests.answered({ id, wrong: answer, judgesRightly: answer.length === 0 }),
      )
      return 1
    })
    const clamd = { server: 'x', isUp: true, version: 1, made: 1 }
    const make = (configuration = first, text = 'ClamAV 1') =>
      selfTests.make({ configuration, doors: [] }, [{ ...clamd, text }])
    t.match(await make(), { hasPassed: false })
    answer = []
    t.match(await make(), {
      hasPassed: true,
      reason: /^a clean message was accepted, and EICAR was found at 2/,
    })
    await make()
    t.same(wanted.splice(0), [true, true, false])
    await make(second)
    await make(second)
    await make(second, 'ClamAV 2')
    t.same(wanted, [true, false, true])
  },
)

import { setImmediate as setImmediatePromise } from 'node:timers/promises'
import t from 'tap'
import { DEATHS_MAX } from '../../../../src/scanner/scan/crash-guard/poison.ts'
import type { ScanResult } from '../../../../src/scanner/scan/scanners/findings/scan-result.ts'
import { clean, copy, killed, leftAlone, letter, notingStore, open, reported } from './rig.ts'

/** Messages during whose scans a scanner died: they are left alone, and no other mail is. */

t.beforeEach(() => {
  reported.version = 'ClamAV 1.4.3'
})

t.test('a message at three deaths is blocked while signatures are not reported', async (t) => {
  for (const setup of [{}, { maxAgeSeconds: 0 }]) {
    reported.version = 'ClamAV 1.4.3'
    const { find, scans } = open(setup)
    for (let n = 0; n < DEATHS_MAX; n++) await find(letter, killed)
    reported.version = undefined!
    t.match((await find(letter)).result, leftAlone)
    t.equal(scans.length, DEATHS_MAX)
  }
})

// promise: others-unharmed
t.test('if a message is left alone, no other copy is deferred for it', async (t) => {
  const { find, scans } = open()
  for (let n = 1; n <= DEATHS_MAX; n++) {
    t.match((await find(letter, killed)).result, {
      reason: `died; crash ${n} of 3 with this message`,
    })
  }
  const alone = Array.from({ length: 5 }, () => find(letter))
  const others = Array.from({ length: 5 }, () => find(copy))
  for (const { result } of await Promise.all(alone)) t.match(result, leftAlone)
  for (const { result } of await Promise.all(others)) t.same(result, clean)
  t.equal(scans.length, DEATHS_MAX + 1)
})

// promise: others-unharmed
t.test('a message that no two readers read alike is left alone after deaths, too', async (t) => {
  const odd = [
    letter.replace('Hello', 'Hello\rthere'),
    letter.replace('Subject', 'Sub\0ject'),
    letter.replace('\n\n', '\n \n'),
    letter.replace('ann', `ann${' x'.repeat(50_000)}`),
  ]
  for (const text of odd) {
    const { find, scans } = open()
    for (let n = 1; n <= DEATHS_MAX; n++) {
      const again = text.replace('Date: today', `Date: ${n}`)
      t.match((await find(again, killed)).result, { reason: `crash ${n} of 3` })
    }
    t.match((await find(text)).result, leftAlone)
    t.same((await find(text.replace('Hello', 'Hullo'))).result, clean)
    t.equal(scans.length, DEATHS_MAX + 1)
  }
})

t.test('copies under way when a scanner died are scanned one at a time', async (t) => {
  const { find, scans } = open()
  const odd = letter.replace('Hello', 'Hello\rthere') // its copies do not wait for each other
  let die = () => {}
  const death = new Promise<ScanResult>((resolve) => (die = () => resolve(killed)))
  const copies = Array.from({ length: 5 }, () => find(odd, death))
  while (scans.length < 5) await setImmediatePromise()
  die()
  for (const { result } of await Promise.all(copies))
    t.match(result, { reason: /this one is scanned alone/ })
  let now = 0
  const alone = async () => {
    t.equal(++now, 1)
    await setImmediatePromise()
    now--
    return killed
  }
  const again = await Promise.all(Array.from({ length: 5 }, () => find(odd, alone)))
  const crashes = again.map(
    ({ result }) => 'reason' in result && /crash \d/.exec(result.reason)?.[0],
  )
  t.same(
    crashes,
    [1, 2, 3, 4, 5].map((n) => `crash ${n}`),
  )
})

// promise: others-unharmed
t.test('deaths of scanners are never sent to other hosts', async (t) => {
  const { shared, calls } = notingStore(() => undefined)
  const { find } = open({ shared })
  for (let n = 0; n < DEATHS_MAX; n++) await find(letter, killed)
  t.match((await find(letter)).result, leftAlone)
  t.notOk(calls.some(([what]) => what === 'put'))
})

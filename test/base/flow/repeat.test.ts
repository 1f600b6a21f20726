import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { repeat } from '../../../src/base/flow/repeat.ts'

t.test('work is repeated, one turn at a time, until it is closed', async (t) => {
  let begun = 0
  let finish = () => {}
  let signal: AbortSignal | undefined
  const repeated = repeat(
    1,
    (stopped) => {
      begun++
      signal = stopped
      return new Promise<void>((resolve) => {
        finish = resolve
      })
    },
    (error) => t.error(error),
  )
  await wait(10)
  t.equal(begun, 1, 'at once, and not again while it goes on')
  finish()
  await repeated.firstRun
  while (begun < 2) await wait(1)
  t.equal(signal?.aborted, false)
  repeated.close()
  t.equal(signal?.aborted, true)
  finish()
  await wait(10)
  t.equal(begun, 2)
})

t.test('failed work is repeated, and its error is reported', async (t) => {
  const errors: unknown[] = []
  let begun = 0
  const work = async () => {
    if (++begun < 3) throw new Error(`failure ${begun}`)
  }
  const repeated = repeat(1, work, (error) => errors.push(error))
  await repeated.firstRun
  while (begun < 3) await wait(1)
  repeated.close()
  t.match(errors, [{ message: 'failure 1' }, { message: 'failure 2' }])
})

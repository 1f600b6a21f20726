import t from 'tap'
import { keepFor } from '../../../src/ground/flow/keep-for.ts'

t.test('a value is made again when its time is over', async (t) => {
  let now = 0
  let made = 0
  const value = keepFor(
    100,
    () => now,
    () => ++made,
  )
  t.equal(value(), 1)
  now = 99
  t.equal(value(), 1)
  now = 100
  t.equal(value(), 2)
  now = 199
  t.equal(value(), 2)
})

t.test('after an error the value is made again at the next call', async (t) => {
  let isBroken = true
  const value = keepFor(
    100,
    () => 0,
    () => {
      if (isBroken) throw new Error('broken')
      return 'mended'
    },
  )
  t.throws(value, { message: 'broken' })
  isBroken = false
  t.equal(value(), 'mended')
})

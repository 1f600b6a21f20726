import t from 'tap'
import { isFull, parseLimits } from '../../../src/quota/sources/mailbox-result.ts'

t.test('limits are read as administrators and directories write them', async (t) => {
  t.same(parseLimits('1048576'), { bytes: 1048576 })
  t.same(parseLimits('7K'), { bytes: 7 * 1024 })
  t.same(parseLimits('1G'), { bytes: 1024 ** 3 })
  t.same(parseLimits('2T'), { bytes: 2 * 1024 ** 4 })
  t.same(parseLimits('20mb'), { bytes: 20 * 1024 ** 2 })
  t.same(parseLimits('1000S,10C'), { bytes: 1000, messages: 10 })
  t.same(parseLimits('0'), { bytes: 0 })
  for (const text of ['', '-1', '1.5G', '1X', '1000S,', 'S', '9999999999999999', '9000000T']) {
    t.equal(parseLimits(text), undefined, text)
  }
})

t.test('a mailbox is full if it has no room for one more byte', async (t) => {
  t.notOk(isFull({ bytes: 999 }, { bytes: 1000 }, 0))
  t.ok(isFull({ bytes: 1000 }, { bytes: 1000 }, 0))
  t.notOk(isFull({ bytes: 900 }, { bytes: 1000 }, 100))
  t.ok(isFull({ bytes: 900 }, { bytes: 1000 }, 101), 'nor for what is announced')
})

t.test('a mailbox is full if it may not have one more message', async (t) => {
  t.ok(isFull({ bytes: 0, messages: 10 }, { messages: 10 }, 0))
  t.notOk(isFull({ bytes: 0, messages: 9 }, { messages: 10 }, 0))
  t.notOk(isFull({ bytes: 0 }, { messages: 10 }, 0), 'unless nobody counted them')
})

t.test('a limit of 0 is unlimited, and so is an absent one', async (t) => {
  t.notOk(isFull({ bytes: 1e15, messages: 1e9 }, {}, 1e12))
  t.notOk(isFull({ bytes: 1e15, messages: 1e9 }, { bytes: 0, messages: 0 }, 1e12))
})

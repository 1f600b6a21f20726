import t from 'tap'
import { CommonMarks, marksOf } from '../../../src/verdicts/poison/common-marks.ts'

/** The marks that messages at the deaths of scanners have in common. */

function open() {
  let now = 0
  const common = new CommonMarks(() => now)
  let messages = 0
  return {
    common,
    pass(milliseconds: number) {
      now += milliseconds
    },
    /** Has a scanner die that had messages with these marks. */
    die(...left: readonly string[][]) {
      now += 1000
      for (const marks of left) common.died(`message ${messages++}`, marks)
    },
  }
}

t.test('only marks that were there at three deaths are suspected', async (t) => {
  const { common, die } = open()
  for (let n = 1; n <= 3; n++) {
    t.equal(common.suspicionOf(['client a']), undefined, `${n - 1} deaths`)
    die(['client a', `sender ${n}`], ['client b', `sender ${n}`], [`client c${n}`, 'sender x'])
    for (let m = 0; m < 20; m++) common.answered(['client b', 'sender x'])
  }
  t.match(common.suspicionOf(['client a', 'sender 9']), { mark: 'client a' })
  for (const mark of ['client b', 'client c1', 'sender 1', 'sender x', 'client z']) {
    t.equal(common.suspicionOf([mark]), undefined, mark)
  }
})

t.test(
  'messages of one death count once, and only the message that it died of counts',
  async (t) => {
    const { common, die } = open()
    for (let n = 0; n < 5; n++) common.died(`${n}`, ['client a'])
    t.equal(common.suspicionOf(['client a']), undefined)
    for (let n = 0; n < 3; n++) {
      die(['client good'], [`client bad`])
      common.struck(`message ${2 * n + 1}`, ['client bad'])
    }
    t.equal(common.suspicionOf(['client good']), undefined)
    t.match(common.suspicionOf(['client bad']), { mark: 'client bad' })
  },
)

t.test('after a mark has killed, other messages with it wait, for longer each time', async (t) => {
  const { common, die, pass } = open()
  for (let n = 0; n < 3; n++) die(['client a'])
  const rest = () => common.suspicionOf(['client a'])?.rest
  t.equal(rest(), 2000)
  pass(2000)
  t.equal(rest(), 0)
  die(['client a'])
  t.equal(rest(), 4000)
  pass(4000)
  for (let n = 0; n < 12; n++) {
    t.match(rest(), 0)
    common.answered(['client a'])
  }
  t.equal(rest(), undefined, 'with as many answers it is not suspected any more')
})

t.test('deaths are forgotten: after an hour, and after six others', async (t) => {
  const { common, die, pass } = open()
  for (let n = 0; n < 3; n++) die(['client a'])
  pass(3600 * 1000)
  t.equal(common.suspicionOf(['client a']), undefined)
  for (let n = 0; n < 3; n++) die(['client b'])
  t.ok(common.suspicionOf(['client b']))
  pass(2000)
  die(['client b'])
  t.equal(common.suspicionOf(['client b'])?.rest, 4000)
  for (let n = 0; n < 6; n++) die([`client ${n}`])
  t.equal(common.suspicionOf(['client b']), undefined)
  for (let n = 0; n < 3; n++) die(['client b'])
  t.equal(common.suspicionOf(['client b'])?.rest, 2000, 'as if it had never been there')
})

t.test('marks are the client, the sender and about the size', async (t) => {
  const [client, sender, size] = marksOf('192.0.2.1', 'a@example.org', 4096)
  t.same([client, sender], ['client 192.0.2.1', 'sender a@example.org'])
  t.equal(marksOf(undefined, '', 4100)[1], size)
  t.not(marksOf(undefined, '', 5000)[1], size)
  t.match(marksOf(undefined, 'x'.repeat(5000), 0)[0], /^sender x{100}$/)
})

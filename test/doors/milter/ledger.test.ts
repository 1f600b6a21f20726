import { readdirSync } from 'node:fs'
import t from 'tap'
import { Budget } from '../../../src/lib/flow/memory-budget.ts'
import { buildStage } from '../../cases/stage.ts'
import { createRandom } from '../../run/random.ts'
import { until } from '../../run/until.ts'
import { macros, says } from './mta.ts'
import { openMilter } from './rig.ts'

/**
 * MTAs that break off, send nonsense, or ask for more memory than there is, drawn at random: whatever
 * happens to a message, its memory and its descriptors are given back.
 */

const descriptors = () => readdirSync('/proc/self/fd').length

t.test('when all MTAs have left, no memory is charged and no descriptor is open', async (t) => {
  const stage = buildStage(t)
  const { below, once, pick } = createRandom(2)
  const budget = new Budget(400_000)
  const settings = { QHPSI: stage.scanner, QUARANTINE: stage.quarantine }
  const whole = await openMilter(t, settings, { budget })
  const diskless = await openMilter(t, { ...settings, TMPDIR: '/nonexistent' }, { budget })
  const before = descriptors()

  function* message(): Generator<Buffer> {
    yield macros('M', { i: '4TEST' })
    yield says.mail('a@example.org', 'SIZE=100')
    for (let n = pick([0, 1, 700]); n > 0; n--) {
      yield macros('R', { '{rcpt_addr}': pick(['b@example.org', 'b']) })
      yield says.recipient(pick([`user${n}.${'x'.repeat(50)}@example.org`, '@r:b@example.org']))
    }
    yield says.field('Subject', ` ${'x'.repeat(pick([1, 60_000]))}`)
    if (once(8)) yield Buffer.from([0, 0, 0, 2, 0x7a, 0x7a]) // a command that nobody knows
    yield says.endOfHeader
    yield says.body(pick(['VIRUS\r\n', 'TROUBLE\r\n', 'hello\r\n']))
    for (let n = pick([0, 2, 12]); n > 0; n--) yield says.body('line of text\r\n'.repeat(2_000))
    yield pick([says.end, says.end, says.abort])
  }
  async function converse(): Promise<void> {
    const line = await pick([whole, whole, diskless]).connect()
    const packets = [...message(), ...(once(2) ? message() : [])]
    const leaving = once(3) ? below(packets.length) : packets.length
    const cut = once(2)
      ? Buffer.concat(packets.slice(leaving, leaving + 1)).subarray(0, 9)
      : undefined
    line.write(...packets.slice(0, leaving), ...(cut ? [cut] : []), ...(once(4) ? [says.quit] : []))
    if (leaving === packets.length && packets.at(-1) === says.end && !once(3)) await line.hear()
    if (once(2)) line.socket.destroy()
    else await line.close()
  }
  for (let round = 0; round < 15; round++) {
    await Promise.all(Array.from({ length: 6 }, converse))
    const clients = () => whole.state().clients + diskless.state().clients
    await until(() => clients() === 0, `round ${round}: all MTAs have left`)
    // What is judged when its MTA leaves is given back when the scan has ended.
    await until(() => budget.used === 0, `round ${round}: all memory is given back`)
  }
  await until(() => descriptors() <= before, 'all descriptors are closed')
  t.equal(descriptors(), before)
})

import { readdirSync } from 'node:fs'
import t from 'tap'
import { Budget } from '../../../src/lib/flow/memory-budget.ts'
import { createRandom } from '../../run/random.ts'
import { until } from '../../run/until.ts'
import { openBetween } from './between.ts'
import { openDoor } from './rig.ts'

/**
 * Mail under faults of all kinds at once, drawn at random: whatever happens to a message, its memory
 * and its descriptors are given back.
 */

const descriptors = () => readdirSync('/proc/self/fd').length

t.test('when all clients have left, no memory is charged and no descriptor is open', async (t) => {
  const { below, once, pick } = createRandom(1)
  const budget = new Budget(400_000)
  const rules = 'to=skip@example.org scan off\n'
  const { next, door: whole, stage } = await openBetween(t, { rules, keeps: true, budget })
  const { scanner: QHPSI, quarantine: QUARANTINE } = stage
  const settings = { QHPSI, QUARANTINE, CONTROLDIR: stage.rules(rules), TMPDIR: '/nonexistent' }
  const diskless = await openDoor(t, next.port, { settings, budget })
  next.script = (_, __, socket) => {
    if (!once(16)) return undefined
    if (once(2)) return `${pick(['421', '451', '550'])} 4.3.0 drawn`
    socket.destroy()
    return 'silence'
  }
  const before = descriptors()

  const text = () => {
    const lines = [
      'Subject: x\r\n\r\n',
      pick(['VIRUS', 'TROUBLE', 'hello', 'a\nb', 'a\rb']),
      '\r\n',
    ]
    return lines.join('') + 'line of text\r\n'.repeat(pick([0, 10, 9_000, 30_000]))
  }
  async function converse(): Promise<void> {
    const client = await pick([whole, whole, diskless]).call()
    const lines = [
      'EHLO x',
      'XFORWARD ADDR=192.0.2.9 PORT=77',
      `MAIL FROM:<a${below(9)}@b.example>`,
    ]
    for (let n = pick([1, 2, 700]); n > 0; n--) {
      lines.push(
        `RCPT TO:<${pick(['skip@example.org', `user${n}.${'x'.repeat(50)}@example.org`])}>`,
      )
    }
    const leaving = once(3) ? below(lines.length + 3) : Number.POSITIVE_INFINITY
    for (const [number, line] of [...lines, 'DATA'].entries()) {
      if (number === leaving) break
      client.write(`${line}\r\n`)
      const reply = await client.hear()
      if (reply === undefined) break
      if (!reply.startsWith('354')) continue
      const isWhole = !once(4)
      client.write(isWhole ? `${text()}.\r\n` : text())
      if (isWhole && !once(3)) await client.hear()
    }
    if (once(2)) client.socket.destroy()
    else await client.close()
  }
  for (let round = 0; round < 15; round++) {
    await Promise.all(Array.from({ length: 6 }, converse))
    const clients = () => whole.state().clients + diskless.state().clients
    await until(() => clients() === 0, `round ${round}: all clients have left`)
    if (!t.equal(budget.used, 0, `round ${round}`)) break
  }
  await until(() => next.open === 0, 'the next server is left')
  t.equal(descriptors(), before)
})

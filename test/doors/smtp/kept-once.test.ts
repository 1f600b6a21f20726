import t from 'tap'
import { newest, startOnescand } from '../../daemon/process.ts'
import { lacks } from '../../needs.mjs'
import { freePort } from '../../programs/host/free-port.ts'
import { until } from '../../run/until.ts'
import { callDoor } from './client.ts'
import { inQuarantine } from './destinations.ts'
import { killingAt } from './kill-run.ts'

/** A worker is killed while it keeps a message, and the client sends it again. */

const skip = lacks('strace')

/**
 * Of the file, and of the directory in which it has its name by then. A worker that has come so far has
 * made the folder; the first process does not make so many.
 */
for (const step of [
  ['fsync', 4],
  ['fsync', 5],
] as const) {
  t.test(`killed at ${step.join(' number ')}, there is one copy`, { skip }, async (t) => {
    const { settings, nextPort, body, contents } = await inQuarantine(t)
    const port = await freePort()
    const onescand = await startOnescand(t, {
      program: [...killingAt(step), ...newest],
      args: ['--smtp', `inet:127.0.0.1:${port}`, '--next', `inet:127.0.0.1:${nextPort}`],
      settings: { ...settings, UV_THREADPOOL_SIZE: '1' },
    })
    let tries = 0
    const send = async () => {
      const client = await callDoor(port)
      try {
        await client.hear()
        await client.say(
          'EHLO x',
          'MAIL FROM:<ann@example.net>',
          'RCPT TO:<ben@example.org>',
          'DATA',
        )
        client.write(`Received: from x by y; try ${++tries}\r\nSubject: x\r\n\r\n${body}.\r\n`)
        return (await client.hear())?.startsWith('250') === true
      } finally {
        client.socket.destroy()
      }
    }
    await until(() => send().catch(() => false), 'the message is taken')
    t.ok(tries > 1, 'a worker was killed')
    t.equal((await contents()).length, 1)
    onescand.kill()
  })
}

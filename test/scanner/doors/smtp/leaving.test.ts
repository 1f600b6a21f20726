import t from 'tap'
import { smtpTimeouts } from '../../../../src/scanner/doors/smtp/client/smtp-connection.ts'
import { readQuarantine } from '../../../cases/kept.ts'
import { clean, infected, openBetween } from './between.ts'
import { keeping, leave } from './leave.ts'

/**
 * Clients that close their side, or the whole connection, at any point of a message: nothing is lost,
 * delivered twice, or answered 250 without being delivered. Those at random are in leaving-at-random.test.ts.
 */

for (const isLmtp of [false, true]) {
  const name = isLmtp ? 'LMTP' : 'SMTP'
  const [b, c] = ['b@b.example', 'c@b.example']

  t.test(
    `${name}: a client that sends all at once and closes its side gets all answers`,
    async (t) => {
      const { next, door, over } = await openBetween(t, { isLmtp })
      const client = await door.amidData(b, c)
      // As Exim does.
      client.socket.end('Subject: x\r\n\r\nSLOW\r\n.\r\nNOOP\r\nQUIT\r\n')
      const taken = isLmtp ? [/^250 .*<b@/, /^250 .*<c@/] : [/^250 2\.0\.0 next queued/]
      t.match(await client.rest(), [...taken, /^250 /, /^221 2\.0\.0 next closes/])
      t.equal(next.got.length, 1)
      await over()
      t.match(door.mailLog, [/decision=accept .*reply=250 /])
    },
  )

  t.test(
    `${name}: a client that leaves at any byte of the content leaves no message`,
    async (t) => {
      const { next, door, over } = await openBetween(t, { isLmtp })
      const content = 'Subject: x\r\n\r\n.. dots\r\n.\r\n'
      for (const how of ['half-closes', 'closes', 'resets'] as const) {
        for (let at = 0; at < content.length; at++) {
          const client = await door.amidData()
          client.write(content.slice(0, at))
          leave(client, how)
          for (const reply of await client.rest()) t.notMatch(reply, /^2/, `${how} at ${at}`)
        }
      }
      await over()
      t.equal(next.got.length, 0)
    },
  )

  for (const more of [
    ...['', 'NOOP\r\n', 'QUIT', 'QUIT\r\nNOOP\r\n'],
    'NOOP\r\nMAIL FROM:<more@b.example>\r\n',
  ]) {
    const end = JSON.stringify(`.\r\n${more}`)
    t.test(`${name}: a client that closes after ${end} has left, and no copy stays`, async (t) => {
      const { next, door, stage, over } = await openBetween(t, { isLmtp, keeps: true })
      for (const content of [clean, infected]) {
        const client = await door.sent(content, b, c)
        client.socket.end(more)
        t.same(await client.rest(), [], 'nothing is sent')
      }
      await over()
      t.equal(next.got.length, 0)
      t.same(await readQuarantine(stage.quarantine), [])
      t.notOk(next.commands.some((line) => line.includes('more@b.example')))
    })
  }

  /** Clients that leave while the next server has not answered the command `at`. */
  const [keep, skip] = ['b@keep.example', 'c@skip.example']
  for (const [at, content, to] of [
    ['DATA', clean, [skip]],
    ['RSET', infected, [keep]],
    ['RSET', infected, [keep, skip]],
    ['.', clean, [skip]],
    ['.', infected, [keep, skip]],
  ] as const) {
    t.test(`${name}: a client that leaves before the answer to ${at}, for ${to}`, async (t) => {
      const { next, door, stage, over } = await openBetween(t, { isLmtp, ...keeping })
      const asked = next.asked(at)
      const client = await door.sent(content, ...to)
      const socket = await asked
      client.socket.end()
      t.same(await client.rest(), [], 'the door has noticed')
      socket.write(at === 'DATA' ? '354 go on\r\n' : '250 2.0.0 done\r\n')
      await over()
      t.equal(next.got.length, 0)
      t.same(await readQuarantine(stage.quarantine), [])
      const taken = /decision=accept .*reply=unsent next="250 2\.0\.0 done"/
      const expected = at === '.' ? taken : /decision=defer .*reply=unsent/
      t.match(door.mailLog.join('\n'), expected)
    })
  }

  /** More than a session reads ahead, and than the kernel holds. */
  const endless = `NOOP ${'x'.repeat(493)}\r\n`.repeat(12_000)

  t.test(
    `${name}: a client that closes after more than the read-ahead limit has left`,
    async (t) => {
      const { next, door, over } = await openBetween(t, { isLmtp })
      const asked = next.asked('DATA')
      const client = await door.sent(clean)
      const socket = await asked
      client.socket.end(endless)
      t.same(await client.rest(), [], 'the door has noticed')
      socket.write('354 go on\r\n')
      await over()
      t.equal(next.got.length, 0)
    },
  )

  t.test(
    `${name}: a client that sends on after a message receives its reply and is closed`,
    async (t) => {
      const { next, door } = await openBetween(t, { isLmtp })
      const asked = next.asked('.')
      const client = await door.sent(clean)
      const socket = await asked
      const sent = new Promise((resolve) => client.socket.once('drain', resolve))
      client.write(endless)
      await sent
      socket.write('250 2.0.0 done\r\n')
      const replies = await client.rest()
      t.match(replies[0], /^250 /)
      t.match(replies.at(-1), /^421 /)
      t.ok(replies.length > 100 && replies.length < 1000, `${replies.length} commands were read`)
      const trouble = '127.0.0.1: sent more than 64 KiB without waiting for the reply'
      t.same(door.log, [`${name.toLowerCase()}: ${trouble}`])
    },
  )
}

t.test('LMTP: what is kept for an answered recipient stays when the client leaves', async (t) => {
  const { next, door, stage, over } = await openBetween(t, { isLmtp: true, ...keeping })
  const asked = next.asked('.', '250 2.0.0 the first has it')
  const client = await door.sent(infected, 'b@keep.example', 'c@skip.example', 'd@skip.example')
  const socket = await asked
  t.match(await client.hears(2), [/^250 /, /^250 2\.0\.0 the first has it/])
  client.socket.end()
  t.same(await client.rest(), [])
  socket.write('250 2.0.0 the second has it\r\n')
  await over()
  const kept = await readQuarantine(stage.quarantine)
  t.match(kept, [{ record: { recipients: ['b@keep.example'] } }])
})

t.test('a client that closes long after QUIT has left', async (t) => {
  const timeouts = { ...smtpTimeouts, end: 20 }
  const { next, door, over } = await openBetween(t, { timeouts })
  const client = await door.amidData()
  const asked = next.asked('DATA')
  client.write(`${clean}.\r\nQUIT\r\n`)
  const socket = await asked
  await new Promise((resolve) => setTimeout(resolve, 2 * timeouts.end))
  client.socket.end()
  t.same(await client.rest(), [])
  socket.write('354 go on\r\n')
  await over()
  t.equal(next.got.length, 0)
})

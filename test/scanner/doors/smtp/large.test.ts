import t from 'tap'
import { clean, openBetween } from './between.ts'
import { sendThrough } from './rig.ts'

/** The largest messages and envelopes. */

for (const [isLmtp, count] of [
  [false, 50_000],
  [true, 10_000],
] as const) {
  const replies = isLmtp ? 'each has a reply' : 'they have one reply'
  t.test(`a message may have ${count} recipients, and ${replies}`, async (t) => {
    const { next, door } = await openBetween(t, { isLmtp })
    const client = await door.greeted('MAIL FROM:<a@b.example>')
    const heard = client.hears(count)
    for (let n = 0; n < count; n += 500) {
      const lines = Array.from({ length: 500 }, (_, n) => `RCPT TO:<user${n + n}@b.example>\r\n`)
      client.write(lines.join(''))
    }
    t.ok((await heard).every((reply) => reply.startsWith('250')))
    await client.command('DATA')
    client.write(`${clean}.\r\n`)
    t.ok((await client.hears(isLmtp ? count : 1)).every((reply) => reply.startsWith('250')))
    t.equal(next.got[0]?.recipients.length, count)
    t.match(door.mailLog[0], ` rcpts=${count} `)
  })
}

t.test('messages of 0 bytes, of one dot and of 10 MB pass unchanged', async (t) => {
  const { next, door } = await openBetween(t)
  t.match(await sendThrough(door, ''), /^250 /)
  t.equal(next.got[0]?.content.toString(), 'X-QHPSI: clean\r\n')
  t.match(await sendThrough(door, '..\r\n'), /^250 /)
  t.match(next.got[1]?.content.toString(), /\r\n\.\r\n$/)
  const line = `${'.'.repeat(76)}\r\n`
  const large = Buffer.from(`Subject: x\r\n\r\n${line.repeat(10_000_000 / line.length)}`)
  const stuffed = Buffer.from(large.toString('latin1').replace(/\r\n\./g, '\r\n..'), 'latin1')
  t.match(await sendThrough(door, stuffed), /^250 /)
  t.ok(next.got[2]?.content.equals(Buffer.concat([Buffer.from('X-QHPSI: clean\r\n'), large])))
})

import t from 'tap'
import { Budget } from '../../../src/ground/flow/memory-budget.ts'
import { clean, openBetween } from './between.ts'
import { sendThrough } from './rig.ts'

/** Messages and envelopes of any size. */

for (const [lmtp, count] of [
  [false, 50_000],
  [true, 10_000],
] as const) {
  const replies = lmtp ? 'each has a reply' : 'they have one reply'
  t.test(`a message may have ${count} recipients, and ${replies}`, async (t) => {
    const { next, door } = await openBetween(t, { lmtp })
    const client = await door.greeted('MAIL FROM:<a@b.example>')
    const heard = client.hears(count)
    for (let n = 0; n < count; n += 500) {
      const lines = Array.from({ length: 500 }, (_, n) => `RCPT TO:<user${n + n}@b.example>\r\n`)
      client.write(lines.join(''))
    }
    t.ok((await heard).every((reply) => reply.startsWith('250')))
    await client.say('DATA')
    client.write(`${clean}.\r\n`)
    t.ok((await client.hears(lmtp ? count : 1)).every((reply) => reply.startsWith('250')))
    t.equal(next.got[0]?.recipients.length, count)
    t.match(door.mailLog[0], ` rcpts=${count} `)
  })
}

t.test('recipients without end are deferred one by one, and other mail still passes', async (t) => {
  const { door, stillServes } = await openBetween(t, { budget: new Budget(64 * 1024) })
  const client = await door.greeted('MAIL FROM:<a@b.example>')
  let reply = ''
  for (let n = 0; n < 2000 && !reply.startsWith('452'); n++) {
    reply = await client.say(`RCPT TO:<${'x'.repeat(200)}${n}@b.example>`)
  }
  t.match(reply, /^452 4\.3\.2 too many recipients/)
  await client.say('QUIT')
  await client.close()
  await stillServes()
})

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

t.test('a message over --max-size is refused after it was read', async (t) => {
  const { door, stillServes } = await openBetween(t, { maxSize: 1000 })
  const refusal = /^552 5\.3\.4 message is larger than 1000 bytes/
  t.match(await sendThrough(door, `${'x'.repeat(999)}\r\n`), refusal)
  t.match(door.mailLog[0], /decision=reject .*grounds=too-large/)
  await stillServes()
})

t.test('a header block over 1 MiB is refused, and a long one of short lines passes', async (t) => {
  const { next, door } = await openBetween(t)
  const line = 'X-Line: some words\r\n'
  const refusal = /^552 5\.3\.4 header of the message/
  t.match(await sendThrough(door, `${line.repeat(70_000)}\r\nbody\r\n`), refusal)
  const folded = `${line}${' some more words\r\n'.repeat(9)}`
  t.match(await sendThrough(door, `${folded.repeat(4_000)}\r\nbody\r\n`), /^250 /)
  t.equal(next.got.length, 1)
})

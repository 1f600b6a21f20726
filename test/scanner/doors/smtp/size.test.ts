import t from 'tap'
import { Budget } from '../../../../src/base/flow/memory-budget.ts'
import { openBetween } from './between.ts'
import { sendThrough } from './rig.ts'

/** Messages and envelopes of any size. */

t.test('recipients without end are deferred one by one, and other mail still passes', async (t) => {
  const { door, stillServes } = await openBetween(t, { budget: new Budget(64 * 1024) })
  const client = await door.greeted('MAIL FROM:<a@b.example>')
  let reply = ''
  for (let n = 0; n < 2000 && !reply.startsWith('452'); n++) {
    reply = await client.command(`RCPT TO:<${'x'.repeat(200)}${n}@b.example>`)
  }
  t.match(reply, /^452 4\.3\.2 too many recipients/)
  await client.command('QUIT')
  await client.close()
  await stillServes()
})

for (const isLmtp of [false, true]) {
  t.test(`without memory DATA is deferred${isLmtp ? ' once over LMTP' : ''}`, async (t) => {
    const { door, next } = await openBetween(t, { isLmtp, budget: new Budget(4096) })
    const client = await door.greeted('MAIL FROM:<a@b.example>', 'RCPT TO:<b@b.example>')
    t.match(await client.command('RCPT TO:<c@b.example>'), /^250 /)
    t.match(await client.command('DATA'), /^45\d 4\.3\./, 'before any content is sent')
    t.match(await client.command('NOOP'), /^250 /, 'and it was answered once')
    t.match(await client.command('DATA'), /^503 /, 'the transaction is over')
    t.equal(next.commands.at(-2), 'RSET')
    t.match(door.mailLog[0], /decision=defer fault=/)
    t.equal(door.state().memory, 0)
  })
}

t.test('a message over --max-size is refused after it was read', async (t) => {
  const { door, stillServes } = await openBetween(t, { maxSize: 1000 })
  const refusal = /^552 5\.3\.4 message is larger than 1000 bytes/
  t.match(await sendThrough(door, `${'x'.repeat(999)}\r\n`), refusal)
  t.match(door.mailLog[0], /decision=reject .*grounds=too-large/)
  await stillServes()
})

t.test('a header block of any size passes', async (t) => {
  const { next, door } = await openBetween(t)
  const line = 'X-Line: some words\r\n'
  t.match(await sendThrough(door, `${line.repeat(70_000)}\r\nbody\r\n`), /^250 /)
  const folded = `${line}${' some more words\r\n'.repeat(9)}`
  t.match(await sendThrough(door, `${folded.repeat(4_000)}\r\nbody\r\n`), /^250 /)
  t.equal(next.got.length, 2)
})

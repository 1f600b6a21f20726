import t from 'tap'
import { Budget } from '../../../src/ground/flow/memory-budget.ts'
import { buildStage } from '../../cases/stage.ts'
import { startNext } from './next-server.ts'
import { openDoor, type Setup, sendThrough } from './rig.ts'

/** Messages and envelopes of any size. */

const stage = buildStage(t)
const clean = 'Subject: x\r\n\r\nhello\r\n'

async function open(t: Parameters<typeof startNext>[0], setup: Setup = {}) {
  const next = await startNext(t)
  const settings = { QHPSI: stage.scanner, REJECTVIRUS: '1' }
  return { next, door: await openDoor(t, next.port, { settings, ...setup }) }
}

t.test('a message may have 50,000 recipients', async (t) => {
  const { next, door } = await open(t)
  const client = await door.call()
  await client.say('EHLO client.example.org')
  await client.say('MAIL FROM:<a@b.example>')
  const count = 50_000
  const heard = (async () => {
    for (let n = 0; n < count; n++) if (!(await client.hear())?.startsWith('250')) return n
    return count
  })()
  for (let n = 0; n < count; n += 500) {
    client.write(
      Array.from({ length: 500 }, (_, n) => `RCPT TO:<user${n + n}@b.example>\r\n`).join(''),
    )
  }
  t.equal(await heard, count)
  await client.say('DATA')
  client.write(`${clean}.\r\n`)
  t.match(await client.hear(), /^250 /)
  t.equal(next.got[0]?.recipients.length, count)
  t.match(door.mailLog[0], / rcpts=50000 /)
})

t.test('by LMTP each of 10,000 recipients has a reply', async (t) => {
  const next = await startNext(t, { lmtp: true })
  const door = await openDoor(t, next.port, { lmtp: true, settings: { QHPSI: stage.scanner } })
  const client = await door.call()
  await client.say('LHLO mta.example.org')
  await client.say('MAIL FROM:<a@b.example>')
  const count = 10_000
  for (let n = 0; n < count; n += 1000) {
    client.write(
      Array.from({ length: 1000 }, (_, n) => `RCPT TO:<user${n + n}@b.example>\r\n`).join(''),
    )
    for (let n = 0; n < 1000; n++) await client.hear()
  }
  await client.say('DATA')
  client.write(`${clean}.\r\n`)
  let replies = 0
  while (replies < count && (await client.hear())?.startsWith('250')) replies++
  t.equal(replies, count)
})

t.test('recipients without end are deferred one by one, and other mail still passes', async (t) => {
  const { door } = await open(t, { budget: new Budget(64 * 1024) })
  const client = await door.call()
  await client.say('EHLO client.example.org')
  await client.say('MAIL FROM:<a@b.example>')
  let reply = ''
  for (let n = 0; n < 2000 && !reply.startsWith('452'); n++) {
    reply = await client.say(`RCPT TO:<${'x'.repeat(200)}${n}@b.example>`)
  }
  t.match(reply, /^452 4\.3\.2 too many recipients/)
  await client.say('QUIT')
  await client.close()
  t.match(await sendThrough(door, clean), /^250 2\.0\.0 next queued/, 'it still serves')
})

t.test('messages of 0 bytes, of one dot and of 10 MB pass unchanged', async (t) => {
  const { next, door } = await open(t)
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
  const { door } = await open(t, { maxSize: 1000 })
  t.match(
    await sendThrough(door, 'x'.repeat(999).concat('\r\n')),
    /^552 5\.3\.4 message is larger than 1000 bytes/,
  )
  t.match(door.mailLog[0], /decision=reject .*grounds=too-large/)
  t.match(await sendThrough(door, clean), /^250 2\.0\.0 next queued/, 'it still serves')
})

t.test('a header block over 1 MiB is refused, and a long one of short lines passes', async (t) => {
  const { next, door } = await open(t)
  const line = 'X-Line: some words\r\n'
  t.match(
    await sendThrough(door, `${line.repeat(70_000)}\r\nbody\r\n`),
    /^552 5\.3\.4 header of the message/,
  )
  const folded = `${line}${' some more words\r\n'.repeat(9)}`
  t.match(await sendThrough(door, `${folded.repeat(4_000)}\r\nbody\r\n`), /^250 /)
  t.equal(next.got.length, 1)
})

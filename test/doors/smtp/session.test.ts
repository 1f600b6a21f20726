import t from 'tap'
import { buildStage } from '../../cases/stage.ts'
import { startNext } from './next-server.ts'
import { openDoor } from './rig.ts'

/** The conversation of the SMTP door with a client and the next server. */

const stage = buildStage()
t.teardown(() => stage.remove())
const scanning = { QHPSI: stage.scanner, REJECTVIRUS: '1' }
const clean = 'Subject: x\r\n\r\nhello\r\n'

t.test('commands go on as they were said, and replies come back as they were given', async (t) => {
  const next = await startNext(t, {
    script: (verb) => (verb === 'VRFY' ? '252-2.0.0 perhaps\r\n252 2.0.0 who knows' : undefined),
  })
  const door = await openDoor(t, next.port, { settings: scanning })
  const client = await door.call()
  await client.say('EHLO Client.Example.ORG')
  t.equal(await client.say('VRFY  ben'), '252-2.0.0 perhaps\n252 2.0.0 who knows')
  const mail = 'MAIL  FROM:<ann@example.net> SIZE=100 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=QQ+2B1'
  t.equal(await client.say(mail), '250 2.1.0 next took MAIL')
  const rcpt =
    'rcpt to:<ben@example.org> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;ben@example.org X-NEW=1'
  t.equal(await client.say(rcpt), '250 2.1.0 next took RCPT')
  t.equal(await client.say('NOOP now'), '250 2.1.0 next took NOOP')
  t.match(await client.say('DATA'), /^354 /)
  client.write(`${clean}.\r\n`)
  t.equal(
    await client.hear(),
    '250 2.0.0 next queued it as 1 for 1',
    'with the text of the next server',
  )
  t.equal(await client.say('RSET'), '250 2.1.0 next took RSET')
  t.equal(await client.say('QUIT'), '221 2.0.0 next says goodbye')
  t.same(next.commands, [
    'EHLO Client.Example.ORG', 'VRFY  ben', mail, rcpt, 'NOOP now', 'DATA', 'RSET', 'QUIT',
  ]) // biome-ignore format: a list
  t.equal(next.got[0]?.content.toString(), `X-QHPSI: clean\r\n${clean}`)
  await client.close()
})

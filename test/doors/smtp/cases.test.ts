import { readdirSync } from 'node:fs'
import t, { type Test } from 'tap'
import { allCases } from '../../cases/all.ts'
import type { Case } from '../../cases/case.ts'
import { checkKept } from '../../cases/kept.ts'
import { buildStage } from '../../cases/stage.ts'
import { differences } from './differences.ts'
import { startNext } from './next-server.ts'
import { openDoor } from './rig.ts'

/** The cases that all doors run, by SMTP. */

t.test('each difference that is listed for SMTP is that of a case', async (t) => {
  const names = allCases.map(({ name }) => name)
  for (const name of Object.keys(differences)) t.ok(names.includes(name), name)
  t.ok(Object.keys(differences).length < names.length / 10, 'and nearly all are shown')
})

for (const behaviour of allCases) {
  const difference = differences[behaviour.name]
  if (difference && !difference.log) continue
  t.test(behaviour.name, (t) => play(t, behaviour, difference?.log))
}

async function play(t: Test, behaviour: Case, log = behaviour.expect.log): Promise<void> {
  const { sender = 'a@example.org', recipients = ['b@example.org'], expect } = behaviour
  const stage = buildStage()
  t.teardown(() => stage.remove())
  const { RELAYCLIENT, ...settings } = behaviour.settings(stage)
  const next = await startNext(t)
  const opening = openDoor(t, next.port, { settings })
  if (behaviour.noDaemon) return void (await t.rejects(opening, { message: behaviour.noDaemon }))
  const door = await opening
  const sent = behaviour.message(stage)
  const client = await door.call()
  await client.say('EHLO client.example.org')
  if (RELAYCLIENT !== undefined) await client.say('XFORWARD SOURCE=LOCAL')
  await client.say(`MAIL FROM:<${sender}>`)
  for (const to of recipients) await client.say(`RCPT TO:<${to}>`)
  await client.say('DATA')
  client.write(onTheWire(sent))
  const reply = (await client.hear())!

  const [got] = next.got
  const logged = door.mailLog.join('')
  t.equal(outcomeOf(reply, got !== undefined), expect.outcome, `${reply} ${logged}`)
  t.same(readdirSync(door.directory), [], 'nothing is left behind')
  t.same(door.log, [], 'the daemon has no trouble of its own')
  await checkKept(t, behaviour, stage, sent)
  t.match(logged, log ?? /^onescan: decision=\w+ .*\n/, 'it is logged')
  t.match(logged, / door=smtp /)
  if (expect.scans !== undefined) t.equal(stage.scans(), expect.scans, 'scans')
  if (expect.text) {
    const [, enhanced, text] = /^\d{3} (\S+) (.*)/.exec(reply) ?? []
    t.match(`${text} (#${enhanced})`, expect.text)
  }
  if (expect.outcome !== 'delivered' || got === undefined) return

  t.same(got.recipients, expect.recipients ?? recipients)
  const content = asBefore(got.content, sent)
  const text = content.toString('latin1')
  if (expect.delivered) {
    t.equal(text.slice(0, 2000), expect.delivered(sent).toString('latin1').slice(0, 2000))
    t.ok(content.equals(expect.delivered(sent)), 'byte for byte')
  }
  if (expect.xQhpsi !== undefined) t.same(xQhpsi(text), expect.xQhpsi ? [expect.xQhpsi] : [])
  if (expect.newStamps !== undefined) {
    t.equal(stamps(text) - stamps(sent.toString('latin1')), expect.newStamps, 'new stamps')
  }
}

/** Whether a message has line ends of one kind, so that SMTP can carry it in CRLF. */
const inLf = (message: Buffer) => !/\r\n/.test(message.toString('latin1'))

/** Mail in LF goes in CRLF, other mail as it is; at the end there is CRLF. */
function onTheWire(message: Buffer): Buffer {
  const text = message.toString('latin1')
  const lines = inLf(message) ? text.replaceAll('\n', '\r\n') : text
  const whole = lines === '' || lines.endsWith('\r\n') ? lines : `${lines}\r\n`
  return Buffer.from(`${whole.replace(/(^|\r\n)\./g, '$1..')}.\r\n`, 'latin1')
}

function asBefore(content: Buffer, sent: Buffer): Buffer {
  if (!inLf(sent)) return content
  return Buffer.from(content.toString('latin1').replaceAll('\r\n', '\n'), 'latin1')
}

function outcomeOf(reply: string, isBehind: boolean) {
  if (reply.startsWith('2')) return isBehind ? 'delivered' : 'dropped'
  if (isBehind) return `behind, although the reply is ${reply}`
  return reply.startsWith('4') ? 'deferred' : 'refused'
}

const header = (text: string) => /^(?:.+\r?\n)*/.exec(text)?.[0] ?? ''

function xQhpsi(text: string): string[] {
  return [...header(text).matchAll(/^X-QHPSI:[ \t]*(.*?)\r?$/gim)].map(([, value]) => value ?? '')
}

function stamps(text: string): number {
  return [...header(text).matchAll(/^X-(?:MD5|SHA256)-Cluster-\d+:/gim)].length
}

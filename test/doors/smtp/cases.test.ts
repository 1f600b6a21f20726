import { readdirSync } from 'node:fs'
import t, { type Test } from 'tap'
import { casesBut, type Passage, play, type Sent, textOfReply } from '../../cases/play.ts'
import { startNext } from './next-server.ts'
import { openDoor } from './rig.ts'

const lastLineEnd = 'SMTP ends the last line, too'
const bare = 'a bare CR or LF is refused before the queue'

const ofBytes = [
  'text that is neither header nor body',
  'a header without a body and final newline',
  'a body without a final newline',
]

const ofBareEnds = ['mixed line endings', 'a bare CR in header and body']
const refused = (what: string) =>
  `a message with a forged field with ${what} is refused, since some reader takes it for body`

/** Shared cases that SMTP does not show, with the reason. */
const unshown: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ofBytes.flatMap((what) => [
      [`${what} stays as it is below the new field, byte for byte`, lastLineEnd],
      [`without QHPSI ${what} passes byte for byte`, lastLineEnd],
    ]),
  ),
  ...Object.fromEntries(
    ofBareEnds.flatMap((what) => [
      [`${what} stays as it is below the new field, byte for byte`, bare],
      [`without QHPSI ${what} passes byte for byte`, bare],
    ]),
  ),
  [refused('a line of CR and LF in LF mail')]: bare,
  [refused('a bare CR before it')]: bare,
  'a header that is not well formed is scanned and not signed: "X-Cr: a\\rContent-Type: text/html\\n"':
    bare,
  'a field above a malformed line is removed: every reader takes it for a field': lastLineEnd,
  'hostile recipients cannot break out of X-Quarantine-ID':
    'no command may hold a control character',
}

const door = { hasDaemon: true, log: / door=smtp /, send: sendBySmtp }

for (const testCase of casesBut(t, unshown)) {
  t.test(testCase.name, (t) => play(t, testCase, door))
}

async function sendBySmtp(t: Test, sent: Sent): Promise<Passage> {
  const { RELAYCLIENT, ...settings } = sent.settings
  const next = await startNext(t)
  const door = await openDoor(t, next.port, { settings })
  const client = await door.call()
  await client.say('EHLO client.example.org')
  if (RELAYCLIENT !== undefined) await client.say('XFORWARD SOURCE=LOCAL')
  await client.say(`MAIL FROM:<${sent.sender}>`)
  for (const to of sent.recipients) await client.say(`RCPT TO:<${to}>`)
  await client.say('DATA')
  client.write(onTheWire(sent.message))
  const reply = (await client.hear())!
  const [got] = next.got
  return {
    outcome: outcomeOf(reply, got !== undefined),
    text: textOfReply(reply),
    log: door.mailLog.join(''),
    left: [...readdirSync(door.directory), ...door.log],
    ...(got && { delivery: { ...got, message: asBefore(got.content, sent.message) } }),
  }
}

const inLf = (message: Buffer) => !message.includes('\r\n')

/** Mail in LF goes in CRLF, as other mail does already; at the end there is CRLF. */
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

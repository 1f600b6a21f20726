import t from 'tap'
import { EICAR } from '../../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { clamdMissing, EICAR_NAME, startClamd } from '../../../programs/servers/clamd.ts'
import { yEncoded } from './odd-mails.ts'
import { inStream, openClamdDoor } from './rig.ts'
import { repliesTo } from './session-client.ts'
import { tooMuch, uploads } from './uploads.ts'

/** Files that no mail program has written, and messages that hardly look like one. */

const skip = { skip: clamdMissing }

// promise: limits-of-mail
t.test('an ordinary file that clamd calls clean is clean', skip, async (t) => {
  const clamd = await startClamd(t)
  const door = await openClamdDoor(t, { QHPSI: 'plugin: clamd', CLAMD: clamd.socket })
  const contents = Object.values(uploads).map((content) => Buffer.from(content as string, 'latin1'))
  const direct = await repliesTo(clamd.socket, contents)
  const ours = await repliesTo(door.at.path!, contents)
  for (const [n, name] of Object.keys(uploads).entries()) {
    t.equal(direct[n], 'stream: OK', `${name} by clamd`)
    t.equal(ours[n], direct[n], name)
  }
  t.ok(contents.length > 50)
})

t.test('a file that is a mail has the limits of mail', async (t) => {
  const door = await openClamdDoor(t, { QHPSI: 'plugin: eicar' })
  for (const [name, content] of Object.entries(tooMuch))
    t.equal(await door.ask(inStream(content)), 'stream: Onescan.too-much-inside FOUND\0', name)
  const accepting = await openClamdDoor(t, { QHPSI: 'plugin: eicar', UNREAD: 'accept' })
  for (const [name, content] of Object.entries(tooMuch))
    t.equal(await accepting.ask(inStream(content)), 'stream: OK\0', name)
})

t.test('a file is found below any bytes in place of a header', skip, async (t) => {
  const clamd = await startClamd(t)
  const door = await openClamdDoor(t, { QHPSI: 'plugin: clamd', CLAMD: clamd.socket })
  const hidden = yEncoded('a.exe', EICAR)
  for (const [name, first] of Object.entries({
    'a field with a name of 1,100 bytes': `${'X'.repeat(1100)}: y\n`,
    'a fold': ' folded\nSubject: x\n',
    'a tabulator': '\tSubject: x\n',
    'a line without a colon': 'Hello\nSubject: x\n',
    'a blank in a name': 'My Subject: x\n',
    'a NUL': '\0: x\nSubject: x\n',
    'the mark of UTF-8': '\xef\xbb\xbfSubject: x\n',
    'the mark of a PDF': '%PDF-1.4: x\nSubject: x\n',
    'the mark of an archive': 'PK\x03\x04: x\nSubject: x\n',
    'the name of a file in tar': `To: ${'a'.repeat(253)}ustar\n`,
    nothing: '',
  })) {
    const reply = await door.ask(inStream(`${first}\n${hidden}`))
    t.equal(reply, `stream: ${EICAR_NAME} FOUND\0`, name)
  }
})

t.test('banned contents are found in a file by itself', async (t) => {
  const settings = {
    QHPSI: 'plugin: attachments eicar',
    BADATTACHMENTS: `${t.testdir({ bans: 'content executable\n' })}/bans`,
  }
  const door = await openClamdDoor(t, settings)
  const program = Buffer.concat([Buffer.from('7f454c4602010100', 'hex'), Buffer.alloc(100)])
  t.match(await door.ask(inStream(program)), /^stream: Onescan\.banned\.\S*executable FOUND\0$/)
  t.equal(await door.ask(inStream('text')), 'stream: OK\0')
})

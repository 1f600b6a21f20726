import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { constants, deflateSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { Bytes } from '../../../../src/mail/message/bytes.ts'
import { openAnonymousFile } from '../../../../src/mail/message/spool.ts'
import { contentsOf } from '../../../../src/mail/mime/contents.ts'
import { containers } from '../../../../src/mail/mime/leaves/open-content.ts'
import { lacks } from '../../../needs.mjs'
import {
  compressed,
  literal,
  packet,
  signedData,
} from '../../../scanner/scan/scanners/evasions/containers.ts'
import { readMail } from '../read-mail.ts'

/** A file in base64 below a header that declares S/MIME, or something else. */
function partOf(file: Buffer, name = 'a.p7m'): string {
  const type = `Content-Type: application/octet-stream; name=${name}`
  return `${type}\nContent-Transfer-Encoding: base64\n\n${inBase64(file)}\n`
}

/** Reads a message that is a file in base64. */
function open(file: Buffer, name?: string) {
  const read = readMail(partOf(file, name))
  const encrypted = read.odd.filter((oddity) => oddity === 'encrypted').length
  return { ...read, encrypted, isUnread: read.odd.includes('unread') }
}

const inBase64 = (file: Buffer) => file.toString('base64').replace(/.{76}/g, '$&\n')

const text = Buffer.from('Content-Type: text/plain\n\nwhat was signed\n')
const long = Buffer.alloc(200_000, 'what was signed, again and again; ')

/** Without an agent that would outlive the test. */
const GNUPGHOME = mkdtempSync(join(tmpdir(), 'gnupg-'))
function run(command: string, words: readonly string[], input: Buffer): Buffer {
  const env = { ...process.env, GNUPGHOME }
  return spawnSync(command, words, { input, env, maxBuffer: 16 * 1024 * 1024 }).stdout
}
const noOpenssl = lacks('openssl')
const noGpg = lacks('gpg')
const noBzip2 = lacks('bzip2')

t.test('OpenSSL and onescan find the same in a signature', { skip: noOpenssl }, async (t) => {
  const forms = {
    plain: signedData(text),
    'lengths of 60 bytes': signedData(text, { lengthBytes: 60 }),
    'indefinite lengths': signedData(text, { isIndefinite: true }),
    'in pieces': signedData(text, { isIndefinite: true, piece: 7 }),
    'a parameter that is no element': signedData(text, { parameter: Buffer.from('0500', 'hex') }),
  }
  for (const [name, form] of Object.entries(forms)) {
    const words = ['cms', '-verify', '-noverify', '-nosigs', '-inform', 'DER']
    const shown = run('openssl', words, form)
    if (shown.length > 0) t.ok(shown.equals(text), `${name}: openssl`)
    t.ok(open(form).holds(text), name)
  }
  const zlib = run('openssl', ['cms', '-compress', '-binary', '-outform', 'DER'], text)
  if (zlib.length > 0) t.ok(open(zlib).holds(text), 'what OpenSSL compressed')
})

t.test('S/MIME that cannot be read to its end is never taken for read', async (t) => {
  const whole = signedData(text)
  t.equal(open(whole).over, '')
  t.equal(open(Buffer.concat([whole, Buffer.from('\r\n\0')])).over, '', 'blanks behind it')
  for (const odd of [
    whole.subarray(0, -8),
    signedData(text, { isIndefinite: true }).subarray(0, -1),
  ]) {
    t.match(open(odd).over, /S\/MIME \(CMS\) that cannot be read/)
  }
  const broken = whole.subarray(0, -8)
  const both = `--b\n${partOf(whole)}\n--b\n${partOf(broken)}\n--b--\n`
  t.match(
    readMail(`Content-Type: multipart/mixed; boundary=b\n\n${both}`).over,
    /cannot be read/,
    'another one was read before it',
  )
  t.equal(open(Buffer.from('0'.repeat(300))).over, '', 'a text is none')
  t.equal(open(Buffer.from('3082ffff02010330', 'hex')).over, '', 'another sequence is none')
})

/** The session key of a message to a key that nobody has, and that of one to a passphrase. */
const sessionKeyOf = (version: string) =>
  packet(1, Buffer.from(`${version}${'01'.repeat(8)}010010ffff`, 'hex'))
const sessionKey = sessionKeyOf('03')
const passphrase = packet(3, Buffer.from(`04070302${'41'.repeat(8)}60`, 'hex'))
const behind = (front: Buffer) => Buffer.concat([front, compressed(literal(text), 'zip')])

t.test('GnuPG and onescan find the same in packets', { skip: noGpg }, async (t) => {
  const forms = {
    literal: literal(text),
    'in pieces': literal(long, true),
    deflate: compressed(literal(long), 'zip'),
    zlib: compressed(literal(long), 'zlib'),
    'behind a marker': Buffer.concat([packet(10, Buffer.from('PGP')), literal(text)]),
    'behind a comment': Buffer.concat([packet(61, Buffer.from('any')), literal(text)]),
    'behind two packets of unknown kinds': Buffer.concat([
      packet(61, Buffer.alloc(40_000)),
      packet(40, Buffer.from('any')),
      compressed(literal(text), 'zip'),
    ]),
    'behind a session key, though nothing is encrypted': behind(sessionKey),
    'behind a session key of version 2': behind(sessionKeyOf('02')),
    'behind a passphrase, though nothing is encrypted': behind(passphrase),
    'behind a signature of an unknown version': behind(packet(2, Buffer.from('\x40any'))),
    'behind a signature without a byte': behind(packet(2, Buffer.alloc(0))),
    'behind a signature and a session key': behind(
      Buffer.concat([packet(2, Buffer.from('\x40any')), sessionKey]),
    ),
  }
  const words = ['--batch', '--no-autostart', '--allow-weak-digest-algos', '--decrypt']
  for (const [name, form] of Object.entries(forms)) {
    const file = open(form).holds(long) ? long : text
    t.ok(run('gpg', words, form).equals(file), `${name}: gpg`)
    t.ok(open(form).holds(file), name)
    t.equal(open(form).over, '')
  }
  for (const algorithm of ['uncompressed', 'zip', 'zlib']) {
    const store = ['--batch', '--no-autostart', '--compress-algo', algorithm, '--store']
    const stored = open(run('gpg', store, long))
    t.ok(stored.holds(long), `what GnuPG stored, ${algorithm}`)
    t.equal(stored.over, '')
  }
})

/** Puts a message into an armour, in a message of text. */
function inArmour(message: Buffer, label = 'PGP MESSAGE') {
  const lines = `-----BEGIN ${label}-----\n\n${inBase64(message)}\n-----END ${label}-----\n`
  return readMail(`Content-Type: text/plain\n\n${lines}`)
}

t.test('armour is opened whatever its packets, as by GnuPG', { skip: noGpg }, async (t) => {
  const data = literal(text)
  const ofFormat = (format: string) => {
    const other = Buffer.from(data)
    other.write(format, data.indexOf('b\x0areport'), 'latin1')
    return other
  }
  const fronts = [Buffer.alloc(0), Buffer.from('any'), Buffer.alloc(40, 4)]
  const forms: readonly (readonly [string, Buffer])[] = [
    ...['b', 't', 'x', '\0', '\xff'].map(
      (format) => [`${format} literal`, ofFormat(format)] as const,
    ),
    ...Array.from({ length: 64 }, (_, tag) =>
      fronts.map(
        (front) =>
          [
            `behind ${front.length} bytes of kind ${tag}`,
            Buffer.concat([packet(tag, front), data]),
          ] as const,
      ),
    ).flat(),
  ]
  let opened = 0
  for (const [name, form] of forms) {
    const words = ['--batch', '--no-autostart', '--decrypt']
    const armour = Buffer.from(
      `-----BEGIN PGP MESSAGE-----\n\n${inBase64(form)}\n-----END PGP MESSAGE-----\n`,
    )
    if (!run('gpg', words, armour).includes(text)) continue
    opened++
    t.ok(inArmour(form).holds(text), name)
    t.ok(open(form, 'a.pgp').holds(text), `${name}, in a file`)
    const encrypted = `Content-Type: multipart/encrypted; boundary=b\n\n--b\n${partOf(form, 'x')}\n--b--\n`
    t.ok(readMail(encrypted).holds(text), `${name}, in multipart/encrypted`)
  }
  t.ok(opened > 100, `${opened} forms`)
})

t.test('the name of a file in OpenPGP is reported', async (t) => {
  t.same(inArmour(compressed(literal(text), 'zip')).names, ['report.zip'])
})

t.test('OpenPGP is opened where it is declared, after the same bytes as S/MIME', async (t) => {
  const message = Buffer.concat([packet(60, Buffer.alloc(600), true), literal(text)])
  const parts = ['a.p7m', 'a.pgp', 'a.p7m'].map((name) => `--b\n${partOf(message, name)}`).join('')
  t.ok(readMail(`Content-Type: multipart/mixed; boundary=b\n\n${parts}--b--\n`).holds(text))
})

t.test('OpenPGP that cannot be read is never taken for read', async (t) => {
  const begun = deflateSync(literal(long), { finishFlush: constants.Z_SYNC_FLUSH })
  const noBlock = Buffer.from([0xff])
  const broken = open(packet(8, Buffer.concat([Buffer.from('\x02'), begun, noBlock])))
  t.match(broken.over, /cannot be read/)
  const unknownFirst = Buffer.concat([packet(60, Buffer.from('of a program')), literal(long)])
  const hidden = deflateSync(unknownFirst, { finishFlush: constants.Z_SYNC_FLUSH })
  const alsoBroken = open(packet(8, Buffer.concat([Buffer.from('\x02'), hidden, noBlock])))
  t.match(alsoBroken.over, /cannot be read/, 'whatever comes out of it')
  const flushed = deflateSync(literal(text), { finishFlush: constants.Z_SYNC_FLUSH })
  const small = packet(8, Buffer.concat([Buffer.from('\x02'), flushed, noBlock]))
  for (const { over } of [
    open(small, 'a.pgp'),
    inArmour(small),
    inArmour(small, 'PGP ARMORED FILE'),
  ]) {
    t.match(over, /cannot be read/, 'nothing comes out of it')
  }
})

/** What nobody but its program opens: the checks are the same as for encrypted content. */
function isLikeEncrypted(t: Test, message: Buffer, name: string): void {
  for (const { over, odd } of [readMail(partOf(message, 'a.pgp')), inArmour(message)]) {
    t.equal(over, '', name)
    t.ok(odd.includes('encrypted'), name)
    t.notOk(odd.includes('unread'), name)
  }
}

t.test('OpenPGP compressed by bzip2 is like encrypted content', { skip: noBzip2 }, async (t) => {
  const message = compressed(literal(text), 'bzip2')
  isLikeEncrypted(t, message, 'declared')
  t.equal(open(message, 'a.bin').encrypted, 1, 'below a header that declares nothing')
})

t.test('OpenPGP in bzip2 by GnuPG is accepted', { skip: noGpg || noBzip2 }, async (t) => {
  const store = ['--batch', '--no-autostart', '--compress-algo', 'bzip2', '--store']
  isLikeEncrypted(t, run('gpg', store, long), 'by GnuPG')
})

t.test('OpenPGP compressed by a private algorithm is like encrypted content', async (t) => {
  isLikeEncrypted(t, packet(8, Buffer.from('\x6eof a program')), 'private use')
  t.equal(open(packet(8, Buffer.from('\x6eof a program')), 'a.bin').encrypted, 0, 'not declared')
})

t.test('S/MIME that is not compressed by zlib is like encrypted content', async (t) => {
  const compressedBy = (algorithm: string) => {
    const data = der('30', DATA_TYPE, der('a0', der('04', Buffer.from('of a program'))))
    const fields = [NUMBER, der('30', bytesOf(algorithm)), data]
    return container('060b2a864886f70d0109100109', der('30', ...fields))
  }
  const other = open(compressedBy('06012a'))
  t.same([other.over, other.encrypted > 0], ['', true])
  t.match(open(compressedBy('060b2a864886f70d0109100308')).over, /cannot be read/, 'zlib')
})

t.test('an undeclared content that cannot be read is reported as unread', async (t) => {
  const signature = signedData(text)
  const bomb = compressed(literal(Buffer.alloc(30_000_000), true), 'zlib')
  for (const [file, reason] of [
    [signature.subarray(0, -8), ''],
    [bomb, 'too many bytes of content'],
  ] as const) {
    const { contents, over, isUnread } = open(file, 'a.bin')
    t.equal(over, reason)
    t.ok(isUnread)
    t.ok(contents[0]?.equals(file), 'the file itself is given')
  }
  t.equal(
    open(signature.subarray(0, -8), 'calendar.png').over,
    '',
    'nor do names of calendars declare it',
  )
  for (const file of [signature, literal(text)]) {
    const opened = open(file, 'a.bin')
    t.ok(opened.holds(text), 'what can be read is opened, whatever the header declares')
    t.notOk(opened.isUnread)
  }
})

t.test('the available bytes of truncated OpenPGP are yielded as a part', async (t) => {
  const cut = literal(text).subarray(0, -4)
  t.ok(open(cut).holds(text.subarray(0, -4)), 'a literal packet')
  t.equal(open(cut).over, '')
  const zip = open(compressed(literal(long), 'zip').subarray(0, -9))
  const isBegun = zip.contents.some((bytes) => bytes.length > 0 && long.indexOf(bytes) === 0)
  t.ok(isBegun, 'a compressed packet')
})

t.test('files of other kinds are not OpenPGP, whatever they begin with', async (t) => {
  for (const other of ['\x89PNG\r\n\x1a\n1234', '\xca\xfe\xba\xbe\0\0', '\xac\xed\0\x05abcdef']) {
    t.equal(open(Buffer.from(other, 'latin1')).over, '')
  }
  // What a word of a text became, as base64: by its first bytes a literal packet.
  t.equal(open(Buffer.from('ae98fa2fd931a779bb64538e1e84', 'hex')).over, '')
  const taken: number[] = []
  for (let number = 0; number < 3_000; number++) {
    const digest = createHash('sha512').update(`${number}`).digest()
    // Each kind of first packet in turn, in the old form with a length of four bytes.
    digest[0] = 0x82 | ([1, 2, 3, 4, 8, 11][number % 6]! << 2)
    digest[5] = [3, 4, 5, 1, 2, 0x62][number % 6]!
    const { over, encrypted } = open(digest)
    if (over !== '' || encrypted > 0) taken.push(number)
  }
  t.same(taken, [], 'bytes of chance')
})

t.test('bytes after S/MIME or OpenPGP are a part, too', async (t) => {
  for (const container of [signedData(text), literal(text)]) {
    const opened = open(Buffer.concat([container, Buffer.from('more')]))
    t.equal(opened.over, '')
    t.ok(opened.holds(text))
    t.ok(opened.holds(Buffer.from('more')))
  }
})

t.test('encrypted content is reported', async (t) => {
  const enveloped = Buffer.from('301a06092a864886f70d010703a00d300b020100310006040400', 'hex')
  t.equal(open(enveloped).encrypted, 1)
  const data = packet(18, Buffer.from('\x01 data'))
  for (const front of [sessionKey, passphrase, packet(2, Buffer.from('\x40any'))]) {
    t.equal(open(Buffer.concat([front, data])).encrypted, 1)
    t.equal(open(behind(front)).encrypted, 0)
  }
  t.equal(open(data).encrypted, 1)
  t.equal(open(literal(text)).encrypted, 0)
  t.equal(open(packet(6, Buffer.from('\x04 a public key'))).encrypted, 0)
})

t.test('thousands of empty packets are too much, and cost only their bytes', async (t) => {
  const front = Buffer.from('cb066200000000' + '00', 'hex')
  const empty = Buffer.from('c803010300', 'hex')
  const { over } = open(Buffer.concat([front, ...new Array(10_000).fill(empty)]))
  t.match(over, /too many bytes of content/)
})

/** An element of DER (X.690), of at most 127 bytes. */
const der = (tag: string, ...parts: readonly Buffer[]) => {
  const content = Buffer.concat(parts)
  return Buffer.concat([Buffer.from(tag, 'hex'), Buffer.from([content.length]), content])
}
const bytesOf = (hex: string) => Buffer.from(hex, 'hex')
const DATA_TYPE = bytesOf('06092a864886f70d010701')
const NUMBER = bytesOf('020100')
const SET = der('31', der('30', bytesOf('06012a')))
const ALGORITHM = der('30', bytesOf('06012a'))
/** The content of a container, as its type of data declares. */
const inner = (content: Buffer) => der('30', DATA_TYPE, der('a0', der('04', content)))
const container = (oid: string, ...fields: readonly Buffer[]) =>
  der('30', bytesOf(oid), der('a0', ...fields))

const held = Buffer.from('what it holds')

t.test('each container of CMS gives its content', async (t) => {
  const forms = {
    data: container('06092a864886f70d010701', der('04', held)),
    signed: container('06092a864886f70d010702', der('30', NUMBER, SET, inner(held), SET)),
    digested: container(
      '06092a864886f70d010705',
      der('30', NUMBER, ALGORITHM, inner(held), NUMBER),
    ),
    authenticated: container(
      '060b2a864886f70d0109100102',
      der('30', NUMBER, SET, ALGORITHM, inner(held), NUMBER),
    ),
    compressed: container(
      '060b2a864886f70d0109100109',
      der('30', NUMBER, ALGORITHM, inner(deflateSync(held))),
    ),
    'behind elements with tags of two and three bytes': container(
      '06092a864886f70d010702',
      der('30', der('bf8101', NUMBER), der('9f7f', NUMBER), inner(held)),
    ),
    'behind elements of indefinite length': container(
      '06092a864886f70d010702',
      der('30', bytesOf('318030800201010000040141308000000000'), inner(held)),
    ),
    'in pieces of pieces': container(
      '06092a864886f70d010701',
      der('24', der('04', held.subarray(0, 3)), der('24', der('04', held.subarray(3)))),
    ),
  }
  for (const [name, form] of Object.entries(forms)) {
    const opened = open(form)
    t.equal(opened.over, '', name)
    t.equal(opened.encrypted, 0, name)
    t.ok(opened.holds(held), name)
  }
})

t.test('each encrypted CMS container is reported, and not read', async (t) => {
  for (const oid of [
    '06092a864886f70d010703',
    '06092a864886f70d010704',
    '06092a864886f70d010706',
    '060b2a864886f70d0109100117',
  ]) {
    const { contents, encrypted } = open(container(oid, der('30', NUMBER, inner(held))))
    t.equal(encrypted, 1, oid)
    t.equal(contents.length, 1, oid)
  }
})

t.test('bytes like CMS are not CMS, and a signature alone has no content', async (t) => {
  const others = {
    'another type': container('06092a864886f70d010708', der('04', held)),
    'a type in pieces': container('26092a864886f70d010701', der('04', held)),
    'a type of another class': container('46092a864886f70d010701', der('04', held)),
    'a type that is too long': der('30', der('06', Buffer.alloc(40)), held),
    'a set': der('31', DATA_TYPE, der('a0', der('04', held))),
    'a signature alone': container(
      '06092a864886f70d010702',
      der('30', NUMBER, SET, der('30', DATA_TYPE), SET),
    ),
  }
  for (const [name, form] of Object.entries(others)) {
    const { contents, over, encrypted } = open(form)
    t.same([contents.length, over, encrypted], [1, '', 0], name)
  }
})

t.test('however S/MIME is truncated, it never counts as read', async (t) => {
  const whole = container('06092a864886f70d010702', der('30', NUMBER, SET, inner(held), SET))
  const known = whole.indexOf(bytesOf('2a864886f70d010702')) + 9
  for (let at = known; at < whole.length; at++) {
    t.match(open(whole.subarray(0, at)).over, /cannot be read/, `${at} bytes`)
  }
  const deep = (depth: number): Buffer =>
    depth === 0 ? der('04', held) : der('24', deep(depth - 1))
  t.equal(open(container('06092a864886f70d010701', deep(20))).over, '')
  t.match(open(container('06092a864886f70d010701', deep(40))).over, /cannot be read/)
  const longer = container('06092a864886f70d010701', Buffer.concat([bytesOf('0464'), held]))
  t.match(open(longer).over, /cannot be read/, 'a string that is longer than what it stands in')
  const error = der('30', NUMBER, ALGORITHM, inner(bytesOf('789cffffffff')))
  const broken = container('060b2a864886f70d0109100109', error)
  t.match(open(broken).over, /cannot be read/, 'compressed data with an error in it')
})

/** A literal packet of a format that makes no file look like a message. */
const odd = packet(11, Buffer.concat([Buffer.from('x\0\0\0\0\0'), text]))

t.test('a packet of keys or a signature begins a message if its version is known', async (t) => {
  const known: Readonly<Record<number, readonly number[]>> = {
    1: [2, 3, 6],
    2: [3, 4, 5, 6],
    3: [4, 5, 6],
    4: [3, 6],
  }
  for (const [tag, versions] of Object.entries(known)) {
    for (let version = 0; version < 9; version++) {
      const front = packet(Number(tag), Buffer.from([version, 1, 2, 3]))
      const opened = open(Buffer.concat([front, odd]))
      t.equal(opened.holds(text), versions.includes(version), `tag ${tag}, version ${version}`)
    }
  }
  t.ok(open(Buffer.concat([packet(10, Buffer.from('PGP')), odd])).holds(text), 'a marker')
  t.notOk(open(Buffer.concat([packet(10, Buffer.from('PGQ')), odd])).holds(text))
  for (const format of 'btuml1') {
    const form = packet(11, Buffer.concat([Buffer.from(`${format}\0\0\0\0\0`), text]))
    t.ok(open(form).holds(text), `a literal packet of the format ${format}`)
  }
  t.notOk(open(odd).holds(text), 'and of no other')
})

t.test('the length of a packet has each of its forms', async (t) => {
  const body = (file: Buffer) => Buffer.concat([Buffer.from('b\0\0\0\0\0'), file])
  const longer = Buffer.alloc(300, 'longer ')
  const forms: readonly (readonly [string, Buffer, Buffer])[] = [
    ['of one byte', bytesOf(`cb${(6 + text.length).toString(16)}`), text],
    ['of two bytes', bytesOf('cbc072'), longer],
    ['of five bytes', bytesOf('cbff00000132'), longer],
    ['of one byte in the old form', bytesOf(`ac${(6 + text.length).toString(16)}`), text],
    ['of two bytes in the old form', bytesOf('ad0132'), longer],
    ['of four bytes in the old form', bytesOf('ae00000132'), longer],
    ['to the end', bytesOf('af'), longer],
  ]
  for (const [name, front, file] of forms) {
    const opened = open(Buffer.concat([front, body(file)]))
    t.ok(opened.holds(file), name)
    t.equal(opened.over, '', name)
  }
  const more = Buffer.concat([bytesOf('cbc072'), body(longer), odd])
  t.ok(open(more).holds(text), 'and another packet follows')
})

t.test('an unknown compression is not opened', async (t) => {
  for (const algorithm of ['\x03', '\x09']) {
    t.equal(open(packet(8, Buffer.from(`${algorithm}any`))).over, '')
  }
})

/** A file of each kind that holds `text`. */
const examples: Readonly<Record<string, Buffer>> = {
  cms: signedData(text),
  openpgp: literal(text),
  tnef: Buffer.concat([
    Buffer.from('789f3e2201000202900600000000000000020f800600', 'hex'),
    Buffer.from([text.length, 0, 0, 0]),
    text,
    Buffer.alloc(2),
  ]),
  calendar: Buffer.from(`BEGIN:VCARD\nKEY;ENCODING=b:${text.toString('base64')}\nEND:VCARD\n`),
}

t.test('each kind of container is opened, and its name is known for what it holds', async (t) => {
  t.same(
    Object.keys(examples),
    containers.map(({ kind }) => kind),
  )
  for (const [kind, example] of Object.entries(examples)) {
    const kinds: string[] = []
    const mail = Bytes.of(Buffer.from(partOf(example, 'a.bin')))
    const openFile = () => openAnonymousFile(tmpdir())
    for (const step of contentsOf(mail, { openFile, createHash })) {
      if (step.kind === 'content' && step.bytes.gather().equals(text))
        kinds.push(...step.part.containers)
    }
    t.same([...new Set(kinds)], [kind])
  }
})

import * as crypto from 'node:crypto'
import { tmpdir } from 'node:os'
import fc from 'fast-check'
import t from 'tap'
import { Bytes } from '../../../../../src/mail/message/bytes.ts'
import { mayDescribeContent } from '../../../../../src/mail/message/content-fields.ts'
import { openAnonymousFile } from '../../../../../src/mail/message/spool.ts'
import { contentsOf } from '../../../../../src/mail/mime/contents.ts'
import { normalizedName } from '../../../../../src/mail/mime/headers/fields.ts'
import { MimeLines } from '../../../../../src/mail/mime/headers/mime-lines.ts'
import { embeddedStart } from '../../../../../src/mail/mime/leaves/embedded-formats.ts'
import { type Key, parseKeyring } from '../../../../../src/scanner/scan/stamps/keyring.ts'
import { signMessage } from '../../../../../src/scanner/scan/stamps/sign.ts'
import { verifyStamps } from '../../../../../src/scanner/scan/stamps/verify-stamps.ts'
import { fingerprintOf } from '../../../../../src/scanner/scan/verdicts/copies/fingerprint.ts'
import { isWhole } from '../../../../run/is-whole.ts'
import { examine } from '../../stamps/hashed-message.ts'
import { free, named, subjectOf } from './subjects.ts'

/**
 * What the reading for scanners makes of a message, against stamps and fingerprints: two messages that share
 * either have the same contents.
 */

const NOW = 1_800_000_000
const secret = Buffer.alloc(32, 7)
const [key] = parseKeyring(`hmac-sha256:alpha:${secret.toString('base64url')}\n`, 'ring') as [Key]
const bytes = (text: string) => Buffer.from(text, 'latin1')
const print = (mail: string) => fingerprintOf(subjectOf(bytes(mail)), secret, crypto)

function stampOf(mail: string): string | undefined {
  const options = { keys: [key], now: NOW, crypto }
  const made = signMessage(examine(bytes(mail)), ['clamd'], options)
  return made && `${made.field.name}: ${made.field.value}\n`
}

function isTrusted(mail: string): boolean {
  const options = {
    keys: [key],
    maxAgeSeconds: 3600,
    now: NOW,
    signatureDate: () => undefined,
    crypto,
  }
  return verifyStamps(examine(bytes(mail)), options).isTrusted
}

/** All contents that the reading finds; undefined if there are more than it reads. */
function contentsIn(mail: string): string | undefined {
  const options = { openFile: () => openAnonymousFile(tmpdir()), createHash: crypto.createHash }
  const found = new Set<string>()
  for (const step of contentsOf(Bytes.of(bytes(mail)), options)) {
    if (step.kind === 'unread') return undefined
    if (step.kind !== 'content') continue
    found.add(step.bytes.gather().toString('latin1'))
  }
  return [...found].sort().join()
}

/** The fields that the reading understands, as its lenient readers take them. */
const FIELDS = [
  'Content-Type: multipart/mixed; boundary="b"',
  'Content-Type: message/rfc822',
  'Content-Transfer-Encoding: base64',
  'Content-Transfer-Encoding: quoted-printable',
  'Content-Transfer-Encoding: x-uuencode',
  'Content-Disposition: attachment; filename=a.zip',
  'Content-ID: <a>',
  'Content-Description: a',
  'Content-Location: a',
  'MIME-Version: 1.0',
]
const FORMS: readonly ((field: string) => string)[] = [
  (field) => field,
  (field) => field.toLowerCase(),
  (field) => `X-${field}`,
  (field) => `.${field}`,
  (field) => `_${field}`,
  (field) => `"${field.replace(':', '":')}`,
  (field) => `=?x?q?${field.replace(':', '?=:')}`,
  (field) => field.replace('-', '.-'),
  (field) => field.replace('-', '-"'),
  (field) => field.replace(':', '.:'),
]
/** Lines at which data begins by themselves. */
const STARTS = [
  ...['begin 644 a', 'begin-base64 644 a', 'begin ', 'BEGIN 644 a', '=ybegin line=128 name=a'],
  ...['-----BEGIN PGP MESSAGE-----', '-----begin certificate-----', ':$f*TEQKPH#jdCA0d,R0TG!"'],
  ...['(This file must be converted with BinHex 4.0)', 'ATTACH;ENCODING=BASE64;VALUE=BINARY:'],
  '--b',
  '--b--',
  'begin-x: a',
  'attach;encoding=base64: QUJD',
  '--b: a',
  '-----END PGP MESSAGE-----',
]
const own = [...free, ...named]
const mail = 'Subject: a\n\nbody\n'

t.test('a field about content is one to reading, stamps and fingerprints', async (t) => {
  for (const field of FIELDS.flatMap((field) => FORMS.map((form) => form(field)))) {
    const [name, value] = [field.slice(0, field.indexOf(':')), field.slice(field.indexOf(':') + 1)]
    t.match(normalizedName(name.toLowerCase()), /content|mime/)
    const lines = new MimeLines()
    lines.add(`${field}\n`, false)
    t.equal(lines.read().text, `${field}\n`, `the reading keeps ${field}`)
    t.ok(mayDescribeContent(name, value))
    t.notOk(isTrusted(`${field}\n${stampOf(mail)}${mail}`), `above a stamp: ${field}`)
    t.not(print(`${field}\n${mail}`) ?? '', print(mail), 'it has a fingerprint of its own, or none')
    for (const unshared of own) {
      for (const folded of [`${unshared}: a\n ${field}\n`, `${unshared}: ${field}\n`]) {
        t.equal(print(folded + mail), undefined, folded)
        t.notOk(isTrusted(folded + stampOf(mail) + mail), folded)
        if (free.includes(unshared)) t.notOk(isTrusted(stampOf(mail) + folded + mail), folded)
      }
    }
  }
})

t.test('so is each line at which data begins', async (t) => {
  const beginsData = (line: string) => embeddedStart(line) !== undefined
  t.ok(STARTS.filter((line) => beginsData(line) || beginsData(` ${line}`)).length >= 5)
  for (const line of STARTS) {
    for (const fold of [' ', '\t', '   ']) {
      for (const unshared of own) {
        const field = `${unshared}: a\n${fold}${line}\n`
        t.equal(print(field + mail), undefined, field)
        t.notOk(isTrusted(field + stampOf(mail) + mail), field)
        if (free.includes(unshared)) t.notOk(isTrusted(stampOf(mail) + field + mail), field)
      }
      // A field that both bind may not begin what goes on below it, among fields that they do not.
      if (beginsData(fold + line)) {
        t.equal(print(`X-A: a\n${fold}${line}\n${mail}`), undefined)
        t.equal(stampOf(`X-A: a\n${fold}${line}\n${mail}`), undefined)
      }
    }
    if (beginsData(line) || line.startsWith('--')) t.equal(stampOf(`${line}\n${mail}`), undefined)
  }
})

t.test('ordinary transport fields do not describe content', async (t) => {
  for (const field of [
    'DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org;\n' +
      '        h=content-type:mime-version:content-transfer-encoding:from:to\n' +
      '         :subject:message-id; bh=y2T2Sr+veJnqO9ZXaHZSbigwvms6W5Z5HlMmClcV6jc=;\n b=QUJDREVGRw==',
    'Authentication-Results: mx.example.org; dkim=pass header.i=@example.org; spf=pass\n' +
      ' smtp.mailfrom=news@example.org',
    'Received: from za.mimecast.com (1.ip.linodeusercontent.com [192.0.2.1])\n by mx; today',
    'To: =?utf-8?Q?=C3=85nn?= <ann@example.org>,\n\t"Ben" <ben@example.org>',
    'X-Spam-Status: No, score=-1 tests=BAYES_00,MIME_HTML_ONLY,\n\tT_BASE64_CONTENT_X autolearn=no',
    'Content-Length: 100',
  ]) {
    const colon = field.indexOf(':')
    t.notOk(mayDescribeContent(field.slice(0, colon), `${field.slice(colon + 1)}\n`), field)
    t.ok(isTrusted(`${field}\n${stampOf(mail)}${mail}`), field)
  }
})

t.test('Content-Length describes content if it is not a length', async (t) => {
  const text = 'Content-Type: text/plain; x=y\n\na =\n+AGEAYgBj-\n'
  for (const value of ['1; charset=utf-7', 'quoted', '1, uue', '=?x?q?b64?=', '1 a', '']) {
    const field = `Content-Length: ${value}\n`
    t.notOk(isTrusted(field + stampOf(text) + text), `above: ${field}`)
    t.notOk(isTrusted(stampOf(text) + field + text), `below: ${field}`)
  }
  t.not(contentsIn(`Content-Length: 1; charset=utf-7\n${text}`), contentsIn(text))
})

t.test('an encoded word ends with its field', async (t) => {
  const rest = 'From: b\n AAAA=?utf-8?Q?a?=\n\nbegin 644 a\nM0V%T\n'
  const [open, none] = [`Received: a=?x?b?\n${rest}`, `Received: a\n${rest}`]
  t.ok(print(open))
  t.equal(print(open), print(none))
  t.equal(contentsIn(open), contentsIn(none))
})

/** A file in base64 with a byte in each line that no reader but that of armour leaves out. */
const armoured = 'VGhpcyBpc!yBhIGZpbGU\ngaW4gYXJt!b3VyCg==\n'
const pieces = [
  ...['a', ' ', '\n ', '\n\t', ';', ':', '"', '=', '--', '\xa0', '\x85', '(', ')', 'name'],
  ...['=?utf-8?q?', '?=', '=?x?b?', 'Q29udGVudC1UeXBlOg==', 'QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo='],
  ...[...FIELDS, ...STARTS, 'multipart/', 'boundary=b', 'base64', '-----', 'BEGIN'],
  ...['; h=', 'A_', '=?utf-8?Q?', '\n x =?x?q?', 'charset=utf-16', 'uue', 'b64'],
]
const value = fc.array(fc.constantFrom(...pieces), { maxLength: 6 }).map((some) => some.join(''))
const fieldOf = (names: readonly string[]) =>
  fc.tuple(fc.constantFrom(...names), value).map(([name, text]) => `${name}: a${text}\n`)
const bodies = fc
  .array(
    fc.constantFrom(
      ...[
        armoured,
        '--b\n',
        '--b--\n',
        '\n',
        'text\n',
        'M0V%T\n',
        'end\n',
        'VGhpcyBpcyBhIGZpbGU=\n',
      ],
      ...FIELDS.map((field) => `${field}\n`),
      ...STARTS.map((line) => `${line}\n`),
      ...['-----END PGP MESSAGE-----\n', '=yend\n', '%PDF-1.4\n', '<html>\n'],
    ),
    { maxLength: 6 },
  )
  .map((lines) => lines.join(''))
const bound = fc.array(
  fc.oneof(
    fieldOf(['Subject', 'X-A', 'From']),
    fc.constantFrom(...FIELDS).map((field) => `${field}\n`),
  ),
  { minLength: 1, maxLength: 3 },
)
const places = fc.array(fc.tuple(fc.nat(), fieldOf(own)), { maxLength: 3 })

/** The fields, with others at these places among them. */
function strewn(fields: readonly string[], others: readonly (readonly [number, string])[]): string {
  const all = [...fields]
  for (const [place, field] of others) all.splice(place % (all.length + 1), 0, field)
  return all.join('')
}

const numRuns = isWhole ? 40_000 : 3_000

t.test('messages that share a fingerprint have the same parts', async (t) => {
  let shared = 0
  fc.assert(
    fc.property(bound, bodies, places, places, (fields, body, a, b) => {
      const [first, second] = [a, b].map((others) => `${strewn(fields, others)}\n${body}`)
      const prints = [print(first!), print(second!)]
      if (prints[0] === undefined || prints[0] !== prints[1] || first === second) return
      shared++
      const seen = [contentsIn(first!), contentsIn(second!)]
      if (!seen.includes(undefined) && seen[0] !== seen[1])
        throw new Error(`not alike: ${JSON.stringify([first, second])}`)
    }),
    { numRuns, seed: 13 },
  )
  t.ok(shared > numRuns / 50, `${shared} pairs`)
})

t.test('messages with the same stamp have the same parts', async (t) => {
  let trusted = 0
  const above = fc.array(fieldOf([...own, 'X-B', 'Subject', 'Content-Length']), { maxLength: 2 })
  fc.assert(
    fc.property(bound, bodies, places, places, above, (fields, body, a, b, top) => {
      const first = `${strewn(fields, a)}\n${body}`
      const stamp = stampOf(first)
      const second = `${top.join('')}${stamp}${strewn(fields, b)}\n${body}`
      if (stamp === undefined || !isTrusted(second)) return
      trusted++
      const seen = [contentsIn(first), contentsIn(second)]
      if (!seen.includes(undefined) && seen[0] !== seen[1])
        throw new Error(`not alike: ${JSON.stringify([first, second])}`)
    }),
    { numRuns, seed: 13 },
  )
  t.ok(trusted > numRuns / 50, `${trusted} pairs`)
})

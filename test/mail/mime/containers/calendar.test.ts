import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { Bytes } from '../../../../src/mail/message/bytes.ts'
import { openAnonymousFile } from '../../../../src/mail/message/spool.ts'
import { costs } from '../../../../src/mail/mime/budget/costs.ts'
import { budgetOf, limits } from '../../../../src/mail/mime/budget/limits.ts'
import { Work } from '../../../../src/mail/mime/budget/work.ts'
import { calendar as container } from '../../../../src/mail/mime/containers/calendar.ts'
import { calendarQuirks } from '../../../../src/mail/mime/quirks/calendar-quirks.ts'
import { lacks } from '../../../needs.mjs'
import { python } from '../../../programs/host/python.ts'
import { readMail } from '../read-mail.ts'

/** Reads a message whose one part is these bytes (latin1), in base64. Leaves the bytes themselves out. */
function open(text: string, type = 'application/octet-stream') {
  const file = Buffer.from(text, 'latin1')
  const encoded = file.toString('base64').replace(/.{76}/g, '$&\n')
  const fields = `Content-Type: ${type}\nContent-Transfer-Encoding: base64`
  return openMail(`${fields}\n\n${encoded}\n`, text)
}

function openMail(mail: string, itself = '') {
  const { texts, names, over, odd } = readMail(mail)
  return { files: texts.filter((file) => file !== itself), names, over, odd: [...new Set(odd)] }
}

/** An empty line near the front would end a header, so that the file might be a message as well. */
const FAR = 'x'.repeat(600)
const calendar = (lines: string) =>
  `BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:${FAR}\r\nBEGIN:VEVENT\r\nUID:1\r\n${lines}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n`
const card = (lines: string, version = '3.0') =>
  `BEGIN:VCARD\r\nVERSION:${version}\r\nN:a\r\nFN:${FAR}\r\n${lines}\r\nEND:VCARD\r\n`

const LONG = 'a file that is longer than the value of a property that declares nothing'
const UNSAID = Buffer.from(LONG).toString('base64')

/** What each calendar or card holds. */
const cases: readonly (readonly [name: string, text: string, ...files: readonly string[]])[] = [
  ['a file', calendar('ATTACH;ENCODING=BASE64;VALUE=BINARY:QUJD'), 'ABC'],
  ['a name that is folded', calendar('ATT\r\n ACH;ENCODING=BASE64:QUJD'), 'ABC'],
  ['a parameter that is folded', calendar('ATTACH;ENC\n\tODING=BAS\n E64:QU\n JD'), 'ABC'],
  ['quotes that are folded', calendar('ATTACH;X="a:\r\n b";ENCODING="BASE\r\n 64":QUJD'), 'ABC'],
  ['a colon that is folded', calendar('ATTACH;ENCODING=BASE64\r\n :\r\n QUJD'), 'ABC'],
  ['a character that is folded', calendar('ATTACH;X=\xc3\r\n \xa9;ENCODING=B:QUJD'), 'ABC'],
  ['a parameter that declares binary', calendar('ATTACH;VALUE=BINARY:QUJD'), 'ABC'],
  ['an image', calendar('IMAGE;ENCODING=BASE64;VALUE=BINARY:QUJD'), 'ABC'],
  ['any property', calendar('X-FOO;ENCODING=BASE64;VALUE=BINARY:QUJD'), 'ABC'],
  ['a summary', calendar('SUMMARY;ENCODING=BASE64:QUJD'), 'ABC'],
  ['small letters', calendar('attach;encoding=base64;value=binary:QUJD'), 'ABC'],
  ['two files', calendar('ATTACH;ENCODING=B:QUJD\r\nATTACH;ENCODING=B:REVG'), 'ABC', 'DEF'],
  ['a colon in quotes', calendar('ATTACH;X="a:b";ENCODING=BASE64:QUJD'), 'ABC'],
  ['a quote that does not end', calendar('ATTACH;ENCODING=BASE64;X="a:QUJD')],
  ['a quote in a word', card('KEY;X=a"b;ENCODING=B:QUJD'), 'ABC'],
  ['blanks around all', calendar('ATTACH ; ENCODING = BASE64 : QUJD'), 'ABC'],
  ['many parameters', calendar(`ATTACH${';X=y'.repeat(9999)};ENCODING=BASE64:QUJD`), 'ABC'],
  ['a long parameter', calendar(`ATTACH;X=${'y'.repeat(99_999)};ENCODING=BASE64:QUJD`), 'ABC'],
  ['two encodings', calendar('ATTACH;ENCODING=8BIT;ENCODING=BASE64:QUJD'), 'ABC'],
  ['an encoding among others', calendar('ATTACH;ENCODING=8BIT,BASE64:QUJD'), 'ABC'],
  ['a CR in a parameter', calendar('ATTACH;X=a\r;ENCODING=BASE64:QUJD'), 'ABC'],
  ['a CR in base64', calendar('ATTACH;ENCODING=BASE64:QU\rJD'), 'A', 'ABC', 'A$'],
  ['a CR before a property', calendar('X:a\rATTACH;ENCODING=BASE64:QUJD'), 'ABC'],
  ['an empty line in base64', calendar('ATTACH;ENCODING=BASE64:QU\r\n\r\n JD'), 'A', 'ABC', 'A$'],
  ['an empty line in a name', calendar('ATT\n\n ACH;ENCODING=BASE64:QUJD'), 'ABC'],
  ['a fold behind an empty line', calendar('X:a\n\n ATTACH;ENCODING=BASE64:QUJD'), 'ABC'],
  ['CRs alone', calendar('ATTACH;ENCODING=BASE64:QU\r\n JD').replaceAll('\r\n', '\r'), 'ABC'],
  ['LFs alone', calendar('ATTACH;ENCODING=BASE64:QU\r\n JD').replaceAll('\r\n', '\n'), 'ABC'],
  ['CRs more', calendar('ATTACH;ENCODING=BASE64:QU\r\n JD').replaceAll('\r\n', '\r\r\n'), 'ABC'],
  ['a line of base64 without a blank', calendar('ATTACH;ENCODING=BASE64:QU\nJD'), 'A', 'ABC', 'A$'],
  ['data', calendar('ATTACH:data:text/plain;base64,QUJD'), 'ABC'],
  ['data of any property', calendar('X-ANY:data:,A%42%4xC%'), 'AB%4xC%'],
  [
    'data in large letters',
    calendar('CONFERENCE: DATA:a/b;x=y;BASE64,QU\r\n JD%52%45%56%47'),
    'ABCDEF',
  ],
  ['data that is folded', calendar('IMAGE;VALUE=URI:da\r\n ta:image/png;base\r\n 64,QUJD'), 'ABC'],
  ['no calendar at first', `a: b\r\n${calendar('ATTACH;ENCODING=B:QUJD')}`],
  ['a start that is folded', calendar('ATTACH;ENCODING=B:QUJD').replace('N:', '\n N:'), 'ABC'],
  ['a start with a parameter', calendar('ATTACH;ENCODING=B:QUJD').replace('N:', 'N;X=y:'), 'ABC'],
  ['a start behind blanks', `\xef\xbb\xbf\r\n ${calendar('ATTACH;ENCODING=B:QUJD')}`, 'ABC'],
  ['no end', 'Begin:vCalendar\nATTACH;ENCODING=B:QUJD', 'ABC'],
  ['a key of a group', card('item1.KEY;ENCODING=b:QUJD'), 'ABC'],
  ['a key without a type', card('KEY;ENCODING=b:QUJD'), 'ABC'],
  ['a certificate', card('KEY;TYPE=X509;ENCODING=b:QUJD'), 'ABC'],
  ['a key in small letters', card('key;encoding=b:QUJD'), 'ABC'],
  ['a key', card('KEY;ENCODING=B;TYPE=PGP:QUJD'), 'ABC'],
  ['a key of version 4', card('KEY:data:application/pgp-keys;base64,QUJD', '4.0'), 'ABC'],
  ['a word alone', card('KEY;JPEG;BASE64:QUJD', '2.1'), 'ABC'],
  ['a type', card('KEY;TYPE=BASE64:QUJD', '2.1'), 'ABC'],
  ['another word', card('KEY;ENCODING=B64:QUJD'), 'ABC'],
  ['version 2.1', card('KEY;BASE64:\r\n    QUJD\r\n    REVG\r\n', '2.1'), 'ABCDEF'],
  ['version 2.1 without blanks', card('KEY;BASE64:\nQUJD\nREVG\n', '2.1'), 'ABCDEF'],
  ['lines behind the empty one', card('KEY;BASE64:\nQUJD\n\nREVG\n', '2.1'), 'ABC', 'ABCDEF'],
  [
    'quoted-printable',
    card('KEY;ENCODING=QUOTED-PRINTABLE:=41=\r\nB=\r\n =43', '2.1'),
    'ABC',
    'A=',
    'A',
  ],
  ['a quoted word', card('KEY;QUOTED-PRINTABLE:=41=42=43', '2.1'), 'ABC'],
  [
    'a property in a soft line',
    calendar('X;ENCODING=QUOTED-PRINTABLE:=\nKEY;ENCODING=B:QUJD'),
    'ABC',
  ],
  ['text that is quoted', card('NOTE;QUOTED-PRINTABLE:=41=42=43', '2.1')],
  ['a key that declares nothing', card(`KEY:${UNSAID}`), LONG],
  ['a long URL', card(`KEY:https://example.org/${UNSAID}`)],
  ['a comma in the name', card(`NOTE,KEY:${UNSAID}`)],
  ['an equals sign in a value', card('KEY;ENCODING=b=c:QUJD'), 'ABC'],
  ['nothing', card('KEY;ENCODING=b:\r\nKEY;ENCODING=b: \r\nX;ENCODING=B:')],
  ['a URL', calendar('ATTACH;FILENAME=a.exe:https://example.org/a\r\nX:data\r\nY:date:,a')],
  ['other encodings', calendar('DESCRIPTION;ENCODING=8BIT:QUJD\r\nX;ENCODING=7BIT;CN=B:QUJD')],
  ['a name in the value', calendar('SUMMARY:ATTACH;ENCODING=BASE64:QUJD')],
]

/** Values that each choice for a quirk ends elsewhere. */
const textsOfQuirks: Readonly<Record<keyof typeof calendarQuirks, readonly string[]>> = {
  'calendar CR': [calendar('ATTACH:data:,A\rB'), 'A', 'AB'],
  'calendar fold': [calendar('ATTACH:data:,A\n\n B'), 'A', 'AB'],
  'calendar soft break': [card('KEY;QUOTED-PRINTABLE:=41=\n=42', '2.1'), 'AB', 'A'],
}

t.test('each choice for a quirk of calendars finds another file', async (t) => {
  for (const [quirk, [text, ...files]] of Object.entries(textsOfQuirks)) {
    const { files: found } = open(text!)
    t.equal(files.length, calendarQuirks[quirk as keyof typeof calendarQuirks].choices.length)
    const missing = files.filter((file) => !found.includes(file))
    t.same(missing, [], `${quirk}: ${JSON.stringify(found)}`)
  }
})

const script = join(import.meta.dirname, 'read-calendars.py')
const readersMissing = lacks(...['python3', 'python3 icalendar', 'python3 vobject', 'libical'])

t.test('a calendar or a card gives each file that it holds', async (t) => {
  for (const [name, text, ...files] of cases) {
    const { files: found, over, odd } = open(text)
    t.same(new Set(found), new Set(files), name)
    t.same([over, odd], ['', []], name)
  }
})

t.test('files that other readers open are opened', { skip: readersMissing }, async (t) => {
  const input = JSON.stringify(
    cases.map(([, text]) => Buffer.from(text, 'latin1').toString('base64')),
  )
  const { stdout } = spawnSync(python, [script], { input, encoding: 'utf8' })
  const opened: Record<string, string[]>[] = JSON.parse(stdout)
  const counts: Record<string, number> = {}
  for (const [number, [name, , ...files]] of cases.entries()) {
    for (const [reader, found] of Object.entries(opened[number]!)) {
      for (const file of found) {
        const bytes = Buffer.from(file, 'base64').toString('latin1')
        if (bytes === '' || name === 'no calendar at first') continue
        counts[reader] = (counts[reader] ?? 0) + 1
        t.ok(files.includes(bytes), `${name}: ${reader} opens ${JSON.stringify(bytes)}`)
      }
    }
  }
  for (const reader of ['libical', 'icalendar', 'vobject']) t.ok(counts[reader]! >= 20, reader)
})

/** The values that are found in a text. */
function valuesIn(text: string): string[] {
  const source = Buffer.from(text, 'latin1')
  const values: string[] = []
  const steps = container.open(source, {
    work: new Work(Bytes.of(source), { openFile: () => openAnonymousFile(tmpdir()) }),
    isDeclared: true,
    *emit({ bytes, decoder, names }) {
      const text = (bytes as Buffer).toString('latin1')
      values.push(JSON.stringify([decoder?.name, names, text]))
      yield* []
    },
  })
  for (const _ of steps);
  return values
}

t.test('a photo, a logo and a sound of a card are shown or played, and no files', async (t) => {
  for (const line of [
    ...['PHOTO;ENCODING=b:QUJD', 'photo;BASE64:QUJD', 'item1.PHOTO;ENCODING=b:QUJD'],
    ...['LOGO;QUOTED-PRINTABLE:=41=42', 'SOUND:data:audio/mpeg;base64,QUJD', `PHOTO:${UNSAID}`],
    ...[`SOUND;X-IRMC-N:${UNSAID}`, 'PHO\r\n TO;ENCODING=b:QUJD', 'PHOTO;X=a"b;ENCODING=B:QUJD'],
  ]) {
    for (const version of ['2.1', '3.0', '4.0']) {
      t.same(open(card(line, version)).files, [], line)
      t.same(open(card(`${line}\r\nKEY;ENCODING=B:REVG`, version)).files, ['DEF'], `${line}, a key`)
    }
  }
})

/** The bytes that are read between two turns. */
const AT_ONCE = 8 * 1024

t.test('a calendar is read alike wherever other mail has its turn', async (t) => {
  for (const [name, text] of cases) {
    const short = text.replace(FAR, '')
    if (short.length > 1000) continue
    const behind = (length: number) => valuesIn(`X:${'x'.repeat(length)}\r\n${short}`)
    const expected = behind(1)
    for (let end = 1; end < short.length; end++) {
      const found = behind(AT_ONCE - 'X:\r\n'.length - end)
      if (!t.strictSame(found, expected, `${name}, at ${end}`)) return
    }
  }
})

t.test('an escape is left out of base64, and the letter of a line end with it', async (t) => {
  for (const value of ['QU\\nJD', 'QU\\NJD', 'QU\\r\\nJD', '\\QU\\JD', 'QU\\\r\n nJD']) {
    t.ok(open(card(`KEY;ENCODING=B:${value}`)).files.includes('ABC'), value)
  }
})

t.test('a calendar in UTF-16 is read by its first bytes, and by its header', async (t) => {
  const text = calendar('ATTACH;ENCODING=B;FILENAME=\xe9.exe:QUJD')
  const little = Buffer.from(text, 'utf16le')
  const big = Buffer.from(little).swap16()
  for (const [mark, bytes] of [
    ['', little],
    ['\xff\xfe', little],
    ['', big],
    ['\xfe\xff', big],
  ] as const) {
    const { files, names } = open(mark + bytes.toString('latin1'))
    t.same([files, names], [['ABC'], ['\xc3\xa9.exe']])
  }
  const opened = open(big.toString('latin1'), 'text/calendar; charset=utf-16be')
  t.ok(opened.files.includes('ABC'))
})

t.test('a part declared as calendar or card is opened as such', async (t) => {
  const text = `junk\r\n${calendar('ATTACH;ENCODING=B:QUJD')}`
  for (const type of [
    ...['text/calendar', 'text/vcard', 'text/x-vcard', 'text/x-vcalendar', 'text/directory'],
    ...['application/ics', 'application/octet-stream; name="a.ICS"', 'text/plain; name=a.vcf'],
  ]) {
    t.ok(open(text, type).files.includes('ABC'), type)
  }
  t.notOk(open(text, 'application/octet-stream').files.includes('ABC'))
})

t.test('a calendar is read in each encoding of mail, and without one', async (t) => {
  const text = calendar('ATTACH;ENCODING=B:QUJD').replaceAll('\r\n', '\n')
  const quoted = text.replaceAll('=', '=3D').replace(FAR, FAR.replaceAll(/.{60}/g, '$&=\n'))
  for (const type of ['text/calendar', 'application/octet-stream', 'text/plain; name=a']) {
    const mail = `Content-Type: ${type}\n`
    t.ok(openMail(`${mail}\n${text}`).files.includes('ABC'), type)
    t.ok(openMail(`${mail}Content-Transfer-Encoding: 8bit\n\n${text}`).files.includes('ABC'), type)
    const encoded = openMail(`${mail}Content-Transfer-Encoding: quoted-printable\n\n${quoted}`)
    t.ok(encoded.files.includes('ABC'), `${type}, quoted-printable`)
  }
})

t.test('the names of files in a calendar are reported, and no others', async (t) => {
  const rows: Readonly<Record<string, readonly string[]>> = {
    'ATTACH;FILENAME=a.exe;ENCODING=B:QUJD': ['a.exe'],
    'ATTACH;ENCODING=B;X-FILENAME="a:b;c.exe":QUJD': ['a:b;c.exe'],
    'ATTACH;ENCODING=B;X-APPLE-FILENAME=a.exe;X-ORACLE-FILENAME=b:QUJD': ['a.exe', 'b'],
    'ATTACH;ENCODING=B;X-LABEL=a.e\r\n xe;label=b:QUJD': ['a.exe', 'b'],
    'ATTACH;NAME=a;TITLE=b;CN=c;ENCODING=B:QUJD': ['a', 'b'],
    'ATTACH;FILENAME=a.exe:data:a/b;name=b.exe;base64,QUJD': ['a.exe', 'b.exe'],
    'ATTACH;FILENAME=a.exe:https://example.org/': [],
    'X-A;FILENAME=a.exe:QUJD': [],
    'X-A;FILENAME=a\r\nATTACH;ENCODING=B:QUJD': [],
  }
  for (const [line, names] of Object.entries(rows)) {
    t.same(new Set(open(calendar(line)).names), new Set(names), line)
  }
  const many = Array.from({ length: 99 }, (_, at) => `FILENAME=${at}`).join(';')
  const { names } = open(calendar(`ATTACH;ENCODING=B;${many}:QUJD`))
  t.same([names.length, names[0], names.at(-1)], [50, '0', '98'], 'the first ones, and the last')
  const [long] = open(calendar(`ATTACH;ENCODING=B;FILENAME=${FAR.repeat(9)}.exe:QUJD`)).names
  t.match(long, /^x{1000,2000}\.exe$/, 'the end of a long one')
})

t.test('a calendar of more files than are read is over the limit', async (t) => {
  const lines = Array.from({ length: 2100 }, (_, at) => {
    const value = Buffer.from(`file ${at}`).toString('base64')
    return `ATTACH;ENCODING=BASE64:${value}`
  })
  const text = calendar(lines.join('\r\n'))
  for (const { over, odd } of [
    open(text),
    open(text, 'text/calendar'),
    openMail(`Content-Type: text/calendar\n\n${text}`),
  ]) {
    t.same([over, odd], [`more than ${limits.contents} contents`, ['unread']])
  }
})

t.test('a calendar in a calendar is opened, up to the limit', async (t) => {
  const nested = (depth: number): string => {
    if (depth === 0) return 'the innermost'
    const inside = Buffer.from(nested(depth - 1), 'latin1').toString('base64')
    return `BEGIN:VCARD\nKEY;ENCODING=B:${inside}\nEND:VCARD\n`
  }
  t.ok(open(nested(5)).files.includes('the innermost'))
  t.match(open(nested(20)).over, 'deep')
})

/** Units of the work of reading a calendar. */
const workOf = (text: string) => readMail(`Content-Type: text/calendar\n\n${text}`).work

t.test('a calendar that is twice as long takes twice the work', async (t) => {
  const shapes: Readonly<Record<string, (n: number) => string>> = {
    'one line of base64': (n) => `ATTACH;ENCODING=B:${'QUJD'.repeat(n)}`,
    'folded lines': (n) => `ATTACH;ENCODING=B:${'QUJD\r\n '.repeat(n)}`,
    'lines without blanks': (n) => `ATTACH;ENCODING=B:${'QUJD\r\n'.repeat(n)}`,
    'empty lines': (n) => `ATTACH;ENCODING=B:QUJD${'\r\n'.repeat(n)}`,
    'empty lines and folds': (n) => `ATTACH;ENCODING=B:QUJD${'\r\n\r\n QUJD'.repeat(n)}`,
    'bare CRs': (n) => `ATTACH;ENCODING=B:${'QUJD\r'.repeat(n)}`,
    backslashes: (n) => `ATTACH;ENCODING=B:${'\\n'.repeat(n)}`,
    properties: (n) => 'X-A:b\r\n'.repeat(n),
    'empty files': (n) => 'ATTACH;ENCODING=B:\r\n'.repeat(n),
    URLs: (n) => 'ATTACH:https://a\r\n'.repeat(n),
    data: (n) => 'X:data:,a\r\n'.repeat(n),
    'one data': (n) => `X:data:,${'%41'.repeat(n)}`,
    'a type of data': (n) => `X:data:${';name=a'.repeat(n)},a`,
    parameters: (n) => `ATTACH${';X=y'.repeat(n)};ENCODING=B:QUJD`,
    names: (n) => `ATTACH${';FILENAME=y'.repeat(n)};ENCODING=B:QUJD`,
    quotes: (n) => `ATTACH;X=${'"a:b"'.repeat(n)};ENCODING=B:QUJD`,
    'a word': (n) => `ATTACH;X=${'y'.repeat(n)};ENCODING=B:QUJD`,
    components: (n) => 'BEGIN:VEVENT\r\n'.repeat(n),
    'soft lines': (n) => `KEY;QUOTED-PRINTABLE:${'=41=\r\n'.repeat(n)}`,
  }
  for (const [name, shape] of Object.entries(shapes)) {
    const [once, twice] = [2000, 4000].map((n) => workOf(calendar(shape(n))))
    if (twice! > 2.2 * once! + 64 * 1024) t.fail(`${name}: ${once}, then ${twice}`)
  }
  t.pass(`${Object.keys(shapes).length} shapes`)
})

t.test('other mail has its turn while a calendar of short values is read', async (t) => {
  let values = 0
  let most = 0
  class CountingWork extends Work {
    override countUnits(units: number) {
      if (units >= costs.entry) most = Math.max(most, ++values)
      return super.countUnits(units)
    }
  }
  const source = Buffer.from(`BEGIN:VCARD\n${'KEY:a\n'.repeat(60_000)}`)
  const work = new CountingWork(Bytes.of(source), { openFile: () => openAnonymousFile(tmpdir()) })
  for (const { kind } of container.open(source, { work, isDeclared: true, *emit() {} }))
    if (kind === 'turn') values = 0
  t.ok(most > 1000 && most < 5000, `${most} values at a time`)
})

t.test('a calendar with a file takes less than a tenth of what may be decoded', async (t) => {
  for (const size of [10_000, 1_000_000]) {
    const file = createHash('sha512').update('a').digest().toString('base64').slice(0, 72)
    const lines = `${file}\r\n `.repeat(size / 75)
    const text = calendar(`ATTACH;X="a;b";ENCODING=BASE64;VALUE=BINARY:${lines}`)
    const mail = Buffer.from(`Content-Type: text/calendar\r\n\r\n${text}`)
    const given = Buffer.concat(readMail(mail).contents).length
    t.ok(given < budgetOf(mail.length).bytes / 10, `${given} bytes of ${mail.length}`)
  }
})

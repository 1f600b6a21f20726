import t from 'tap'
import type { Bytes } from '../../../../../src/mail/message/bytes.ts'
import type {
  ContentScanner,
  ScannerDecoder,
} from '../../../../../src/scanner/scan/scanners/contract/scanner.ts'
import {
  clean,
  infected,
  type ScanResult,
  unknown,
  unread,
} from '../../../../../src/scanner/scan/scanners/findings/scan-result.ts'
import { runScanners } from '../../../../../src/scanner/scan/scanners/run/run-scanners.ts'
import { sample } from '../clamd/task.ts'
import { planOf, secondLook } from './scanning.ts'

const mail = `From: a@example.org
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/html
Content-Transfer-Encoding: quoted-printable

<p>=41</p>
--b
Content-Type: application/octet-stream; name=a
Content-Transfer-Encoding: base64

YWJj
--b--
`

/** A scanner that extracts every form, and notes what it is asked: `whole`, or the bytes of a part. */
function extracting(answerOf: (asked: string, number: number) => ScanResult) {
  const asked: string[] = []
  const omitted: number[] = []
  const scanner: ContentScanner = {
    name: 'clamd',
    hasBans: false,
    decoder: {
      treatsAsMail: () => false,
      extracts: () => true,
      stillExtracts: async () => true,
      countOmitted: (parts) => void omitted.push(parts),
    },
    async scan({ kind, bytes }) {
      asked.push(kind === 'content' ? bytes.gather().toString('latin1') : 'whole')
      return answerOf(asked.at(-1)!, asked.length)
    },
  }
  return { scanner, asked, omitted }
}

/** The same scanner, which decodes mail otherwise. */
const decodingBy = (scanner: ContentScanner, other: Partial<ScannerDecoder>): ContentScanner => ({
  ...scanner,
  decoder: { ...scanner.decoder!, ...other },
})

const run = (scanners: readonly ContentScanner[], text: string, more = {}) =>
  runScanners(
    sample(Buffer.from(text, 'latin1')),
    planOf(scanners, { settings: secondLook, ...more }),
  )

/** What a scanner that extracts every form, and calls all clean, is asked about a message. */
async function askedAbout(text: string): Promise<readonly string[]> {
  const { scanner, asked } = extracting(() => clean)
  await run([scanner], text)
  return asked
}

const parts = ['<p>A</p>\n', 'abc', 'whole']

t.test('ordinary mail is scanned with one request', async (t) => {
  const { scanner, asked, omitted } = extracting(() => clean)
  t.same(await run([scanner], mail), clean)
  t.same(asked, ['whole'])
  t.same(omitted, [2], 'and both parts are counted')
  for (const disposition of ['attachment', 'inline', 'attachment; filename=a']) {
    const text = mail.replace('\n\nYWJj', `\nContent-Disposition: ${disposition}\n\nYWJj`)
    t.same(await askedAbout(text), ['whole'], disposition)
  }
})

t.test('a virus in the whole ends the scan', async (t) => {
  const { scanner, asked } = extracting(() => infected('Virus'))
  t.match(await run([scanner], mail), { answer: 'infected', name: 'Virus' })
  t.same(asked, ['whole'])
})

t.test('parts are asked about if the whole was not seen, and a virus there counts', async (t) => {
  const { scanner, asked, omitted } = extracting((what) =>
    what === 'abc' ? infected('Virus') : what === 'whole' ? unread('size', 'large') : clean,
  )
  t.match(await run([scanner], mail), { answer: 'infected', name: 'Virus' })
  t.same(asked, ['whole', '<p>A</p>\n', 'abc'])
  t.same(omitted, [], 'and none is counted')
})

t.test('parts are asked about if a finding in the whole is tolerated', async (t) => {
  const { scanner, asked } = extracting((what) => (what === 'whole' ? infected('Mild') : clean))
  const isTolerated = ({ name }: { readonly name: string }) => name === 'Mild'
  t.match(await run([scanner], mail, { tolerance: { isTolerated } }), {
    answer: 'infected',
    name: 'Mild',
  })
  t.same(asked.slice(0, 4), ['whole', ...parts])
})

t.test('they are scanned if there is no answer', async (t) => {
  const { scanner, asked } = extracting(() => unknown('down', 'unreachable'))
  t.match(await run([scanner], mail), { answer: 'unknown', cause: 'unreachable' })
  t.same(asked, ['whole'])
})

/** The same mail with its file in a multipart within, which has this boundary. */
const within = (boundary: string) =>
  mail.replace(
    /Content-Type: application.*(?=--b--)/s,
    (file) =>
      `Content-Type: multipart/alternative; boundary="${boundary}"\n\n--${boundary}\n${file}--${boundary}--\n`,
  )

t.test('a file in a multipart within another one is scanned with the whole message', async (t) => {
  t.same(await askedAbout(within('c')), ['whole'])
})

t.test('each part is asked about where anything is unusual', async (t) => {
  const unusual: Readonly<Record<string, string>> = {
    'a line of 1,000 characters': mail.replace('From: a', `X: ${'x'.repeat(1_000)}\nFrom: a`),
    'an attached message': mail.replace(
      '--b--',
      '--b\nContent-Type: message/rfc822\n\nX: y\n\nz\n--b--',
    ),
    'data in a text': mail.replace('<p>=41</p>', '<p>=41</p>\nbegin 644 x\n#86)C\n`\nend'),
    'another multipart': mail.replace('mixed', 'parallel'),
    'a delimiter in the header': mail.replace('\n\nYWJj', '\n--b\n\nYWJj'),
    'a strange disposition': mail.replace('\n\nYWJj', '\nContent-Disposition: form-data\n\nYWJj'),
    'base64 with a hole': mail.replace('YWJj', 'YW*Jj'),
    'a field in the first line of a part': mail.replace('YWJj', 'Content'),
    'dashes before a boundary': mail.replace('<p>', '-----b\n<p>'),
    'a comment in a delimiter': mail.replace('<p>', '(x)--b\n<p>'),
    'the field of an encoding in a text': mail.replace(
      '<p>',
      'Content-Transfer-Encoding: 8bit\n<p>',
    ),
    'a field that ends in a semicolon': mail.replace('name=a', 'name=a;'),
    'a field like a delimiter': within('c')
      .replaceAll(/boundary=b|--b/g, '$&:c')
      .replace('name=a', 'name=a\n-----b:c'),
    'a boundary that is another one with dashes': within('---b'),
    'a boundary that begins as the end of another one': within('b--c'),
    'a file in related without a text': mail
      .replace('mixed', 'related')
      .replace('text/html', 'image/svg+xml'),
  }
  for (const [what, text] of Object.entries(unusual)) {
    t.ok((await askedAbout(text)).length > 1, what)
  }
})

t.test('text that libclamav changes only in white space is left to it', async (t) => {
  const alike: Readonly<Record<string, string>> = {
    'CR in quoted-printable': mail.replace('=41', '=0D=0A'),
    'a date above a text': mail.replace('<p>', 'Date: now\n<p>'),
    'two empty lines in a text': mail.replace('<p>', '<p>\n\n\n'),
    'an empty line above a text': mail.replace('<p>', '\n<p>'),
    'a line of blanks in a text': mail.replace('<p>', '<p>\n \n'),
    'a text without a line end': mail.replace(/--b\n.*/s, '--b\nContent-Type: text/html\n\n<p>'),
    'blanks around the sign of a boundary': mail.replace('boundary=b', 'boundary = b'),
  }
  for (const [what, text] of Object.entries(alike)) {
    t.same(await askedAbout(text), ['whole'], what)
  }
})

t.test('a file is asked about if libclamav may end its multipart above it', async (t) => {
  for (const line of ['-----b', '(x)--b', '--(x)b', '\0\0\0--b', '-\0-\0b']) {
    for (const encoding of ['8bit', 'base64']) {
      const type = encoding === 'base64' ? 'application/x' : 'text/html'
      const above = `--c\nContent-Type: ${type}\nContent-Transfer-Encoding: ${encoding}\n\nWFhY\n${line}\nWFhY\n`
      const asked = await askedAbout(within('c').replace('--c\n', `${above}--c\n`))
      t.ok(asked.includes('abc'), `${JSON.stringify(line)} in ${encoding}`)
    }
  }
})

t.test('files in an attached mail are left to the scan of that mail', async (t) => {
  const attached = mail.replaceAll('--b', '--c').replace('boundary=b', 'boundary=c').trimEnd()
  const around = (type: string, inner: string) =>
    mail.replace('--b--', `--b\nContent-Type: ${type}\n\n${inner}\n--b--`)
  const askedOf = async (text: string, recognizes = (_: Bytes) => true) => {
    const { scanner, asked, omitted } = extracting(() => clean)
    const extracts = (bytes: Bytes) => recognizes(bytes)
    await run([decodingBy(scanner, { extracts })], text)
    return { asked, omitted }
  }
  const file = 'def'
  const forward = around('message/rfc822', attached.replace('YWJj', 'ZGVm'))
  const { asked, omitted } = await askedOf(forward)
  t.equal(asked[0]?.slice(0, 5), 'From:', 'the attached mail')
  t.notOk(asked.includes(file) || asked.includes('abc'))
  t.same(omitted, [4])
  const isWhole = (bytes: Bytes) => bytes.gather().toString('latin1').includes('--b')
  const unknown = await askedOf(forward, isWhole)
  t.ok(unknown.asked.includes(file), 'a mail that the scanner does not recognize')
  t.same(unknown.omitted, [2])
  const inner = attached.replace('YWJj', 'ZGVm')
  const odd: Readonly<Record<string, string>> = {
    'an encoded mail': around('message/rfc822\nContent-Transfer-Encoding: base64', inner),
    'blanks above the mail': around('message/rfc822', `\n${inner}`),
    'a line like a delimiter of the mail around': around(
      'message/rfc822',
      inner.replace('<p>', '(x)--b\n<p>'),
    ),
    'such a line in the header of the mail': around(
      'message/rfc822',
      inner.replace('From: a', 'From: x\n--b(: a'),
    ),
    'an odd file in the mail': around('message/rfc822', inner.replace('ZGVm', 'ZG*Vm')),
  }
  for (const [what, text] of Object.entries(odd)) {
    t.ok((await askedOf(text)).asked.includes(file), what)
  }
  // The mail is scanned by itself, whatever is around it.
  const anywhere: Readonly<Record<string, string>> = {
    'another type': around('message/partial', inner),
    'a mail that begins with its type': around('message/rfc822', inner.replace(/^.*\n/, '')),
    'a mail in a mail in a mail': around(
      'message/rfc822',
      `From: b\nContent-Type: multipart/mixed; boundary=d\n\n--d\nContent-Type: message/rfc822\n\n${inner}\n--d--`,
    ),
    'a mail in related': around('message/rfc822', inner).replace('mixed', 'related'),
  }
  for (const [what, text] of Object.entries(anywhere)) {
    const { asked } = await askedOf(text)
    t.notOk(asked.includes(file), what)
    const isAsked = asked.some((each) => each.includes('ZGVm'))
    t.ok(isAsked, what)
  }
})

t.test('with another scanner beside it each part is asked about', async (t) => {
  const { scanner, asked } = extracting(() => clean)
  const other: ContentScanner = { name: 'other', hasBans: false, scan: async () => clean }
  await run([scanner, other], mail)
  t.same(asked, parts)
})

t.test('parts are asked about if the scanner was restarted during the scan', async (t) => {
  const { scanner, asked, omitted } = extracting(() => clean)
  const restarted = decodingBy(scanner, { stillExtracts: async () => false })
  t.same(await run([restarted], mail), clean)
  t.same(asked, ['whole', ...parts])
  t.same(omitted, [])
})

t.test('whether the scanner was restarted matters only if it was left a part', async (t) => {
  const cases = [
    { text: 'From: a\nContent-Type: text/x\n\nx\n', answer: clean },
    { text: mail, answer: infected('Virus') },
  ]
  for (const { text, answer } of cases) {
    const { scanner } = extracting(() => answer)
    let isAsked = false
    const stillExtracts = async () => {
      isAsked = true
      return true
    }
    await run([decodingBy(scanner, { stillExtracts })], text)
    t.equal(isAsked, false)
  }
})

/** A message whose bytes are scanned as they are first. */
const rawSample = (text: string) => {
  const message = sample(Buffer.from(text, 'latin1'))
  return { ...message, raw: { ...message, kind: 'raw' } as const }
}

t.test('a mail that a client submits is scanned once, as it is', async (t) => {
  const { scanner, asked, omitted } = extracting(() => clean)
  const recognizing = decodingBy(scanner, { treatsAsMail: () => true })
  const run = planOf([recognizing], { settings: secondLook })
  t.same(await runScanners(rawSample(mail), run), clean)
  t.same(asked, ['whole'])
  t.same(omitted, [2])
})

t.test('its parts are asked about if it is not clean as it is', async (t) => {
  for (const first of [unknown('large', 'limit'), infected('Mild')]) {
    const { scanner, asked } = extracting((what) => (what === 'whole' ? first : clean))
    const recognizing = decodingBy(scanner, { treatsAsMail: () => true })
    const isTolerated = ({ name }: { readonly name: string }) => name === 'Mild'
    const run = planOf([recognizing], { settings: secondLook, tolerance: { isTolerated } })
    await runScanners(rawSample(mail), run)
    t.same(asked.slice(0, 3), ['whole', '<p>A</p>\n', 'abc'])
  }
})

t.test('its parts are asked about if it does not begin as mail does', async (t) => {
  const { scanner, asked } = extracting(() => clean)
  const extracts = (whole: Bytes) => whole.gather(0, 4).toString() === 'From'
  const run = planOf([decodingBy(scanner, { extracts })], { settings: secondLook })
  await runScanners(rawSample(`X-Odd: x\n${mail}`), run)
  t.same(asked, ['whole', '<p>A</p>\n', 'abc', 'whole'])
})

import fc from 'fast-check'
import t from 'tap'
import { readOrdinary } from '../../../../src/mail/mime/ordinary/read-ordinary.ts'
import { cutsIn } from '../../../../src/mail/mime/structure/cuts.ts'
import { depthOfMail } from '../../../../src/mail/mime/structure/leaf.ts'
import { ordinaryMails } from '../../../cases/ordinary/all.ts'
import { lacks } from '../../../needs.mjs'
import { doneUnlimited } from '../unlimited-work.ts'

function reading(mail: string) {
  const bytes = Buffer.from(mail, 'latin1')
  return doneUnlimited((work) => readOrdinary(bytes, depthOfMail(), work))
}

const read = (mail: string) => reading(mail).result

/** The type, the multiparts around it, and the bytes of each leaf. */
function leavesOf(mail: string): string[] {
  const { odd, leaves } = read(mail)
  return [
    ...odd.map(({ reason }) => reason),
    ...leaves.map(({ header, depth, from, to }) =>
      [header.type, depth.subtypes, JSON.stringify(mail.slice(from, to))].join(' | '),
    ),
  ]
}

const TYPE = 'Content-Type: '
const multipart = `From: a\n${TYPE}multipart/mixed; boundary="=_b"\n\n`
const text = `${TYPE}text/plain\n\nhello\n`
const part = `--=_b\n${text}`
const end = '--=_b--\n'

t.test('the leaves of an ordinary message', async (t) => {
  t.same(leavesOf('From: a\n\nhello\n'), [' |  | "hello\\n"'])
  t.same(leavesOf('From a@b Mon\nFrom: a\n\nhello'), [' |  | "hello"'], 'of a mailbox')
  t.same(
    leavesOf(`${multipart}above\n${part}--=_b\n\nno header\n${end}below\n`),
    [
      'multipart/mixed |  | "above\\n"',
      'text/plain | mixed | "hello\\n"',
      ' | mixed | "no header\\n"',
      ' |  | "below\\n"',
    ],
    'text around the parts, and a part without fields',
  )
  t.same(
    leavesOf(`${multipart}--=_b\r\n${text.replaceAll('\n', '\r\n')}${end}`),
    ['text/plain | mixed | "hello\\r\\n"'],
    'either end of a line',
  )
  t.same(
    leavesOf(multipart + part),
    ['text/plain | mixed | "hello\\n"'],
    'without a last delimiter',
  )
  const inner = `--=_b\n${TYPE}multipart/related; boundary=in\n\n--in\n${text}`
  const nested = ['text/plain | mixed/related | "hello\\n"', 'text/plain | mixed | "hello\\n"']
  t.same(leavesOf(multipart + inner + part + end), nested, 'a multipart that the next part ends')
  const attached = `--=_b\n${TYPE}message/rfc822\n\nFrom: b\n\nhello\n`
  t.same(
    leavesOf(multipart + attached + end),
    ['message/rfc822 | mixed | "From: b\\n\\nhello\\n"', ' |  | "hello\\n"'],
    'an attached message, and its text',
  )
})

t.test('of an attached message that is odd, nothing is taken', async (t) => {
  const attached = (message: string) => `--=_b\n${TYPE}message/rfc822\n\n${message}\n`
  const inner = (end: string) =>
    `From: b\n${TYPE}multipart/mixed; boundary=innermost\n\n--innermost\n${TYPE}message/rfc822\n\nFrom: c\n\nhello\n--innermost--\n${end}\n\nbye\n\nbye`
  const mail = `${multipart}${attached(inner('X: y'))}${part}${end}`
  const { odd, leaves, headers, attached: messages } = read(mail)
  t.match(odd, [{ reason: 'fields after the end', depth: { messages: 1 } }])
  t.same(
    [odd[0]!, leaves[0]!].map(({ from, to }) => mail.slice(from, to)),
    [`${inner('X: y')}\n`, `${inner('X: y')}\n`],
  )
  t.same(
    headers.map(({ type }) => type),
    ['multipart/mixed', 'message/rfc822', 'text/plain'],
  )
  t.equal(messages, 1)
  t.match(read(`${multipart}${attached(inner('xy'))}${part}${end}`), {
    odd: [],
    attached: 2,
  })
})

t.test('a program may read the parts below an attached message as its own', async (t) => {
  const inner = (boundary: string) =>
    `--=_b\n${TYPE}message/rfc822\n\nFrom: b\n${TYPE}multipart/digest; boundary="${boundary}"\n\n${part}`
  for (const [boundary, count] of [
    ['innermost', 0],
    ['=_b', 1],
  ] as const)
    t.equal(read(`${multipart}${inner(boundary)}${end}`).odd.length, count, boundary)
})

t.test('the depth, and the headers in their order', async (t) => {
  const found = read(
    `${multipart}--=_b\n${TYPE}multipart/related; boundary=in\n\n--in\n${text}--in--\n${end}`,
  )
  t.equal(found.leaves[0]!.depth.levels, 2)
  t.same(
    found.headers.map(({ type }) => type),
    ['multipart/mixed', 'multipart/related', 'text/plain'],
  )
})

/**
 * Messages of which programs read the structure in several ways, and the word for that in the log, unless the headers have
 * one (headers/part-header.ts, carver/body-starts.ts).
 */
const odd: Readonly<Record<string, readonly [string, string | undefined]>> = {
  'a NUL': ['From: a\n\n\0', undefined],
  'a CR without LF': ['From: a\n\na\rb', undefined],
  'a CR at the end': ['From: a\n\na\r', undefined],
  'a header without an empty line': ['From: a\n', undefined],
  'a line that is no field': ['From: a\nx\n\n', undefined],
  'a blank continuation': ['From: a\n \nb: c\n\n', undefined],
  'an empty line on top': ['\nFrom: a\n\nx', undefined],
  'two types': [`${TYPE}text/plain\n${multipart}${part}${end}`, undefined],
  'a boundary in quotes with blanks': [
    `${TYPE}multipart/mixed; boundary="a b"\n\n--a b\n${text}--a b--\n`,
    undefined,
  ],
  'a boundary of another type': [`${TYPE}text/plain; boundary=b\n\nx`, undefined],
  'an encoded multipart': [
    `Content-Transfer-Encoding: base64\n${multipart}${part}${end}`,
    undefined,
  ],
  'one boundary twice': [
    `${multipart}--=_b\n${TYPE}multipart/mixed; boundary="=_b"\n\n${part}${end}`,
    undefined,
  ],
  'a part without an empty line': [`${multipart}--=_b\n${TYPE}a/b\n${part}${end}`, undefined],
  'a delimiter in other letters': [`${multipart}${part}--=_B\n${end}`, undefined],
  'a delimiter with more': [`${multipart}${part}--=_b x\n${end}`, 'delimiter'],
  'a delimiter with a tab': [`${multipart}${part}--=_b\t\n${end}`, undefined],
  'a delimiter behind a blank': [`${multipart}${part} --=_b\n${end}`, undefined],
  'a delimiter of one dash': [`${multipart}${part}-=_b\n${end}`, undefined],
  'a delimiter behind three characters': [`${multipart}${part}> >--=_B\n${end}`, undefined],
  'a delimiter in a comment': [`${multipart}${part}(--=_b)\n${end}`, undefined],
  'a delimiter in a line': [`${multipart}x--=_b\n${part}${end}`, undefined],
  'a delimiter in a piece of a long line': [
    `${multipart}${part}${'x'.repeat(1022)}--=_b\n${end}`,
    undefined,
  ],
  'a delimiter between its pieces': [
    `${multipart}${part}${'x'.repeat(2043)}--=_b${' '.repeat(2000)}x\n${end}`,
    undefined,
  ],
  'a text like a field in a part without fields': [
    `${multipart}--=_b\n\nhello\n>(x)Con(x)tent-Transfer-Encoding: base64\n${part}${end}`,
    undefined,
  ],
  'a delimiter after the end': [`${multipart}${part}${end}${part}`, 'delimiter'],
  'fields after the end': [`${multipart}${part}${end}${text}`, undefined],
}

t.test('a message that programs read in several ways is odd', async (t) => {
  for (const [name, [mail, oddity]] of Object.entries(odd)) {
    const { odd, leaves } = read(mail)
    t.match(odd, [{ from: 0, to: mail.length, oddity }], `${name}: ${odd[0]?.reason}`)
    t.same(leaves, [], name)
  }
})

t.test('what no program takes for a delimiter is text', async (t) => {
  const long = 'x'.repeat(1010)
  for (const line of [
    'some words --=_b',
    'some words -=_b',
    'X-Any: =_b',
    '=_b',
    '- b',
    `${long}--=_b`,
  ])
    t.same(leavesOf(`${multipart}${part}${line}\n${end}`), [
      `text/plain | mixed | ${JSON.stringify(`hello\n${line}\n`)}`,
    ])
})

t.test('a text in a part without fields may name those of other parts', async (t) => {
  for (const lines of ['Note: the content is below', 'hello\n\nContent-Type: text/plain'])
    t.same(read(`${multipart}--=_b\n\n${lines}\n${part}${end}`).odd, [], lines)
})

t.test('below a multipart whose boundary has no letters, a line of dashes is text', async (t) => {
  for (const boundary of ['=_=', '----=']) {
    const inner = `--=_b\n${TYPE}multipart/related; boundary="${boundary}"\n\n--${boundary}\n${text}--${boundary}--\n`
    const below = (line: string) => read(`${multipart}${inner}${part}${line}\n${end}`).odd.length
    for (const line of ['> -- ', '-- ', '---- Original Message ----']) t.equal(below(line), 0, line)
    for (const line of [`--${boundary}`, `-${boundary}`, `${'x'.repeat(1022)}-${boundary}`])
      t.equal(below(line), 1, 'its delimiter is none')
  }
})

/** The letters and digits of a text, which all programs compare. */
const lettersOf = (text: string) => text.toLowerCase().replace(/[^a-z0-9]/g, '')

/** A boundary, and lines that some program may take for its delimiter, or are like it. */
const boundaryAndLine = fc
  .tuple(
    fc.stringMatching(/^[a-zA-Z0-9=_.-]{0,8}[a-z0-9]{2}-{0,2}$/),
    fc.stringMatching(/^(?:[ >x\t]{0,4}|\([a-z ]{0,9}\) ?)$/),
    fc.constantFrom('--', '---', '- -', '-'),
    fc.stringMatching(/^[ ;"(=\tx]{0,2}$/),
    fc.boolean(),
    fc.stringMatching(/^(?:--)?[ ;a-z]{0,3}$/),
  )
  .map(([boundary, front, dashes, before, isUpper, behind]) => ({
    boundary,
    line: `${front}${dashes}${before}${isUpper ? boundary.toUpperCase() : boundary}${behind}`,
  }))

t.test(
  'where the carver cuts in an ordinary message is a delimiter, or nothing like one',
  async (t) => {
    const isCut = (mail: string, line: string) => {
      const { result } = doneUnlimited((work) => cutsIn(Buffer.from(mail, 'latin1'), work))
      return result.some(({ at }) => at === mail.lastIndexOf(line))
    }
    const places: Readonly<Record<string, (boundary: string, line: string) => string>> = {
      'in a multipart': (boundary, line) =>
        `${TYPE}multipart/mixed; boundary="${boundary}"\n\n--${boundary}\n\nhello\n${line}\n`,
      'in a part of another one': (boundary, line) =>
        `${TYPE}multipart/mixed; boundary="${boundary}"\n\n--${boundary}\n${multipart}--=_b\n\nhello\n${line}\n`,
    }
    let cuts = 0
    for (const mailWith of Object.values(places))
      fc.assert(
        fc.property(boundaryAndLine, ({ boundary, line }) => {
          const mail = mailWith(boundary, line)
          const isExact = line === `--${boundary}` || line === `--${boundary}--`
          const isLike = lettersOf(line).includes(lettersOf(boundary))
          if (isExact || !isLike || !isCut(mail, line)) return true
          cuts++
          return read(mail).odd.length > 0
        }),
        { numRuns: 500 },
      )
    t.ok(cuts > 300, `${cuts} cuts`)
  },
)

t.test('a cut below a message that begins like a delimiter of that makes all odd', async (t) => {
  const attached = (boundary: string) =>
    `--=_b\n${TYPE}message/rfc822\n\nFrom: b\n${TYPE}multipart/mixed; boundary="${boundary}"\n\n--${boundary}\n\nhello\n--${boundary}--\n`
  const below = (line: string) => `--=_b\n\nhello\n${line}\n${end}`
  for (const line of [
    '--innermost',
    '--INNERMOST x',
    '> --innermost--',
    '---innermost',
    '-innermost',
    '-- innermost',
    '--"innermost"',
  ])
    t.equal(read(`${multipart}${attached('innermost')}${below(line)}`).odd.length, 1, line)
  for (const line of ['-- ', '--inner', 'innermost', '- inner most', 'some words --innermost'])
    t.same(read(`${multipart}${attached('innermost')}${below(line)}`).odd, [], line)
  const dashes = read(`${multipart}${attached('innermost--')}${below('--innermost--')}`)
  t.equal(dashes.odd.length, 1, 'a boundary that ends in dashes')
})

const exceptions = new Set([
  'a mail that is a header alone',
  // A boundary begins like another one.
  'a forward of a forward by Thunderbird, twelve times, each with HTML',
])

t.test('mail of ordinary programs is ordinary', { skip: lacks('openssl') }, async (t) => {
  for (const { what, message } of ordinaryMails) {
    const { odd } = read(message().toString('latin1'))
    if (!exceptions.has(what)) t.same(odd, [], what)
  }
})

t.test('the work is counted, in turns', async (t) => {
  const mail = `${multipart}${part}${'x'.repeat(75).concat('\n').repeat(20_000)}${end}`
  const largest = Math.max(...reading(mail).units)
  t.ok(largest > 0 && largest < 512 * 1024, `at most ${largest} units in a turn`)
})

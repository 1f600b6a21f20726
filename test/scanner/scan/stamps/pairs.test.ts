import * as crypto from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { type Key, parseKeyring } from '../../../../src/scanner/scan/stamps/keyring.ts'
import { signMessage } from '../../../../src/scanner/scan/stamps/sign.ts'
import { verifyStamps } from '../../../../src/scanner/scan/stamps/verify-stamps.ts'
import { readMarkdown, rowsBelow } from '../../../documents/markdown-page.ts'
import { examine } from './hashed-message.ts'

/**
 * Each rule of doc/development/stamp-format.md by pairs of messages: two that a reader could distinguish
 * share no MAC, and two that differ by what hosts do to mail share it.
 */

const NOW = 1_800_000_000
const [key] = parseKeyring(
  `hmac-sha256:alpha:${Buffer.alloc(32, 7).toString('base64url')}\n`,
  'ring',
) as [Key]

const bytes = (text: string) => Buffer.from(text, 'latin1')

/** The value of a stamp on a message, or undefined for a message that gets none. */
function stampOf(message: string): string | undefined {
  const options = { keys: [key], now: NOW, crypto }
  const made = signMessage(examine(bytes(message)), ['clamd'], options)
  return made && `${made.field.name}: ${made.field.value}`
}

function isTrusted(message: string): boolean {
  const signatureDate = () => undefined
  const options = { keys: [key], maxAgeSeconds: 3600, now: NOW, signatureDate, crypto }
  return verifyStamps(examine(bytes(message)), options).isTrusted
}

/** Fields that no stamp binds, as the page's table names them. */
const unbound = rowsBelow(readMarkdown('doc/development/stamp-format.md'), '### Bound fields').map(
  ([name]) => name!.replaceAll('`', ''),
)

const bound = 'Subject From To Content-Type MIME-Version Content-Transfer-Encoding Date Reply-To'
  .split(' ')
  .concat('X-Received', 'Received-', 'ARC-Any', 'DKIM', 'X-Quarantine-ID', 'Content-Lengths', 'Cc')

const text = (pieces: readonly string[], maxLength: number) =>
  fc.array(fc.constantFrom(...pieces), { maxLength }).map((words) => words.join(''))

/** Values of fields with blanks of all kinds, folds, quotes and 8-bit bytes, but no line of blanks alone. */
const value = text(['a', 'B', ' ', '  ', '\t', '"', ';', '=', '\xe9', '\n x', '\n\ty', '(c)'], 6)
const fieldNamed = (names: readonly string[]) =>
  fc.tuple(fc.constantFrom(...names), value).map(([name, rest]) => `${name}:${rest}\n`)

const fieldBound = fieldNamed(bound)
/** Content-Length binds nothing as long as it is a length. */
const fieldUnbound = fc.oneof(
  { weight: unbound.length, arbitrary: fieldNamed(unbound.filter((n) => n !== 'Content-Length')) },
  { weight: 1, arbitrary: fc.nat().map((length) => `Content-Length: ${length}\n`) },
)
const body = text(['text', '\n', ' ', '--b', '\0', '\xff', 'X-QHPSI: clean\n'], 8)

interface Letter {
  readonly fields: readonly string[]
  readonly body: string
}

const letter: fc.Arbitrary<Letter> = fc.record({
  fields: fc.array(fieldBound, { minLength: 1, maxLength: 4 }),
  body,
})

const written = ({ fields, body }: Letter) => `${fields.join('')}\n${body}`
const numRuns = 150

t.test('the page lists the fields that hosts add', async (t) => {
  t.ok(unbound.length >= 12 && unbound.includes('Received') && unbound.includes('X-QHPSI'))
  const wrong = unbound.filter((name) =>
    /^(content-(?!length)|mime-version|subject|from)/i.test(name),
  )
  t.same(wrong, [])
})

/** Every message that is one byte away: another one in its place, one more, one less. */
function* neighbours(message: string): Generator<string> {
  for (let at = 0; at <= message.length; at++) {
    const [before, after] = [message.slice(0, at), message.slice(at)]
    for (const byte of ' \t\n\r\0aX:"-') {
      yield before + byte + after
      if (after !== '') yield before + byte + after.slice(1)
    }
    const here = after.charAt(0)
    const otherCase = here === here.toLowerCase() ? here.toUpperCase() : here.toLowerCase()
    if (otherCase.charCodeAt(0) < 256) yield before + otherCase + after.slice(1)
    yield before + after.slice(1)
  }
}

/** The message as a stamp sees it: its body ends in LF, unless it is empty. */
const canonical = (message: string) =>
  message.endsWith('\n') || message === '' ? message : `${message}\n`

// promise: stamp-stays
t.test('a stamp breaks with any byte of a bound field or of the body', async (t) => {
  fc.assert(
    fc.property(letter, (letter) => {
      const message = written(letter)
      const stamp = stampOf(message)
      t.ok(stamp, 'it can be stamped')
      for (const other of neighbours(message)) {
        if (canonical(other) === canonical(message)) continue
        if (stampOf(other) === stamp) throw new Error(`a stamp for two: ${JSON.stringify(other)}`)
        if (isTrusted(`${stamp}\n${other}`)) throw new Error(`trusted: ${JSON.stringify(other)}`)
      }
      t.ok(isTrusted(`${stamp}\n${message}`))
    }),
    { numRuns: 25 },
  )
})

// promise: stamp-cover
t.test('a byte more or less in its name makes no bound field an unbound one', async (t) => {
  for (const name of unbound) {
    for (const near of [`${name}-`, `X-${name}`, name.slice(0, -1), `${name}s`]) {
      const message = `A: b\n${near}: 1\n\nbody\n`
      t.not(stampOf(message), stampOf('A: b\n\nbody\n'), near)
      t.equal(isTrusted(`${stampOf('A: b\n\nbody\n')}\n${message}`), false)
    }
  }
})

// promise: stamp-stays
t.test('a stamp binds each blank in a quoted boundary', async (t) => {
  const withBoundary = (boundary: string) =>
    `MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="${boundary}"\n\n--b b\n\nx\n`
  const blanks = ['b b', 'b  b', 'b\tb', 'b \tb', ' b b', 'b b ', 'bb', 'b\n b', 'b \n b', 'b\n\tb']
  const stamps = blanks.map((boundary) => stampOf(withBoundary(boundary)))
  t.equal(new Set(stamps).size, blanks.length)
  for (const stamp of stamps) {
    const trusted = blanks.filter((boundary) => isTrusted(`${stamp}\n${withBoundary(boundary)}`))
    t.equal(trusted.length, 1)
  }
})

// promise: stamp-stays
t.test('a stamp breaks if bound fields change their order', async (t) => {
  fc.assert(
    fc.property(letter, fc.nat(), fc.nat(), ({ fields, body }, a, b) => {
      const [i, j] = [a % fields.length, b % fields.length]
      const swapped = fields.with(i, fields[j]!).with(j, fields[i]!)
      if (fields[i] === fields[j]) return
      const stamp = stampOf(written({ fields, body }))
      t.not(stampOf(written({ fields: swapped, body })), stamp)
      t.notOk(isTrusted(`${stamp}\n${written({ fields: swapped, body })}`))
    }),
    { numRuns },
  )
})

// promise: stamp-cover
t.test('a stamp breaks if a field about content comes above it', async (t) => {
  fc.assert(
    fc.property(letter, fc.nat(), ({ fields, body }, a) => {
      const i = a % fields.length
      const stamp = stampOf(written({ fields, body }))
      const moved = `${fields[i]}${stamp}\n${written({ fields: fields.toSpliced(i, 1), body })}`
      t.notOk(isTrusted(moved), JSON.stringify(moved))
    }),
    { numRuns },
  )
  const message = 'Subject: a\n\nbody\n'
  for (const field of [
    'MIME-Version: 1.0',
    'Content-Type: text/html',
    'cOnTeNt-any:',
    'Content-:',
    'X-Content-Type: x',
  ]) {
    t.notOk(isTrusted(`${field}\n${stampOf(message)}\n${message}`), field)
  }
})

// promise: stamp-cover
t.test('a stamp breaks if a line moves from the header to the body or back', async (t) => {
  const seen = new Map<string, string>()
  fc.assert(
    fc.property(letter, (letter) => {
      const message = written(letter)
      const stamp = stampOf(message)!
      const before = seen.get(stamp)
      if (before !== undefined) t.equal(canonical(before), canonical(message))
      seen.set(stamp, message)
    }),
    { numRuns: 500 },
  )
  t.not(stampOf('A: b\nC: d\n\ne\n'), stampOf('A: b\n\nC: d\n\ne\n'))
  t.not(stampOf('A: b\n\n'), stampOf('A: b\n\n\n'))
})

// promise: stamp-cover
t.test('a stamp holds whatever hosts do to fields that are theirs', async (t) => {
  const places = fc.array(fc.tuple(fc.nat(), fieldUnbound), { maxLength: 5 })
  const strewn = ({ fields, body }: Letter, own: readonly (readonly [number, string])[]) => {
    const all = [...fields]
    for (const [place, field] of own) all.splice(place % (all.length + 1), 0, field)
    return written({ fields: all, body })
  }
  fc.assert(
    fc.property(
      letter,
      places,
      places,
      fc.array(fieldUnbound, { maxLength: 3 }),
      (letter, a, b, top) => {
        const stamp = stampOf(strewn(letter, a))
        t.ok(stamp)
        t.equal(stampOf(strewn(letter, b)), stamp)
        t.ok(isTrusted(`${stamp}\n${strewn(letter, b)}`))
        t.ok(isTrusted(`${top.join('')}${stamp}\n${strewn(letter, b)}`), 'above it, too')
        t.ok(isTrusted(`${top.join('')}${stamp}\n${written(letter)}`), 'or nothing of it')
      },
    ),
    { numRuns },
  )
})

t.test('a stamp holds if relays put fields on top, whatever their names', async (t) => {
  const message = 'Subject: a\n\nbody\n'
  for (const field of ['X-Spam: no', 'List-Id: x', 'Subject: b', 'Content-Length: 5']) {
    t.ok(isTrusted(`${field}\n${stampOf(message)}\n${message}`), field)
  }
})

t.test('a stamp holds if LF becomes CRLF, and if a last line end is added', async (t) => {
  fc.assert(
    fc.property(letter, (letter) => {
      const message = written(letter)
      const stamp = stampOf(message)
      const crlf = message.replaceAll('\n', '\r\n')
      t.equal(stampOf(crlf), stamp)
      t.ok(isTrusted(`${stamp}\r\n${crlf}`))
      if (letter.body === '' || letter.body.endsWith('\n')) return
      t.equal(stampOf(`${message}\n`), stamp)
      t.ok(isTrusted(`${stamp}\n${message}\n`))
    }),
    { numRuns },
  )
})

// promise: stamp-stays
t.test('no stamp holds for a message whose line ends differ', async (t) => {
  fc.assert(
    fc.property(letter, fc.nat(), (letter, place) => {
      const message = written(letter)
      const stamp = stampOf(message)
      const ends = [...message.matchAll(/\n/g)]
      const { index } = ends[place % ends.length]!
      const mixed = `${message.slice(0, index)}\r${message.slice(index)}`
      t.equal(stampOf(mixed), undefined)
      t.notOk(isTrusted(`${stamp}\n${mixed}`))
    }),
    { numRuns },
  )
})

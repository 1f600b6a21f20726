import fc from 'fast-check'
import t from 'tap'
import {
  editHeader,
  editPlan,
  endOfLeadingBlankLines,
  findHeaderEnd,
  HEADER_FIELDS_MAX,
  HEADER_MAX,
  Header,
  NO_EDITS,
  withoutFields,
} from '../../../src/mail/message/header-block.ts'

const bytes = (text: string) => Buffer.from(text, 'latin1')
const headerIn = (text: string) => new Header(bytes(text))

function headerEnd(text: string): number | undefined {
  const found = findHeaderEnd(bytes(text))
  return 'end' in found ? found.end : undefined
}

t.test('the header block ends after the first empty line', async (t) => {
  t.equal(headerEnd('A: b\n\nbody\n\nmore\n'), 6)
  t.equal(headerEnd('A: b\r\n\r\nbody'), 8)
  t.equal(headerEnd('\nbody'), 1, 'a message without a header')
  t.equal(headerEnd('\r\nbody'), 2)
  t.equal(headerEnd('A: b\r\n\nbody'), 7, 'an empty line is one in any ending')
  t.equal(headerEnd('A: b\n\r\nC: d\n\nbody'), 13, 'a line of one CR does not end a header in LF')
  t.equal(headerEnd('A: b\n'), undefined)
  t.equal(headerEnd(''), undefined)
})

t.test('the places of many tiny fields take little memory', async (t) => {
  const most = new Header(bytes(`${'a:\n'.repeat(HEADER_FIELDS_MAX)}\n`))
  t.equal(most.hasTooManyFields, false)
  t.equal(most.fields.length, HEADER_FIELDS_MAX)
  const mebibyte = new Header(bytes(`${'a:\n'.repeat(HEADER_MAX / 3 - 1)}\n`))
  t.equal(mebibyte.hasTooManyFields, true)
  t.ok(mebibyte.fields.length <= HEADER_FIELDS_MAX + 1)
})

t.test('the end of the block is the same however its bytes arrive', async (t) => {
  const line = fc.constantFrom('A: b', ' folded', '', 'junk', '\r', 'B: c\r')
  fc.assert(
    fc.property(fc.array(line, { maxLength: 6 }), fc.nat({ max: 40 }), (lines, cut) => {
      const text = lines.map((line) => `${line}\n`).join('')
      const whole = findHeaderEnd(bytes(text))
      const first = findHeaderEnd(bytes(text.slice(0, cut)))
      const inSteps = 'end' in first ? first : findHeaderEnd(bytes(text), first)
      t.same(inSteps, whole)
    }),
  )
})

t.test('fields have their folds, and names have no blanks', async (t) => {
  const header = headerIn('Subject: a\n b\n\tc\nX-Blank \t: d\njunk\nB\r: d\n: e\n\nNot: this\n')
  const { fields } = header
  t.same(
    fields.map(({ name, key, colon, start }) => [name, key, colon - start]),
    [
      ['Subject', 'subject', 7],
      ['X-Blank', 'x-blank', 9],
      ['', '', 0],
      ['B', 'b', 2],
      ['', '', 0],
    ],
  )
  t.equal(header.valueOf(fields[0]!), ' a\n b\n\tc\n')
  t.equal(header.textOf(fields[0]!), 'Subject: a\n b\n\tc\n')
  t.equal(header.fields, fields, 'they are found once')
})

t.test('the ending of the first line is that of the block', async (t) => {
  t.equal(headerIn('A: b\r\nC: d\n\n').lineEnding, '\r\n')
  t.equal(headerIn('A: b\nC: d\r\n\n').lineEnding, '\n')
  t.equal(headerIn('no line end').lineEnding, '\n')
})

t.test('new fields go on top, in the line ending of the block; others are removed', async (t) => {
  const added = [{ name: 'X-New', value: 'one,\n two' }]
  const edited = (text: string, remove?: readonly string[]) => {
    const edits = remove ? { remove, add: [] } : { remove: [], add: added }
    return editHeader(headerIn(text), edits).toString('latin1')
  }
  t.equal(edited('A: b\n\n'), 'X-New: one,\n two\nA: b\n\n')
  t.equal(edited('A: b\r\n\r\n'), 'X-New: one,\r\n two\r\nA: b\r\n\r\n')
  t.equal(edited('\n'), 'X-New: one,\n two\n\n')
  t.equal(edited(''), 'X-New: one,\n two\n')
  t.equal(edited('From x\nA: b\n\n'), 'X-New: one,\n two\nMBOX-Line: From x\nA: b\n\n')
  const indented = edited(' lead\n\tin\nA: b\n\n')
  t.equal(indented, ' lead\n\tin\nX-New: one,\n two\nA: b\n\n', 'it would continue the new field')
  const block = 'A: b\nx-QHPSI: clean\n folded\nX-Qhpsi \t: yes\nX-QHPSI-Not: stays\nC: d\n\n'
  t.equal(edited(block, ['x-qhpsi']), 'A: b\nX-QHPSI-Not: stays\nC: d\n\n', 'in any case')
})

t.test('fields that are not removed stay byte for byte', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (random) => {
      const block = Buffer.from(random)
      const header = new Header(block)
      t.ok(editHeader(header, NO_EDITS).equals(block))
      const spans = header.fields
      spans.forEach((span, index) => {
        t.equal(span.start, index === 0 ? 0 : spans[index - 1]!.end, 'spans leave no gap')
      })
    }),
  )
})

t.test('the plan of an edit has no empty run, and new fields in their order', async (t) => {
  const plan = (text: string, edits: { remove?: string[]; add?: [string, string][] }) => {
    const add = (edits.add ?? []).map(([name, value]) => ({ name, value }))
    return editPlan(headerIn(text), { remove: edits.remove ?? [], add }).map((part) =>
      part.kind === 'new' ? part.bytes.toString('latin1') : [part.kind, part.start, part.end],
    )
  }
  t.same(plan('A: b\n\n', {}), [['kept', 0, 6]])
  t.same(plan(' lead\nA: b\n\n', {}), [['kept', 0, 12]])
  t.same(plan('A: b\nC: d\n\n', { remove: ['a', 'c'] }), [['kept', 10, 11]])
  t.same(plan('A: b\nC: d\n', { remove: ['c'] }), [['kept', 0, 5]])
  const add: [string, string][] = [['X', '1'], ['Y', '\xe9\n 2']] // biome-ignore format: a line
  t.same(plan('A: b\n\n', { add }), ['X: 1\nY: \xe9\n 2\n', ['kept', 0, 6]])
  t.same(plan('A: b\r\n\r\n', { add }), ['X: 1\r\nY: \xe9\r\n 2\r\n', ['kept', 0, 8]])
  t.same(plan('', {}), [])
})

t.test('withoutFields() returns the header itself if it has none of the fields', async (t) => {
  const header = headerIn('A: b\nC: d\n\n')
  t.equal(withoutFields(header, ['x']), header)
  t.equal(withoutFields(header, ['a', 'x']).bytes.toString(), 'C: d\n\n')
})

t.test('in CRLF mail a line of one letter, or one that begins with CR, is not empty', async (t) => {
  for (const line of ['x\n', '\rx\r\n']) {
    const text = `A: b\r\n${line}C: d\r\n\r\n`
    t.equal(headerEnd(text), text.length, JSON.stringify(line))
    t.equal(headerIn(text).fields.length, 3)
  }
})

t.test('new fields go below lines that begin with blanks, if these have an end', async (t) => {
  const end = (text: string) => endOfLeadingBlankLines(new Header(Buffer.from(text)))
  t.equal(end(' a\n\tb\nC: d\n'), 6)
  t.equal(end(' a\n b'), 0)
  t.equal(end(' a'), 0)
  t.equal(end('A: b\n'), 0)
  t.equal(end(''), 0)
})

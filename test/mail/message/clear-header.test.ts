import t from 'tap'
import { examineClearing } from '../../../src/mail/message/clear-header.ts'
import { Header } from '../../../src/mail/message/header-block.ts'

const MOST = 16

const clearing = (block: string, names = ['x-qhpsi']) =>
  examineClearing(new Header(Buffer.from(block, 'latin1')), names)

t.test('fields that all readers take for the same fields can be removed', async (t) => {
  for (const block of [
    'A: b\nX-QHPSI: clean\n\n',
    'X-QHPSI: clean\r\nA: b\r\n\r\n',
    'A: b\n\n',
    '',
  ]) {
    t.same(clearing(block), { kind: 'clear' }, JSON.stringify(block))
  }
})

// promise: no-edit-virus
t.test('a field cannot be removed if some readers take its place for the body', async (t) => {
  for (const line of ['\r\n', ' \n', 'no field\n', 'A : b\n', '\0\n', 'A: b\r\r\n']) {
    const { kind } = clearing(`A: b\n${line}X-QHPSI: clean\n\n`)
    t.equal(kind, 'unclear', JSON.stringify(line))
    t.equal(clearing(`A: b\n${line}B: c\n\n`).kind, 'clear', 'where none is there nothing goes')
  }
  t.equal(clearing('A: b\rX-QHPSI: clean\n\n').kind, 'unclear')
})

t.test('more than sixteen fields cannot be removed', async (t) => {
  t.equal(clearing(`${'X-QHPSI: a\n'.repeat(MOST)}\n`).kind, 'clear')
  t.match(clearing(`${'X-QHPSI: a\n'.repeat(MOST + 1)}\n`), { reason: /more than 16 X-QHPSI/ })
})

t.test('no field can be put above a continuation line without a field', async (t) => {
  for (const block of ['\t)', ' ', ' a\n b']) {
    t.equal(clearing(block).kind, 'unclear', JSON.stringify(block))
  }
  for (const block of [' a\n', ' a\nA: b', 'A: b\n c', ' a\r\n\tb\r\nA: b\r\n', ' a\n b\n\n']) {
    t.equal(clearing(block).kind, 'clear', JSON.stringify(block))
  }
})

t.test('no field can go below a continuation line that may begin the body', async (t) => {
  for (const first of [
    ' \n',
    '\t \n',
    ' a\rb\n',
    ' a\r\n b\n',
    ' a\r\r\n',
    ' a\n \n',
    ' \r\n',
    ' \0\n',
  ]) {
    t.match(
      clearing(`${first}A: b\n\n`),
      { reason: /malformed continuation/ },
      JSON.stringify(first),
    )
  }
})

t.test('one sentence explains why a field cannot be removed', async (t) => {
  const unclear = (reason: string) => ({ kind: 'unclear', reason })
  t.same(clearing(' a'), unclear('its header is a continuation without a field'))
  t.same(clearing(' \nA: b\n\n'), unclear('its header begins with a malformed continuation'))
  t.same(
    clearing('A: b\nno field\nX-\xff\x01QHPSI: x\n\n'),
    unclear('its header is malformed and contains X-QHPSI'),
  )
  const both = ['x-qhpsi', 'x-quarantine-id']
  const many = 'X-QHPSI: a\n'.repeat(MOST)
  t.same(clearing(`${many}X-QHPSI: b\n\n`, both), unclear('its header has more than 16 X-QHPSI'))
  t.same(
    clearing(`${many}X-Quarantine-ID: b\n\n`, both),
    unclear('its header has more than 16 X-QHPSI and X-Quarantine-ID'),
  )
})

t.test('the line of an mbox above a field does not keep it from being removed', async (t) => {
  for (const line of ['From a@b Wed Nov 25 13:00:00 2026\n', 'From a\n>From b\n', '>From a\n']) {
    t.equal(clearing(`${line}X-QHPSI: clean\n\n`).kind, 'clear', JSON.stringify(line))
  }
  for (const line of ['From a\rb\n', 'A: b\nFrom a\n', 'From a\n \n', 'from a\n', 'From\n']) {
    t.equal(clearing(`${line}X-QHPSI: clean\n\n`).kind, 'unclear', JSON.stringify(line))
  }
})

t.test('a malformed line below does not keep a field from being removed', async (t) => {
  t.equal(clearing(`${'A: b\n'.repeat(MOST + 1)}X-QHPSI: a\n\n`).kind, 'clear')
  t.equal(clearing('X-QHPSI: a\nno field\nB: c\n\n').kind, 'clear')
})

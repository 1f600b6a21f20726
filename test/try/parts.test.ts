import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { createEicarSearch } from '../../src/scan/eicar.ts'
import { check, type Expectation } from './check.ts'
import { prepareDirectory } from './directory.ts'
import { infectedMail } from './infected-mail.ts'
import { type Passage, recipients, sender } from './passage.ts'
import { fit, makePaint, wrap } from './terminal.ts'

t.test('only a terminal gets colours, and only if NO_COLOR is not set', async (t) => {
  const terminal = { isTTY: true, write: () => true }
  const pipe = { write: () => true }
  t.equal(makePaint(terminal, {})('red', 'text'), '\x1b[31mtext\x1b[0m')
  t.equal(makePaint(terminal, { NO_COLOR: '' })('red', 'text'), '\x1b[31mtext\x1b[0m')
  t.equal(makePaint(terminal, { NO_COLOR: '1' })('red', 'text'), 'text')
  t.equal(makePaint(terminal, { TERM: 'dumb' })('red', 'text'), 'text')
  t.equal(makePaint(pipe, {})('red', 'text'), 'text')
})

t.test('no line is wider than it may be, and no control byte reaches the terminal', async (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 4, max: 80 }), (text, width) => {
      for (const line of [fit(text, width), ...wrap(text, width)]) {
        t.ok(line.length <= width)
        t.notMatch(line, /[^ -~]/)
      }
      t.equal(
        wrap(text, width).join('').replaceAll(' ', ''),
        wrap(text, 1e6).join('').replaceAll(' ', ''),
      )
    }),
  )
  t.same(wrap('one two three', 8), ['one two', 'three'])
})

t.test(
  'a directory that is not empty is left alone, and an earlier trial is replaced',
  async (t) => {
    const place = mkdtempSync(join(tmpdir(), 'onescan-test-'))
    t.teardown(() => rmSync(place, { recursive: true }))
    const env = { INIT_CWD: place }

    const trial = prepareDirectory(['trial'], env)
    t.equal(trial, join(place, 'trial'), 'relative to where the user is')
    t.equal(statSync(trial).mode & 0o777, 0o700, 'keys will lie there')
    mkdirSync(join(trial, 'alpha/Maildir/new'), { recursive: true })
    writeFileSync(join(trial, 'notes'), 'mine')
    prepareDirectory([trial], env)
    t.same(readdirSync(trial).sort(), ['made-by-npm-run-try', 'notes'])

    mkdirSync(join(place, 'other/alpha'), { recursive: true })
    t.throws(() => prepareDirectory(['other'], env), /other is not empty and no earlier trial's/)
    t.same(readdirSync(join(place, 'other')), ['alpha'])
    t.throws(() => prepareDirectory(['one', 'two'], env), /one directory at most/)
    t.throws(() => prepareDirectory(['--help'], env), /takes no option/)
  },
)

const good: Passage = {
  sent: Buffer.from('X-Qhpsi: forged\nSubject: x\n\nbody\n'),
  reply: '250 ok 1 qp 2',
  time: 1,
  log: new Map([
    ['scan', 'trusted'],
    ['key', 'alpha'],
  ]),
  delivery: {
    name: '',
    received: Buffer.alloc(0),
    envelope: Buffer.alloc(0),
    message: Buffer.from(
      'X-QHPSI: clean\nX-SHA256-Cluster-2: v=1; k=b;\nX-SHA256-Cluster-1: v=1; k=a;\nSubject: x\n\nbody\n',
    ),
    sender,
    recipients,
  },
}
const wanted: Expectation = {
  scan: 'trusted',
  key: 'alpha',
  outcome: { tag: 'clean', stamps: ['b', 'a'] },
}

t.test('a hop that did what it should has no problem', async (t) => {
  t.same(check(good, wanted), [])
})

t.test('a hop has a problem for each thing that is not as it should be', async (t) => {
  const delivering = (change: (text: string) => string): Passage => ({
    ...good,
    delivery: {
      ...good.delivery!,
      message: Buffer.from(change(good.delivery!.message.toString('latin1')), 'latin1'),
    },
  })
  const logging = (key: string, value: string): Passage => ({
    ...good,
    log: new Map([...good.log, [key, value]]),
  })
  const wrong: readonly [string, Passage, RegExp][] = [
    ['scanned instead of trusted', logging('scan', 'clean'), /^scan in the log is clean/],
    ['another key', logging('key', 'beta'), /^key in the log is beta/],
    ['no log', { ...good, log: new Map() }, /^scan in the log is missing/],
    ['a refusal', { ...good, reply: '451 later' }, /^reply is 451 later/],
    ['nothing delivered', { ...good, delivery: undefined }, /^nothing came/],
    ['two tags', delivering((text) => `x-qhpsi : clean\n${text}`), /^tags are/],
    ['another tag', delivering((text) => text.replace('clean', 'virus found')), /^tags are/],
    ['no stamp', delivering((text) => text.replace(/X-SHA256.*\n/g, '')), /^stamps are \[\]/],
    ['a number left out', delivering((text) => text.replace('-2:', '-3:')), /^stamps are \[3 by b/],
    ['another body', delivering((text) => text.replace('body\n', 'body\n\n')), /^bytes/],
    ['another header', delivering((text) => text.replace(': x', ':  x')), /^bytes/],
    [
      'a recipient lost',
      { ...good, delivery: { ...good.delivery!, recipients: recipients.slice(1) } },
      /^envelope is/,
    ],
  ]
  for (const [name, passage, problem] of wrong) t.match(check(passage, wanted)[0], problem, name)
})

t.test('a refusal must have the right words, and leave nothing', async (t) => {
  const refusal: Expectation = {
    scan: 'infected',
    outcome: { refusal: (virus) => `554 virus ${virus}` },
  }
  const log = new Map([
    ['scan', 'infected'],
    ['virus', 'V'],
  ])
  const refused: Passage = { ...good, log, delivery: undefined, reply: '554 virus V' }
  t.same(check(refused, refusal), [])
  t.match(check({ ...refused, reply: '250 ok 1 qp 2' }, refusal), [/^reply is 250/])
  t.match(check({ ...refused, delivery: good.delivery }, refusal), [/^a refused message came/])
})

t.test('no file of the trial is taken for a virus', async (t) => {
  t.ok(createEicarSearch()(infectedMail()), 'the search works')
  const directories = [import.meta.dirname, join(import.meta.dirname, '../messages')]
  for (const directory of directories) {
    for (const name of readdirSync(directory)) {
      t.notOk(createEicarSearch()(readFileSync(join(directory, name))), name)
    }
  }
})

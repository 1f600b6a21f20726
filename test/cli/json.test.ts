import { execFileSync } from 'node:child_process'
import { chmodSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import t, { type Test } from 'tap'
import about from '../../package.json' with { type: 'json' }
import { EICAR } from '../../src/scan/scanners/eicar/eicar.ts'
import { bundle, jsonIn, ofPlain, onescan, searchPath } from './onescan.ts'

/** All commands print JSON in one form; onescan(1), "JSON". */

const root = join(import.meta.dirname, '../..')
const schema = JSON.parse(readFileSync(join(root, 'doc/onescan.schema.json'), 'utf8'))
const validate = new Ajv2020({ allErrors: true, allowUnionTypes: true }).compile(schema)
/** What of a value is not as the schema has it. */
const faultsOf = (told: unknown) => (validate(told) ? [] : validate.errors)

const eicar = `Subject: x\n\n${`${EICAR}\n`}`
const QHPSI = 'plugin: eicar'

interface Trial {
  readonly words: (t: Test) => readonly string[]
  readonly exit: number
  readonly results: number
  readonly errors?: readonly RegExp[]
  readonly sum?: Readonly<Record<string, number>>
}

const RING = 'md5:a:sesame-and-more-sesame\n'
const file = (t: Test, text: string) => join(t.testdir({ file: text }), 'file')

/** A directory with a keyring of the right mode, and a message. */
function cluster(t: Test): { readonly ring: string; readonly mail: string } {
  const place = t.testdir({ ring: RING, mail: 'a: b\n\nc\n' })
  chmodSync(join(place, 'ring'), 0o640)
  ofPlain(place)
  return { ring: join(place, 'ring'), mail: join(place, 'mail') }
}

/** An empty quarantine. */
function empty(t: Test): string {
  const directory = t.testdir({})
  chmodSync(directory, 0o700)
  return ofPlain(directory)
}

const control = (t: Test) => t.testdir({ control: {} })

/** Calls of each command that succeed, and calls that fail. A command without calls fails the test. */
const trials: Readonly<Record<string, readonly Trial[]>> = {
  check: [
    { words: () => ['check', '--daemon'], exit: Number.NaN, results: Number.NaN },
    {
      words: () => ['check', '--pid', '0'],
      exit: 2,
      results: 0,
      errors: [/does not start qmail-smtpd/],
    },
  ],
  inject: [
    {
      words: (t) => [
        ...['inject', file(t, eicar), '--from', 'a@example.org', '--to', 'b@example.org'],
        ...['--dry-run', '--env', `QHPSI=${QHPSI}`, '--env', 'REJECTVIRUS=1'],
      ],
      exit: 1,
      results: 1,
    },
    {
      words: () => ['inject', '/nonexistent', '--from', 'a', '--to', 'b', '--dry-run'],
      exit: 2,
      results: 0,
      errors: [/ENOENT/],
    },
  ],
  scan: [
    {
      words: (t) => ['scan', '--env', `QHPSI=${QHPSI}`, file(t, 'a: b\n\nclean\n')],
      exit: 0,
      results: 1,
      sum: { clean: 1, infected: 0, unknown: 0 },
    },
    {
      words: (t) => ['scan', '--env', `QHPSI=${QHPSI}`, file(t, eicar), '/nonexistent'],
      exit: 1,
      results: 2,
      sum: { clean: 0, infected: 1, unknown: 1 },
    },
  ],
  verify: [
    {
      words: (t) => {
        const { ring, mail } = cluster(t)
        return ['verify', '--keyring', ring, mail]
      },
      exit: 1,
      results: 1,
    },
    {
      words: () => ['verify', '--keyring', '/nonexistent', '-'],
      exit: 2,
      results: 0,
      errors: [/nonexistent/],
    },
  ],
  keygen: [
    { words: () => ['keygen', '--id', 'one'], exit: 0, results: 1 },
    {
      words: (t) => ['keygen', '--append', join(t.testdir(), 'ring'), '--md5'],
      exit: 0,
      results: 1,
    },
    { words: () => ['keygen', '--id', 'a b'], exit: 2, results: 0, errors: [/--id a b: must be/] },
  ],
  disable: [
    { words: (t) => ['disable', '--control', join(control(t), 'control')], exit: 0, results: 1 },
    {
      words: () => ['disable', '--control', '/nonexistent'],
      exit: 2,
      results: 0,
      errors: [/ENOENT/],
    },
  ],
  enable: [
    { words: (t) => ['enable', '--control', join(control(t), 'control')], exit: 0, results: 1 },
  ],
  quota: [
    { words: () => ['quota', 'ann'], exit: 2, results: 0, errors: [/QUOTAD is not set/] },
    {
      words: () => ['quota', 'ann', '--env', 'QUOTAD=udp:127.0.0.1:9', '--env', 'QUOTATIMEOUT=20'],
      exit: 2,
      results: 1,
    },
  ],
  log: [
    {
      words: (t) => ['log', file(t, 'onescan: decision=accept\nonescan: decision=reject\n')],
      exit: 0,
      results: 2,
      sum: { entries: 2 },
    },
    { words: (t) => ['log', file(t, 'nothing\n')], exit: 1, results: 0, sum: { entries: 0 } },
    { words: () => ['log', '/nonexistent'], exit: 2, results: 0, errors: [/nonexistent/] },
  ],
  report: [
    {
      words: (t) => ['report', file(t, 'onescan: decision=accept\n')],
      exit: 0,
      results: 1,
    },
  ],
  'quarantine list': [
    {
      words: (t) => ['quarantine', 'list', '--directory', empty(t)],
      exit: 1,
      results: 0,
      sum: { messages: 0, bytes: 0 },
    },
    {
      words: () => ['quarantine', 'list', '--directory', '/nonexistent'],
      exit: 2,
      results: 0,
      errors: [/nonexistent/],
    },
  ],
  ...Object.fromEntries(
    (
      [
        ['show', {}],
        ['release', { released: 0 }],
        ['delete', { deleted: 0 }],
      ] as const
    ).map(([name, sum]): [string, Trial[]] => [
      `quarantine ${name}`,
      [
        {
          words: (t) => [
            ...['quarantine', name, '1.0000000000000000', '--directory', empty(t)],
            ...(name === 'release' ? ['--no-stamp'] : []),
          ],
          exit: 2,
          results: 0,
          errors: [/is not in quarantine/],
          sum,
        },
      ],
    ]),
  ),
  'policy test': [
    {
      words: (t) => ['policy', 'test', 'a@x', 'b@y', '--file', file(t, 'to=y scan off\n')],
      exit: 0,
      results: 1,
    },
    {
      words: (t) => ['policy', 'test', 'a@x', 'b@y', '--file', file(t, 'nonsense\n')],
      exit: 2,
      results: 0,
      errors: [/line 1: nonsense: is not a condition/],
    },
  ],
}

t.test('every command is tried', async (t) => {
  t.same(Object.keys(trials).sort(), commandsOf().sort())
})

for (const [command, all] of Object.entries(trials)) {
  for (const [index, { words, exit, results, errors = [], sum = {} }] of all.entries()) {
    t.test(`${command} --json prints the one form, trial ${index + 1}`, async (t) => {
      const { code, out, err } = await onescan([...words(t), '--json'], { env: { LANG: 'C' } })
      const told = jsonIn(out)
      t.same(faultsOf(told), [])
      t.match(told, { command, version: about.version, exit: code, ok: code === 0 })
      if (Number.isNaN(exit)) return // the exit code depends on this machine
      t.equal(code, exit, err)
      t.equal(told.results.length, results, out)
      t.equal(told.errors.length, errors.length, out)
      for (const [at, pattern] of errors.entries()) {
        t.match(told.errors[at], pattern)
        t.match(err, pattern, 'a person sees it, too')
      }
      t.same(told.sum, command === 'check' ? told.sum : sum)
    })
  }
}

t.test('wrong words are an error in the same form', async (t) => {
  for (const [words, command] of [
    [['scan', '--json'], 'scan'],
    [['keygen', '--ids', 'a', '--json'], 'keygen'],
    [['policy', 'test', '--json'], 'policy test'],
    [['scam', '--json'], null],
    [['--json'], null],
  ] as const) {
    const { code, out } = await onescan(words)
    const told = jsonIn(out)
    t.same(faultsOf(told), [])
    t.match({ ...told, code }, { command, results: [], exit: 2, ok: false, code: 2 })
    t.equal(told.errors.length, 1)
  }
})

t.test('results come one a line, so that they can be read as they come', async (t) => {
  const { out } = await onescan(['log', '--json'], {
    input: 'onescan: decision=accept\n'.repeat(3),
  })
  const lines = out.trimEnd().split('\n')
  t.equal(lines.length, 5)
  for (const line of lines.slice(1, -1)) t.match(JSON.parse(line.replace(/,$/, '')), Object)
})

/** The commands in the help. Its examples name some of them twice. */
function commandsOf(...words: string[]): string[] {
  const env = { PATH: searchPath }
  const help = execFileSync(process.execPath, [bundle, ...words, '--help'], { env }).toString()
  const listed = [...help.matchAll(/^ {2}onescan ([a-z]+(?: [a-z]+)?)/gm)].map(([, name]) => name!)
  return [...new Set(listed)]
    .filter((name) => name !== 'completion')
    .flatMap((name) => (['quarantine', 'policy'].includes(name) ? commandsOf(name) : [name]))
}

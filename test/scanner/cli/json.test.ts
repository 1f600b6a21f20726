import { execFileSync } from 'node:child_process'
import { chmodSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import t, { type Test } from 'tap'
import about from '../../../package.json' with { type: 'json' }
import { EICAR } from '../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { bundle, jsonIn, ofPlain, onescan, searchPath } from './onescan.ts'

/** All commands print JSON in one form; onescan(1), "JSON". */

const root = join(import.meta.dirname, '../../..')
const schema = JSON.parse(readFileSync(join(root, 'doc/onescan.schema.json'), 'utf8'))
const validate = new Ajv2020({ allErrors: true, allowUnionTypes: true }).compile(schema)
/** What of a value is not as the schema has it. */
const faultsOf = (json: unknown) => (validate(json) ? [] : validate.errors)

const eicar = `Subject: x\n\n${`${EICAR}\n`}`
const QHPSI = 'plugin: eicar'

/** A call, its exit code and the number of its results; what stands among `errors`; and `sum`. */
type Trial = readonly [
  words: string | ((t: Test) => readonly string[]),
  exit: number,
  results: number,
  more?: { readonly error?: RegExp; readonly sum?: Readonly<Record<string, number>> },
]

const RING = 'md5:a:sesame-and-more-sesame\n'
const file = (t: Test, text: string) => join(t.testdir({ file: text }), 'file')

/** A directory with a keyring of the right mode, and a message. */
function cluster(t: Test): { readonly ring: string; readonly mail: string } {
  const place = t.testdir({ ring: RING, mail: 'a: b\n\nc\n' })
  chmodSync(join(place, 'ring'), 0o640)
  ofPlain(place)
  return { ring: join(place, 'ring'), mail: join(place, 'mail') }
}

/** A ring of the caller's. */
function ownRing(t: Test): string {
  const ring = file(t, RING)
  chmodSync(ring, 0o640)
  return ring
}

/** An empty quarantine. */
function empty(t: Test): string {
  const directory = t.testdir({})
  chmodSync(directory, 0o700)
  return ofPlain(directory)
}

const control = (t: Test) => t.testdir({ control: {} })

const scan = (t: Test, text: string, ...more: readonly string[]) => {
  return ['scan', '--env', `QHPSI=${QHPSI}`, file(t, text), ...more]
}
const policy = (t: Test, text: string) => {
  return ['policy', 'test', 'a@x', 'b@y', '--file', file(t, text)]
}
/** The error that a message is not there, of a command about it. */
const ofNoMessage = (name: string, sum: Readonly<Record<string, number>>): readonly Trial[] => {
  const words = ['quarantine', name, '1.0000000000000000']
  const stamp = name === 'release' ? ['--no-stamp'] : []
  const error = /is not in quarantine/
  return [[(t) => [...words, '--directory', empty(t), ...stamp], 2, 0, { error, sum }]]
}

/** Calls of each command that succeed, and calls that fail. A command without calls fails the test. */
const trials: Readonly<Record<string, readonly Trial[]>> = {
  check: [
    ['check --daemon', Number.NaN, Number.NaN],
    ['check --pid 0', 2, 0, { error: /does not start qmail-smtpd/ }],
  ],
  status: [['status', Number.NaN, 1]],
  inject: [
    [
      (t) => [
        ...['inject', file(t, eicar), '--from', 'a@example.org', '--to', 'b@example.org'],
        ...['--dry-run', '--env', `QHPSI=${QHPSI}`, '--env', 'REJECTVIRUS=1'],
      ],
      1,
      1,
    ],
    ['inject /nonexistent --from a --to b --dry-run', 2, 0, { error: /no such file or directory/ }],
  ],
  scan: [
    [(t) => scan(t, 'a: b\n\nclean\n'), 0, 1, { sum: { clean: 1, infected: 0, unknown: 0 } }],
    [(t) => scan(t, eicar, '/nonexistent'), 3, 2, { sum: { clean: 0, infected: 1, unknown: 1 } }],
  ],
  verify: [
    [
      (t) => {
        const { ring, mail } = cluster(t)
        return ['verify', '--keyring', ring, mail]
      },
      1,
      1,
    ],
    ['verify --keyring /nonexistent -', 2, 0, { error: /nonexistent/ }],
  ],
  keygen: [
    ['keygen --id one', 0, 1],
    [(t) => ['keygen', '--append', join(t.testdir(), 'ring'), '--md5'], 0, 1],
    [() => ['keygen', '--id', 'a b'], 2, 0, { error: /--id a b: must be/ }],
    [(t) => ['keygen', '--rotate', ownRing(t)], 0, 1],
    ['keygen --rotate /nonexistent/ring', 2, 0, { error: /nonexistent/ }],
  ],
  allow: [['allow a,b', 2, 0, { error: /from a,b: contains white space or one of , " ' # \\; / }]],
  disable: [
    [(t) => ['disable', '--control', join(control(t), 'control')], 0, 1],
    ['disable --control /nonexistent', 2, 0, { error: /no such file or directory/ }],
  ],
  enable: [[(t) => ['enable', '--control', join(control(t), 'control')], 0, 1]],
  quota: [
    ['quota ann', 2, 0, { error: /QUOTAD is not set/ }],
    ['quota ann --env QUOTAD=udp:127.0.0.1:9 --env QUOTATIMEOUT=20', 2, 1],
  ],
  log: [
    [
      (t) => ['log', file(t, 'onescan: decision=accept\nonescan: decision=reject\n')],
      0,
      2,
      { sum: { entries: 2 } },
    ],
    [(t) => ['log', file(t, 'nothing\n')], 1, 0, { sum: { entries: 0 } }],
    ['log /nonexistent', 2, 0, { error: /nonexistent/ }],
  ],
  report: [[(t) => ['report', file(t, 'onescan: decision=accept\n')], 0, 1]],
  'quarantine list': [
    [
      (t) => ['quarantine', 'list', '--directory', empty(t)],
      1,
      0,
      { sum: { messages: 0, bytes: 0 } },
    ],
    ['quarantine list --directory /nonexistent', 2, 0, { error: /nonexistent/ }],
  ],
  'quarantine show': ofNoMessage('show', {}),
  'quarantine release': ofNoMessage('release', { released: 0 }),
  'quarantine delete': ofNoMessage('delete', { deleted: 0 }),
  'quarantine digest': [
    [
      (t) => ['quarantine', 'digest', '--each', 'example.org', '--directory', empty(t)],
      0,
      0,
      { sum: { mails: 0, messages: 0 } },
    ],
    ['quarantine digest --directory /nonexistent', 2, 0, { error: /nonexistent/ }],
  ],
  bans: [
    [() => ['bans', '--env', 'BADATTACHMENTS=*.exe *.scr'], 0, 1],
    ['bans --env BADATTACHMENTS=/nonexistent', 2, 0, { error: /BADATTACHMENTS \/nonexistent: / }],
  ],
  'policy test': [
    [(t) => policy(t, 'to=y scan off\n'), 0, 1],
    [(t) => policy(t, 'nonsense\n'), 2, 0, { error: /line 1: nonsense: is not a condition/ }],
  ],
}

t.test('every command is tried', async (t) => {
  t.same(Object.keys(trials).sort(), commandsOf().sort())
})

for (const [command, all] of Object.entries(trials)) {
  for (const [index, [call, exit, results, { error, sum = {} } = {}]] of all.entries()) {
    t.test(`${command} --json prints the one form, trial ${index + 1}`, async (t) => {
      const words = typeof call === 'string' ? call.split(' ') : call(t)
      const { code, out, err } = await onescan([...words, '--json'], { env: { LANG: 'C' } })
      const json = jsonIn(out)
      t.same(faultsOf(json), [])
      t.match(json, { command, version: about.version, exit: code, ok: code === 0 })
      if (Number.isNaN(exit)) return // the exit code depends on this machine
      t.equal(code, exit, err)
      t.equal(json.results.length, results, out)
      t.equal(json.errors.length, error === undefined ? 0 : 1, out)
      if (error !== undefined) {
        t.match(json.errors[0], error)
        t.match(err, error, 'a person sees it, too')
      }
      t.same(json.sum, command === 'check' ? json.sum : sum)
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
    const json = jsonIn(out)
    t.same(faultsOf(json), [])
    t.match({ ...json, code }, { command, results: [], exit: 2, ok: false, code: 2 })
    t.equal(json.errors.length, 1)
  }
})

t.test('results come one a line, so that they can be read as they come', async (t) => {
  const { out } = await onescan(['log', '--json', '-'], {
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

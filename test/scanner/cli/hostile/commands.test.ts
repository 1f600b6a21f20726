import { execFileSync, spawnSync } from 'node:child_process'
import { chownSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { settingNames as settings } from '../../../../src/base/settings/table.ts'
import { plain } from '../../../cases/messages.ts'
import { lacks } from '../../../needs.mjs'
import { openDirectory } from '../../../programs/host/reachable.ts'
import { isWhole } from '../../../run/is-whole.ts'
import { type Hostile, makeHostile, notesReaders, type Thing, things } from './owner.ts'

/**
 * Root calls each command of onescan with each option and argument leading to each thing that another
 * user may have put there. The list of commands and options is the program's own help.
 */

const native = join(import.meta.dirname, '../../../../build/native/onescan')
const skip = lacks('root', 'the compiled programs', 'setfacl')

/** The number of calls at a time. */
const JOBS = 3
/** Every fortieth call is made. `npm run hostile` and `test:nightly` make all calls, which takes minutes. */
const STEP = isWhole ? 1 : 40

interface Command {
  readonly name: string
  readonly positionals: readonly string[]
  readonly options: readonly string[]
}

const help = (...words: string[]) =>
  execFileSync(native, [...words, '--help'], { encoding: 'utf8', env: { PATH: '/usr/bin:/bin' } })

/** The help of each command is read once, since each help is a start of the program. */
const commands = skip ? [] : commandsOf()

/** The commands that `onescan --help` names, with the subcommands in their own helps. */
function commandsOf(prefix: readonly string[] = []): Command[] {
  const [, list = ''] = /^Commands:\n([\s\S]*?)\n\n/m.exec(help(...prefix)) ?? []
  const names = [...list.matchAll(/^ {2}onescan ((?:[a-z]+ ?)+?)(?= {2}| [<[]|$)/gm)]
  const commands = [...new Set(names.map(([, words]) => words!.trim()))]
  return commands
    .filter((name) => name.startsWith(prefix.join(' ')) && name !== prefix.join(' '))
    .flatMap((name) => {
      const inside = prefix.length === 0 && /^Commands:/m.test(help(name)) ? commandsOf([name]) : []
      return inside.length > 0 ? inside : [commandOf(name)]
    })
}

function commandOf(name: string): Command {
  const text = help(...name.split(' '))
  const [, positionals = ''] = /^Positionals:\n([\s\S]*?)\n\n/m.exec(text) ?? []
  const [, options = ''] = /^Options:\n([\s\S]*?)\n\n/m.exec(`${text}\n\n`) ?? []
  return {
    name,
    positionals: [...positionals.matchAll(/^ {2}(\w+) /gm)].map(([, word]) => word!),
    options: [
      ...options.matchAll(
        /^ +(?:-\w, )?--([\w-]+)(?:(?!\n +(?:-\w, )?--)[\s\S])*?\[(?:string|array|choices)/gm,
      ),
    ].map(([, word]) => word!),
  }
}

/** The id of no message. */
const ID = '1.0000000000000000'

/** Most commands are done by an account. */
const asNobody = ['--user', 'nobody']

/** A call that does its work if everybody may read all files. */
const calls: Readonly<
  Record<string, { readonly words: readonly string[]; readonly positionals?: readonly string[] }>
> = {
  check: { words: ['--user', 'nobody'] },
  inject: {
    words: ['--from', 'a@x', '--to', 'b@x', '--dry-run', ...asNobody],
    positionals: ['OWN/mail'],
  },
  scan: {
    words: ['--env', 'QHPSI=plugin: eicar attachments', ...asNobody],
    positionals: ['OWN/mail'],
  },
  verify: { words: ['--keyring', 'OWN/ring', ...asNobody], positionals: ['OWN/mail'] },
  keygen: { words: [] },
  disable: { words: [] },
  enable: { words: [] },
  quota: { words: ['--env', 'QUOTAD=quotad:127.0.0.1:9', ...asNobody], positionals: ['ann'] },
  log: { words: asNobody, positionals: ['OWN/log'] },
  report: { words: asNobody, positionals: ['OWN/log'] },
  'quarantine list': { words: asNobody },
  'quarantine show': { words: asNobody, positionals: [ID] },
  'quarantine release': { words: ['--no-stamp', ...asNobody], positionals: [ID] },
  'quarantine delete': { words: asNobody, positionals: [ID] },
  'quarantine digest': { words: asNobody },
  'policy test': { words: asNobody, positionals: ['a@x', 'b@y'] },
  allow: { words: [], positionals: ['a@x'] },
  bans: { words: ['--env', 'BADATTACHMENTS=*.exe'] },
  completion: { words: [] },
  status: { words: [] },
}

/** Settings that lead to a file, a directory, a program or a socket. */
const leading = settings.filter((name) =>
  /DIR$|KEYS$|FILE$|CA$|PASSWORD$|CONF$|PROGRAM$|HOME$|CHAIN$|ATTACHMENTS$|^QHPSI$|^CLAMD$|^QUOTAD$|^PATH$|^VERDICTS$/.test(
    name,
  ),
)

/** All calls of a command in which one option or argument leads to the thing. */
function* attempts({ name, positionals, options }: Command, path: string): Generator<string[]> {
  const call = calls[name]!
  const own = call.positionals ?? []
  const whole = (words: readonly string[], others = own) => [
    ...name.split(' '),
    ...others,
    ...words,
  ]
  for (const option of options) {
    if (option === 'env') continue
    yield whole([...call.words, `--${option}=${path}`])
  }
  for (const [index] of positionals.entries()) {
    yield whole(call.words, own.toSpliced(index, 1, path))
  }
}

function* settingsOf({ name, options }: Command, path: string): Generator<string[]> {
  const call = calls[name]!
  if (!options.includes('env')) return
  for (const setting of leading) {
    const more = setting === 'QHPSI' || setting === 'PLUGINDIR' ? [] : call.words
    const value = setting === 'VERDICTS' ? `rediss://127.0.0.1:9?ca=${path}` : path
    const plugin = setting === 'PLUGINDIR' ? ['--env', 'QHPSI=plugin: x.mjs'] : []
    const words = ['--env', `${setting}=${value}`, ...plugin]
    yield [...name.split(' '), ...(call.positionals ?? []), ...more, ...words]
  }
}

function prepare({ own }: Pick<Hostile, 'own'>): void {
  writeFileSync(join(own, 'mail'), plain)
  writeFileSync(join(own, 'log'), '')
  writeFileSync(join(own, 'ring'), `hmac-sha256:a:${'A'.repeat(43)}\n`, { mode: 0o640 })
  chownSync(join(own, 'ring'), 0, 65_534)
  writeFileSync(join(own, 'x.mjs'), 'export const virusscan = () => ({ clean: true })\n')
  mkdirSync(join(own, 'control'))
  writeFileSync(join(own, 'control', 'onescan.policy'), '') // `allow` must not change this host
  mkdirSync(join(own, 'home'))
}

async function tryAll(
  test: { fail(text: string): void; pass(text: string): void; teardown(stop: () => unknown): void },
  words: (path: (thing: Thing) => string) => Iterable<readonly string[]>,
): Promise<number> {
  let tried = 0
  const workers = Array.from({ length: JOBS }, async (_, worker) => {
    const hostile = await makeHostile(test)
    prepare(hostile)
    // disable must not switch this host off.
    const env = { CONTROLDIR: join(hostile.own, 'control'), QMAILHOME: join(hostile.own, 'home') }
    let index = 0
    for (const line of words(hostile.path)) {
      if (index++ % (JOBS * STEP) !== worker * STEP) continue
      const call = line.map((word) => word.replaceAll('OWN', hostile.own))
      const reason = await hostile.run([native, ...call], env)
      if (reason !== undefined) test.fail(`onescan ${call.join(' ')}: ${reason}`)
      tried++
    }
  })
  await Promise.all(workers)
  return tried
}

t.test('every command is in the table of attempts', { skip }, async (t) => {
  t.same(commands.map(({ name }) => name).sort(), Object.keys(calls).sort())
  const options = commands.flatMap(({ options }) => options)
  for (const option of ['envdir', 'pid', 'keyring', 'append']) {
    t.ok(options.includes(option), `--${option} is found in the help`)
  }
  t.ok(notesReaders(t), 'this file system notes who reads a file')
})

t.test('each attempt begins with a call that the command understands', { skip }, async (t) => {
  const own = openDirectory(t)
  prepare({ own })
  for (const { name } of commands) {
    const { words, positionals = [] } = calls[name]!
    const call = [...positionals, ...words].map((word) => word.replace('OWN', own))
    const all = [...name.split(' '), ...call]
    const env = { PATH: '/usr/bin:/bin', CONTROLDIR: join(own, 'control'), HOME: own }
    const { stderr } = spawnSync(native, all, { encoding: 'utf8', env, input: '' })
    t.notMatch(
      stderr,
      /is not an option|is not a command|one argument too many|(?:is|are) required|is missing/,
      all.join(' '),
    )
  }
})

// promise: root-envdir-program, root-package-json
t.test(
  'no command that root runs obeys another user, reads for him or waits for him',
  { skip },
  async (t) => {
    const tried = await tryAll(t, function* (path) {
      for (const thing of things)
        for (const command of commands) yield* attempts(command, path(thing))
    })
    t.ok(tried > 300 / STEP, `${tried} calls`)
  },
)

// promise: root-endless-files
t.test("no setting that leads to another user's files changes that", { skip }, async (t) => {
  const tried = await tryAll(t, function* (path) {
    for (const thing of things) {
      for (const command of commands) {
        // The tests of check run as the account of the slot, and take long.
        if (command.name === 'check' && thing !== 'program') continue
        yield* settingsOf(command, path(thing))
      }
    }
  })
  t.ok(tried > 500 / STEP, `${tried} calls`)
})

/** Settings that lead to a file system of another user's which never answers, for each command. */
const waited: Readonly<Record<string, readonly string[]>> = {
  'check --user nobody': [
    'QMAILHOME=PLACE',
    'QUEUECHAIN=PLACE/x',
    'QUEUECHAIN=x PATH=PLACE',
    'QMAILQUEUE=PLACE/onescan-queue',
    'QHPSI=PLACE/x_%s',
  ],
  'scan --user nobody OWN/mail': [
    'PLUGINDIR=PLACE QHPSI=plugin:_x.mjs',
    'QHPSI=PLACE/x_%s',
    'QHPSI=x_%s PATH=PLACE',
    'CLAMD=PLACE/x QHPSI=plugin:_clamd',
    'TMPDIR=PLACE QHPSI=plugin:_eicar',
  ],
  'verify --user nobody --keyring OWN/ring OWN/mail': ['TMPDIR=PLACE'],
  'inject --user nobody --from a@x --to b@x OWN/mail': [
    ...['QMAILHOME', 'CONTROLDIR', 'QUEUECHAIN', 'TMPDIR'].map((name) => `${name}=PLACE/x`),
  ],
  'inject --user nobody --from a@x --to b@x --dry-run --program PLACE/x OWN/mail': [''],
}

t.test('a file system that never answers blocks no command indefinitely', { skip }, async (t) => {
  const calls = Object.entries(waited).flatMap(([command, all]) =>
    all.map((settings) => [
      ...command.split(' '),
      ...settings.split(' ').flatMap((pair) => (pair ? ['--env', pair.replace('_', ' ')] : [])),
    ]),
  )
  t.equal(calls.length, 16)
  const jobs = calls.map(async (words) => {
    const hostile = await makeHostile(t)
    prepare(hostile)
    const place = hostile.path('file system that does not answer')
    const call = words.map((word) => word.replace('PLACE', place).replace('OWN', hostile.own))
    t.equal(await hostile.run([native, ...call]), undefined, words.join(' '))
  })
  await Promise.all(jobs)
})

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'
import t from 'tap'
import about from '../../../package.json' with { type: 'json' }
import { launcher, oldestNode, onescan, searchPath } from './onescan.ts'

const commands = ['check', 'status', 'inject', 'scan', 'verify', 'keygen', 'disable', 'enable']

t.test('every command is listed, and its help has an example and exit codes', async (t) => {
  const { out, code } = await onescan(['--help'])
  t.equal(code, 0)
  for (const command of commands) {
    t.match(out, `onescan ${command}`)
    const help = await onescan([command, '--help'])
    t.equal(help.code, 0, command)
    t.match(help.out, 'Examples:', command)
    t.match(help.out, 'Exit codes:', command)
  }
})

t.test('the oldest Node runs onescan', async (t) => {
  const { out, code } = await onescan(['--help'], { runtime: oldestNode })
  t.equal(code, 0)
  t.match(out, 'onescan keygen')
  const key = await onescan(['keygen', '--id', 'one'], { runtime: oldestNode })
  t.match(key.out, /^hmac-sha256:one:[\w-]{43}\n$/)
})

t.test('the launcher finds node by PATH, and drops NODE_OPTIONS', async (t) => {
  const { stdout } = await promisify(execFile)(launcher, ['--version'], {
    env: { PATH: searchPath, NODE_OPTIONS: '--require /does/not/exist' },
  })
  const commit = / \(commit [0-9a-f]{8}\)/.exec(stdout)?.[0] ?? '' // missing in a release
  t.equal(stdout, `onescan ${about.version}${commit}\n`)
})

t.test('an unknown command or option is exit code 2, reported on stderr alone', async (t) => {
  for (const words of [[], ['scam'], ['keygen', '--ids', 'a'], ['verify'], ['inject', 'file']]) {
    const { code, out, err } = await onescan(words)
    t.equal(code, 2, words.join(' '))
    t.equal(out, '')
    t.match(err, /^onescan: .*\nTry "onescan --help"/)
  }
})

t.test('an argument that is missing is named, with the form of the command', async (t) => {
  for (const [words, error] of [
    ['verify', '<file> is missing; the command is: onescan verify <file>'],
    ['policy test a', '<to> is missing; the command is: onescan policy test <from> <to> [client]'],
  ] as const) {
    const { err } = await onescan(words.split(' '))
    t.equal(err.split('\n')[0], `onescan: ${error}`)
  }
})

t.test('a wrong word of the command line is named, with the remedy', async (t) => {
  for (const [words, error] of [
    [['--since', 'today'], '--since: a command must precede it'],
    [[''], 'an argument is empty: ""'],
    [['scan', ''], 'an argument is empty: ""'],
    [['scan', '--max-size', '', 'file'], '--max-size: needs a value'],
    [['keygen', '--append='], '--append: needs a value'],
    [['keygen', '--append'], '--append: needs a value'],
    [['keygen', '--append', 'a', '--rotate', 'b'], '--rotate and --append: specify one of them'],
    [
      ['log', '--decision', 'frob', 'file'],
      '--decision frob: must be one of tag, accept, quarantine, reject, defer, discard, pass',
    ],
    [['inject', 'file'], '--from and --to: both are needed'],
    [['keygen', '--frobnicate=x'], '--frobnicate: is not an option; see --help'],
    [['quarantine', 'lits'], 'quarantine lits: is not a command; did you mean list?'],
    [['verify', 'a', 'b'], 'b: is one argument too many; see --help'],
  ] as const) {
    const { code, out, err } = await onescan(words)
    t.same([code, out, err.split('\n')[0]], [2, '', `onescan: ${error}`], words.join(' '))
  }
  const asked = await onescan(['scan', '--max-size', '', 'file', '--json'])
  t.match(JSON.parse(asked.out), {
    command: 'scan',
    errors: ['--max-size: needs a value'],
    exit: 2,
  })
})

t.test('an unknown word gets the nearest command or option as a suggestion', async (t) => {
  const errorOf = async (...words: string[]) => (await onescan(words)).err.split('\n')[0]
  t.equal(await errorOf('scam', 'file'), 'onescan: scam: is not a command; did you mean scan?')
  t.equal(
    await errorOf('keygen', '--ids', 'a'),
    'onescan: --ids: is not an option; did you mean --id?',
  )
  t.match(await errorOf('scan', '--env-dir', 'a', 'b'), /did you mean --envdir\?$/)
  t.notMatch(await errorOf('keygen', '--frobnicate'), /did you mean/)
})

t.test('a shell can complete commands and options', async (t) => {
  const { out, code } = await onescan(['completion'], { env: { SHELL: '/bin/bash' } })
  t.equal(code, 0)
  t.match(out, /complete .* onescan/)
  const zsh = await onescan(['completion'], { env: { SHELL: '/bin/zsh', ZSH_NAME: 'zsh' } })
  t.match(zsh.out, /^#compdef onescan$/m)
  const complete = async (...words: string[]) =>
    (await onescan(['--get-yargs-completions', 'onescan', ...words])).out.split('\n')
  t.match((await complete('key')).join('\n'), /^keygen/m)
  t.match((await complete('keygen', '--ap')).join('\n'), /^--append/m)
  t.match((await complete('keygen', '')).join('\n'), /^--append/m, 'before a word is begun')
})

t.test('the language of the user changes nothing in the output', async (t) => {
  const { out } = await onescan(['--help'], { env: { LC_ALL: 'de_DE.UTF-8' } })
  t.match(out, 'Commands:')
})

t.test('a reader that leaves early causes no error', async (t) => {
  const child = spawn('/bin/sh', ['-c', `"${launcher}" check --help | :`], {
    env: { PATH: searchPath },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const err: Buffer[] = []
  child.stderr.on('data', (bytes: Buffer) => err.push(bytes))
  await once(child, 'close')
  t.equal(Buffer.concat(err).toString(), '')
})

t.test('the version is shown for each of its usual spellings', async (t) => {
  const { out } = await onescan(['--version'])
  for (const words of [['version'], ['-V']]) t.match(await onescan(words), { code: 0, out })
})

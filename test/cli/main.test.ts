import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'
import t from 'tap'
import about from '../../package.json' with { type: 'json' }
import { launcher, oldestNode, onescan, searchPath } from './onescan.ts'

const commands = ['check', 'inject', 'scan', 'sign', 'verify', 'keygen', 'disable', 'enable']

t.test('every command is listed, and explains itself with an example', async (t) => {
  const { out, code } = await onescan(['--help'])
  t.equal(code, 0)
  for (const command of [...commands, 'plugin']) {
    t.match(out, `onescan ${command}`)
    const help = await onescan([command, '--help'])
    t.equal(help.code, 0, command)
    t.match(help.out, 'Examples:', command)
  }
})

t.test('commands say what their exit codes mean', async (t) => {
  for (const command of commands) {
    t.match((await onescan([command, '--help'])).out, 'Exit codes:', command)
  }
})

t.test('the oldest Node runs it', async (t) => {
  const { out, code } = await onescan(['--help'], { runtime: oldestNode })
  t.equal(code, 0)
  t.match(out, 'onescan keygen')
  const key = await onescan(['keygen', '--id', 'one'], { runtime: oldestNode })
  t.match(key.out, /^hmac-sha256:one:[\w-]{43}\n$/)
})

t.test('the launcher finds node by PATH, and leaves NODE_OPTIONS out', async (t) => {
  const { stdout } = await promisify(execFile)(launcher, ['--version'], {
    env: { PATH: searchPath, NODE_OPTIONS: '--require /does/not/exist' },
  })
  t.equal(stdout, `${about.version}\n`)
})

t.test('what is no command or option is exit 2, with a word on stderr alone', async (t) => {
  for (const words of [[], ['scam'], ['keygen', '--ids', 'a'], ['verify'], ['sign', 'file']]) {
    const { code, out, err } = await onescan(words)
    t.equal(code, 2, words.join(' '))
    t.equal(out, '')
    t.match(err, /^onescan: .*\nTry "onescan --help"/)
  }
})

t.test('the language of the user changes nothing for scripts', async (t) => {
  const { out } = await onescan(['--help'], { env: { LC_ALL: 'de_DE.UTF-8' } })
  t.match(out, 'Commands:')
})

t.test('a reader that leaves early is no crash', async (t) => {
  const child = spawn('/bin/sh', ['-c', `"${launcher}" check --help | :`], {
    env: { PATH: searchPath },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const err: Buffer[] = []
  child.stderr.on('data', (bytes: Buffer) => err.push(bytes))
  await once(child, 'close')
  t.equal(Buffer.concat(err).toString(), '')
})

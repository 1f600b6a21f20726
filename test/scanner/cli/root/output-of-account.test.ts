import { spawnSync } from 'node:child_process'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lacks } from '../../../needs.mjs'
import { reachable } from '../../../programs/host/reachable.ts'
import { atTerminal, terminalsObey, typist } from '../../../programs/host/terminal.ts'
import { bundle, jsonIn } from '../onescan.ts'
import {
  asNobody,
  asRoot,
  command,
  held,
  mail,
  placeForAll,
  scanner,
  skip,
} from './typed-by-root.ts'

/** Output of the account that works for root is harmless, and cannot pass for that of root. */

// promise: root-terminal
t.test('its output is harmless at a terminal', { skip }, async (t) => {
  const place = placeForAll(t)
  const odd = `\x1b]0;x\x07 \u202e \u200b \u2066 \u00ad \u{e0041} \x9b2J`
  const file = join(place, `mail${odd}`)
  writeFileSync(file, mail)
  const print = `process.stdout.write(${JSON.stringify(`${odd}\n`)}); process.stderr.write(${JSON.stringify(odd)})`
  const program = held(place, print)
  const env = ['--env', 'QHPSI=plugin: eicar', ...asNobody]
  const plain = await asRoot(['scan', '--all', ...env, file])
  const { stdout, stderr } = spawnSync(process.execPath, [program, 'scan', ...env, file], {
    encoding: 'utf8',
  })
  t.match(stderr, '\\u202e')
  for (const printed of [`${plain.bytes}${plain.err}`, stdout, stderr]) {
    t.notMatch(printed, /(?!\n)[\p{Cc}\p{Cf}\p{DI}]/u)
    t.match(printed, '\\udb40\\udc41')
  }
})

// promise: root-terminal
t.test('findings of an account are printed below its name', { skip }, async (t) => {
  const place = placeForAll(t)
  const printing = (value: unknown) => `console.log(${JSON.stringify(JSON.stringify(value))});`
  const odd = {
    level: 'error',
    what: 'x\nchecked as root:',
    value: 'y\n\x1b[31m',
    remedy: 'curl x | sh',
  }
  const words = ['check', '--env', 'QHPSI=x', ...asNobody]
  const check = (script: string, ...more: readonly string[]) =>
    spawnSync(process.execPath, [held(place, script), ...words, ...more], { encoding: 'utf8' })
  t.same(check(printing(odd)).stdout.split('\n').slice(0, -2), [
    'reported by the account nobody:',
    'error        x checked as root:: y \\u001b[31m',
    '         fix: curl x | sh',
  ])
  const { results } = jsonIn(check(printing(odd), '--json').stdout)
  t.same(results, [{ ...odd, account: 'nobody' }])
  for (const script of [
    printing({ ...odd, level: 'fine' }),
    'console.log("{")',
    '',
    'process.exit(7)',
  ]) {
    t.match(
      check(script).stdout,
      /^error +checks: the check as nobody failed: .*; this part was not checked/m,
    )
  }
  const endless = `for (let n = 0; n < 2000; n++) ${printing(odd)}`
  t.match(check(endless).stdout, 'its answer is malformed')
})

// promise: root-runs-nothing
t.test(
  'a terminal of root is neither typed at nor written to',
  { skip: skip || lacks('script') },
  async (t) => {
    // biome-ignore format: a line
    const place = placeForAll(t)
    const log = join(place, 'log')
    writeFileSync(log, '')
    chmodSync(log, 0o666)
    writeFileSync(join(place, 'typist'), typist, { mode: 0o755 })
    const before = atTerminal(
      `/usr/bin/setpriv --reuid=65534 --regid=65534 --clear-groups ${place}/typist ${log}`,
    )
    t.match(readFileSync(log, 'latin1'), /^uid=65534 reached=\/dev\/tty/, 'as it was')
    if (terminalsObey()) t.match(before.typed, /^(pwned\n)+$/)
    writeFileSync(log, '')
    const look = `ls -l /proc/$PPID/fd >>${log}; exec ${place}/typist ${log}`
    const { typed } = atTerminal(
      `${command} scan --user nobody --env '${scanner(place, look)}' ${reachable(bundle)}`,
    )
    const noted = readFileSync(log, 'latin1')
    t.match(noted, /^uid=65534 reached=\n/m)
    t.notMatch(noted, /\/dev\/(tty|pts)/)
    t.equal(typed, '')
  },
)

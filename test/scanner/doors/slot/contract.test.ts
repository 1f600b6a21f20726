import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { bytes } from '../../../cases/case.ts'
import { buildStage } from '../../../cases/stage.ts'
import { launcher, newest, runSlot, runtimes } from './slot.ts'
import { keepsContract } from './slot-contract.ts'

const on = { QHPSI: '/bin/true' }

for (const { name, program } of runtimes) {
  t.test(`contract of every qmail-queue program, ${name}`, async (t) => {
    const { scanner: QHPSI, scans: asked } = buildStage(t)
    await keepsContract(t, { name: 'onescan-queue', program, settings: { QHPSI }, asked })
  })
}

t.test('a chain that is the slot itself is refused', async (t) => {
  const link = join(t.testdir(), 'link')
  symlinkSync(launcher, link)
  for (const chain of [launcher, link]) {
    const run = await runSlot({
      program: [launcher],
      settings: { ...on, PATH: `${join(newest[0]!, '..')}:${process.env.PATH}`, QUEUECHAIN: chain },
    })
    t.equal(run.code, 120)
    t.match(run.logged, /is onescan-queue itself; remove QUEUECHAIN/)
  }
})

t.test('an option is refused as a chain', async (t) => {
  for (const option of ['--verbose', '-v']) {
    const run = await runSlot({ program: [...newest, option], settings: on })
    t.equal(run.code, 55)
    t.match(
      run.logged,
      `${option}: is not a program; onescan-queue takes the next program and no options`,
    )
  }
})

t.test(
  'onescan-queue works in any directory, even one that was removed or is not readable',
  async (t) => {
    const gone = join(t.testdir(), 'gone')
    mkdirSync(gone)
    const program = ['/bin/sh', '-c', `rmdir '${gone}'; exec "$@"`, 'sh', ...newest]
    const run = await runSlot({ program, directory: gone, settings: on })
    t.equal(run.code, 0, run.logged)
  },
)

t.test('the launcher runs the bundle, from any link to it', async (t) => {
  const link = join(t.testdir(), 'onescan-queue')
  symlinkSync(launcher, link)
  for (const bin of runtimes.map(({ program }) => join(program[0]!, '..'))) {
    const run = await runSlot({
      program: [link],
      settings: {
        ...on,
        PATH: `${bin}:${process.env.PATH}`,
        NODE_OPTIONS: '--require /nonexistent',
      },
    })
    t.equal(run.code, 0, run.logged)
    t.match(run.text, /^X-QHPSI: clean\n/)
  }
})

// promise: only-chain-accepts
t.test(
  'a launcher that cannot load its bundle defers mail and logs the reason in one line',
  async (t) => {
    const directory = t.testdir({ bin: { 'package.json': '{}' }, dist: {} })
    const take = (path: string) =>
      cpSync(join(dirname(launcher), '..', path), join(directory, path))
    const copy = join(directory, 'bin/onescan-queue')
    writeFileSync(copy, readFileSync(launcher), { mode: 0o755 })
    const alone = await runSlot({ program: [copy] })
    t.same([alone.code, alone.logged], [81, ''], 'where nothing defines what a log is')
    take('bin/is-log.cjs')
    const without = await runSlot({ program: [copy] })
    t.equal(without.code, 81)
    t.match(
      without.logged,
      /^onescan: decision=defer fault=bug reason="Cannot find module [^\n]*" exit=81\n$/,
    )
    for (const path of ['bin/check-node.cjs', 'package.json']) take(path)
    const forging = String.raw`a" exit=0 \\\\\nonescan: decision=accept \x1b[0m`
    writeFileSync(join(directory, 'dist/onescan-queue.cjs'), `throw Error('${forging}')`)
    const broken = await runSlot({ program: [copy] })
    t.equal(broken.code, 81)
    t.equal(
      broken.logged,
      'onescan: decision=defer fault=bug reason="a? exit=0 ???onescan: decision=accept ?[0m" exit=81\n',
    )
  },
)

// promise: words-forge-nothing
t.test('every way out is one log line, whatever a client sends', async (t) => {
  const message = bytes(
    'Message-ID: <a" decision=accept\\ \x1b[0m\xe9>\n forged=1\nSubject: x\n\nbody\n',
  )
  const run = await runSlot({
    message,
    envelope: bytes('Fa b\nonescan: decision=accept\0Tc\rd\0\0'),
    settings: { ...on, TCPREMOTEIP: '192.0.2.1' },
  })
  t.equal(run.logged.split('\n').length, 2)
  t.match(run.logged, 'remote=192.0.2.1')
  t.match(
    run.logged,
    String.raw`msgid="<a\" decision=accept\\ \x1b[0m\xe9>\x0a forged=1" from="<a b\x0aonescan: decision=accept>" to="<c\x0dd>"`,
  )
})

t.test('a log line is one write that no pipe splits', async (t) => {
  const run = await runSlot({
    message: bytes(`Message-ID: <${'"'.repeat(5000)}>\n\nbody\n`),
    envelope: bytes(`F${'\x01'.repeat(1000)}\0T${'\x02'.repeat(1000)}\0\0`),
    settings: on,
  })
  t.equal(run.code, 0)
  t.ok(run.log.length <= 4096, String(run.log.length))
  t.match(run.logged, /total_ms=[\d.]+\n$/)
})

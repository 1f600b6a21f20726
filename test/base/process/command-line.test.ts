import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lacks } from '../../needs.mjs'

/** The usage and version of each program, as npm installs it and compiled. */

const root = join(import.meta.dirname, '../../..')
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const onNode = ['onescan', 'onescan-queue', 'onescand', 'onescan-quotad', 'smtp-delay']
/** The programs in C, and the launcher, to which the compiled programs are links. */
const native = ['onescanc', 'onescan-rcptquota', 'onescan-run']

for (const [where, directory, programs, slotPrograms] of [
  ['on Node', 'bin', onNode, ['onescan-queue']],
  ['compiled', 'build/native', [...onNode, ...native], ['onescan-queue', 'onescanc']],
] as const) {
  for (const program of programs) {
    const path = join(root, directory, program)
    const skip = !existsSync(path) && lacks('the compiled programs')
    t.test(
      `${program} ${where} prints its usage and version, and does nothing`,
      { skip },
      async (t) => {
        const run = (word: string) =>
          spawnSync(path, [word], { encoding: 'utf8', input: 'Subject: x\n\n' })
        for (const word of ['--help', '-h']) {
          const { status, stdout, stderr } = run(word)
          t.same([status, stderr], [0, ''], word)
          t.match(stdout, program === 'onescan-run' ? /call it by/ : new RegExp(`${program} `))
        }
        const versionRun = run('--version')
        t.equal(versionRun.status, 0)
        t.match(versionRun.stdout, version)
        t.equal(versionRun.stderr, '')
      },
    )
  }

  for (const program of slotPrograms) {
    const path = join(root, directory, program)
    const name = `in the slot, where fd 1 is for reading, ${program} --help is no success, ${where}`
    t.test(name, { skip: !existsSync(path) && lacks('the compiled programs') }, async (t) => {
      const LOGFILE = join(t.testdir({ log: '' }), 'log')
      for (const word of ['--help', '-h', '--version']) {
        const { status } = spawnSync('/bin/sh', ['-c', `"$0" ${word} 1</dev/null`, path], {
          env: { ...process.env, LOGFILE },
          input: 'Subject: x\n\nmail\n',
        })
        t.equal(status, 55)
        // As root the client opens no file that a setting names.
        if (program === 'onescanc' && process.getuid!() === 0) continue
        t.match(readFileSync(LOGFILE, 'latin1'), /fault=config reason=".*cannot be answered here/)
      }
    })
  }
}

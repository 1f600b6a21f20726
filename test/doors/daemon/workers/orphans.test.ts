import { execFileSync } from 'node:child_process'
import { createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { runtimes, startOnescand } from '../process.ts'

/** Processes that plugins leave behind are killed, and no others. */

const message = (subject: string) => Buffer.from(`Subject: ${subject}\n\nbody\n`)

/**
 * A plugin that leaves a process in a session of its own, with a child in another session. Both
 * hold the FIFO that the subject names.
 */
const plugin = `
  const fs = require('node:fs')
  const { spawnSync } = require('node:child_process')
  exports.virusscan = ({ path }) => {
    const subject = /^Subject: (.*)$/m.exec(fs.readFileSync(path, 'latin1'))[1]
    if (subject === 'x') return { clean: true }
    const sleep = 'exec 9>' + subject + '; setsid sleep 3600 & : >ready; exec sleep 3600'
    spawnSync('/bin/sh', ['-c', 'setsid sh -c "$0" >&- 2>&- 3>&- &', sleep])
    while (!fs.existsSync('ready')) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
    fs.rmSync('ready')
    if (subject === 'exit') process.exit(0)
    return { infected: true, name: 'Left' }
  }`

for (const { name, program } of runtimes) {
  t.test(name, async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'onescan-plugins-'))
    t.teardown(() => rmSync(directory, { recursive: true, force: true }))
    writeFileSync(join(directory, 'a.cjs'), plugin)
    const settings = { QHPSI: 'plugin: a.cjs', PLUGINDIR: directory, REJECTVIRUS: '1' }
    /** Resolves when the processes that hold the FIFO have ended. */
    const left = (subject: string) => {
      const fifo = join(directory, subject)
      execFileSync('mkfifo', [fifo])
      return new Promise((resolve, reject) => {
        createReadStream(fifo).on('error', reject).on('end', resolve).resume()
      })
    }

    await t.test('a process in a session of its own ends with the plugin', async (t) => {
      const onescand = startOnescand(t, { program, settings })
      await onescand.logged(/serving/)
      const gone = left('exit')
      const asked = onescand.ask({ variables: settings, message: message('exit') })
      await gone
      await asked
      t.equal((await onescand.ask({ variables: settings, message: message('x') })).does, 'hand on')
      const childrenOf = (pid: string | number) =>
        readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim()
      const children = () => childrenOf(childrenOf(onescand.pid))
      const isOver = (pid: string) => {
        try {
          return /\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
        } catch {
          return true // it was there a moment ago
        }
      }
      while (children().split(' ').some(isOver)) await new Promise((done) => setTimeout(done, 20))
      t.equal(children().split(' ').length, 2, 'the plugin and the shell that ends it')
    })

    await t.test('a process in a session of its own ends with onescand', async (t) => {
      const onescand = startOnescand(t, { program, settings, args: ['--workers', '2'] })
      await onescand.logged(/serving/)
      const gone = left('stay')
      const { code } = await onescand.ask({ variables: settings, message: message('stay') })
      t.equal(code, 31)
      onescand.child.kill('SIGTERM')
      t.equal(await onescand.ended, 0)
      await gone
    })
  })

  t.test(`${name}, a scanner that is a command is not killed as an orphan`, async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'onescan-plugins-'))
    t.teardown(() => rmSync(directory, { recursive: true, force: true }))
    const script = join(directory, 'scanner')
    // A scanner with a limit of its own, and a child whose end onescand is told of.
    const lines = 'ulimit -t 60\n(sleep 0.1 &)\nsleep 0.3\nexit 0'
    writeFileSync(script, `#!/bin/sh\n${lines}\n`, { mode: 0o755 })
    const settings = { QHPSI: script }
    const onescand = startOnescand(t, { program, settings })
    await onescand.logged(/serving/)
    const asked = Array.from({ length: 4 }, () => onescand.ask({ variables: settings }))
    for (const { does } of await Promise.all(asked)) t.equal(does, 'hand on')
  })
}

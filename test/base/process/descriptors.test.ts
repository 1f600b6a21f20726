import { constants, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import t from 'tap'
import { plain } from '../../cases/messages.ts'
import { buildStage } from '../../cases/stage.ts'
import { runSlot, runtimes } from '../../scanner/doors/slot/slot.ts'

/** The flags of descriptors 0 to 2, which other processes have open as well. */

const stage = buildStage(t)
const PLUGINDIR = dirname(
  stage.file(
    'plugins/prints.mjs',
    `export const virusscan = () => { console.log('x'); console.error('x'); return { clean: true } }`,
  ),
)
const prints = stage.file('prints', '#!/bin/sh\necho out\necho error >&2\n', 0o700)
const scanners = [prints, 'plugin: prints.mjs', 'plugin: eicar', 'plugin: clamd']

for (const { name, program } of runtimes) {
  t.test(`fd 2 is left as it was ${name}`, async (t) => {
    for (const QHPSI of scanners) {
      const flags = stage.file('flags', '')
      const chain = ['/bin/sh', '-c', `grep flags: /proc/self/fdinfo/2 >'${flags}'`]
      const settings = { QHPSI, PLUGINDIR, CLAMD: '/nonexistent', SCANFAIL: 'accept' }
      const run = await runSlot({ program: [...program, ...chain], message: plain, settings })
      t.equal(run.code, 0, run.logged)
      const set = Number.parseInt(/[0-7]+/.exec(readFileSync(flags, 'latin1'))![0], 8)
      t.equal(set & constants.O_NONBLOCK, 0, `${QHPSI}: O_NONBLOCK is not set`)
    }
  })

  t.test(`nothing is ever written to fd 1 ${name}`, async (t) => {
    const wire = 'Fa@example.org\0Tb@example.org\0\0'
    for (const QHPSI of scanners) {
      const file = stage.file('envelope', wire)
      const settings = { QHPSI, PLUGINDIR, CLAMD: '/nonexistent', SCANFAIL: 'accept' }
      const opened = ['/bin/sh', '-c', `exec "$@" 1<>'${file}'`, 'sh', ...program]
      const run = await runSlot({ program: opened, message: plain, settings })
      t.equal(run.deliveries.length, 1, run.logged)
      t.equal(readFileSync(file, 'latin1'), wire)
    }
  })
}

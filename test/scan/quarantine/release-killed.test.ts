import { resolve } from 'node:path'
import t from 'tap'
import { openQuarantine } from '../../../src/scan/quarantine/folders.ts'
import { beginRelease } from '../../../src/scan/quarantine/release.ts'
import { readQuarantine } from '../../cases/kept.ts'
import { onescan } from '../../cli/onescan.ts'
import { becomePlain } from '../../programs/plain-account.ts'
import { deliveries, makeMaildir, standInQueue } from '../../stand-in/stand-in.ts'
import { keepOne, makeQuarantine } from './kept.ts'

/**
 * `onescan quarantine release` that is killed at each of its steps: the message is still in
 * quarantine, or was handed on.
 */

standInQueue() // which builds it
becomePlain()

const preload = resolve(import.meta.dirname, 'kill-before.cjs')
/** A message that the spool and the chain get in two pieces. */
const text = `Subject: x\n\n${'a line of the body\n'.repeat(20_000)}`

/** The call before which the release is killed, and what is left of the message then. */
const steps: readonly (readonly [
  when: string,
  call: string,
  state: 'kept' | 'releasing' | 'released',
  deliveries: number,
])[] = [
  ['before it takes the message', 'rename 1', 'kept', 0],
  ['before the disk has it as taken', 'open 1', 'releasing', 0],
  ['while it spools the message', 'writeSync 2', 'releasing', 0],
  ['while it writes what the chain gets', 'writeSync 4', 'releasing', 0],
  ['before it starts the chain', 'spawn 1', 'releasing', 0],
  ['while the chain gets the message', 'readSync 2', 'releasing', 0],
  ['after the chain has taken the message', 'rename 2', 'releasing', 1],
  ['before the disk has it as released', 'open 5', 'released', 1],
  ['before it logs the release', 'writeSync 7', 'released', 1],
]

for (const [when, call, state, handedOn] of steps) {
  t.test(`a release that is killed ${when} loses nothing`, async (t) => {
    const directory = makeQuarantine(t)
    const maildir = makeMaildir()
    t.teardown(maildir.remove)
    const id = await keepOne(directory, Date.now(), { text })
    const chain = `/usr/bin/env PATH=${process.env.PATH} MAILDIR=${maildir.path} ${standInQueue()}`
    const words = ['quarantine', 'release', '--no-stamp', '--directory', directory]
    const { code } = await onescan([...words, '--env', `QUEUECHAIN=${chain}`, id], {
      env: { NODE_OPTIONS: `--require ${preload}`, KILL_BEFORE: call },
      runtime: process.execPath, // which loads the preload
    })
    t.equal(code, null, 'it was killed')
    const [kept] = await readQuarantine(directory)
    t.equal(kept?.state, state)
    t.ok(kept?.message.equals(Buffer.from(text)), 'the message is whole')
    t.equal(deliveries(maildir.path).length, handedOn)

    const root = openQuarantine(directory)
    if (state === 'releasing') {
      const plainly = beginRelease(root, id, false)
      await t.rejects(plainly, /was interrupted/, 'only --again or delete ends that state')
    }
    const release = await beginRelease(root, id, true)
    await release.cancel()
    root.close()
  })
}

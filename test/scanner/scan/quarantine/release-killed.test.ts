import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t, { type Test } from 'tap'
import { beginRelease } from '../../../../src/scanner/scan/quarantine/begin-release.ts'
import { openQuarantine } from '../../../../src/scanner/scan/quarantine/folders.ts'
import { readQuarantine } from '../../../cases/kept.ts'
import { becomePlain } from '../../../programs/host/plain-account.ts'
import { openDirectory } from '../../../programs/host/reachable.ts'
import { deliveries, makeMaildir, standInQueue } from '../../../stand-in/stand-in.ts'
import { onescan } from '../../cli/onescan.ts'
import { keepOne, makeQuarantine } from './quarantined.ts'

/**
 * `onescan quarantine release` that is killed at each of its steps: the message is still in
 * quarantine, or was passed on.
 */

standInQueue() // which builds it
becomePlain()

const preload = resolve(import.meta.dirname, '../../../programs/host/kill-before.cjs')
/** A message that the spool and the chain get in two pieces. */
const text = `Subject: x\n\n${'a line of the body\n'.repeat(20_000)}`

const STATES = ['kept', 'releasing', 'released']

/** A release that is killed before its call of this number; without one, it shows how many there are. */
async function release(t: Test, fatal?: number) {
  const directory = makeQuarantine(t)
  const maildir = makeMaildir()
  t.teardown(maildir.remove)
  const calls = join(openDirectory(t), 'calls')
  const id = await keepOne(directory, Date.now(), { text })
  const chain = `/usr/bin/env PATH=${process.env.PATH} MAILDIR=${maildir.path} ${standInQueue()}`
  const words = ['quarantine', 'release', '--no-stamp', '--directory', directory]
  const { code } = await onescan([...words, '--env', `QUEUECHAIN=${chain}`, id], {
    env: {
      NODE_OPTIONS: `--require ${preload}`,
      ...(fatal === undefined ? { CALLS: calls } : { KILL_BEFORE: String(fatal) }),
    },
    runtime: process.execPath, // which loads the preload
  })
  return { code, directory, id, calls, delivered: () => deliveries(maildir.path).length }
}

t.test('a release that is killed before any of its calls loses nothing', async (t) => {
  const whole = await release(t)
  t.equal(whole.code, 0)
  const number = Number(readFileSync(whole.calls, 'utf8'))
  t.ok(number > 15, `${number} calls`)
  const seen: (readonly [state: number, delivered: number])[] = []
  for (let call = 1; call <= number; call++) {
    await t.test(`before call ${call}`, async (t) => {
      const { code, directory, id, delivered } = await release(t, call)
      t.equal(code, null, 'it was killed')
      const [kept] = await readQuarantine(directory)
      t.ok(kept?.message.equals(Buffer.from(text)), 'the message is whole')
      if (kept?.state === 'kept') t.equal(delivered(), 0)
      if (kept?.state === 'released') t.equal(delivered(), 1)
      seen.push([STATES.indexOf(kept?.state ?? ''), delivered()])

      const root = await openQuarantine(directory)
      if (kept?.state === 'releasing') {
        const plainly = beginRelease(root, id, false)
        await t.rejects(plainly, /was interrupted/, 'only --again or delete ends that state')
      }
      const again = await beginRelease(root, id, true)
      await again.cancel()
      root.close()
    })
  }
  const inOrder = seen.toSorted(([a, x], [b, y]) => a - b || x - y)
  t.same(seen, inOrder, 'no later call finds an earlier state')
  t.same([...new Set(seen.map(([state]) => STATES[state]))], STATES, 'each state was seen')
})

import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { checkTrialMessages } from '../../../src/cli/check/slot/trial-messages.ts'
import { openDirectory, reachable } from '../../programs/reachable.ts'
import { onescan, slotProgram } from '../onescan.ts'
import { host } from './shared/host.ts'

/** `onescan check` sends no mail, whatever program is in the slot. */

/** A qmail whose qmail-queue and qmail-smtpd write down that they got a whole message. */
function recordingQmail(t: Test) {
  const home = openDirectory(t)
  const calls = join(home, 'calls')
  const queue = join(home, 'bin/qmail-queue')
  mkdirSync(join(home, 'bin'))
  mkdirSync(join(home, 'control'))
  writeFileSync(calls, '')
  chmodSync(calls, 0o666)
  writeFileSync(queue, `#!/bin/sh\necho called >>${calls}\ncat >/dev/null\n`, { mode: 0o755 })
  const script = (name: string, text: string) => {
    const path = join(home, name)
    mkdirSync(join(path, '..'), { recursive: true })
    writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 })
    return path
  }
  const link = (name: string, target: string) => {
    symlinkSync(target, join(home, name))
    return join(home, name)
  }
  const hardLink = (name: string) => {
    linkSync(queue, join(home, name))
    return join(home, name)
  }
  return { home, queue, script, link, hardLink, calls: () => readFileSync(calls, 'latin1') }
}

type Qmail = ReturnType<typeof recordingQmail>

const real = reachable(slotProgram)
/** Programs for QMAILQUEUE, and the finding about the slot for each. */
const slots: Readonly<Record<string, readonly [(qmail: Qmail) => string, RegExp]>> = {
  'the real qmail-queue': [({ queue }) => queue, /^error +slot: .*mail is not scanned/m],
  'a link to it': [
    ({ link, queue }) => link('slot', queue),
    /^error +slot: .*mail is not scanned/m,
  ],
  'another name of it': [
    ({ hardLink }) => hardLink('onescan-queue'),
    /^error +slot: .*not scanned/m,
  ],
  'a program that calls it': [
    ({ script, queue }) => script('wrapper', `exec ${queue}`),
    /^warning +slot: .*nothing was sent/m,
  ],
  'a script that gives it to onescan-queue': [
    ({ script, queue }) => script('wrap/onescan-queue', `exec ${real} ${queue}`),
    /^warning +slot: .*names the next program itself/m,
  ],
  'a script that clears the environment before onescan-queue': [
    ({ script }) => script('wrap/onescan-queue', `exec env - PATH="$PATH" QHPSI=x ${real}`),
    /^warning +slot: .*names the next program itself/m,
  ],
  'onescan-queue, before it': [() => real, /^ok +slot, EICAR/m],
}

for (const [what, [name, expected]] of Object.entries(slots)) {
  t.test(`nothing is queued if QMAILQUEUE names ${what}`, async (t) => {
    const qmail = recordingQmail(t)
    const env = {
      QMAILHOME: qmail.home,
      QMAILQUEUE: name(qmail),
      QUEUECHAIN: qmail.queue,
      QHPSI: 'plugin: eicar',
    }
    const { out, err } = await onescan(['check'], { env })
    t.match(out, expected, `${out}${err}`)
    t.equal(qmail.calls(), '')
  })
}

t.test("a slot that is not onescan's is not called at all", async (t) => {
  const qmail = recordingQmail(t)
  const called = join(qmail.home, 'called')
  const program = qmail.script('slot', `: >${called}; cat >/dev/null`)
  t.same(await checkTrialMessages(host({ QHPSI: 'plugin: eicar' }, { program })), [])
  t.notOk(existsSync(called))
})

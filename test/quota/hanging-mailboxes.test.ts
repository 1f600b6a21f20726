import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { cannotHang, mountHanging } from '../programs/host/hanging-mount.ts'
import { askAt, asOther, launcher, program, type Quotad, spool, startQuotad } from './quotad.ts'

/**
 * Mailboxes on file systems that do not answer: an NFS server that is down, or a file system of the
 * user's own. They stop no other mailbox.
 */

const HUNG = 40
const others = { 'well/ann/maildirsize': '1000S\n400 4\n', 'well/bob/cur/1,S=70': '' }

/** Asks until there is this answer, since a busy machine may be late with the first ones. */
async function answers(t: Test, ask: Quotad['ask'], user: string, wanted: string): Promise<void> {
  let answer = ''
  while (answer !== wanted) answer = await ask(`CHECK_QUOTA ${user} 0`)
  t.equal(answer, wanted)
}

const runtimes = new Map([
  ['the package’s program', program],
  ['on Node', launcher],
])

for (const [name, command] of runtimes) {
  t.test(
    `${name}: a mailbox that begins to hang stops no other`,
    { skip: cannotHang },
    async (t) => {
      const directory = spool(t, { ...others, 'well/eve/maildirsize': '1000S\n500 5\n' })
      const env = { QUOTAMAILBOX: `maildir:${directory}/%d/%n`, QUOTATIMEOUT: '375' }
      const { ask } = await startQuotad(t, env, [], asOther(command))
      await answers(t, ask, 'eve@well', 'QUOTA_OK eve@well 500 1000')
      const mount = await mountHanging(t, join(directory, 'well/eve'), 'lookup', 'getattr')
      for (let i = 0; i < 3; i++) {
        t.equal(await ask('CHECK_QUOTA eve@well 0'), 'QUOTA_ERROR eve@well')
      }
      await answers(t, ask, 'ann@well', 'QUOTA_OK ann@well 400 1000')
      t.ok(mount.asked() <= 2, `${mount.asked()} questions wait for it`)
    },
  )

  for (const [operation, kind] of [
    ['lookup', 'maildir'],
    ['opendir', 'maildir'],
    ['lookup', 'mbox'],
  ] as const) {
    t.test(
      `${name}: ${HUNG} of kind ${kind} that hang in ${operation} leave room for others`,
      { skip: cannotHang },
      async (t) => {
        const directory = spool(t, { ...others, 'well/mbox': 'x'.repeat(30) })
        mkdirSync(join(directory, 'hung'))
        const env = { QUOTAMAILBOX: `${kind}:${directory}/%d/%n`, QUOTATIMEOUT: '375' }
        const { udpPort, ask } = await startQuotad(t, env, [], asOther(command))
        // After it, since what is mounted last ends first: until then the service cannot end.
        const mount = await mountHanging(t, join(directory, 'hung'), operation)
        const users = Array.from({ length: HUNG }, (_, i) => `user${i}@hung`)
        const askAboutAll = async () => {
          const answers = users.map((user) => askAt(udpPort, `CHECK_QUOTA ${user} 0`))
          const wanted = users.map((user) => `QUOTA_ERROR ${user}`)
          t.same(await Promise.all(answers), wanted)
        }
        // A busy machine may give up a question before its mailbox was asked.
        while (mount.asked() < HUNG) await askAboutAll()
        await askAboutAll()
        if (kind === 'maildir') {
          await answers(t, ask, 'ann@well', 'QUOTA_OK ann@well 400 1000')
          await answers(t, ask, 'bob@well', 'QUOTA_OK bob@well 70 0')
        } else {
          await answers(t, ask, 'mbox@well', 'QUOTA_OK mbox@well 30 0')
        }
        t.equal(mount.asked(), HUNG, 'a thread for each, however often it was asked about')
      },
    )
  }
}

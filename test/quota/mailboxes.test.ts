import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { spool, startQuotad } from './quotad.ts'

/** The service with each kind of mailbox, list of users and quota. */

t.test('the size of an mbox is the size of the file', async (t) => {
  const directory = spool(t, {
    'mail/ann': 'x'.repeat(100),
    'mail/bob': 'x'.repeat(99),
    'mail/carl/': '',
  })
  const { ask } = await startQuotad(t, {
    QUOTAMAILBOX: `mbox:${directory}/mail/%u`,
    QUOTADEFAULT: '100',
  })
  t.equal(await ask('CHECK_QUOTA ann 0'), 'QUOTA_FULL ann 100 100')
  t.equal(await ask('CHECK_QUOTA bob 0'), 'QUOTA_OK bob 99 100')
  t.equal(await ask('CHECK_QUOTA zoe 0'), 'QUOTA_UNKNOWN zoe')
  t.equal(await ask('CHECK_QUOTA carl 0'), 'QUOTA_ERROR carl', 'a directory is no mbox')
})

t.test('a missing mailbox of a listed user counts as empty, and is logged once', async (t) => {
  const directory = spool(t, { 'mail/ann': 'x', homes: 'ann: /home/ann\nbob: /home/bob\n' })
  for (const kind of ['mbox', 'maildir']) {
    const { ask, logged, log } = await startQuotad(t, {
      QUOTAMAILBOX: `${kind}:${directory}/mial/%u`,
      QUOTAUSERS: `${directory}/homes`,
      QUOTADEFAULT: '100',
    })
    for (const user of ['bob', 'bob', 'ann']) {
      t.equal(await ask(`CHECK_QUOTA ${user} 0`), `QUOTA_OK ${user} 0 100`)
    }
    const line = new RegExp(
      `what=${directory}/mial/bob reason="does not exist: it is treated as empty"`,
    )
    t.match(await logged(line), /event=unreadable/)
    await logged(/mial\/ann/)
    t.equal(log.filter((entry) => line.test(entry)).length, 1)
  }
})

t.test('QUOTAMAP overrules the mailbox, and that overrules the default', async (t) => {
  const directory = spool(t, {
    'ann/maildirsize': '1000S\n400 4\n',
    'bob/maildirsize': '1000S\n400 4\n',
    'carl/cur/a,S=70': '',
    quotas: 'ann: 300\n',
  })
  const { ask } = await startQuotad(t, {
    QUOTAMAILBOX: `maildir:${directory}/%u`,
    QUOTAMAP: `${directory}/quotas`,
    QUOTADEFAULT: '50S,1C',
  })
  t.equal(await ask('CHECK_QUOTA ann 0'), 'QUOTA_FULL ann 400 300')
  t.equal(await ask('CHECK_QUOTA bob 0'), 'QUOTA_OK bob 400 1000')
  t.equal(await ask('CHECK_QUOTA carl 0'), 'QUOTA_FULL carl 70 50')
})

t.test('users and homes come from passwd(5) or a file, in the order of QUOTAUSERS', async (t) => {
  const directory = spool(t, {
    'ann/Maildir/maildirsize': '1000S\n400 4\n',
    'other/Maildir/maildirsize': '1000S\n500 4\n',
    'stranger/Maildir/maildirsize': '1000S\n500 4\n',
  })
  writeFileSync(
    join(directory, 'passwd'),
    `ann:x:1:1::${directory}/ann:\nnew:x:1:1::${directory}/new:\n`,
  )
  writeFileSync(join(directory, 'homes'), `carl@example.org: ${directory}/other\n`)
  const { ask } = await startQuotad(t, {
    QUOTAUSERS: `passwd:${directory}/passwd ${directory}/homes`,
    QUOTADOMAINS: 'Example.org example.net',
  })
  t.equal(await ask('CHECK_QUOTA ann@customer.example 0'), 'QUOTA_UNKNOWN ann@customer.example')
  t.equal(await ask('CHECK_QUOTA ann 0'), 'QUOTA_OK ann 400 1000')
  t.equal(await ask('CHECK_QUOTA ann@example.org 0'), 'QUOTA_OK ann@example.org 400 1000')
  t.equal(await ask('CHECK_QUOTA carl@example.org 0'), 'QUOTA_OK carl@example.org 500 1000')
  t.equal(await ask('CHECK_QUOTA stranger 0'), 'QUOTA_UNKNOWN stranger')
  t.equal(
    await ask('CHECK_QUOTA new 0'),
    'QUOTA_OK new 0 0',
    'whose mailbox comes with the first mail',
  )
})

t.test('a mailbox that cannot be read is unknown, and the log names it once', async (t) => {
  const directory = spool(t, {
    'ann/maildirsize': '1000S\n400 4\n',
    'bob/maildirsize': '1S\n0 0\n',
    'shut/': '',
  })
  chmodSync(join(directory, 'ann/maildirsize'), 0)
  chmodSync(join(directory, 'shut'), 0)
  const quotad = await startQuotad(t, { QUOTAMAILBOX: `maildir:${directory}/%u` })
  for (let i = 0; i < 3; i++) t.equal(await quotad.ask('CHECK_QUOTA ann 0'), 'QUOTA_ERROR ann')
  t.equal(await quotad.ask('CHECK_QUOTA ann'), 'QUOTA_ERROR ann')
  t.equal(await quotad.ask('CHECK_QUOTA shut'), 'QUOTA_ERROR shut')
  t.equal(await quotad.ask('CHECK_QUOTA bob'), 'QUOTA_OK')
  const response = await fetch(`${quotad.url}/cgi-bin/quota.cgi?u=ann`)
  t.equal(response.status, 503)
  t.notMatch(await response.text(), directory, 'who asks learns no paths')
  await quotad.stop()
  const unreadable = quotad.log.filter((line) => / event=unreadable /.test(line))
  t.equal(unreadable.length, 2, unreadable.join('\n'))
  t.match(unreadable[0], `what=${directory}/ann reason="${directory}/ann`)
  t.match(unreadable[1], `what=${directory}/shut reason="${directory}/shut`)
})

t.test('a map that cannot be read makes answers unknown', async (t) => {
  const directory = spool(t, { 'ann/maildirsize': '1S\n4 4\n', quotas: 'ann 300\n' })
  const quotad = await startQuotad(t, {
    QUOTAMAILBOX: `maildir:${directory}/%u`,
    QUOTAMAP: `${directory}/quotas`,
  })
  t.equal(await quotad.ask('CHECK_QUOTA ann 0'), 'QUOTA_ERROR ann')
  await quotad.logged(/quotas: line 1: ann 300 is not understood/)
})

t.test('a mailbox that is long to count is not full by its own old file', async (t) => {
  const messages = Array.from({ length: 3000 }, (_, i) => [`ann/cur/${i}`, 'x'] as const)
  const directory = spool(t, {
    ...Object.fromEntries(messages),
    'ann/maildirsize': '10S\n9 1\n9 1\n',
  })
  const env = { QUOTAMAILBOX: `maildir:${directory}/%u`, QUOTATIMEOUT: '1' }
  const { url } = await startQuotad(t, env)
  const response = await fetch(`${url}/cgi-bin/quota.cgi?u=ann`)
  t.equal(response.status, 503)
  t.notMatch(await response.text(), 'OVERQUOTA')
})

import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { oldestNode } from '../../packaging/toolchain/toolchain.mjs'
import { asOther, launcher, spool, startQuotad } from './quotad.ts'

/** What differs between builds, on the oldest Node; other tests try the compiled program. */

const command = asOther(oldestNode, launcher)

t.test('onescan-quotad answers, becomes another user, and ends', async (t) => {
  const directory = spool(t, {
    'ann/maildirsize': '1000S\n400 4\n',
    'bob/new/1,S=70': '',
    'bob/cur/2:2,S': 'seven77',
    quotas: 'bob: 77\n',
  })
  const env = { QUOTAMAILBOX: `maildir:${directory}/%u`, QUOTAMAP: `${directory}/quotas` }
  const quotad = await startQuotad(t, env, ['--max-clients', '3'], command)
  t.equal(await quotad.ask('CHECK_QUOTA ann 600 n'), 'QUOTA_OK ann 400 1000 n')
  t.equal(await quotad.ask('CHECK_QUOTA ann 601 n'), 'QUOTA_FULL ann 400 1000 n')
  t.equal(await quotad.ask('CHECK_QUOTA bob 0'), 'QUOTA_FULL bob 77 77')
  const cgi = `${quotad.url}/cgi-bin/quota.cgi?u=`
  t.equal(await (await fetch(`${cgi}bob`)).text(), 'OVERQUOTA bob 77 77\n')
  t.equal((await fetch(`${cgi}zoe`)).status, 404)
  t.equal((await fetch(`${cgi}ann`, { method: 'POST', body: 'u=ann' })).status, 405)
  t.equal(await quotad.stop(), 0)
  t.match(quotad.log.at(-1), /event=ended udp=3 http=2 /)
})

t.test('onescan-quotad follows no link below the directory of a user', async (t) => {
  const directory = spool(t, {
    'ann/Maildir/new/1,S=5': '',
    'bob/Maildir/new/1,S=5': '',
    'eve/': '',
    'other/Maildir/new/1,S=70000': '',
  })
  symlinkSync(join(directory, 'other/Maildir/new'), join(directory, 'ann/Maildir/cur'))
  symlinkSync(join(directory, 'other/Maildir'), join(directory, 'bob/Maildir/.Folder'))
  symlinkSync(join(directory, 'other/Maildir'), join(directory, 'eve/Maildir'))
  symlinkSync(join(directory, 'bob'), join(directory, 'moved'))
  const env = { QUOTAMAILBOX: `maildir:${directory}/%u/Maildir` }
  const quotad = await startQuotad(t, env, [], command)
  t.equal(await quotad.ask('CHECK_QUOTA ann 0'), 'QUOTA_OK ann 5 0')
  t.equal(await quotad.ask('CHECK_QUOTA bob 0'), 'QUOTA_OK bob 5 0')
  t.equal(await quotad.ask('CHECK_QUOTA eve 0'), 'QUOTA_ERROR eve')
  await quotad.logged(/ event=unreadable what=\S*\/eve\/Maildir reason="Maildir is a link/)
  t.equal(await quotad.ask('CHECK_QUOTA moved 0'), 'QUOTA_OK moved 5 0', 'made by root')
})

t.test('onescan-quotad answers 503 while the directory is down', async (t) => {
  const env = { QUOTALDAPURL: 'ldap://127.0.0.1:1', QUOTAMAILBOX: 'maildir:%h' }
  const quotad = await startQuotad(t, env, [], command)
  t.equal(await quotad.ask('CHECK_QUOTA ann'), 'QUOTA_ERROR ann')
  await quotad.logged(/ldap:\/\/127\.0\.0\.1:1: .*connection refused/)
})

import { execFileSync } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { LdapDirectory } from '../../../src/base/protocol/ldap/ldap-directory.ts'
import { readLdapSettings } from '../../../src/base/protocol/ldap/ldap-settings.ts'
import { parseUser } from '../../../src/quota/sources/mailbox-location.ts'
import { slapdMissing, startSlapd } from '../../programs/servers/slapd.ts'
import { until } from '../../run/until.ts'
import { spool, startQuotad } from '../quotad.ts'

t.test('asked of a slapd', { skip: slapdMissing }, async (t) => {
  const directory = spool(t, {
    'ann/maildirsize': '1000S\n400 4\n',
    'bob/maildirsize': '1000S\n400 4\n',
    'umlaut/maildirsize': '1000S\n5 1\n',
  })
  const home = (name: string) => ({ mailMessageStore: join(directory, name) })
  const ann = {
    uid: 'ann',
    mail: 'ann@example.org',
    mailAlternateAddress: 'ann.b@example.org',
    mailHost: 'mx1.example.org',
    mailQuotaSize: '300',
    ...home('ann/'),
  }
  const slapd = await startSlapd(t, [
    ann,
    { uid: 'bob', ...home('bob') },
    { uid: 'twin', ...home('ann') },
    { uid: 'twin', ...home('bob') },
    { uid: 'triplet' },
    { uid: 'triplet' },
    { uid: 'triplet' },
    { uid: 'j\u00f6rg', ...home('umlaut') },
    { uid: 'much', mailQuotaSize: 'much', ...home('ann') },
    { uid: 'lost', mailMessageStore: 'Maildir' },
    { uid: 'sly', mailMessageStore: '/home/../etc' },
    { uid: 'homeless', mailQuotaSize: '100' },
    { uid: 'sales', mailForwardingAddress: 'ANN@example.org' },
    { uid: 'both', mailForwardingAddress: ['ann@example.org', 'bob'] },
    { uid: 'copy', mailForwardingAddress: 'ann', ...home('bob') },
  ])
  const env = {
    QUOTAMAILBOX: 'maildir:%h',
    QUOTALDAPURL: slapd.url,
    QUOTALDAPBIND: slapd.bindDn,
    QUOTALDAPPASSWORD: slapd.passwordFile,
  }

  t.test('homes and quotas come from the entry of the user', async (t) => {
    const { ask } = await startQuotad(t, env)
    t.equal(await ask('CHECK_QUOTA ann 0'), 'QUOTA_FULL ann 400 300')
    t.equal(await ask('CHECK_QUOTA ann@example.org'), 'QUOTA_FULL')
    t.equal(await ask('CHECK_QUOTA Ann.B@Example.org'), 'QUOTA_FULL')
    t.equal(await ask('CHECK_QUOTA bob 0'), 'QUOTA_OK bob 400 1000', 'that of the mailbox')
    t.equal(await ask('CHECK_QUOTA j\u00f6rg'), 'QUOTA_OK')
    t.match(await ask(Buffer.from('CHECK_QUOTA j\u00f6rg', 'latin1')), /^QUOTA_UNKNOWN /)
  })

  t.test('an entry forwards to others, and may have a mailbox itself', async (t) => {
    const { ask } = await startQuotad(t, { ...env, QUOTAALIASES: 'ldap' })
    t.match(await ask('CHECK_QUOTA sales 0'), /^QUOTA_FULL sales/)
    t.match(await ask('CHECK_QUOTA both 0'), /^QUOTA_OK both/, 'bob has room')
    t.match(await ask('CHECK_QUOTA copy 0'), /^QUOTA_OK copy/, 'its own mailbox has room')
    t.match(await ask('CHECK_QUOTA ann 0'), /^QUOTA_FULL ann/)
    t.match(await ask('CHECK_QUOTA triplet 0'), /^QUOTA_ERROR triplet/)
  })

  t.test('a user without an entry or a mailbox is an unknown user', async (t) => {
    const { ask } = await startQuotad(t, env)
    for (const user of ['zoe', '*', 'a*', 'ann)(uid=*', 'homeless', '\\61nn']) {
      t.equal(await ask(`CHECK_QUOTA ${user}`), `QUOTA_UNKNOWN ${user}`)
    }
  })

  t.test('ambiguous entries and malformed values are ignored', async (t) => {
    const quotad = await startQuotad(t, env)
    for (const user of ['twin', 'triplet', 'much', 'lost', 'sly']) {
      t.equal(await quotad.ask(`CHECK_QUOTA ${user}`), `QUOTA_ERROR ${user}`)
    }
    await quotad.logged(/more than one entry for \S+; see QUOTALDAPFILTER/)
    await quotad.logged(/LDAP, much: much is not a quota/)
    await quotad.logged(/LDAP, lost: Maildir is not an absolute path/)
    await quotad.logged(/LDAP, sly: \/home\/\.\.\/etc is not an absolute path/)
  })

  t.test('beside a template for mailboxes, the directory has users and quotas', async (t) => {
    const { ask } = await startQuotad(t, {
      ...env,
      QUOTAMAILBOX: `maildir:${directory}/%n`,
      QUOTALDAPFILTER: '(uid=%n)',
      QUOTALDAPHOME: 'homeDirectory',
    })
    t.equal(await ask('CHECK_QUOTA ann@example.net 0'), 'QUOTA_FULL ann@example.net 400 300')
    t.equal(await ask('CHECK_QUOTA umlaut 0'), 'QUOTA_UNKNOWN umlaut')
  })

  t.test('a wrong or world-readable password is logged, and no mailbox is full', async (t) => {
    const wrong = join(spool(t, { password: 'guess' }), 'password')
    const open = await startQuotad(t, { ...env, QUOTALDAPPASSWORD: wrong })
    t.equal(await open.ask('CHECK_QUOTA ann'), 'QUOTA_ERROR ann')
    // As root, quotad is another account, to which root's file is not open.
    const isOther = process.getuid?.() === 0
    await open.logged(
      isOther
        ? /password: mode 0644 lets everyone read it; chgrp \d+ \S+password && chmod 640 \S+password/
        : /password: mode 0644 lets everyone read it; run chmod 640 on it/,
    )
    chmodSync(wrong, 0o600)
    if (isOther) execFileSync('chown', ['nobody', wrong])
    const guessing = await startQuotad(t, { ...env, QUOTALDAPPASSWORD: wrong })
    t.equal(await guessing.ask('CHECK_QUOTA ann'), 'QUOTA_ERROR ann')
    await guessing.logged(/invalid credentials|0x31/i)
    writeFileSync(wrong, '')
    const empty = await startQuotad(t, { ...env, QUOTALDAPPASSWORD: wrong })
    t.equal(await empty.ask('CHECK_QUOTA ann'), 'QUOTA_ERROR ann')
    await empty.logged(/password: is empty/)
  })

  t.test('a directory that is slow or down makes nothing full, and recovers', async (t) => {
    const quotad = await startQuotad(t, { ...env, QUOTATIMEOUT: '375' })
    const isFull = (answer: string) => answer === 'QUOTA_FULL'
    const untilFull = (name: string) =>
      until(() => quotad.ask(`CHECK_QUOTA ${name}`), `${name} is full`, isFull)
    // Three names of one user: an answer is cached by the name in the question.
    const [first, second, third] = ['ann', 'ann@example.org', 'ann.b@example.org']
    await untilFull(first!)
    await slapd.pause()
    t.equal(await quotad.ask(`CHECK_QUOTA ${second}`), `QUOTA_ERROR ${second}`)
    for (let i = 0; i < 20; i++) t.equal(await quotad.ask('CHECK_QUOTA bob'), 'QUOTA_ERROR bob')
    slapd.resume()
    await untilFull(second!)
    t.ok(slapd.searchesFor('bob') < 20, 'it is not asked each time, and nobody waits')
    await slapd.stop()
    t.equal(await quotad.ask(`CHECK_QUOTA ${third}`), `QUOTA_ERROR ${third}`)
    await slapd.start()
    await untilFull(third!)
  })

  t.test('an answer that comes late is there for the next question', async (t) => {
    const settings = readLdapSettings(env)!
    const uptime = () => performance.now()
    const asked = new LdapDirectory(settings, { uptime, timeout: 300, remembered: 10 })
    t.teardown(() => asked.close())
    const user = parseUser('ann')!
    const untilKnown = (name: string) =>
      until(
        () => asked.find(parseUser(name)!),
        `${name} is known`,
        ({ kind }) => kind !== 'trouble',
      )
    await untilKnown('nobody-else') // the connection is open then, however long that takes on a busy machine
    await until(() => slapd.searchesFor('nobody-else'), 'the log of slapd is read to here')
    await slapd.pause()
    const before = slapd.searchesFor('ann')
    t.match(await asked.find(user), { kind: 'trouble', reason: /no answer in 300 ms/ })
    t.match(await asked.find(parseUser('umlaut')!), { kind: 'trouble' })
    slapd.resume()
    t.match(await untilKnown('ann'), { kind: 'entry', quota: '300' })
    await until(() => slapd.searchesFor('ann') > before, 'slapd has logged it')
    t.equal(slapd.searchesFor('ann'), before + 1, 'by the one search')
  })

  t.test('a connection that was closed while idle is opened with the same account', async (t) => {
    const quotad = await startQuotad(t, env)
    t.equal(await quotad.ask('CHECK_QUOTA ann'), 'QUOTA_FULL')
    await slapd.stop()
    await slapd.start()
    t.equal(await quotad.ask('CHECK_QUOTA ann@example.org'), 'QUOTA_FULL')
  })
})

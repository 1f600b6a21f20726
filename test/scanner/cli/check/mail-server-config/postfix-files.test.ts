import { chmodSync, chownSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { inOneLine } from '../../../../../src/base/check/check-line.ts'
import type { Postfix } from '../../../../../src/scanner/cli/check/mail-server-config/postconf.ts'
import {
  checkPostfixFiles,
  parseFiles,
} from '../../../../../src/scanner/cli/check/mail-server-config/postfix-files.ts'
import { lacks } from '../../../../needs.mjs'
import { openDirectory } from '../../../../programs/host/reachable.ts'

t.test('the lines of postfix-files have parameters', async (t) => {
  const main = { queue_directory: '/q:1', mail_owner: 'mail', setgid_group: 'drop' }
  const text = [
    '# name:type:owner:group:permission:flags',
    '$queue_directory/maildrop:d:$mail_owner:$setgid_group:730:uc',
    '/usr/sbin/postdrop:f:root:$setgid_group:2755:u',
    '/usr/bin/mailq:l:/usr/sbin/sendmail',
    '/etc/postfix/script:f:root:-:755:o',
    '$manpage_directory/man1/mailq.1:f:root:-:644',
    '/usr/lib/postfix/smtpd:f:root:-:755',
  ].join('\n')
  t.same(parseFiles(text, main), [
    { path: '/q:1/maildrop', isDirectory: true, owner: 'mail', group: 'drop', mode: 0o730 },
    { path: '/usr/sbin/postdrop', isDirectory: false, owner: 'root', group: 'drop', mode: 0o2755 },
    { path: '/usr/lib/postfix/smtpd', isDirectory: false, owner: 'root', group: undefined, mode: 0o755 },
  ]) // biome-ignore format: a table
})

t.test('owners and modes that stop mail are one line', { skip: lacks('root') }, async (t) => {
  const at = openDirectory(t)
  const [queue, daemons] = [join(at, 'q'), join(at, 'd')]
  mkdirSync(join(queue, 'incoming'), { recursive: true })
  mkdirSync(join(queue, 'maildrop'))
  mkdirSync(join(queue, 'saved'))
  mkdirSync(daemons)
  for (const name of ['smtpd', 'virtual']) writeFileSync(join(daemons, name), '', { mode: 0o755 })
  const list = [
    '$queue_directory/incoming:d:$mail_owner:-:700:ucr',
    '$queue_directory/maildrop:d:$mail_owner:$setgid_group:730:uc',
    '$queue_directory/saved:d:$mail_owner:-:700:ucr',
    '$daemon_directory/smtpd:f:root:-:755',
  ]
  writeFileSync(join(at, 'postfix-files'), list.join('\n'))
  mkdirSync(join(at, 'postfix-files.d'))
  writeFileSync(join(at, 'postfix-files.d/more'), '$daemon_directory/virtual:f:root:-:755')
  const postfix = {
    queue,
    accounts: { passwd: 'mail:x:71:72::/:/bin/false\n', group: 'drop:x:73:\nother:x:74:\n' },
    programs: new Map([
      ['smtp/inet', 'smtpd'],
      ['virtual/unix', 'virtual'],
    ]),
    main: {
      ...{ queue_directory: queue, daemon_directory: daemons, meta_directory: at },
      ...{ mail_owner: 'mail', setgid_group: 'drop' },
    },
  } as unknown as Postfix
  const healthy = () => {
    for (const name of ['incoming', 'maildrop', 'saved']) {
      mkdirSync(join(queue, name), { recursive: true })
      chownSync(join(queue, name), 71, 73)
      chmodSync(join(queue, name), 0o1770)
    }
    for (const name of ['smtpd', 'virtual']) chmodSync(join(daemons, name), 0o555)
  }
  const found = () => checkPostfixFiles(postfix).map(inOneLine).join().replaceAll(at, '')
  healthy()
  t.equal(found(), '', 'more open modes stop no mail')
  const remedy = 'mail waits, or is not accepted; postfix set-permissions; postfix reload'
  for (const [breaks, fault] of [
    [() => chownSync(join(queue, 'incoming'), 0, 0), '/q/incoming belongs to root instead of mail'],
    [
      () => chownSync(join(queue, 'maildrop'), 71, 74),
      '/q/maildrop has the group other instead of drop',
    ],
    [() => chmodSync(join(queue, 'maildrop'), 0o700), '/q/maildrop has mode 0700 instead of 0730'],
    [() => rmdirSync(join(queue, 'incoming')), '/q/incoming does not exist'],
    [() => chmodSync(join(daemons, 'smtpd'), 0o644), '/d/smtpd has mode 0644 instead of 0755'],
    [() => chmodSync(join(daemons, 'virtual'), 0o644), '/d/virtual has mode 0644 instead of 0755'],
  ] as const) {
    breaks()
    t.equal(found().replace('uid 0', 'root'), `postfix-files: ${fault}: ${remedy}`)
    healthy()
  }
  chownSync(join(queue, 'saved'), 0, 0)
  t.equal(found(), '', 'a directory that no mail needs')
  chownSync(join(queue, 'incoming'), 0, 0)
  chownSync(join(queue, 'maildrop'), 0, 0)
  t.match(found(), 'and 1 more paths have such a fault: ')
  t.same(checkPostfixFiles({ ...postfix, queue: join(at, 'none') }), [], 'before its first start')
})

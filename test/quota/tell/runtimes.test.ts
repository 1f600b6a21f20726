import { existsSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { oldestNode } from '../../../packaging/toolchain/toolchain.mjs'
import { asOther, program, spool, startQuotad } from './quotad.ts'

/** The oldest Node that is supported, and the compiled program. */

const root = join(import.meta.dirname, '../../..')
const compiled = join(root, 'build/native/onescan-quotad')

const runtimes = [
  { name: 'on the oldest Node', command: [oldestNode, program] },
  { name: 'compiled', command: [compiled] },
] as const

/** Runs a command with a datagram and a stream socket, as systemd does. */
const handingOver = [
  'perl',
  '-MSocket',
  '-e',
  `$^F = 9;
  for my $type (SOCK_DGRAM, SOCK_STREAM) {
    socket(my $socket, PF_INET, $type, 0) or die; bind($socket, sockaddr_in(0, INADDR_LOOPBACK)) or die;
    listen($socket, 9) if $type == SOCK_STREAM; push @kept, $socket }
  die if fileno($kept[0]) != 3; @ENV{'LISTEN_PID', 'LISTEN_FDS'} = ($$, 2); exec @ARGV`,
] as const

for (const { name, command } of runtimes) {
  const skip = !existsSync(command[0]) && 'run npm run build:native'
  t.test(`onescan-quotad ${name} answers, becomes another user, and ends`, { skip }, async (t) => {
    const directory = spool(t, {
      'ann/maildirsize': '1000S\n400 4\n',
      'bob/new/1,S=70': '',
      'bob/cur/2:2,S': 'seven77',
      quotas: 'bob: 77\n',
    })
    const env = { QUOTAMAILBOX: `maildir:${directory}/%u`, QUOTAMAP: `${directory}/quotas` }
    const quotad = await startQuotad(t, env, ['--max-clients', '3'], [...command, ...asOther])
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

  t.test(
    `onescan-quotad ${name} answers on sockets that systemd hands over`,
    { skip },
    async (t) => {
      const directory = spool(t, { 'ann/maildirsize': '1000S\n400 4\n' })
      const env = { QUOTAMAILBOX: `maildir:${directory}/%u` }
      const options = ['--max-clients', '2', '--http', 'none']
      const program = [...handingOver, ...command, ...asOther] as const
      const quotad = await startQuotad(t, env, options, program)
      t.equal(await quotad.ask('CHECK_QUOTA ann 600 n'), 'QUOTA_OK ann 400 1000 n')
      const url = `${quotad.url}/cgi-bin/quota.cgi?u=ann`
      t.equal(await (await fetch(url)).text(), 'OK ann 400 1000\n', 'although the options say none')
      t.equal((await fetch(url, { method: 'POST', body: 'u=ann' })).status, 405)
      t.equal(await quotad.stop(), 0)
      t.match(quotad.log.at(-1), /event=ended udp=1 http=1 /)
    },
  )

  t.test(
    `onescan-quotad ${name} follows no link below the directory of a user`,
    { skip },
    async (t) => {
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
      const quotad = await startQuotad(t, env, [], [...command, ...asOther])
      t.equal(await quotad.ask('CHECK_QUOTA ann 0'), 'QUOTA_OK ann 5 0')
      t.equal(await quotad.ask('CHECK_QUOTA bob 0'), 'QUOTA_OK bob 5 0')
      t.equal(await quotad.ask('CHECK_QUOTA eve 0'), 'QUOTA_ERROR eve')
      await quotad.says(/ event=unreadable what=\S*\/eve\/Maildir reason="Maildir is a link/)
      t.equal(await quotad.ask('CHECK_QUOTA moved 0'), 'QUOTA_OK moved 5 0', 'made by root')
    },
  )

  t.test(`onescan-quotad ${name} answers 503 while the directory is down`, { skip }, async (t) => {
    const env = { QUOTALDAPURL: 'ldap://127.0.0.1:1', QUOTAMAILBOX: 'maildir:%h' }
    const quotad = await startQuotad(t, env, [], [...command, ...asOther])
    t.equal(await quotad.ask('CHECK_QUOTA ann'), 'QUOTA_ERROR ann')
    await quotad.says(/ldap:\/\/127\.0\.0\.1:1: .*ECONNREFUSED/)
  })
}

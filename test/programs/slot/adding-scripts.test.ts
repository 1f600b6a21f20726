import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { commandScript } from '../../scanner/cli/onescan.ts'
import { startOnescand } from '../../scanner/daemon/process.ts'
import { example } from '../example.ts'
import { makeOwnDirectories, ownDirectoriesMissing } from '../host/own-directories.ts'
import { openDirectory } from '../host/reachable.ts'
import { postfixMissing, startPostfix } from '../servers/postfix.ts'
import { startReceiver } from '../servers/smtp-receiver.ts'
import { sendMail } from '../servers/smtp-session.ts'
import { ucspiMissing } from '../servers/ucspi.ts'

/** The scripts that add to what a Postfix or a tcpserver has, on hosts with settings of their own. */

interface OwnHost {
  run(script: string): { readonly code: number | null; readonly output: string }
  write(path: string, text: string): void
  read(path: string): string
  /** A directory of its own. */
  readonly directory: string
}

/** The environment of root, who finds `onescan`. */
function rootsEnvironment(t: Test): Record<string, string> {
  const programs = openDirectory(t)
  writeFileSync(join(programs, 'onescan'), commandScript(), { mode: 0o755 })
  return { PATH: `${programs}:${process.env.PATH}` }
}

function makeOwnHost(t: Test, names: readonly string[]): OwnHost {
  const own = makeOwnDirectories(t, { '/etc': names, '/run': ['systemd'] })
  mkdirSync(own.at('/etc/default'))
  const env = rootsEnvironment(t)
  return {
    directory: own.directory,
    run(script) {
      const [command = '', ...words] = own.around(['/bin/sh', '-c', `exec 2>&1\n${script}`])
      const { status, stdout } = spawnSync(command, words, { encoding: 'utf8', env })
      return { code: status, output: stdout }
    },
    write(path, text) {
      mkdirSync(join(own.at(path), '..'), { recursive: true })
      writeFileSync(own.at(path), text)
    },
    read: (path) => readFileSync(own.at(path), 'utf8'),
  }
}

/** Starts an onescand with Postfix's socket below this queue directory, open to this group. */
function serveBelow(t: Test, queue: string, settings: Readonly<Record<string, string>>) {
  mkdirSync(join(queue, 'onescan'), { recursive: true })
  const socket = join(queue, 'onescan/milter.sock')
  return startOnescand(t, { args: ['--milter', `unix:${socket}`, '--group', 'postfix'], settings })
}

const OURS = '{ unix:onescan/milter.sock, default_action=tempfail }'
const values = 'postconf -h smtpd_milters non_smtpd_milters message_reject_characters'

const ofPostfix: readonly {
  readonly name: string
  readonly main: string
  readonly smtpd: string
  readonly local?: string
  readonly characters?: string
}[] = [
  { name: 'nothing of its own', main: '', smtpd: OURS },
  {
    name: 'rspamd',
    main: 'smtpd_milters = inet:127.0.0.1:11332\nmilter_default_action = accept\n',
    smtpd: `inet:127.0.0.1:11332, ${OURS}`,
  },
  {
    name: 'milters by a name',
    main: 'mine = inet:127.0.0.1:8891, unix:dkim.sock\nsmtpd_milters = $mine\nnon_smtpd_milters = $mine\n',
    smtpd: `$mine, ${OURS}`,
    local: `$mine, ${OURS}`,
  },
  {
    name: 'milters of local programs that are those of clients',
    main: `smtpd_milters = inet:127.0.0.1:11332\nnon_smtpd_milters = \${smtpd_milters}\n`,
    smtpd: `inet:127.0.0.1:11332, ${OURS}`,
    local: `\${smtpd_milters}`,
  },
  {
    name: 'characters that it refuses',
    main: 'message_reject_characters = \\1\n',
    smtpd: OURS,
    characters: '\\1\\0',
  },
]

for (const { name, main, smtpd, local = OURS, characters = '\\0' } of ofPostfix) {
  t.test(
    `postfix-milter adds to ${name}`,
    { skip: ownDirectoriesMissing || postfixMissing },
    async (t) => {
      const host = makeOwnHost(t, ['postfix', 'default'])
      const queue = join(host.directory, 'queue')
      await serveBelow(t, queue, { QHPSI: 'plugin: eicar' })
      const before = `compatibility_level = 3.6\nqueue_directory = ${queue}\n${main}`
      host.write('/etc/postfix/main.cf', before)
      host.write('/etc/postfix/master.cf', 'smtp inet n - y - - smtpd\n')
      const script = example('postfix/postfix-milter')
      t.match(host.run(`set -- --dry-run; ${script}`), { code: 0, output: '+smtpd_milters = ' })
      t.equal(
        host.read('/etc/postfix/main.cf'),
        before,
        'with --dry-run it only shows the difference',
      )
      const { code, output } = host.run(script)
      t.equal(code, 0, output)
      t.equal(host.run(values).output, `${smtpd}\n${local}\n${characters}\n`)
      const [, kept = ''] = /the original is saved as (\S+)\. /.exec(output)!
      t.equal(host.read(kept), before)
      for (const line of main
        .split('\n')
        .filter((line) => !/^(\w*smtpd_milters|message_|$)/.test(line))) {
        t.match(host.read('/etc/postfix/main.cf'), line)
      }
      const after = host.read('/etc/postfix/main.cf')
      t.match(host.run(script), {
        code: 0,
        output: /^postfix-milter: already configured; nothing to do$/m,
      })
      t.equal(host.read('/etc/postfix/main.cf'), after)
    },
  )
}

t.test(
  'postfix-milter changes the file to which main.cf is a link',
  { skip: ownDirectoriesMissing || postfixMissing },
  async (t) => {
    const host = makeOwnHost(t, ['postfix', 'default'])
    const queue = join(host.directory, 'queue')
    await serveBelow(t, queue, { QHPSI: 'plugin: eicar' })
    const before = `compatibility_level = 3.6\nqueue_directory = ${queue}\n`
    host.write('/etc/postfix/managed/main.cf', before)
    host.write('/etc/postfix/master.cf', 'smtp inet n - y - - smtpd\n')
    host.run('ln -s managed/main.cf /etc/postfix/main.cf')
    const { code, output } = host.run(example('postfix/postfix-milter'))
    t.equal(code, 0, output)
    t.equal(host.run('readlink /etc/postfix/main.cf').output, 'managed/main.cf\n')
    t.match(host.read('/etc/postfix/managed/main.cf'), `smtpd_milters = ${OURS}\n`)
    const [, kept = ''] = /the original is saved as (\S+)\. /.exec(output) ?? []
    t.equal(host.run(`test -L ${kept} || cat ${kept}`).output, before)
  },
)

t.test(
  'postfix-milter names services with milters of their own',
  { skip: ownDirectoriesMissing || postfixMissing },
  async (t) => {
    const host = makeOwnHost(t, ['postfix', 'default'])
    const queue = join(host.directory, 'queue')
    await serveBelow(t, queue, { QHPSI: 'plugin: eicar' })
    host.write('/etc/postfix/main.cf', `compatibility_level = 3.6\nqueue_directory = ${queue}\n`)
    const master =
      'smtp inet n - y - - smtpd\nsubmission inet n - y - - smtpd\n  -o smtpd_milters=\n' +
      '2525 inet n - y - - smtpd\n  -o { smtpd_milters = inet:127.0.0.1:8891, { inet:127.0.0.1:8892 } }\n'
    host.write('/etc/postfix/master.cf', master)
    const { output } = host.run(example('postfix/postfix-milter'))
    t.match(
      output,
      /^postfix-milter: master\.cf overrides smtpd_milters, .*: submission\/inet\/smtpd_milters = *$/m,
    )
    const commands = [...output.matchAll(/^postfix-milter: +to scan it, run: (.*)$/gm)]
    const asked = host.run(commands.map(([, command]) => command).join('\n'))
    t.match(asked, { code: 0, output: '' })
    t.match(host.run(`postconf -P '*/inet/smtpd_milters'`).output.trim().split('\n').sort(), [
      '2525/inet/smtpd_milters = inet:127.0.0.1:8891,{inet:127.0.0.1:8892},{unix:onescan/milter.sock,default_action=tempfail}',
      'submission/inet/smtpd_milters = {unix:onescan/milter.sock,default_action=tempfail}',
    ])
    host.write('/etc/postfix/master.cf', master)
    host.run(example('postfix/postfix-milter'))
    t.equal(host.read('/etc/postfix/master.cf'), master)
  },
)

t.test(
  'postfix-milter leads mail to onescand only if that would not defer it',
  { skip: ownDirectoriesMissing || postfixMissing },
  async (t) => {
    const receiver = await startReceiver(t)
    const postfix = await startPostfix(t, receiver.port)
    const etc = join(postfix.queue, '../etc')
    const env = { ...rootsEnvironment(t), MAIL_CONFIG: etc }
    const run = (script: string) =>
      spawnSync('/bin/sh', ['-c', `exec 2>&1\n${script}`], { env, encoding: 'utf8' })
    const files = () => run(`cd ${etc}; ls -l; cat *`).stdout
    const before = files()
    const changesNothing = (t: Test, reason: RegExp) => {
      const { status, stdout } = run(example('postfix/postfix-milter'))
      t.equal(status, 1, stdout)
      t.match(stdout, reason)
      t.match(stdout, /^postfix-milter: Postfix would defer all mail; nothing was changed$/m)
      t.equal(files(), before)
    }
    await t.test('nothing is changed while onescand is away', async (t) => {
      changesNothing(
        t,
        /from postfix: .*no such file or directory.*\n +fix: run onescan check --daemon/m,
      )
    })
    await t.test('nothing is changed while clamd is away', async (t) => {
      await serveBelow(t, postfix.queue, { QHPSI: 'plugin: clamd', CLAMD: '/nonexistent/clamd' })
      changesNothing(t, /from postfix: 451 4\.7\.1 .*\n +fix: run onescan check --daemon/m)
    })
    await t.test('nothing is changed while Postfix may not connect', async (t) => {
      await serveBelow(t, postfix.queue, { QHPSI: 'plugin: eicar' })
      chmodSync(join(postfix.queue, 'onescan/milter.sock'), 0o600)
      changesNothing(
        t,
        /from postfix: .*permission denied.*\n +fix: add --user ACCOUNT with the account of the mail server/m,
      )
    })
    await t.test('otherwise the next mail is scanned', async (t) => {
      const onescand = await serveBelow(t, postfix.queue, { QHPSI: 'plugin: eicar' })
      const { status, stdout } = run(
        `${example('postfix/postfix-milter')}\npostfix -c ${etc} reload`,
      )
      t.equal(status, 0, stdout)
      await onescand.logged(/decision=accept.* msgid=<[\w-]+@check\.onescan\.invalid>/)
      const message = Buffer.from('Subject: x\n\nhello\n')
      const { data } = await sendMail(postfix.port, {
        from: 'a@b.c',
        to: ['b@example.org'],
        message,
      })
      t.match(data, /^250 /)
      t.match((await receiver.next()).message.toString(), /^X-QHPSI: clean$/m)
    })
  },
)

const SCANS = 'QMAILQUEUE="/etc/onescan/queue",QHPSI="plugin: clamd",REJECTVIRUS="1"'

t.test('qmail-rules adds to rules', { skip: ownDirectoriesMissing || ucspiMissing }, async (t) => {
  const host = makeOwnHost(t, ['tcp.smtp', 'tcp.smtp.cdb', 'default'])
  const before = `# mine:allow
127.:allow,RELAYCLIENT=""
10.0.0.9:deny
10.:allow,RELAYCLIENT="",REJECTVIRUS="0"
=.example.org:allow
`
  host.write('/etc/tcp.smtp', before)
  t.match(host.run(`set -- --dry-run; ${example('qmail/qmail-rules')}`), {
    code: 0,
    output: '+127.:allow',
  })
  t.equal(host.read('/etc/tcp.smtp'), before)
  const { code, output } = host.run(example('qmail/qmail-rules'))
  t.equal(code, 0, output)
  t.equal(
    host.read('/etc/tcp.smtp'),
    `# mine:allow
127.:allow,RELAYCLIENT="",${SCANS}
10.0.0.9:deny
10.:allow,RELAYCLIENT="",REJECTVIRUS="0",QMAILQUEUE="/etc/onescan/queue",QHPSI="plugin: clamd"
=.example.org:allow,${SCANS}
:allow,${SCANS}
`,
  )
  const [, kept = ''] = /the original is saved as (\S+)$/m.exec(output)!
  t.equal(host.read(kept), before)
  t.match(
    host.run('TCPREMOTEIP=192.0.2.1 tcprulescheck /etc/tcp.smtp.cdb').output,
    'QMAILQUEUE=/etc/onescan/queue',
  )
  t.match(host.run(example('qmail/qmail-rules')), {
    code: 0,
    output: 'qmail-rules: already configured; nothing to do',
  })
  t.equal(host.run('ls -d /etc/tcp.smtp*').output.split('\n').length, 4, 'nothing is left behind')
})

t.test(
  'qmail-rules changes the file to which tcp.smtp is a link',
  { skip: ownDirectoriesMissing || ucspiMissing },
  async (t) => {
    const host = makeOwnHost(t, ['tcp.smtp', 'tcp.smtp.cdb', 'default'])
    host.write('/etc/default/tcp.smtp', ':allow\n')
    host.run('ln -s default/tcp.smtp /etc/tcp.smtp')
    const { code, output } = host.run(example('qmail/qmail-rules'))
    t.equal(code, 0, output)
    t.equal(host.run('readlink /etc/tcp.smtp').output, 'default/tcp.smtp\n')
    t.equal(host.read('/etc/default/tcp.smtp'), `:allow,${SCANS}\n`)
  },
)

t.test(
  'qmail-rules changes nothing if a rule has another program',
  { skip: ownDirectoriesMissing || ucspiMissing },
  async (t) => {
    const host = makeOwnHost(t, ['tcp.smtp', 'tcp.smtp.cdb', 'default'])
    const before = ':allow,QMAILQUEUE="/var/qmail/bin/simscan"\n'
    host.write('/etc/tcp.smtp', before)
    const { code, output } = host.run(example('qmail/qmail-rules'))
    t.equal(code, 1)
    t.match(
      output,
      'these lines set another QMAILQUEUE; remove it from them and run this again: :allow,QMAILQUEUE="/var/qmail/bin/simscan"',
    )
    t.equal(host.read('/etc/tcp.smtp'), before)
  },
)

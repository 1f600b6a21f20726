import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { example } from './example.ts'
import { makeOwnDirectories, ownDirectoriesMissing } from './own-directories.ts'
import { postfixMissing } from './postfix.ts'
import { ucspiMissing } from './ucspi.ts'

/** The scripts that add to what a Postfix or a tcpserver has, on hosts with settings of their own. */

interface OwnHost {
  run(script: string): { readonly code: number | null; readonly output: string }
  write(path: string, text: string): void
  read(path: string): string
}

function makeOwnHost(t: Test, names: readonly string[]): OwnHost {
  const own = makeOwnDirectories(t, { '/etc': names, '/run': ['systemd'] })
  mkdirSync(own.at('/etc/default'))
  return {
    run(script) {
      const [command = '', ...words] = own.around(['/bin/sh', '-c', `exec 2>&1\n${script}`])
      const { status, stdout } = spawnSync(command, words, { encoding: 'utf8' })
      return { code: status, output: stdout }
    },
    write(path, text) {
      mkdirSync(join(own.at(path), '..'), { recursive: true })
      writeFileSync(own.at(path), text)
    },
    read: (path) => readFileSync(own.at(path), 'utf8'),
  }
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
    name: 'characters that it refuses',
    main: 'message_reject_characters = \\1\n',
    smtpd: OURS,
    characters: '\\1\\0',
  },
]

for (const { name, main, smtpd, local = '$smtpd_milters', characters = '\\0' } of ofPostfix) {
  t.test(
    `postfix-milter adds to ${name}`,
    { skip: ownDirectoriesMissing || postfixMissing },
    async (t) => {
      const host = makeOwnHost(t, ['postfix', 'default'])
      const before = `compatibility_level = 3.6\n${main}`
      host.write('/etc/postfix/main.cf', before)
      host.write('/etc/postfix/master.cf', 'smtp inet n - y - - smtpd\n')
      const script = example('postfix-milter')
      t.match(host.run(`set -- --dry-run; ${script}`), { code: 0, output: '+smtpd_milters = ' })
      t.equal(
        host.read('/etc/postfix/main.cf'),
        before,
        'with --dry-run it only shows the difference',
      )
      const { code, output } = host.run(script)
      t.equal(code, 0, output)
      t.equal(host.run(values).output, `${smtpd}\n${local}\n${characters}\n`)
      const [, kept = ''] = /; (\S+) is as it was before/.exec(output)!
      t.equal(host.read(kept), before)
      for (const line of main
        .split('\n')
        .filter((line) => !/^(\w*smtpd_milters|message_|$)/.test(line))) {
        t.match(host.read('/etc/postfix/main.cf'), line)
      }
      const after = host.read('/etc/postfix/main.cf')
      t.match(host.run(script), { code: 0, output: /^postfix-milter: all is there$/m })
      t.equal(host.read('/etc/postfix/main.cf'), after)
    },
  )
}

t.test(
  'postfix-milter keeps options of onescand, and names services with milters of their own',
  { skip: ownDirectoriesMissing || postfixMissing },
  async (t) => {
    const host = makeOwnHost(t, ['postfix', 'default'])
    host.write('/etc/postfix/main.cf', 'compatibility_level = 3.6\n')
    const master =
      'smtp inet n - y - - smtpd\nsubmission inet n - y - - smtpd\n  -o smtpd_milters=\n' +
      '2525 inet n - y - - smtpd\n  -o { smtpd_milters = inet:127.0.0.1:8891, { inet:127.0.0.1:8892 } }\n'
    host.write('/etc/postfix/master.cf', master)
    const options = 'ONESCAND_OPTIONS="--http inet:127.0.0.1:9808"\n'
    host.write('/etc/default/onescand', options)
    const { output } = host.run(example('postfix-milter'))
    t.match(
      output,
      /^postfix-milter: master\.cf has this, .*: submission\/inet\/smtpd_milters = *$/m,
    )
    const commands = [...output.matchAll(/^postfix-milter: +to have it asked: (.*)$/gm)]
    const asked = host.run(commands.map(([, command]) => command).join('\n'))
    t.match(asked, { code: 0, output: '' })
    t.match(host.run(`postconf -P '*/inet/smtpd_milters'`).output.trim().split('\n').sort(), [
      '2525/inet/smtpd_milters = inet:127.0.0.1:8891,{inet:127.0.0.1:8892},{unix:onescan/milter.sock,default_action=tempfail}',
      'submission/inet/smtpd_milters = {unix:onescan/milter.sock,default_action=tempfail}',
    ])
    host.write('/etc/postfix/master.cf', master)
    const milter = '--milter unix:/var/spool/postfix/onescan/milter.sock'
    t.equal(
      host.read('/etc/default/onescand'),
      `${options}ONESCAND_OPTIONS="--http inet:127.0.0.1:9808 ${milter}"\n`,
    )
    host.run(example('postfix-milter'))
    t.equal(host.read('/etc/default/onescand').match(/milter\.sock/g)?.length, 1)
    t.equal(host.read('/etc/postfix/master.cf'), master)
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
  t.match(host.run(`set -- --dry-run; ${example('qmail-rules')}`), {
    code: 0,
    output: '+127.:allow',
  })
  t.equal(host.read('/etc/tcp.smtp'), before)
  const { code, output } = host.run(example('qmail-rules'))
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
  const [, kept = ''] = /; (\S+) is as it was before/.exec(output)!
  t.equal(host.read(kept), before)
  t.match(
    host.run('TCPREMOTEIP=192.0.2.1 tcprulescheck /etc/tcp.smtp.cdb').output,
    'QMAILQUEUE=/etc/onescan/queue',
  )
  t.match(host.run(example('qmail-rules')), { code: 0, output: 'qmail-rules: all is there' })
  t.equal(host.run('ls -d /etc/tcp.smtp*').output.split('\n').length, 4, 'nothing is left behind')
})

t.test(
  'qmail-rules changes nothing if a rule has another program',
  { skip: ownDirectoriesMissing || ucspiMissing },
  async (t) => {
    const host = makeOwnHost(t, ['tcp.smtp', 'tcp.smtp.cdb', 'default'])
    const before = ':allow,QMAILQUEUE="/var/qmail/bin/simscan"\n'
    host.write('/etc/tcp.smtp', before)
    const { code, output } = host.run(example('qmail-rules'))
    t.equal(code, 1)
    t.match(output, 'this would not count any more: :allow,QMAILQUEUE="/var/qmail/bin/simscan"')
    t.equal(host.read('/etc/tcp.smtp'), before)
  },
)

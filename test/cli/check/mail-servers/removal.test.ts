import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { checkRemoval, type Installation } from '../../../../src/cli/check/mail-servers/removal.ts'
import { findProgram } from '../../../programs/install.mjs'
import { jsonIn, onescan } from '../../onescan.ts'

/** A host in a directory, with programs, a link to them and services. */
function makeHost(t: Test) {
  const root = t.testdir()
  const at = (...names: string[]) => join(root, ...names)
  const write = (path: string, text: string | Buffer) => {
    mkdirSync(dirname(at(path)), { recursive: true })
    writeFileSync(at(path), text)
  }
  const link = (path: string, target: string) => {
    mkdirSync(dirname(at(path)), { recursive: true })
    symlinkSync(target, at(path))
  }
  write('lib/onescan/onescanc', '')
  write('var/qmail/bin/qmail-queue', '')
  link('sbin/onescanc', '../lib/onescan/onescanc')
  link('etc/onescan/queue', at('lib/onescan/onescanc'))
  const removal: Installation = {
    home: at('lib/onescan'),
    link: at('etc/onescan/queue'),
    pointsBack: true,
    processes: at('proc'),
    servers: { postfix: at('postfix'), sendmail: at('mail/sendmail.cf') },
    defaults: at('etc/default/onescand'),
  }
  /** The findings about files whose mail the removal would stop. */
  const trouble = async () =>
    (await checkRemoval(removal))
      .filter(({ level }) => level !== 'ok')
      .map(({ what, value }) => [what.replace(`${root}/`, ''), value.replace(`${root}/`, '')])
  return { at, write, link, removal, trouble }
}

t.test("the removal points the package's link back, but not that of npm", async (t) => {
  const { at, removal } = makeHost(t)
  t.match(await checkRemoval(removal), [
    { level: 'ok', what: at('etc/onescan/queue'), value: /leads to the real qmail-queue after/ },
    { level: 'ok', what: 'not searched' },
  ])
  t.match(await checkRemoval({ ...removal, pointsBack: false }), [
    { level: 'error', what: at('etc/onescan/queue'), remedy: /ln -sfn .*mail is deferred/ },
    { level: 'ok', what: 'not searched' },
  ])
})

t.test('a link that leads elsewhere, or nowhere, is not reported', async (t) => {
  const { at, link, removal } = makeHost(t)
  link('other', at('var/qmail/bin/qmail-queue'))
  for (const name of ['other', 'nowhere']) {
    t.match(await checkRemoval({ ...removal, link: at(name) }), [{ what: 'not searched' }])
  }
})

t.test('onescan check --removal reports it for this installation', async (t) => {
  const { code, out } = await onescan(['check', '--removal', '--json'])
  const findings = jsonIn(out).results
  t.ok(findings.length > 0)
  t.equal(code, findings.some(({ level }: { level: string }) => level === 'error') ? 2 : 0)
})

const noPostfix = !findProgram('postconf') && 'install Debian package postfix'

/** A Postfix that has only files, which name these addresses. */
function writePostfix({ at, write }: ReturnType<typeof makeHost>, main: string, master = '') {
  const own = `compatibility_level = 3.6\nqueue_directory = ${at('spool')}\n`
  write('postfix/main.cf', own + main)
  write('postfix/master.cf', `smtp inet n - n - - smtpd\n${master}`)
}

const options = (words: string) => `QHPSI="plugin: clamd"\nONESCAND_OPTIONS="${words}"\n`

t.test(
  'what Postfix asks is named, with what happens to mail without it',
  { skip: noPostfix },
  async (t) => {
    for (const [action, level, becomes] of [
      ['tempfail', 'error', 'is deferred'],
      ['accept', 'warning', 'gets in unscanned'],
      ['reject', 'error', 'is refused for good'],
      ['quarantine', 'error', 'is put on hold'],
    ] as const) {
      const host = makeHost(t)
      // The lines of the README stand below those of the package: the last one counts.
      const lines = `${options('')}${options('--milter inet:127.0.0.1:8890 --workers 2')}`
      host.write('etc/default/onescand', lines)
      writePostfix(
        host,
        `smtpd_milters = inet:127.0.0.1:8891, inet:localhost:8890\nnon_smtpd_milters = $smtpd_milters
milter_default_action = ${action}\n`,
      )
      const findings = (await checkRemoval(host.removal)).filter(({ what }) =>
        /_milters$/.test(what),
      )
      t.match(
        findings.map(({ level, what, value }) => ({ level, what, value })),
        [
          { level, what: 'non_smtpd_milters', value: `mail of local programs ${becomes} (milter_` },
          {
            level,
            what: 'smtpd_milters',
            value: `names inet:localhost:8890, where onescand listens: without it mail ${becomes}`,
          },
        ],
        action,
      )
      t.equal(
        findings[1]?.remedy,
        "postconf -e 'smtpd_milters = inet:127.0.0.1:8891' && postfix reload",
        'the other milter stays',
      )
    }
  },
)

t.test(
  'milters of one service, in the queue directory, and with options of their own',
  { skip: noPostfix },
  async (t) => {
    const host = makeHost(t)
    host.write('etc/default/onescand', options(`--milter=unix:${host.at('spool')}/onescan/m`))
    writePostfix(
      host,
      'smtpd_milters = { unix:onescan/m, default_action=accept }\n',
      'submission inet n - y - - smtpd -o smtpd_milters=unix:/onescan/m -o milter_default_action=reject\n',
    )
    t.match(
      (await checkRemoval(host.removal)).filter(({ what }) => /_milters$/.test(what)),
      [
        {
          level: 'warning',
          what: 'smtpd_milters',
          value: /gets in unscanned/,
          remedy: /'smtpd_milters = '/,
        },
        {
          level: 'error',
          what: 'submission/inet/smtpd_milters',
          value: /refused for good/,
          remedy: /out of master.cf/,
        },
      ],
    )
  },
)

t.test(
  'policy services of Postfix are named, with what it answers',
  { skip: noPostfix },
  async (t) => {
    const host = makeHost(t)
    host.write('etc/default/onescand', options('--policy inet:127.0.0.1:8889'))
    writePostfix(
      host,
      `smtpd_recipient_restrictions = permit_mynetworks,
  check_policy_service { inet:127.0.0.1:8889, timeout=10s, default_action=DUNNO }
smtpd_data_restrictions = check_policy_service inet:127.0.0.1:8889
smtpd_sender_restrictions = check_policy_service inet:127.0.0.1:10023\n`,
    )
    t.match(
      (await checkRemoval(host.removal)).filter(({ what }) => /restrictions/.test(what)),
      [
        {
          level: 'error',
          what: 'smtpd_data_restrictions',
          value: /each recipient is answered "451 /,
        },
        {
          level: 'warning',
          what: 'smtpd_recipient_restrictions',
          value: /whether mailboxes are full/,
        },
      ],
    )
  },
)

t.test('another milter is not reported', { skip: noPostfix }, async (t) => {
  const host = makeHost(t)
  host.write('etc/default/onescand', options('--milter inet:127.0.0.1:8890'))
  writePostfix(host, 'smtpd_milters = inet:127.0.0.1:8891, unix:/run/x, inet:192.0.2.1:8890\n')
  t.same(await host.trouble(), [])
})

t.test(
  'places on the command line of a running onescand count, too',
  { skip: noPostfix },
  async (t) => {
    const host = makeHost(t)
    const words = ['/usr/sbin/onescand', 'login', 'onescand', '/usr/lib/onescan/onescan-run']
    host.write('proc/stat', 'btime 1700000000\n')
    host.write('proc/9/cmdline', [...words, '--milter', 'inet:127.0.0.1:8890', ''].join('\0'))
    host.write('proc/9/stat', `9 (onescand) S ${'0 '.repeat(40)}`)
    host.write('proc/9/status', 'Name:\tonescand\nUid:\t0\t0\t0\t0\n')
    writePostfix(host, 'smtpd_milters = inet:127.0.0.1:8890\n')
    t.match(await host.trouble(), [['smtpd_milters', /mail is deferred/]])
  },
)

t.test('filters of Sendmail are named, with what happens to mail without them', async (t) => {
  for (const [terms, level, becomes] of [
    [', F=T', 'error', 'mail is deferred (F=T)'],
    [', F=R', 'error', 'mail is refused for good (F=R)'],
    ['', 'warning', 'mail gets in unscanned'],
  ] as const) {
    const host = makeHost(t)
    host.write('etc/default/onescand', options('--milter inet:127.0.0.1:8890'))
    host.write(
      'mail/sendmail.cf',
      `O InputMailFilters=dkim, onescan\nXdkim, S=inet:8891@127.0.0.1\nXonescan, S=inet:8890@127.0.0.1${terms}, T=S:30s\nXunused, S=inet:8890@127.0.0.1\n`,
    )
    const file = host.removal.servers.sendmail
    t.match(
      (await checkRemoval(host.removal)).filter(({ what }) => what === file),
      [{ level, value: becomes, remedy: /INPUT_MAIL_FILTER\(`onescan'/ }],
      terms,
    )
  }
})

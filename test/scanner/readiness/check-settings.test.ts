import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { checkSettings } from '../../../src/scanner/readiness/check-settings.ts'
import { about, complaints } from '../../check-lines.ts'
import { host } from './host.ts'

const scans = { QHPSI: 'plugin: clamd', REJECTVIRUS: '0' }

t.test('valid settings are reported with what they do', async (t) => {
  const checkLines = await checkSettings(host({ ...scans, REJECTVIRUS: '1' }))
  t.same(complaints(checkLines), [])
  t.match(about(checkLines, /^infected mail$/)?.value, 'is refused')
})

t.test('the switch is reported, with the command that removes it', async (t) => {
  const home = t.testdir({ control: { 'onescan.off': '' } })
  const [checkLine] = await checkSettings(host({ ...scans, QMAILHOME: home }))
  const file = join(home, 'control/onescan.off')
  t.match(checkLine, { level: 'warning', value: file, remedy: /onescan enable/ })
})

t.test('without QHPSI nothing is scanned', async (t) => {
  t.same(complaints(await checkSettings(host({}))), ['error QHPSI'])
})

t.test('a scanner that finds the test file alone is a warning', async (t) => {
  for (const [QHPSI, found] of [
    ['plugin: eicar', ['warning QHPSI']],
    [' plugin:eicar ', ['warning QHPSI']],
    ['plugin: clamd eicar', []],
  ] as const) {
    t.same(complaints(await checkSettings(host({ ...scans, QHPSI }))), found, QHPSI)
  }
})

t.test("a setting that would stop the slot is reported in the slot's words", async (t) => {
  const of = async (env: Record<string, string>) =>
    (await checkSettings(host({ ...scans, ...env }))).filter(({ level }) => level === 'error')
  t.match(await of({ SCANTIMEOUT: 'soon' }), [{ value: /SCANTIMEOUT="soon": must be/ }])
  t.match(await of({ QHPSI: "'open" }), [{ value: /is not closed/ }])
  t.match(await of({ SCANFAIL: 'maybe' }), [{ value: /SCANFAIL="maybe"/ }])
  t.match(await of({ SPOOLDIR: 'relative' }), [{ value: /SPOOLDIR="relative"/ }])
})

t.test('a setting that lets mail in unscanned is a warning', async (t) => {
  const lenient = await checkSettings(host({ ...scans, SCANFAIL: 'accept' }))
  t.same(complaints(lenient), ['warning unscanned mail'])
  t.match(lenient.at(-1), { value: /is accepted/, remedy: /set SCANFAIL=defer/ })
  const of = async (name: string, value: string) => {
    const found = await checkSettings(host({ ...scans, [name]: value }))
    const wrong = found.filter(({ level }) => level !== 'ok')
    return wrong.map(({ what, value, remedy }) => `${what}: ${value}; ${remedy}`)
  }
  for (const [name, value, mail, remedy] of [
    ['QHPSIMAXSIZE', '1000', 'mail that is larger', 'unset QHPSIMAXSIZE'],
    ['QHPSIMINSIZE', '2K', 'mail that is smaller', 'unset QHPSIMINSIZE'],
    ['OVERSIZE', 'accept', 'mail that is larger than the scanners accept', 'set OVERSIZE=defer'],
    ['UNREAD', 'accept', 'mail that is not fully scanned', 'set UNREAD=refuse'],
  ] as const) {
    const change = `${remedy} in the environment of qmail-smtpd (its run script, envdir or rules)`
    t.same(await of(name, value), [
      `${name}: is ${value}, so ${mail} is accepted unscanned; ${change}`,
    ])
    // A remedy that changes nothing is none.
    const [, other = ''] = /=(\S+)/.exec(remedy) ?? []
    t.same(await of(name, other), [], remedy)
  }
  t.same(await of('OVERSIZE', ''), [], 'no default lets mail pass')
})

t.test(
  'a rule that lets some mail in unscanned is a decision, and one about mail from anywhere a warning',
  async (t) => {
    const of = async (text: string) => {
      const QMAILHOME = t.testdir({ control: { 'onescan.policy': text } })
      const found = await checkSettings(host({ ...scans, QMAILHOME }))
      return found
        .filter(({ what }) => what === 'rules')
        .map(({ level, value }) => `${level} ${value.replace(/^\S+ /, '')}`)
    }
    const anywhere = 'warning accepts mail from anywhere unscanned: '
    for (const [rule, mail] of [
      ['client=0.0.0.0/0 scan off', 'client=0.0.0.0/0 (scan off)'],
      ['auth=no scan off', 'auth=no (scan off)'],
      ['* SCANFAIL=accept', 'all mail (SCANFAIL=accept)'],
    ]) {
      t.same(await of(`to=a@example.org scan off\n${rule}\n`), [`${anywhere}line 2: ${mail}`])
    }
    t.same(await of('from=<> UNREAD=accept\n'), [
      `${anywhere.replace(':', ' (anyone can forge a sender address):')}line 1: from=<> (UNREAD=accept)`,
    ])
    const some = 'ok accepts mail unscanned: '
    const several = 'to=a@example.org REJECTVIRUS=1\nfrom=.example.org,size>1M SCANFAIL=accept\n'
    t.same(await of(several), [`${some}line 2: from=.example.org,size>1048576 (SCANFAIL=accept)`])
    for (const [rule, mail] of [
      ['auth SCANFAIL=accept', 'auth=yes (SCANFAIL=accept)'],
      ['client=10.0.0.0/8 scan off', 'client=10.0.0.0/8 (scan off)'],
      ['size>50M scan off', 'size>52428800 (scan off)'],
    ]) {
      t.same(await of(`${rule}\n`), [`${some}line 1: ${mail}`])
    }
    const many = 'to=a@example.org OVERSIZE=accept\n'.repeat(7)
    const [value] = await of(many)
    t.match(value, /line 5: to=a@example\.org \(OVERSIZE=accept\); and 2 more lines$/)
    const scanned = 'to=a@example.org SECONDLOOK=always\nfrom=b@example.org allow\n'
    t.same(await of(scanned), ['ok 2 lines'])
  },
)

t.test('a file of banned attachments that nothing reads is a warning', async (t) => {
  const BADATTACHMENTS = join(t.testdir({ bans: 'name *.exe\n' }), 'bans')
  for (const [QHPSI, more, found] of [
    ['plugin: clamd', {}, ['warning BADATTACHMENTS']],
    ['plugin: clamd attachments', {}, []],
    ['plugin: clamd', { BADATTACHMENTS: '*.exe' }, []],
    ['plugin: clamd', { ARCHIVEBANS: 'on' }, []],
  ] as const) {
    const env = { ...scans, QHPSI, BADATTACHMENTS, ...more }
    t.same(complaints(await checkSettings(host(env))), found)
  }
})

t.test('bans of every attachment are a warning', async (t) => {
  const file = join(t.testdir({ bans: 'type *\n' }), 'bans')
  for (const [BADATTACHMENTS, found] of [
    ['*', ['warning BADATTACHMENTS']],
    ['*.exe *.*', ['warning BADATTACHMENTS']],
    ['*.exe', []],
    ['*.?', []],
    [file, ['warning BADATTACHMENTS']],
  ] as const) {
    const env = { ...scans, QHPSI: 'plugin: clamd attachments', BADATTACHMENTS }
    t.same(complaints(await checkSettings(host(env))), found, BADATTACHMENTS)
  }
})

t.test('mail from a queue is never refused, and no remedy refuses it', async (t) => {
  const of = async (env: Record<string, string>) =>
    (
      await checkSettings({ ...host({ QHPSI: 'plugin: clamd', ...env }), hasQueuedMail: true })
    ).filter(({ what }) => /^(?:infected mail|UNREAD)$/.test(what))
  const [infected] = await of({})
  t.match(infected, {
    level: 'warning',
    value: /^is tagged and delivered$/,
    remedy:
      /^set QUARANTINE to keep infected mail back, or REJECTVIRUS="0" to tag it without this warning, /,
  })
  t.match(await of({ REJECTVIRUS: '1' }), [
    {
      level: 'ok',
      value: /^is refused, and tagged and delivered if it comes from a queue \(--after-queue\)$/,
    },
  ])
  t.match(await of({ REJECTVIRUS: '0', UNREAD: 'accept' }), [
    {
      level: 'warning',
      remedy: /^set QUARANTINE as doc\/quarantine\.md shows, and UNREAD=quarantine /,
    },
    { level: 'ok', value: /^is tagged and delivered$/ },
  ])
})

t.test('the finding about infected mail states its handling', async (t) => {
  const of = async (env: Record<string, string>) =>
    (await checkSettings(host({ QHPSI: 'plugin: clamd', ...env }))).map(({ value }) => value).join()
  t.match(await of({ QUARANTINE: '/q', REJECTVIRUS: '0' }), 'is quarantined in /q,is deferred')
  t.match(
    await of({ QUARANTINE: 'hold', SCANFAIL: 'quarantine' }),
    'is put on hold by the mail server,is quarantined',
  )
  t.match(await of({ QUARANTINE: '/q', REJECTVIRUS: '1' }), 'is refused')
  t.match(await of({ VIRUSFORWARD: 'v@example.org', REJECTVIRUS: '2' }), 'is sent to v@example.org')
  t.match(await of({ REJECTVIRUS: '2' }), 'is dropped')
  t.match(await of({ REJECTVIRUS: '0' }), 'is tagged and delivered')
})

t.test('a host without a setting for viruses is warned that they pass', async (t) => {
  const of = async (env: Record<string, string>) =>
    complaints(await checkSettings(host({ QHPSI: 'plugin: clamd', ...env })))
  t.same(await of({}), ['warning infected mail'])
  for (const env of [{ REJECTVIRUS: '0' }, { REJECTVIRUS: '1' }, { QUARANTINE: '/q' }]) {
    t.same(await of(env), [], JSON.stringify(env))
  }
})

t.test('a file of rules with another name is a warning, whose remedy is its name', async (t) => {
  const QMAILHOME = t.testdir({ control: { 'onescan.policy.txt': 'to=a scan off\n' } })
  const found = await checkSettings(host({ ...scans, QMAILHOME }))
  const file = join(QMAILHOME, 'control/onescan.policy')
  t.match(found.at(-1), { level: 'warning', remedy: `mv ${file}.txt ${file}` })
})

t.test('every rule is read', async (t) => {
  const of = async (text: string) => {
    const QMAILHOME = t.testdir({ control: { 'onescan.policy': text } })
    const found = await checkSettings(host({ ...scans, QMAILHOME }))
    return found.filter(({ what, value }) => what === 'rules' || /line \d+: /.test(value))
  }
  t.match(await of('to=a REJECTVIRUS=1\n'), [{ level: 'ok', value: /onescan\.policy, 1 lines$/ }])
  t.match(await of('to=a scan off\nto=b SCANFAIL=maybe\n'), [
    { level: 'error', value: /onescan\.policy line 2: SCANFAIL="maybe": must be/ },
  ])
  t.match(await of('nonsense\n'), [
    { level: 'error', value: /line 1: nonsense: is not a condition/ },
  ])
  t.match(await of('to=a REJECTVIRUS=maybe\n'), [
    {
      level: 'error',
      value: /line 1: REJECTVIRUS="maybe": must be/,
      remedy: /^correct this line$/,
    },
  ])
})

t.test('the remedy for a line of a file that a setting names is not the setting', async (t) => {
  const keys = `${t.testdir({ keys: 'md5:mx1\n' })}/keys`
  chmodSync(keys, 0o640)
  const found = await checkSettings(host({ ...scans, CLUSTERKEYS: keys }))
  const { remedy } = found.find(({ value }) => value.includes(`${keys}: line 1`)) ?? {}
  t.equal(remedy, 'correct this line')
})

t.test('an action of FINDINGS for every name lets viruses in', async (t) => {
  const of = async (FINDINGS: string) =>
    about(await checkSettings(host({ ...scans, REJECTVIRUS: '1', FINDINGS })), /^FINDINGS$/)
  t.match(await of('PUA.*=tag *=accept'), {
    level: 'warning',
    value: 'has *=accept, so mail with a virus is delivered',
    remedy: /^set FINDINGS without \*, such as "PUA\.Win\.\*=accept", in /,
  })
  t.match(await of('**=tag'), { level: 'warning' })
  t.same([await of('PUA.*=accept'), await of('*=quarantine')], [undefined, undefined])
})

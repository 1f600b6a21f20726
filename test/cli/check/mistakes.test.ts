import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { checkPrograms } from '../../../src/cli/check/slot/chain.ts'
import { checkPlaces } from '../../../src/doors/readiness/places.ts'
import { checkCount, signaturesIn } from '../../../src/doors/readiness/scanner.ts'
import { checkQuotad } from '../../../src/doors/readiness/servers.ts'
import { checkSettings } from '../../../src/doors/readiness/settings.ts'
import { inOneLine } from '../../../src/ground/errors/finding.ts'
import { misspeltSettings } from '../../../src/ground/settings/misspelt.ts'
import { complaints, stranger } from '../../doors/readiness/host.ts'
import { openDirectory } from '../../programs/reachable.ts'
import { httpService } from '../../scan/quota/services.ts'
import { host } from './shared/host.ts'

/** Settings that can be read, but have another effect than they seem to have. */

t.test('a misspelt variable is reported, with the setting that was meant', async (t) => {
  const suggestion = (name: string) => misspeltSettings({ [name]: '1' })[0]?.remedy
  t.equal(suggestion('REJECTVIRIUS'), 'did you mean REJECTVIRUS?')
  t.equal(suggestion('QHSPI'), 'did you mean QHPSI?')
  t.equal(suggestion('rejectvirus'), 'did you mean REJECTVIRUS?')
  t.equal(suggestion('SCANFAILRELAY'), 'did you mean SCANFAIL_RELAY?')
  t.equal(suggestion('CLAM'), 'did you mean CLAMD?')
  t.match(misspeltSettings({ SPOLDIR: '/x' }), [
    { level: 'warning', what: 'settings', value: 'SPOLDIR is not a setting: no program reads it' },
  ])
})

t.test('variables of other programs are not reported', async (t) => {
  const env = `HOME=/ LANG=C LC_ALL=C LOGNAME=a USER=a SHELL=/bin/sh TERM=xterm PWD=/ OLDPWD=/ SHLVL=1
    DATABYTES=1 TCPREMOTEHOST=a TCPLOCALIP=a RBLSMTPD= SMTPAUTH=1 GREETDELAY=1 TZ=UTC EDITOR=vi
    MAILER=a DISPLAY=:0 HOSTNAME=a INVOCATION_ID=a JOURNAL_STREAM=1:2 NOTIFY_SOCKET=a LINES=24
    COLUMNS=80 MANPATH=/ PS1=a VIRTUALDOMAINS=a MAILTO=a LANGUAGE=en SPF=1 QMAILQUEUE=/x`
  const pairs = env.split(/\s+/).map((word) => word.split('=') as [string, string])
  t.same(misspeltSettings(Object.fromEntries(pairs)), [])
})

t.test('a QUARANTINE that keeps nothing is reported, with the command that makes it', async (t) => {
  const directory = openDirectory(t)
  const of = async (QUARANTINE: string) => {
    const asked = host({ QHPSI: 'plugin: eicar', REJECTVIRUS: '0', QUARANTINE })
    const all = [...(await checkSettings(asked)), ...checkPlaces(asked)]
    return all.filter(({ what }) => what === 'QUARANTINE')
  }
  for (const [name, mode] of [
    ['private', 0o700],
    ['open', 0o750],
  ] as const) {
    mkdirSync(join(directory, name))
    chmodSync(join(directory, name), mode)
  }
  t.same(complaints(await of(join(directory, 'private'))), [])
  writeFileSync(join(directory, 'file'), '')
  symlinkSync('private', join(directory, 'link'))
  for (const [name, value] of Object.entries({ none: /ENOENT/, open: /has mode 0750/ })) {
    const path = join(directory, name)
    const [found, ...more] = await of(path)
    t.match(found, { level: 'error', value })
    t.same(more, [])
    execFileSync('/bin/sh', ['-ec', found!.remedy!])
    t.same(complaints(await of(path)), [], `after ${found!.remedy}`)
  }
  for (const name of ['file', 'link']) {
    t.match(await of(join(directory, name)), [
      { level: 'error', value: /is not a directory/, remedy: 'name another one' },
    ])
  }
  t.same(await of('hold'), [])
})

t.test('a LOGFILE that the slot cannot write is reported', async (t) => {
  const directory = openDirectory(t)
  mkdirSync(join(directory, 'closed'), { mode: 0o755 })
  writeFileSync(join(directory, 'file'), '', { mode: 0o644 })
  mkdirSync(join(directory, 'open'))
  chmodSync(join(directory, 'open'), 0o1777)
  const of = (LOGFILE: string) =>
    checkPlaces(host({ LOGFILE }, { account: stranger })).filter(({ what }) => what === 'LOGFILE')
  const wrong: Readonly<Record<string, RegExp>> = {
    [join(directory, 'file')]: /cannot be written by stranger/,
    [join(directory, 'closed/new')]: /cannot be written by stranger/,
    [join(directory, 'missing/new')]: /ENOENT.*lines are lost; make its directory/,
    [join(directory, 'open')]: /is a directory: .*; name a file/,
    log: /is relative/,
  }
  for (const [path, line] of Object.entries(wrong)) {
    const found = of(path)
    t.match(found, [{ level: 'warning' }], path)
    t.match(inOneLine(found[0]!), line)
  }
  t.match(of(join(directory, 'open/new')), [{ level: 'ok', what: 'LOGFILE' }])
})

t.test('a qmail-queue without its setuid bit is reported', async (t) => {
  const home = openDirectory(t)
  const queue = join(home, 'bin/qmail-queue')
  mkdirSync(join(home, 'bin'))
  copyFileSync('/bin/true', queue)
  const chain = () => checkPrograms(host({ QMAILHOME: home }, { account: stranger })).at(-1)
  chmodSync(queue, 0o711)
  t.match(chain(), { level: 'error', value: /without its setuid bit/, remedy: /chmod 4711/ })
  chmodSync(queue, 0o4711)
  t.match(chain(), { level: 'ok', what: 'chain' })
})

t.test('a missing SPOOLDIR is reported by what it means for the scanners', async (t) => {
  const of = (QHPSI: string) =>
    checkPlaces(host({ QHPSI, SPOOLDIR: '/nonexistent/spool' })).find(
      ({ what }) => what === 'SPOOLDIR',
    )
  for (const names of ['clamd', 'eicar attachments']) {
    t.match(of(`plugin: ${names}`), { level: 'warning', value: /nothing .* uses it/ })
  }
  t.match(of('plugin: clamd own.so'), { level: 'error', value: /own\.so gets no file/ })
  t.match(of('plugin: clamscan'), { level: 'error', value: /clamscan gets no file/ })
  t.match(of('/usr/bin/clamdscan %s'), { level: 'error', value: /the command of QHPSI/ })
})

t.test('signatures are counted: a handful makes no database', async (t) => {
  const header = `ClamAV-VDB:08 Apr 2025 08-43 +0000:27600:2075000:90:a:b:c:1:`.padEnd(512)
  const directory = t.testdir({
    few: { 'x.ndb': 'A:0:*:00\n# no\nB:0:*:01\n', 'y.txt': 'z\n' },
    many: { 'daily.cvd': `${header}...`, 'x.ndb': 'A:0:*:00\n' },
    empty: {},
  })
  t.equal(signaturesIn(join(directory, 'few')), 2)
  t.equal(signaturesIn(join(directory, 'few/x.ndb')), 2)
  t.equal(signaturesIn(join(directory, 'many')), 2_075_001)
  t.match(checkCount('clamd', join(directory, 'empty')), [
    { level: 'warning', value: /^0 signatures/, remedy: /freshclam/ },
  ])
  t.same(checkCount('clamd', join(directory, 'many')), [])
  t.same(checkCount('clamd', join(directory, 'nowhere')), [])
})

t.test("if QUOTAD's service does not know the path, that is no unknown user", async (t) => {
  const pages: readonly (readonly [type: string, body: string])[] = [
    ['text/plain', 'nothing here\n'],
    ['text/html; charset=iso-8859-1', '<!DOCTYPE HTML><title>404 Not Found</title>'],
    ['text/html', `<p>${'x'.repeat(5000)}`],
    ['text/plain', '404 page not found\n'],
  ]
  for (const [type, body] of pages) {
    const { url } = await httpService(t, (_, response) => {
      response.writeHead(404, { 'Content-Type': type }).end(body)
    })
    t.match(await checkQuotad(host({ QUOTAD: url, QUOTATIMEOUT: '5000' })), [
      { level: 'warning', value: /no such page/, remedy: /quota\.cgi/ },
    ])
  }
  const { url } = await httpService(t, (_, response) =>
    response.writeHead(404).end('no such user\n'),
  )
  t.match(await checkQuotad(host({ QUOTAD: url, QUOTATIMEOUT: '5000' })), [{ level: 'ok' }])
})

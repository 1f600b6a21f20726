import { chmodSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { OnescandEndpoints } from '../../../../../src/scanner/cli/check/mail-server-config/onescand-endpoints.ts'
import {
  checkSendmail,
  checkSendmailLoad,
} from '../../../../../src/scanner/cli/check/mail-server-config/sendmail.ts'
import { checkSendmailFiles } from '../../../../../src/scanner/cli/check/mail-server-config/sendmail-files.ts'
import { doorBy } from '../../../../../src/scanner/options/door-address.ts'
import { linesOf } from '../../../../check-lines.ts'
import { openDirectory } from '../../../../programs/host/reachable.ts'

/** What `onescan check` reports about Sendmail's filter, by the lines that sendmail.mc makes in sendmail.cf. */

const endpoints: OnescandEndpoints = {
  milters: ['inet:127.0.0.1:8890', 'unix:/srv/milter.sock'].map((text) =>
    doorBy('milter')(text, ''),
  ),
  smtp: [],
  clamd: [],
  isRunning: true,
}

/** The port of a filter that is not there. */
const DEAD = 8899
const isAlive = (port: number) => port !== DEAD

/** The findings about these lines. */
function linesAbout(t: Test, ...lines: readonly string[]): string[] {
  const path = join(openDirectory(t), 'sendmail.cf')
  writeFileSync(path, ['V10/Berkeley', 'O AliasFile=/etc/mail/aliases', ...lines, ''].join('\n'))
  return linesOf(
    checkSendmail({ endpoints, lost: new Map(), scanSeconds: 150, listens: isAlive }, path),
  )
}

const LISTED = 'O InputMailFilters=other, onescan'
const AS_THE_PAGE = 'Xonescan, S=local:/srv/milter.sock, F=T, T=S:30s;R:30s;E:5m'
const OK =
  'ok filter onescan of Sendmail: uses local:/srv/milter.sock; while onescand is down, Sendmail defers all mail'

t.test('a filter as documented has no findings', async (t) => {
  t.same(linesAbout(t, LISTED, AS_THE_PAGE, 'Xother, S=inet:8891@localhost'), [OK])
  t.same(linesAbout(t, LISTED, AS_THE_PAGE.replace('T=S:30s;R:30s;E:5m', 'T=C:5m')), [OK])
})

t.test('a filter at a port is the one of onescand, whatever its name is', async (t) => {
  const line = 'Xav, S=inet:8890@localhost, F=4'
  const value =
    /^ok filter av of Sendmail: uses inet:8890@localhost; while onescand is down, Sendmail defers all mail$/
  t.match(linesAbout(t, 'O InputMailFilters=av', line), [value])
})

t.test('without a filter of onescand, no mail is reported as scanned', async (t) => {
  for (const lines of [[], ['O InputMailFilters=other', 'Xother, S=inet:8891@localhost, F=T']]) {
    t.match(linesAbout(t, ...lines), [/^warning Sendmail: no filter of .* uses onescand, .*--mail/])
  }
})

t.test('the filter of another program that is down is an error if mail waits for it', async (t) => {
  const lines = (filter: string, listed = LISTED) => linesAbout(t, listed, AS_THE_PAGE, filter)
  const down = (place: string, effect: string) => [
    OK,
    `error filter other of Sendmail: nothing listens at ${place}: Sendmail ${effect}; start the filter that should listen there, or remove it from sendmail.mc, then run make -C /etc/mail && systemctl restart sendmail`,
  ]
  const port = `inet:${DEAD}@localhost`
  t.same(lines(`Xother, S=${port}, F=T`), down(port, 'defers all mail'))
  t.same(lines(`Xother, S=${port}, F=R`), down(port, 'refuses all mail permanently'))
  t.same(lines('Xother, S=local:/nowhere, F=T'), down('local:/nowhere', 'defers all mail'))
  t.same(lines(`Xother, S=${port}`), [OK])
  t.same(lines(`Xother, S=inet:${DEAD}@mx.example.org, F=T`), [OK])
  t.same(lines(`Xother, S=${port}, F=T`, 'O InputMailFilters=onescan'), [OK])
})

t.test('a filter that Sendmail does not ask is an error', async (t) => {
  t.match(linesAbout(t, 'O InputMailFilters=other', AS_THE_PAGE), [
    /^error filter onescan of Sendmail: is not in InputMailFilters: .*; define it with INPUT_MAIL_FILTER/,
  ])
})

t.test(
  'a filter address where onescand does not listen is an error that states the effect on mail',
  async (t) => {
    const elsewhere = AS_THE_PAGE.replace('milter.sock', 'onescan.sok')
    t.match(linesAbout(t, LISTED, elsewhere), [
      /^error filter onescan of Sendmail: uses local:\/srv\/onescan.sok, where onescand does not listen: Sendmail defers all mail; set S=inet:8890@127.0.0.1 in sendmail.mc, then run make /,
    ])
    t.match(
      linesAbout(t, LISTED, elsewhere.replace('F=T', 'F=R'))[0],
      /: Sendmail refuses all mail permanently/,
    )
  },
)

t.test('a filter that accepts mail while onescand is down is an error', async (t) => {
  t.match(linesAbout(t, LISTED, AS_THE_PAGE.replace(' F=T,', '')), [
    /^ok .* while onescand is down, Sendmail accepts mail unscanned$/,
    /^error .*F=: while onescand is down, Sendmail accepts mail unscanned; set F=T/,
  ])
})

t.test('a filter for which Sendmail does not wait as long as a scan may take', async (t) => {
  t.same(linesAbout(t, LISTED, AS_THE_PAGE.replace('E:5m', 'E:1h30m')), [OK])
  t.match(linesAbout(t, LISTED, AS_THE_PAGE.replace('E:5m', 'E:90s'))[1], /^warning .*waits for 90 s \(E\), and a scan may take 2 min 30 s/) // biome-ignore format: a line
  t.match(linesAbout(t, LISTED, AS_THE_PAGE.replace('R:30s', 'R:1s'))[1], /^warning .*waits for 1 s \(R\), and onescand? may need 10 s .*; set R:30s for this filter/) // biome-ignore format: a line
})

t.test('a daemon with filters of its own must list that of onescan', async (t) => {
  const daemon = (name: string, more = '') => `O DaemonPortOptions=Port=smtp, Name=${name}${more}`
  t.same(
    linesAbout(
      t,
      LISTED,
      daemon('MTA'),
      daemon('MSA', ', InputMailFilters=other;onescan'),
      AS_THE_PAGE,
    ),
    [OK],
  )
  const wanted =
    /^error daemon MSA of Sendmail: does not use the filter onescan: it is not in InputMailFilters= of its own, .*; remove InputMailFilters= from /
  for (const own of [', InputMailFilters=other', ', I=', ', M=Ea, Input=other;third']) {
    t.match(linesAbout(t, LISTED, daemon('MTA'), daemon('MSA', own), AS_THE_PAGE), [wanted, OK])
  }
  t.match(linesAbout(t, LISTED, daemon('MSA', ', InputMailFilters=other'), AS_THE_PAGE), [wanted])
  t.match(linesAbout(t, daemon('MTA'), daemon('MSA', ', InputMailFilters=onescan'), AS_THE_PAGE), [
    /^error daemon MTA of Sendmail: .* not in the list of all, .*; add onescan to conf/,
    OK,
  ])
})

t.test('a load average at which Sendmail refuses or queues mail is named', async (t) => {
  const at = (load: number, ...lines: readonly string[]) => {
    const path = join(openDirectory(t), 'sendmail.cf')
    writeFileSync(path, [...lines, ''].join('\n'))
    return linesOf(checkSendmailLoad({ load, processors: 2 }, path))
  }
  t.same(at(15), [])
  t.match(at(16, '#O QueueLA=8'), [
    /^warning Sendmail: queues mail and does not deliver it while the load average is 16 or more \(QueueLA\), and it is 16; .*confQUEUE_LA/,
  ])
  t.match(at(24), [/^warning Sendmail: refuses connections while .* 24 or more \(RefuseLA\)/])
  t.same(at(30, 'O QueueLA=100', 'O RefuseLA=100'), [])
  t.match(at(3, 'O QueueLA=1', 'O RefuseLA=3'), [/refuses connections/])
})

t.test('a filter below a directory that others may write to is not used', async (t) => {
  const place = openDirectory(t)
  chmodSync(place, 0o775)
  const filter = AS_THE_PAGE.replace('/srv/', `${place}/`)
  t.same(linesAbout(t, LISTED, filter), [
    `error filter onescan of Sendmail: Sendmail regards ${place}/milter.sock as unsafe, since others than the owner may write to ${place}: Sendmail defers all mail; chmod go-w ${place}`,
  ])
  chmodSync(place, 0o1777)
  t.match(linesAbout(t, LISTED, filter), [/where onescand does not listen/])
})

t.test('without any filter, the command adds the lines, or only builds sendmail.cf', async (t) => {
  const place = openDirectory(t)
  const path = join(place, 'sendmail.cf')
  const remedyFor = (source: string) => {
    writeFileSync(path, 'V10/Berkeley\n')
    writeFileSync(join(place, 'sendmail.mc'), source)
    return checkSendmail({ endpoints, lost: new Map(), scanSeconds: 150 }, path)[0]!.remedy
  }
  const build = 'make -C /etc/mail && systemctl restart sendmail'
  t.equal(
    remedyFor('dnl onescan\n'),
    `cat /usr/share/onescan/examples/sendmail/sendmail.mc >>${place}/sendmail.mc && ${build}`,
  )
  t.equal(remedyFor("INPUT_MAIL_FILTER(`onescan', `S=local:/x')dnl\n"), build)
})

/** The findings about the files of a Sendmail with these lines, which have changed in this order. */
function filesOf(t: Test, lines: readonly string[], ...order: readonly string[]): string[] {
  const place = openDirectory(t)
  const path = (name: string) => join(place, name)
  const own = `O RunAsUser=${userInfo().username}`
  writeFileSync(path('sendmail.cf'), [`O PidFile=${path('pid')}`, ...lines, ''].join('\n'))
  writeFileSync(path('submit.cf'), [own, `O QueueDirectory=${path('client')}`, ''].join('\n'))
  writeFileSync(path('sendmail'), '', { mode: 0o2755 })
  chmodSync(path('sendmail'), 0o2755)
  mkdirSync(path('client'))
  chmodSync(path('client'), 0o770)
  for (const name of ['sendmail.mc', 'pid']) writeFileSync(path(name), '0\n')
  for (const [at, name] of order.entries()) utimesSync(path(name), at, at)
  const found = checkSendmailFiles(path('sendmail.cf'), path('submit.cf'), path('sendmail'))
  return linesOf(found).map((line) => line.replaceAll(place, ''))
}
const IN_ORDER = ['sendmail.mc', 'sendmail.cf', 'pid']

t.test('files of Sendmail that were read, and that it may use, have no findings', async (t) => {
  t.same(filesOf(t, ['O MinFreeBlocks=1'], ...IN_ORDER), [])
})

t.test('a configuration that was not built, or is not read yet, is a warning', async (t) => {
  t.match(filesOf(t, [], 'sendmail.cf', 'pid', 'sendmail.mc'), [
    /^warning Sendmail: \/sendmail\.mc has changed since \/sendmail\.cf was built from it; make -C /,
  ])
  t.match(filesOf(t, [], 'sendmail.mc', 'pid', 'sendmail.cf'), [
    /^warning Sendmail: \/sendmail\.cf has changed since Sendmail was started; systemctl restart /,
  ])
})

t.test('queues that Sendmail cannot write to, or without room, are errors', async (t) => {
  const { username } = userInfo()
  const gone = filesOf(t, ['O QueueDirectory=/gone/q*', `O TrustedUser=${username}`], ...IN_ORDER)
  t.match(gone, [
    /^error Sendmail: cannot write to its queue, since \w+ does not own \/gone: .*; install -d -o \w+ -g \w+ -m 2750 \/gone && /,
  ])
  t.match(filesOf(t, ['O QueueDirectory=/var', 'O MinFreeBlocks=9999999999999'], ...IN_ORDER), [
    /^error queue of Sendmail: needs \S+ \S+ \(MinFreeBlocks\), with .* free in \/var: Sendmail defers all mail; lower confMIN_FREE_BLOCKS /,
  ])
})

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { OnescandEndpoints } from '../../../../../src/scanner/cli/check/mail-server-config/onescand-endpoints.ts'
import {
  checkSendmail,
  checkSendmailLoad,
} from '../../../../../src/scanner/cli/check/mail-server-config/sendmail.ts'
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

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { CheckLine } from '../../../../../src/base/check/check-line.ts'
import type { LogFile } from '../../../../../src/scanner/log/read-log.ts'
import { complainsOnly, linesOf } from '../../../../check-lines.ts'
import { example } from '../../../../programs/example.ts'
import { freePort } from '../../../../programs/host/free-port.ts'
import { openDirectory } from '../../../../programs/host/reachable.ts'
import { eximMissing, makeEximHost, startExim } from '../../../../programs/servers/exim.ts'
import {
  inputMailFilter,
  sendmailMissing,
  startSendmail,
} from '../../../../programs/servers/sendmail.ts'
import { startReceiver } from '../../../../programs/servers/smtp-receiver.ts'
import { until } from '../../../../run/until.ts'
import { startOnescand } from '../../../daemon/process.ts'
import { findingsByMail } from '../machine.ts'

/** States of Exim and Sendmail with onescand: what check reports by mail. */

const around = [
  /^error port \d+, clean mail: is accepted, but no log has a line from onescan about it: 250/,
  /^error port \d+, EICAR: is accepted, but no log has a line from onescan about it: 250/,
]

/** What check reports by mail about a server at a port, and by the log of onescand. */
const byMail = (port: number, ...logs: readonly (string | LogFile)[]) =>
  findingsByMail([{ port, security: 'none' }], logs, 'ben@example.org')

async function serve(t: Test, words: readonly string[]): Promise<string> {
  const directory = openDirectory(t)
  const log = join(directory, 'log')
  writeFileSync(log, '')
  const settings = { QHPSI: 'plugin: eicar', REJECTVIRUS: '1', LOGFILE: log, TMPDIR: directory }
  await startOnescand(t, { args: words, settings })
  return log
}

interface EximState {
  readonly name: string
  /** What is done in /etc/exim4 after the steps of the page. */
  readonly change?: string
  /** Whether the door behind the queue lacks --after-queue. */
  readonly lacksAfterQueue?: true
  /** Whether check reports what happens after Exim's queue. On a busy machine that may be later than check waits for it. */
  readonly mayBeLate?: true
  readonly expect: readonly RegExp[]
}

const ofExim: readonly EximState[] = [
  { name: 'as its page has it', expect: [] },
  {
    name: 'only after the queue, and without --after-queue',
    change: "sed -i 's/acl_m_onescan = yes/acl_m_onescan = no/' conf.d/acl/50_onescan",
    lacksAfterQueue: true,
    mayBeLate: true,
    expect: [
      /^error port \d+, EICAR: is refused .*, after the server accepted it: .*; add --after-queue/,
    ],
  },
  { name: 'without the routers', change: 'rm conf.d/router/00_onescan', expect: around },
  {
    name: 'nothing listens where mail is handed to after the queue',
    change: `sed -i 's/acl_m_onescan = yes/acl_m_onescan = no/' conf.d/acl/50_onescan
      sed -i 's/127.0.0.1::10027/127.0.0.1::9/' conf.d/router/00_onescan`,
    mayBeLate: true,
    expect: [
      // Of two messages at once, Exim tries one.
      /^error port \d+, clean mail: is accepted, and waits in the queue of the mail server \(Subject: .*\): "== ben@example.org R=onescan_after_queue T=onescan defer \((?:111\): Connection refused|-54\): retry time not reached [^"]*)"; fix the error/,
      /^error port \d+, EICAR: is accepted, and waits in the queue of the mail server \(Subject: .*\): "== .* defer/,
    ],
  },
  {
    name: 'the router has no condition, so that mail goes round',
    change: "sed -i '/received_port/d; s/^  verify_only/  no_more/' conf.d/router/00_onescan",
    mayBeLate: true,
    expect: [/^error port \d+, clean mail: arrived at onescan \d+ times: this is a mail loop/],
  },
  {
    name: 'the routers come after the one that delivers',
    change: 'mv conf.d/router/00_onescan conf.d/router/950_onescan',
    expect: around,
  },
]

t.test('states of Exim', { skip: eximMissing }, async (t) => {
  // One after the other: each binds the same socket for its own programs.
  for (const state of ofExim) await t.test(state.name, (t) => tryExim(t, state))
})

async function tryExim(
  t: Test,
  { change = '', lacksAfterQueue, mayBeLate, expect }: EximState,
): Promise<void> {
  const [before, behind, after] = [await freePort(), await freePort(), await freePort()]
  const ports: Readonly<Record<string, number>> = { 10025: before, 10026: behind, 10027: after }
  const here = (text: string) => text.replace(/\b1002[567]\b/g, (port) => String(ports[port]))
  const port = await freePort()
  const split = `sed -i "s/^dc_use_split_config=.*/dc_use_split_config='true'/" /etc/exim4/update-exim4.conf.conf; update-exim4.conf`
  const [next, ...places] = ['10026', '10025', '10027'].map((name) => `inet:127.0.0.1:${name}`)
  const pair = (place: string) => ['--smtp', place, '--next', next!]
  const words = [...pair(places[0]!), ...pair(places[1]!)]
  if (!lacksAfterQueue) words.push('--after-queue')
  const log = await serve(t, words.map(here))
  const host = makeEximHost(t, `127.0.0.1.${port}`)
  const script = example('exim/exim-debian')
  host.run(here(`${split}\n${script}\n${change}\nupdate-exim4.conf\n`))
  await startExim(t, host, port)
  const own = {
    path: host.at('/var/log/exim4/mainlog'),
    modified: Date.now(),
    isFound: true,
  } as const
  const hasAll = (found: readonly CheckLine[]) =>
    expect.every((line) => linesOf(found).some((printed) => line.test(printed)))
  const checked = () => byMail(port, log, own)
  const found = mayBeLate ? until(checked, 'check reports what Exim delivers', hasAll) : checked()
  complainsOnly(t, await found, expect)
}

t.test('states of Sendmail', { skip: sendmailMissing }, async (t) => {
  const receiver = await startReceiver(t)
  const milter = `inet:127.0.0.1:${await freePort()}`
  const nobody = `inet:127.0.0.1:${await freePort()}`
  const log = await serve(t, ['--milter', milter])
  const states: readonly [string, string, readonly RegExp[]][] = [
    ['as its page has it', inputMailFilter('onescan', milter), []],
    ['without a filter', '', around],
    [
      'nothing listens at its filter',
      inputMailFilter('onescan', nobody),
      [
        /^error port \d+, clean mail: is not accepted, and no log has a line from onescan about it: 4/,
      ],
    ],
    [
      'nothing listens at its filter, and it does not mind',
      inputMailFilter('onescan', nobody).replace(', F=T', ''),
      around,
    ],
  ]
  for (const [name, configuration, expect] of states) {
    await t.test(name, async (t) => {
      const sendmail = await startSendmail(t, receiver.port, configuration)
      complainsOnly(t, await byMail(sendmail.port, log), expect)
    })
  }
})

import { join } from 'node:path'
import t, { type Test } from 'tap'
import { missing as compilerMissing } from '../c/onescanc/client.ts'
import { bytes } from '../cases/case.ts'
import { plain } from '../cases/messages.ts'
import { buildStage } from '../cases/stage.ts'
import { runSlot } from '../doors/slot/slot.ts'
import { sample, scan } from '../scan/scanners/clamd/task.ts'
import { type Answer, client, coldSlot, type Door, milter } from './attack-doors.ts'
import {
  assembled,
  below,
  blankInBoundary,
  completed,
  firstFields,
  forged,
  manyFields,
} from './attacks.ts'
import { type Clamd, clamdMissing, EICAR_NAME, startClamd } from './clamd.ts'
import { keyLine } from './cluster-mail.ts'
import { headerValues } from './header-values.ts'
import { findProgram } from './install.mjs'
import { mtas, openPassage } from './milter-mtas.ts'
import { postfixMissing, startPostfix } from './postfix.ts'
import { openDirectory } from './reachable.ts'
import { sendMail } from './smtp-session.ts'

/**
 * Mail that once got a virus past REJECTVIRUS=1, through every door, with a real clamd. An MTA may
 * change a message before a filter sees it, so the message that leaves the MTA is judged.
 */

const skip = clamdMissing || compilerMissing

/** Text that stands behind everything that matters in a message. */
const BEHIND_ALL = Buffer.alloc(600_000, '\nall work and no play')

t.test('attacks through all doors', { skip }, async (t) => {
  const clamd = await startClamd(t, { alertExceedsMax: true })
  const ring = buildStage(t).file('ring', keyLine('alpha'))
  const settings = {
    QHPSI: 'plugin: clamd',
    SECONDLOOK: 'never', // it must hold without
    CLAMD: clamd.socket,
    REJECTVIRUS: '1',
    CLUSTERKEYS: ring,
    CLAMDBDIR: '/nonexistent',
  }
  const spool = openDirectory(t)
  const doors: readonly Door[] = [
    coldSlot(settings),
    await client(t, settings),
    await client(t, { ...settings, SPOOLDIR: spool }),
    ...(await Promise.all(
      mtas.filter(({ missing }) => !missing).map((mta) => milter(t, mta, settings)),
    )),
  ]

  for (const door of doors) {
    // Large enough to be a file that onescanc names, and that clamd opens by itself.
    const byFile = door.name.includes('SPOOLDIR')
    const size = byFile ? 600_000 : 0
    const large = (message: Buffer) => (byFile ? Buffer.concat([message, BEHIND_ALL]) : message)

    t.test(`${door.name}: no first field hides an attachment`, async (t) => {
      for (const [what, first] of Object.entries(firstFields)) {
        const { kind, text } = await door.send(below(first, size))
        t.equal(kind, 'refused', `${what}: ${text}`)
        t.match(text, EICAR_NAME, what)
      }
    })

    t.test(`${door.name}: what is removed or added assembles no virus`, async (t) => {
      for (const [what, message] of Object.entries({ ...assembled, ...completed })) {
        await isHarmless(t, clamd, what, await door.send(large(message)))
      }
    })

    t.test(`${door.name}: no reader sees a forged X-QHPSI`, async (t) => {
      for (const [what, message] of Object.entries(forged)) {
        const answer = await door.send(large(message))
        if (answer.kind === 'refused') t.match(answer.text, /malformed|hung up|^421/, what)
        else t.same(shownQhpsi(answer.left!), ['clean'], `${what}: ${answer.text}`)
      }
    })

    t.test(`${door.name}: a blank in a boundary is no other message's`, async (t) => {
      const { clean, infected, body } = blankInBoundary
      const first = await door.send(large(bytes(clean + body)))
      t.equal(first.kind, 'delivered', first.text)
      const [stamp] = headerValues(first.left!, 'X-SHA256-Cluster-1')
      t.ok(stamp, 'the first is clean and stamped')
      const other = bytes(`X-SHA256-Cluster-1: ${stamp}\n${infected}${body}`)
      const second = await door.send(large(other))
      t.equal(second.kind, 'refused', second.text)
      t.match(second.text, EICAR_NAME)
    })

    t.test(`${door.name}: thousands of fields to remove are refused`, async (t) => {
      for (const count of [1_000, 16_000]) {
        const { kind, text } = await door.send(large(manyFields(count)))
        t.equal(kind, 'refused', text)
      }
      t.equal((await door.send(plain)).kind, 'delivered', 'and the next message is not')
    })
  }
})

t.test('each way of a scanner to a message shows it as mail', { skip }, async (t) => {
  const clamd = await startClamd(t, { alertExceedsMax: true })
  const spool = openDirectory(t)
  const clamdscan = `/usr/bin/clamdscan --config-file=${clamd.configFile} --no-summary`
  const database = join(clamd.directory, 'db')
  const plugins = t.testdir({ 'ask.mjs': pluginThatRuns(clamdscan) })
  const ways: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    'a stream': { QHPSI: 'plugin: clamd', CLAMD: clamd.socket },
    'a path': { QHPSI: 'plugin: clamd', CLAMD: clamd.socket, SPOOLDIR: spool },
    'a command with a path': { QHPSI: `/usr/bin/clamscan --database=${database} %s` },
    'a command that reads its standard input': { QHPSI: `${clamdscan} -` },
    'a command that hands on a descriptor': { QHPSI: `${clamdscan} --fdpass %s` },
    'a command that streams': { QHPSI: `${clamdscan} --stream %s` },
    'a file plugin': { QHPSI: 'plugin: ask.mjs', PLUGINDIR: plugins },
    'the program clamscan by the package': { QHPSI: 'plugin: clamscan', CLAMDBDIR: database },
    'the program clamdscan by the package': {
      QHPSI: 'plugin: clamscan',
      CLAMSCAN: 'clamdscan',
      CLAMDCONF: clamd.configFile,
    },
  }
  const lacking =
    (!findProgram('clamdscan') && 'install Debian package clamdscan') ||
    (!findProgram('clamscan') && 'install Debian package clamav')
  for (const [way, settings] of Object.entries(ways)) {
    t.test(way, { skip: lacking }, async (t) => {
      for (const what of ['PDF', 'a DOS program', 'tar', 'Content-Type first']) {
        const message = below(firstFields[what]!, settings.SPOOLDIR ? 600_000 : 0)
        const run = await runSlot({ message, settings: { ...settings, REJECTVIRUS: '1' } })
        t.equal(run.code, 31, `${what}: ${run.logged}`)
      }
      const clean = await runSlot({ message: plain, settings })
      t.match(clean.text, /^X-QHPSI: clean\n/, clean.logged)
    })
  }
})

t.test(
  'Postfix lives through mail with 16,000 fields to remove',
  { skip: postfixMissing },
  async (t) => {
    const passage = await openPassage(t, (t, relayPort, milter) =>
      startPostfix(t, relayPort, { smtpd_milters: milter }),
    )
    await passage.serve(t, { QHPSI: 'plugin: eicar' })
    const envelope = { from: 'ann@example.net', to: ['ben@example.org'] }
    for (const [count, refusal] of [
      [4_900, /^55\d 5\.6\.0 .*more than 16 X-QHPSI/],
      [16_000, /^55\d 5\.3\.4 .*more than 5,000/],
      [4_900, /^55\d 5\.6\.0 .*more than 16 X-QHPSI/],
    ] as const) {
      const { data } = await sendMail(passage.port, { ...envelope, message: manyFields(count) })
      t.match(data, refusal)
    }
    t.match((await sendMail(passage.port, { ...envelope, message: plain })).data, /^250 /)
    t.same(headerValues((await passage.receiver.next()).message, 'X-QHPSI'), ['clean'])
    t.notMatch(passage.mta.log(), /cleanup.*(killed by signal|panic|fatal|bad command startup)/)
  },
)

/** Checks that mail was refused, or that clamd finds no virus in it as the next host gets it. */
async function isHarmless(t: Test, clamd: Clamd, what: string, answer: Answer): Promise<void> {
  if (answer.kind !== 'delivered') {
    t.pass(`${what}: ${answer.kind}`)
    return
  }
  const onward = Buffer.concat([bytes('Received: from a by b\n'), answer.left!])
  // Some programs on the way, as qmail-remote, make a line end of a bare CR.
  const lines = bytes(onward.toString('latin1').replace(/\r\n?/g, '\n'))
  for (const message of [onward, lines]) {
    t.same((await scan(clamd.socket, sample(message))).answer, { answer: 'clean' }, what)
  }
}

/**
 * Returns what a lax reader takes for X-QHPSI fields: at the start of any line of the header,
 * however lines end.
 */
function shownQhpsi(message: Buffer): string[] {
  const header = message.toString('latin1').split('\n\n')[0]!
  return [...header.matchAll(/(?:^|[\r\n])X-QHPSI\s*:\s*([^\r\n]*)/gi)].map(([, value]) => value!)
}

function pluginThatRuns(command: string): string {
  const words = JSON.stringify(command.split(' '))
  return `import { spawnSync } from 'node:child_process'
const [program, ...words] = ${words}
export function virusscan({ path }) {
  const { status, stdout } = spawnSync(program, [...words, '--stream', path], { encoding: 'utf8' })
  if (status === 0) return { clean: true }
  if (status === 1) return { infected: true, name: /: (.*) FOUND/.exec(stdout)?.[1] ?? 'virus' }
  throw new Error('exit code ' + status)
}
`
}

import { join } from 'node:path'
import t, { type Test } from 'tap'
import { bytes } from '../../cases/case.ts'
import { plain } from '../../cases/messages.ts'
import { buildStage } from '../../cases/stage.ts'
import { attacks } from '../../messages/attacks.ts'
import { lacks } from '../../needs.mjs'
import { runSlot } from '../../scanner/doors/slot/slot.ts'
import { keyring } from '../../scanner/scan/stamps/independently-stamped.ts'
import { headerValues } from '../header-values.ts'
import { openDirectory } from '../host/reachable.ts'
import { clamdAnswer, clamdMissing, startClamd } from '../servers/clamd.ts'
import { mtas, openPassage } from '../servers/milter-mtas.ts'
import { postfixMissing, startPostfix } from '../servers/postfix.ts'
import { sendMail } from '../servers/smtp-session.ts'

const envelope = { from: 'ann@example.net', to: ['ben@example.org'] }

/** Behind real MTAs, which may change a message before a filter sees it. The message that leaves the MTA is judged. */
for (const { name, missing, start } of mtas) {
  t.test(
    `no attack gets past the milter with ${name}`,
    { skip: clamdMissing || missing },
    async (t) => {
      const clamd = await startClamd(t, { alertExceedsMax: true })
      const passage = await openPassage(t, start)
      await passage.serve(t, {
        QHPSI: 'plugin: clamd',
        SECONDLOOK: 'never', // it must hold without
        CLAMD: clamd.socket,
        REJECTVIRUS: '1',
        CLUSTERKEYS: buildStage(t).file('ring', keyring),
        CLAMDBDIR: '/nonexistent',
      })
      let delivered = 0
      for (const { name, message } of attacks) {
        const mail = { ...envelope, message: message(Math.floor(Date.now() / 1000)) }
        // Sendmail hangs up on a bare CR, and may not wait for what is still on its way.
        const { data } = await sendMail(passage.port, mail).catch(() => ({ data: '421' }))
        if (!data.startsWith('250')) {
          t.match(data, /^[45]/, name)
          continue
        }
        delivered++
        const left = (await passage.receiver.next()).message
        await isHarmless(t, clamd.socket, name, left)
        t.same(shownQhpsi(left), ['clean'], name)
      }
      t.ok(delivered > 5, `${delivered} were delivered`)
      t.match((await sendMail(passage.port, { ...envelope, message: plain })).data, /^250 /)
    },
  )
}

/** Large enough to be a file that clamd opens by itself. */
const BEHIND_ALL = Buffer.alloc(600_000, '\nall work and no play')

t.test('each way of a scanner to a message shows it as mail', { skip: clamdMissing }, async (t) => {
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
  }
  const lacking = lacks('clamdscan', 'clamscan')
  for (const [way, settings] of Object.entries(ways)) {
    t.test(way, { skip: lacking }, async (t) => {
      const fields = /^(?:first field (?:%PDF-1.4|MZ)|ustar at 257|Content-Type first)$/
      for (const { name: what, message: made } of attacks.filter(({ name }) => fields.test(name))) {
        const message = Buffer.concat([made(0), settings.SPOOLDIR ? BEHIND_ALL : Buffer.alloc(0)])
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
    for (const [count, deferral] of [
      [4_900, /^451 4\.6\.0 .*more than 16 X-QHPSI/],
      [16_000, /^451 4\.6\.0 .*malformed and contains X-QHPSI/],
      [4_900, /^451 4\.6\.0 .*more than 16 X-QHPSI/],
    ] as const) {
      const { data } = await sendMail(passage.port, {
        ...envelope,
        message: bytes(`${'X-QHPSI: x\n'.repeat(count)}\nhello\n`),
      })
      t.match(data, deferral)
    }
    t.match((await sendMail(passage.port, { ...envelope, message: plain })).data, /^250 /)
    t.same(headerValues((await passage.receiver.next()).message, 'X-QHPSI'), ['clean'])
    t.notMatch(passage.mta.log(), /cleanup.*(killed by signal|panic|fatal|bad command startup)/)
  },
)

/** Checks that clamd finds no virus in what was delivered, as the next host gets it. */
async function isHarmless(t: Test, clamd: string, what: string, left: Buffer): Promise<void> {
  const onward = Buffer.concat([bytes('Received: from a by b\n'), left])
  // Some programs on the way, as qmail-remote, make a line end of a bare CR.
  const lines = bytes(onward.toString('latin1').replace(/\r\n?/g, '\n'))
  for (const message of [onward, lines])
    t.same(await clamdAnswer(clamd, message), { answer: 'clean' }, what)
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

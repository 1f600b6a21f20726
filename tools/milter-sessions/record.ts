import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { createPacketReader } from '../../src/scanner/protocol/milter/packets.ts'
import { EICAR } from '../../src/scanner/scan/scanners/eicar/eicar.ts'
import { freePort } from '../../test/programs/host/free-port.ts'
import { openDirectory } from '../../test/programs/host/reachable.ts'
import { type Ending, withEnding } from '../../test/programs/host/server.ts'
import { mtas } from '../../test/programs/servers/milter-mtas.ts'
import { qpsmtpdMissing, queueOfNobody, startQpsmtpd } from '../../test/programs/servers/qpsmtpd.ts'
import { startReceiver } from '../../test/programs/servers/smtp-receiver.ts'
import { openSmtp } from '../../test/programs/servers/smtp-session.ts'
import { openMilter } from '../../test/scanner/doors/milter/rig.ts'
import { lineOf } from '../../test/scanner/doors/milter/session-file.ts'
import { fullMailbox, sessionSettings } from '../../test/scanner/doors/milter/session-host.ts'

/**
 * Records sessions of the MTAs that are installed here with the milter, for test/scanner/doors/milter/sessions.test.ts:
 *
 *     node packaging/toolchain/run.mjs tools/milter-sessions/record.ts
 *
 * The recorder is between the two. In each session a client names a full mailbox and one with room, sends mail
 * with a forged X-QHPSI, then breaks off a message, and sends a virus.
 */

const out = join(import.meta.dirname, '../../test/scanner/doors/milter/sessions')

const letter =
  'From: Ann <ann@example.net>\nTo: ben@example.org\nSubject:  =?utf-8?q?h=C3=A9?= \n  there\nX-QHPSI: clean\nX-Eight: \xc3\xa9 \xe9\nX-Tight:x\n\nHello,\n.dot\n\nfrom Ann\xe9\n'
const virus = `From: ann@example.net\nSubject: virus\n\n${EICAR}\n`
const from = 'ann@example.net'

type Recorder = Awaited<ReturnType<typeof openRecorder>>

/** An MTA of which a session is recorded. */
interface Recorded {
  readonly name: string
  readonly missing: string | false
  /** Starts it with the recorder, and resolves to its port. */
  start(t: Ending, recorder: Recorder): Promise<number>
}

const qpsmtpd: Recorded = {
  name: 'qpsmtpd',
  // Debian has its plugin for milters, and not the module Net::Milter (CPAN) that this needs.
  missing:
    qpsmtpdMissing ||
    (spawnSync('perl', ['-T', '-MNet::Milter', '-e1']).status === 0 ? false : 'no Net::Milter'),
  async start(t, recorder) {
    const { program, MAILDIR } = queueOfNobody(t)
    const plugins = [`milter onescan ${await recorder.listen(await freePort())}`]
    const environment = { ...process.env, MAILDIR }
    return (await startQpsmtpd(t, { program, environment, plugins })).port
  },
}

const recordedMtas: readonly Recorded[] = [
  ...mtas.map(({ name, missing, start }) => ({
    name,
    missing,
    async start(t: Ending, recorder: Recorder) {
      const receiver = await startReceiver(t)
      const path = await recorder.listen(join(openDirectory(t), 'm'))
      return (await start(t, receiver.port, `unix:${path}`)).port
    },
  })),
  qpsmtpd,
]

for (const { name, missing, start } of recordedMtas) {
  if (missing) {
    console.log(`${name}: not recorded: ${missing}`)
    continue
  }
  const connections = await withEnding(async (t) => {
    const recorder = await openRecorder(t)
    await converse(await start(t, recorder))
    return recorder.connections()
  })
  const file = join(out, `${name.toLowerCase()}.txt`)
  const text = connections.map((lines) => lines.join('\n')).join('\n\n')
  writeFileSync(file, `# ${name}, recorded\n\n${text}\n`)
}

/** What the client of the MTA does. */
async function converse(port: number): Promise<void> {
  const session = await openSmtp(port)
  const recipients = ['full@example.org', 'ben@example.org']
  await session.send({ from, to: recipients, message: Buffer.from(letter, 'latin1') })
  await session.command(`MAIL FROM:<${from}>`)
  await session.command('RCPT TO:<ben@example.org>')
  await session.command('RSET')
  await session.send({ from, to: ['ben@example.org'], message: Buffer.from(virus) })
  await session.quit()
}

/** A recorder before a milter of this process, for one MTA. */
async function openRecorder(t: Ending) {
  const milter = await openMilter(t, sessionSettings, { quota: fullMailbox })
  const recorded: { readonly lines: string[]; readonly isOver: Promise<unknown> }[] = []
  const server = createServer((mta) => {
    const filter = connect(milter.socket)
    const lines: string[] = []
    record(mta, filter, (command, data) => lines.push(lineOf({ from: 'mta', command, data })))
    record(filter, mta, (command, data) => lines.push(lineOf({ from: 'filter', command, data })))
    recorded.push({ lines, isOver: once(mta, 'close') })
  })
  t.teardown(() => server.close())
  return {
    /** Listens at a path, or at a port of 127.0.0.1. */
    async listen<Place extends string | number>(place: Place): Promise<Place> {
      const isPort = typeof place === 'number'
      server.listen(
        isPort
          ? { port: place, host: '127.0.0.1' }
          : { path: place, readableAll: true, writableAll: true },
      )
      await once(server, 'listening')
      return place
    },
    /** Resolves to what was sent, once all connections have ended. */
    async connections(): Promise<string[][]> {
      await Promise.all(recorded.map(({ isOver }) => isOver))
      return recorded.map(({ lines }) => lines)
    },
  }
}

/** Hands on what comes, and notes each packet. */
function record(source: Socket, to: Socket, note: (command: string, data: Buffer) => void): void {
  const reader = createPacketReader(() => 16 * 1024 * 1024)
  source.on('error', () => to.destroy())
  source.on('end', () => to.end())
  source.on('data', (chunk: Buffer) => {
    to.write(chunk)
    reader.push(chunk)
    for (let next = reader.next(); next; next = reader.next())
      note(next.type, Buffer.from(next.payload))
  })
}

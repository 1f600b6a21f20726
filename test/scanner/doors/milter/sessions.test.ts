import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { uint32 } from '../../../../src/scanner/protocol/frames.ts'
import { call } from './mta.ts'
import { openMilter } from './rig.ts'
import { lineOf, parseSessions, type SessionPacket } from './session-file.ts'
import { fullMailbox, sessionSettings } from './session-host.ts'

/**
 * Sessions that were recorded between MTAs and onescand, or written by hand where
 * the file states it: the same packets get the same answers.
 */

const directory = join(import.meta.dirname, 'sessions')

for (const name of readdirSync(directory)) {
  t.test(name, async (t) => {
    const sessions = parseSessions(readFileSync(join(directory, name), 'utf8'))
    t.ok(sessions.length > 0)
    const milter = await openMilter(t, sessionSettings, { quota: fullMailbox })
    for (const packets of sessions) await replay(t, milter.socket, packets)
    t.same(milter.log, [])
    t.equal(milter.state().memory, 0)
  })
}

async function replay(t: Test, socket: string, packets: readonly SessionPacket[]): Promise<void> {
  const line = await call(socket)
  for (const packet of packets) {
    const { from, command, data } = packet
    if (from === 'mta') {
      line.write(uint32(1 + data.length), Buffer.from(command), data)
      continue
    }
    const heard = await line.hear()
    t.equal(heard && lineOf({ from, ...heard }), lineOf(packet))
  }
  t.same(await left(line), [], 'and nothing more')
}

/** What the filter still sends before it leaves, once the MTA has. */
async function left(line: Awaited<ReturnType<typeof call>>): Promise<string[]> {
  const commands: string[] = []
  line.socket.end()
  for (let next = await line.hear(); next; next = await line.hear()) commands.push(next.command)
  await line.close()
  return commands
}

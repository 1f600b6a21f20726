import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { EICAR } from '../../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { freePort } from '../../../programs/host/free-port.ts'
import { clamdMissing, EICAR_NAME, startClamd } from '../../../programs/servers/clamd.ts'
import { startStore, storeMissing } from '../../../programs/servers/store-server.ts'
import { until } from '../../../run/until.ts'
import { type RunningDaemon, startOnescand } from '../../daemon/process.ts'
import { inStream } from './rig.ts'

/** Several onescand behind one name, of which clients take the next if one does not answer. */

const CAMPAIGNS = 20
const COPIES = 2500
const CLIENTS = 8

/** A copy: its header names another recipient. Every fifth campaign is of a virus. */
const copyOf = (campaign: number, copy: number) =>
  Buffer.from(
    `From: news@example.com\nTo: <${copy}@example.org>\nDate: ${copy}\nSubject: ${campaign}\n\n${
      isInfected(campaign) ? EICAR : 'Hello'
    }\n${`letter ${campaign} to all\n`.repeat(40)}`,
  )
const isInfected = (campaign: number) => campaign % 5 === 0

/** Asks by INSTREAM, as rspamd does. Resolves to '' if the other side does not answer. */
async function ask(port: number, content: Buffer): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let reply = ''
  socket.on('error', () => {})
  socket.on('data', (chunk) => {
    reply += chunk.toString('latin1')
  })
  socket.write(inStream(content))
  await new Promise((resolve) => socket.on('close', resolve))
  return reply.endsWith('\0') ? reply : ''
}

/** How often scanners were asked, by the log; what was known is none. */
const scansOf = ({ log }: RunningDaemon) =>
  log.filter((line) => / scan=(?:clean|infected) /.test(line)).length

const sum = (counts: readonly number[]) => counts.reduce((all, count) => all + count, 0)

async function startHosts(t: Test) {
  const store = await startStore(t)
  const clamd = await startClamd(t)
  const ring = join(t.testdir({}), 'ring')
  writeFileSync(ring, `hmac-sha256:alpha:${Buffer.alloc(32, 7).toString('base64url')}\n`, {
    mode: 0o600,
  })
  const settings = {
    QHPSI: 'plugin: clamd',
    CLAMD: clamd.socket,
    CLAMDBDIR: join(clamd.directory, 'db'),
    CLUSTERKEYS: ring,
    VERDICTS: `unix:${store.socket}`,
  }
  const ports = [await freePort(), await freePort(), await freePort()]
  const hosts = await Promise.all(
    ports.map((port) =>
      startOnescand(t, { settings, args: ['--clamd-mail', `inet:127.0.0.1:${port}`] }),
    ),
  )
  const named = () => store.command('client', 'list').match(/name=onescand/g)?.length ?? 0
  await until(() => named() >= ports.length, 'all have the store')
  // Until it knows clamd's signatures, a onescand has each copy scanned.
  for (const [index, host] of hosts.entries()) {
    await until(async () => {
      await ask(ports[index]!, copyOf(-1 - index, host.log.length))
      return / scan=cached /.test(host.log.at(-1)!)
    }, 'a copy is known')
  }
  return { ports, hosts }
}

t.test(
  '2,500 copies of 20 campaigns, and one of three onescand is killed',
  { skip: clamdMissing || storeMissing },
  async (t) => {
    // biome-ignore format: a line
    const { ports, hosts } = await startHosts(t)
    const before = sum(hosts.map(scansOf))
    const wrong: string[] = []
    let next = 0
    let repeated = 0
    const clients = Array.from({ length: CLIENTS }, async () => {
      for (let copy = next++; copy < COPIES; copy = next++) {
        if (copy === COPIES / 2) hosts[1]!.kill()
        const campaign = (copy * 7) % CAMPAIGNS
        let reply = ''
        for (let host = copy; reply === ''; host++) {
          reply = await ask(ports[host % ports.length]!, copyOf(campaign, copy))
          if (reply === '') repeated++
        }
        const right = isInfected(campaign) ? `stream: ${EICAR_NAME} FOUND\0` : 'stream: OK\0'
        if (reply !== right) wrong.push(`${campaign}: ${reply}`)
      }
    })
    await Promise.all(clients)
    t.same(wrong, [])
    t.ok(repeated > 0, 'clients have met the one that was killed')
    const scans = sum(hosts.map(scansOf)) - before
    t.ok(scans >= CAMPAIGNS && scans <= CAMPAIGNS + 6, `${scans} scans`)
  },
)

import '../../needs-addon.ts'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import type { Server as HttpServer } from 'node:http'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { listenHttpOn } from '../../../src/base/net/http-server.ts'
import { loadSystem } from '../../../src/base/runtime/system.ts'
import { bindAt, listenAt, listenOn } from '../../../src/scanner/daemon/listening/listen.ts'
import { freePort } from '../../programs/host/free-port.ts'

/** Clients that come at once, while a worker is busy. */

const CLIENTS = 700

/** Connects this many clients to a place, and ends when all are connected, or after some seconds. */
const client = `
const { connect } = require('node:net')
const [place, count] = process.argv.slice(1)
let left = Number(count)
const end = () => process.stdout.write(String(left), () => process.exit())
setTimeout(end, 10000)
for (let n = left; n > 0; n--) {
  const socket = Number(place) ? connect(Number(place), '127.0.0.1') : connect(place)
  socket.on('connect', () => --left === 0 && end()).on('error', () => {})
}`

/** How many clients cannot connect while this process accepts none. */
function leftOut(place: string): number {
  const words = ['-e', client, place, String(CLIENTS)]
  const { stdout, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' })
  if (stdout === '') throw new Error(stderr)
  return Number(stdout)
}

/** Accepts and closes what has come, and then nothing more. */
const end = (server: Server) => new Promise<void>((resolve) => server.close(() => resolve()))

t.test('clients that come while a worker is busy wait in the kernel, each of them', async (t) => {
  const options = { mode: 0o600, group: undefined, option: '--test' }
  const port = await freePort()
  const directory = mkdtempSync(join(tmpdir(), 'onescan-')) // the path of a socket is short
  t.teardown(() => rmSync(directory, { recursive: true }))
  const path = join(directory, 'socket')
  const places = {
    tcp: { address: { kind: 'tcp', host: '127.0.0.1', port }, place: String(port) },
    unix: { address: { kind: 'unix', path }, place: path },
  } as const
  for (const [kind, { address, place }] of Object.entries(places)) {
    const open = {
      'its own': async (server: Server) => listenAt(server, address, options),
      'one of the first process': async (server: Server) => {
        const socket = await bindAt(address, options)
        server.once('close', socket.close)
        await listenOn(server, loadSystem()!.duplicate(socket.fd)) // as a worker inherits it
      },
      'one of the first process, for HTTP': async (server: Server) => {
        const socket = await bindAt(address, options)
        server.once('close', socket.close)
        await listenHttpOn(server as HttpServer, loadSystem()!.duplicate(socket.fd))
      },
    }
    for (const [whose, listen] of Object.entries(open)) {
      const server = createServer((socket) => void socket.on('error', () => {}).destroy())
      await listen(server)
      t.equal(leftOut(place), 0, `${kind}, ${whose}`)
      await end(server)
    }
  }
})

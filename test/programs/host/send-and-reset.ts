import { spawnSync } from 'node:child_process'

/**
 * Connects to a port of this host or a unix socket, sends text, and resets the connection (over TCP). A server in this process,
 * or one that is stopped, accepts the connection afterwards: then the system no longer knows its client.
 */
export function sendAndReset(at: number | string, text: string): void {
  const { status } = spawnSync(process.execPath, ['-e', CLIENT, String(at), text])
  if (status !== 0) throw new Error(`cannot connect to ${at}`)
}

const CLIENT = `
const [at, text] = process.argv.slice(1)
const socket = require('node:net').connect(/^\\d+$/.test(at) ? { host: '127.0.0.1', port: at } : at)
socket.write(text, () => socket.remoteAddress ? socket.resetAndDestroy() : socket.destroy())
`

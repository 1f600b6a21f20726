import { request } from 'node:http'
import { connect } from 'node:net'
import { makeEnvelope } from '../../../../src/mail/message/envelope.ts'
import { EICAR } from '../../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { freePort } from '../../../programs/host/free-port.ts'
import { type Ending, untilListening } from '../../../programs/host/server.ts'
import { closed } from '../../../run/closed.ts'
import { type DaemonSetup, type RunningDaemon, startOnescand } from '../process.ts'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

export interface Served extends RunningDaemon {
  readonly port: number
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Answer>
  /** Has a message judged: from, to, and whether EICAR is in it. */
  send(mail?: { from?: string; to?: string; id?: string; eicar?: boolean }): Promise<void>
}

/** Starts the built onescand with --http, and eicar as the scanner. */
export async function serve(t: Ending, setup: DaemonSetup = {}): Promise<Served> {
  const port = await freePort()
  const settings = { QHPSI: 'plugin: eicar', ...setup.settings }
  const args = ['--http', `inet:127.0.0.1:${port}`, ...(setup.args ?? [])]
  const daemon = await startOnescand(t, { ...setup, args, settings })
  await untilListening({ host: '127.0.0.1', port }, daemon.child) // mail is served before the page
  let sent = 0
  return {
    ...daemon,
    port,
    get: (path, headers = {}) => get(port, path, headers),
    async send({ from = 'a@example.org', to = 'b@example.org', id = '<1@x>', eicar = false } = {}) {
      const envelope = makeEnvelope(Buffer.from(from), [Buffer.from(to)]).wire
      // Each message is another one, since a known one is not scanned again.
      const body = eicar ? `${EICAR}\n${++sent}` : `body ${++sent}\n`
      const message = Buffer.from(`Subject: x\nMessage-ID: ${id}\n\n${body}`)
      await daemon.ask({ envelope, message, variables: { QHPSI: 'plugin: eicar' } })
    },
  }
}

export function get(
  port: number,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        resolve({ status: response.statusCode!, headers: response.headers, text })
      })
    })
    asked.on('error', reject)
    asked.end()
  })
}

/** Returns the value of a metric with these labels, or 0 if there is none. */
export function metric(text: string, name: string, labels: Readonly<Record<string, string>> = {}) {
  for (const line of text.split('\n')) {
    const [, found, inside = '', value] = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    if (found !== name) continue
    const has = Object.entries(labels).every(([key, label]) => inside.includes(`${key}="${label}"`))
    if (has) return Number(value)
  }
  return 0
}

/** Sends these bytes, and resolves to what comes back until the server closes. */
export async function askRaw(place: number | string, bytes: string): Promise<string> {
  const socket = typeof place === 'string' ? connect(place) : connect(place, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.on('error', () => {})
  socket.write(bytes)
  await closed(socket)
  return Buffer.concat(chunks).toString('latin1')
}

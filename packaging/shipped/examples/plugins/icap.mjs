// A plugin for PLUGINDIR: sends each content to an ICAP server (RFC 3507), an interface of many vendors' virus
// scanners. QHPSI="plugin: clamd icap.mjs". Adapt it to your server's replies.
// Tested with c-icap 0.5 and its service virus_scan, with clamd. Set its MaxObjectSize above the size of your largest
// message, since it reports larger ones as clean, and set StartSendPercentDataAfter, or it replies before the scan is
// finished. If it uses clamd on the same host, each scan costs about twice as much.
import { createReadStream } from 'node:fs'
import { createConnection } from 'node:net'

/** The address of the server and its service: icap://HOST:PORT/SERVICE. */
const SERVER = new URL(process.env.ICAP_SERVER ?? 'icap://127.0.0.1:1344/virus_scan')
/** Bytes that the server receives before it requests the rest, if it needs it: RFC 3507, 4.5. */
const PREVIEW = 4096
/** Header fields in which servers report a virus. The name is in Threat=NAME, or is the value. */
const FOUND =
  /^(?:x-infection-found:.*?Threat=([^;\r]+)|x-virus-id: *([^\r]+)|x-violations-found:)/im
/** Upper limit in bytes for the part of a reply that is kept: its header reports the result. */
const REPLY_MAX = 64 * 1024

const CONTINUE = 100
const MODIFIED = 200
const UNCHANGED = 204

export async function virusscan({ part, signal, ...message }) {
  const { path, size } = part ?? message
  const { hostname, port, host, pathname } = SERVER
  const socket = createConnection({
    host: hostname.replace(/[[\]]/g, ''),
    port: port || 1344,
    signal,
  })
  const replies = new Replies(socket)
  try {
    const page = 'HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n'
    const request = 'GET http://mail.invalid/content HTTP/1.1\r\nHost: mail.invalid\r\n\r\n'
    const preview = Math.min(PREVIEW, size)
    socket.write(
      `RESPMOD icap://${host}${pathname} ICAP/1.0\r\nHost: ${host}\r\nAllow: 204\r\nConnection: close\r\n` +
        `Preview: ${preview}\r\nEncapsulated: req-hdr=0, res-hdr=${request.length}, ` +
        `res-body=${request.length + page.length}\r\n\r\n${request}${page}`,
    )
    await sendChunks(socket, path, 0, preview)
    socket.write(size <= PREVIEW ? '0; ieof\r\n\r\n' : '0\r\n\r\n')
    let reply = await replies.next()
    if (reply.status === CONTINUE && size > PREVIEW) {
      await sendChunks(socket, path, preview, size)
      socket.write('0\r\n\r\n')
      reply = await replies.next()
    }
    return verdictOf(reply)
  } catch (error) {
    return { defer: `icap ${host}: ${error.message || error.code}` }
  } finally {
    socket.destroy()
  }
}

/** Only 204 is clean. 200 is infected if it names a virus; otherwise it is unknown: servers may echo the content. */
function verdictOf({ status, head, text }) {
  if (status === UNCHANGED) return { clean: true }
  const found = FOUND.exec(head)
  if (status === MODIFIED && found) {
    return { infected: true, name: (found[1] ?? found[2] ?? 'Icap.Violation').trim() }
  }
  if (status === MODIFIED && /^HTTP\/1\.[01] 403 /m.test(text)) {
    return { infected: true, name: 'Icap.Blocked' }
  }
  return { defer: `icap ${SERVER.host}: ${head.split('\r\n', 1)[0] || 'no reply'}` }
}

/** Sends these bytes of a file as HTTP chunks, as fast as the server reads. */
async function sendChunks(socket, path, start, end) {
  if (start === end) return
  for await (const bytes of createReadStream(path, { start, end: end - 1 })) {
    socket.write(`${bytes.length.toString(16)}\r\n`)
    socket.write(bytes)
    const isFull = !socket.write('\r\n')
    if (isFull && !socket.destroyed) {
      await new Promise((go) => socket.once('drain', go).once('close', go))
    }
    if (socket.destroyed) throw socket.errored ?? new Error('the server closed the connection')
  }
}

/** The replies of a server on one connection, one after another. */
class Replies {
  #bytes = Buffer.alloc(0)
  #end
  #wake = () => {}

  constructor(socket) {
    socket.on('data', (chunk) => {
      if (this.#bytes.length < REPLY_MAX) this.#bytes = Buffer.concat([this.#bytes, chunk])
      this.#wake()
    })
    socket.on('error', (error) => {
      this.#end ??= error
    })
    socket.on('close', () => {
      this.#end ??= new Error('the server closed the connection')
      this.#wake()
    })
  }

  /** Resolves to the next reply when its header has arrived; for 200 also that of the encapsulated HTTP reply. */
  async next() {
    for (;;) {
      const text = this.#bytes.toString('latin1')
      const end = text.indexOf('\r\n\r\n')
      const head = text.slice(0, end + 2)
      const status = Number(/^ICAP\/1\.0 (\d{3})/.exec(head)?.[1] ?? 0)
      const rest = text.slice(end + 4)
      const isWhole = status !== MODIFIED || rest.includes('\r\n\r\n') || this.#end !== undefined
      if (end >= 0 && isWhole) {
        this.#bytes = this.#bytes.subarray(end + 4)
        return { status, head, text: rest }
      }
      if (this.#end !== undefined) throw this.#end
      if (this.#bytes.length >= REPLY_MAX) throw new Error('the header of the reply is too long')
      await new Promise((go) => {
        this.#wake = go
      })
    }
  }
}

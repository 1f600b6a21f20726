import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import t from 'tap'
import { dial } from '../../../../src/base/protocol/connection/dial.ts'
import { lacks } from '../../../needs.mjs'
import { listen } from '../../../programs/host/listen.ts'
import { socketDirectory } from '../../../programs/host/socket-directory.ts'

/** How a client begins to connect to a server. */

t.test(
  'a server is reached by a path, a port, and over TLS with its name',
  { skip: lacks('openssl') },
  async (t) => {
    const directory = socketDirectory(t)
    const path = join(directory, 's')
    const [key, cert] = [join(directory, 'key'), join(directory, 'certificate')]
    const own = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key]
    const names = 'subjectAltName=IP:127.0.0.1,DNS:localhost'
    const about = ['-out', cert, '-days', '2', '-subj', '/CN=x', '-addext', names]
    execFileSync('openssl', ['req', '-x509', ...own, ...about], { stdio: 'ignore' })
    const greet = (socket: Socket) => socket.end('hello')
    await listen(t, createServer(greet), path)
    const port = await listen(t, createServer(greet))
    const certificate = { key: readFileSync(key), cert: readFileSync(cert) }
    const secure = createTlsServer(certificate, (socket) =>
      socket.end(`${'servername' in socket && socket.servername}`),
    )
    const securePort = await listen(t, secure)
    const heard = async (socket: Socket) => {
      t.teardown(() => socket.destroy())
      return String((await once(socket, 'data'))[0])
    }
    t.equal(await heard(dial({ path }, undefined)), 'hello')
    t.equal(await heard(dial({ host: '127.0.0.1', port, isSecure: false }, undefined)), 'hello')
    for (const [host, named] of [
      ['127.0.0.1', 'false'],
      ['localhost', 'localhost'],
    ] as const) {
      const server = { host, port: securePort, isSecure: true }
      t.equal(await heard(dial(server, cert)), named, 'the name by which a server chooses')
      await t.rejects(once(dial(server, undefined) as TLSSocket, 'secureConnect'), {
        code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
      })
      t.throws(() => dial(server, join(directory, 'none')), { code: 'ENOENT' })
    }
  },
)

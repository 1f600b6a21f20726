import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { mayNameMailbox } from '../../../src/base/protocol/quota/quota-answer.ts'
import { createPolicyDoor } from '../../../src/scanner/doors/policy/policy-service.ts'
import { listen } from '../../programs/host/listen.ts'
import { socketDirectory } from '../../programs/host/socket-directory.ts'
import { clientOf, extendedAnswer, udpService } from '../../scanner/scan/quota/services.ts'
import { openSppSession, rcptPlugins } from '../../stand-in/qmail-spp.ts'
import { missing, programs } from './program.ts'

/** The plugin below qmail-smtpd: what its client reads at RCPT. */

const mailboxes = {
  'full@example.org': [100, 100],
  'half@example.org': [50, 100],
} as const

const refusal = '452 4.2.2 Quota exceeded for <full@example.org>, try again later'

const root = join(import.meta.dirname, '../../..')

/** onescand's policy service on a socket, and the questions that its backend gets. */
async function onescand(t: Test, env: Readonly<Record<string, string>> = {}) {
  const backend = await udpService(t, extendedAnswer(mailboxes))
  const { client } = clientOf(t, `quotad:127.0.0.1:${backend.port}`, env)
  const log: string[] = []
  const service = createPolicyDoor(
    { quota: client, isOff: () => false, log: (line) => void log.push(line.toString()) },
    { maxConnections: 10, log: (line) => void log.push(line) },
  )
  const socket = join(socketDirectory(t), 'policy')
  service.server.listen(socket)
  await once(service.server, 'listening')
  t.teardown(() => service.close(0))
  return { QUOTASOCKET: socket, heard: backend.heard, log }
}

/** A server at a unix socket that is not an onescand. */
async function impostor(t: Test, talk: (socket: Socket) => void) {
  const path = join(socketDirectory(t), 'impostor')
  await listen(t, createServer(talk), path)
  return { QUOTASOCKET: path }
}

t.test('the plugin', { skip: missing }, async (t) => {
  t.test('the example for control/smtpplugins refuses a full mailbox', async (t) => {
    const { QUOTASOCKET } = await onescand(t)
    const example = readFileSync(
      join(root, 'packaging/shipped/examples/qmail/smtpplugins'),
      'latin1',
    )
    const here = example.replace('/usr/sbin/onescan-rcptquota', programs[0]!.program)
    t.not(here, example)
    const session = openSppSession(rcptPlugins(here), { QUOTASOCKET })
    session.mail('x@example.net')
    t.equal(await session.rcpt('full@example.org'), refusal)
    t.equal(await session.rcpt('half@example.org'), '250 ok')
  })

  for (const { name, program } of programs) {
    const open = (environment: Readonly<Record<string, string>>) => {
      const env = { CONTROLDIR: '/nonexistent', TCPREMOTEIP: '192.0.2.1', ...environment }
      const session = openSppSession([[program]], env)
      session.mail('x@example.net')
      return session
    }

    t.test(name, async (t) => {
      t.test('the plugin asks onescand, and refuses only the full recipient', async (t) => {
        const { QUOTASOCKET, heard, log } = await onescand(t)
        const session = open({ QUOTASOCKET })
        t.equal(await session.rcpt('full@example.org'), refusal)
        t.equal(await session.rcpt('half@example.org'), '250 ok')
        t.equal(await session.rcpt('nobody@example.org'), '250 ok')
        t.equal(await session.rcpt('full@example.org'), refusal)
        t.equal(heard.length, 3, 'what onescand knows is not asked again')
        t.equal(session.log, '')
        t.match(log[0], / remote=192\.0\.2\.1 .*from=<x@example\.net> to=<full@example\.org>/)
      })

      for (const scheme of ['quotad', 'udp']) {
        t.test(`it asks by ${scheme}: only the full recipient is refused`, async (t) => {
          const service = await udpService(t, (packet) => {
            if (scheme === 'quotad') return extendedAnswer(mailboxes)(packet)
            return packet === 'CHECK_QUOTA full@example.org' ? 'QUOTA_FULL' : 'QUOTA_OK'
          })
          const session = open({ QUOTAD: `${scheme}:127.0.0.1:${service.port}` })
          t.match(await session.rcpt('full@Example.ORG'), /^452 4\.2\.2 .*<full@Example\.ORG>/)
          t.equal(await session.rcpt('half@example.org'), '250 ok')
          t.equal(session.log, '')
        })
      }

      t.test('the plugin asks over IPv6, too', async (t) => {
        const session = open({ QUOTAD: 'udp:[::1]:9', QUOTATIMEOUT: '100' })
        t.equal(await session.rcpt('full@example.org'), '250 ok')
        t.match(session.log, /^onescan-rcptquota: udp:\[::1\]:9: /)
      })

      t.test('with QUOTANAME=local the plugin asks for the part before the @', async (t) => {
        const service = await udpService(t, () => 'QUOTA_FULL')
        const QUOTAD = `udp:127.0.0.1:${service.port}`
        const session = open({ QUOTAD, QUOTANAME: 'local' })
        t.equal(await session.rcpt('full@example.org'), refusal)
        t.same([...new Set(service.heard)], ['CHECK_QUOTA full']) // asked again if it is slow
      })

      t.test('the plugin asks about the names that the daemons let a mailbox have', async (t) => {
        const bytes = Array.from({ length: 127 }, (_, byte) => String.fromCharCode(byte + 1))
        const names = [
          ...bytes.map((byte) => `a${byte}b@example.org`),
          ...['', 'a..b@example.org', '..', 'é@example.org', 'a'.repeat(255), 'a'.repeat(256)],
        ]
        for (const SMTPRCPTTO of names) {
          const { stderr } = spawnSync(program, { env: { SMTPRCPTTO } })
          const isAskedAbout = stderr.includes('neither QUOTASOCKET nor QUOTAD is set')
          t.equal(isAskedAbout, mayNameMailbox(SMTPRCPTTO), JSON.stringify(SMTPRCPTTO))
        }
      })

      t.test('a word that a setting does not have is logged, and counts as unset', async (t) => {
        const service = await udpService(t, () => 'QUOTA_FULL')
        const QUOTAD = `udp:127.0.0.1:${service.port}`
        const named = open({ QUOTAD, QUOTANAME: 'Local' })
        t.equal(await named.rcpt('full@example.org'), refusal)
        t.equal(service.heard[0], 'CHECK_QUOTA full@example.org')
        t.equal(named.log, 'onescan-rcptquota: QUOTANAME="Local": must be address or local\n')
        const relaying = open({ QUOTAD, RELAYCLIENT: '', QUOTARELAY: 'yes' })
        t.equal(await relaying.rcpt('full@example.org'), '250 ok')
        t.equal(relaying.log, 'onescan-rcptquota: QUOTARELAY="yes": must be pass or ask\n')
      })

      t.test('without onescand, the plugin asks the service itself', async (t) => {
        const service = await udpService(t, extendedAnswer(mailboxes))
        const QUOTAD = `quotad:127.0.0.1:${service.port}`
        const session = open({ QUOTASOCKET: '/nonexistent/policy', QUOTAD })
        t.equal(await session.rcpt('full@example.org'), refusal)
        t.match(session.log, /^onescan-rcptquota: onescand at \/nonexistent\/policy: No such file/)
      })

      t.test('the plugin does not ask about recipients of other hosts', async (t) => {
        const service = await udpService(t, () => 'QUOTA_FULL')
        const QUOTAD = `udp:127.0.0.1:${service.port}`
        const off = socketDirectory(t)
        writeFileSync(join(off, 'onescan.off'), '')
        const names = ['', '@x', 'a b@x', '../x', 'a\nb@x', 'x'.repeat(256), 'y'.repeat(100_000)]
        for (const name of names) t.equal(await open({ QUOTAD }).rcpt(name), '250 ok')
        const others = [{ RELAYCLIENT: '' }, { SMTPAUTHUSER: 'ann' }, { CONTROLDIR: off }]
        for (const environment of others) {
          t.equal(await open({ QUOTAD, ...environment }).rcpt('full@example.org'), '250 ok')
        }
        t.equal(await open({ QUOTAD }).rcpt('full@elsewhere.example.com'), '250 ok')
        t.same(service.heard, [])
        const asking = { QUOTAD, RELAYCLIENT: '', QUOTARELAY: 'ask' }
        t.equal(await open(asking).rcpt('full@example.org'), refusal)
      })

      t.test('no byte of an address ends its line', async (t) => {
        const service = await udpService(t, () => 'QUOTA_FULL')
        const session = open({ QUOTAD: `udp:127.0.0.1:${service.port}` })
        const reply = await session.rcpt('m\u00fcller@example.org')
        t.equal(reply, '452 4.2.2 Quota exceeded for <m??ller@example.org>, try again later')
      })

      t.test('a lost datagram is sent again', async (t) => {
        const answer = extendedAnswer(mailboxes)
        const service = await udpService(t, (packet) => {
          return service.heard.length < 3 ? undefined : answer(packet)
        })
        const QUOTAD = `quotad:127.0.0.1:${service.port}`
        const session = open({ QUOTAD, QUOTATIMEOUT: '3000' })
        t.equal(await session.rcpt('full@example.org'), refusal)
        t.equal(new Set(service.heard).size, 1, 'with the same nonce')
      })

      const invalid: Readonly<Record<string, (nonce: string) => string>> = {
        'another name': (nonce) => `QUOTA_FULL ben@example.org 9 9 ${nonce}`,
        'a name that begins like this one': (nonce) => `QUOTA_FULL full@example.orgy 9 9 ${nonce}`,
        'another nonce': () => 'QUOTA_FULL full@example.org 9 9 0123456789abcdef',
        'no nonce': () => 'QUOTA_FULL',
        'only the nonce': (nonce) => nonce,
        'another word': (nonce) => `QUOTA_FULLER full@example.org 9 9 ${nonce}`,
        NULs: (nonce) => `\0\0\0${nonce}`,
        nothing: () => '',
        'too much': (nonce) => `QUOTA_FULL full@example.org ${'9'.repeat(5000)} ${nonce}`,
      }
      t.test('a datagram that is not an answer is skipped', async (t) => {
        for (const [what, answer] of Object.entries(invalid)) {
          const service = await udpService(t, (packet) => {
            const nonce = packet.split(' ')[3]!
            return [answer(nonce), `QUOTA_OK full@example.org 1 9 ${nonce}`]
          })
          const session = open({ QUOTAD: `quotad:127.0.0.1:${service.port}` })
          t.equal(await session.rcpt('full@example.org'), '250 ok', what)
          t.equal(session.log, '', what)
        }
      })

      const silences: Readonly<Record<string, (t: Test) => Promise<Record<string, string>>>> = {
        'neither is set': async () => ({}),
        'a service that is asked over HTTP': async () => ({ QUOTAD: 'http://127.0.0.1/q' }),
        'a name instead of an address': async () => ({ QUOTAD: 'udp:localhost:9' }),
        'a port that is none': async () => ({ QUOTAD: 'udp:127.0.0.1:70000' }),
        'nobody who listens': async () => ({ QUOTAD: 'udp:127.0.0.1:9' }),
        'a service that is silent': async (t) => {
          const { port } = await udpService(t, () => undefined)
          return { QUOTAD: `udp:127.0.0.1:${port}` }
        },
        'a service that does not know': async (t) => {
          const { port } = await udpService(t, () => 'QUOTA_ERROR full@example.org')
          return { QUOTAD: `udp:127.0.0.1:${port}` }
        },
        'a socket path that is too long': async () => ({ QUOTASOCKET: `/${'x'.repeat(200)}` }),
        'an onescand that is silent': (t) => impostor(t, () => {}),
        'an onescand that hangs up': (t) => impostor(t, (socket) => socket.destroy()),
        'an onescand that stops in the middle': (t) => {
          return impostor(t, (socket) => socket.end('action=452 4.2.2 '))
        },
        'an onescand that answers something else': (t) => {
          return impostor(t, (socket) => socket.end('action=REJECT\n\n'))
        },
        'an onescand without an end': (t) => {
          return impostor(t, (socket) => socket.end('x'.repeat(5000)))
        },
      }
      t.test('a recipient passes and the reason is logged if the quota is unknown', async (t) => {
        for (const [what, settings] of Object.entries(silences)) {
          const session = open({ QUOTATIMEOUT: '60', ...(await settings(t)) })
          t.equal(await session.rcpt('full@example.org'), '250 ok', what)
          t.match(session.log, /^(onescan-rcptquota: [ -~]+\n){1,2}$/, what)
        }
      })

      t.test('the log distinguishes a server that hangs up from one that is silent', async (t) => {
        const reasons: [string, string, (socket: Socket) => void][] = [
          ['no answer in 90 ms', '60', () => {}],
          [
            'closed the connection without an answer',
            '60000',
            (socket) => socket.end('action=452 4.2.2 '),
          ],
          ['the answer is too long', '60000', (socket) => socket.end('x'.repeat(5000))],
        ]
        for (const [reason, QUOTATIMEOUT, talk] of reasons) {
          const session = open({ QUOTATIMEOUT, ...(await impostor(t, talk)) })
          await session.rcpt('full@example.org')
          t.match(session.log, reason)
        }
      })
    })
  }
})

import '../../../needs-addon.ts'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { writeAttributes } from '../../../../src/base/protocol/policy-attributes.ts'
import { makeEnvelope } from '../../../../src/mail/message/envelope.ts'
import { freePort } from '../../../programs/host/free-port.ts'
import { socketDirectory } from '../../../programs/host/socket-directory.ts'
import { runtimes, startOnescand } from '../../daemon/process.ts'
import { extendedAnswer, udpService } from '../../scan/quota/services.ts'
import { mailboxes } from './rig.ts'

/** `onescand --policy`, and the slot's door with a quota, as they run. */

const full = 'action=452 4.2.2 Quota exceeded for <full@example.org>, try again later\n\n'

/** Asks one question on a connection of its own, and resolves to the whole answer. */
async function ask(
  place: { readonly path: string } | { readonly port: number },
  recipient: string,
): Promise<string> {
  const socket = connect('path' in place ? { path: place.path } : { ...place, host: '127.0.0.1' })
  let answer = ''
  socket.setEncoding('latin1')
  socket.on('data', (text: string) => {
    answer += text
    if (answer.endsWith('\n\n')) socket.end()
  })
  socket.write(
    writeAttributes({ request: 'smtpd_access_policy', protocol_state: 'RCPT', recipient }),
  )
  await once(socket, 'close')
  return answer
}

const backend = (t: Test) => udpService(t, extendedAnswer(mailboxes))

for (const { name, program } of runtimes) {
  t.test(`${name}: on a path and on a port, by all its processes`, async (t) => {
    const { port: service } = await backend(t)
    const port = await freePort()
    const path = join(socketDirectory(t), 'policy')
    const daemon = await startOnescand(t, {
      program,
      args: ['--workers', '2', '--policy', `inet:127.0.0.1:${port}`, '--policy', `unix:${path}`],
      settings: { QUOTAD: `quotad:127.0.0.1:${service}` },
    })
    for (const place of [{ path }, { port }]) {
      for (let n = 0; n < 10; n++) {
        t.equal(await ask(place, 'full@example.org'), full)
        t.equal(await ask(place, 'half@example.org'), 'action=DUNNO\n\n')
      }
    }
    daemon.child.kill('SIGUSR1')
    await daemon.logged(/quota questions=\d+ asked=\d+ cached=\d+ .*full=\d+/)
    daemon.child.kill('SIGTERM')
    t.equal(await daemon.ended, 0)
  })
}

t.test('at SIGHUP onescand reads the settings again, and drops cached answers', async (t) => {
  const { port } = await backend(t)
  const path = join(socketDirectory(t), 'policy')
  const daemon = await startOnescand(t, {
    args: ['--socket', 'none', '--policy', `unix:${path}`],
    settings: { QUOTAD: `quotad:127.0.0.1:${port}` },
  })
  for (let n = 0; n < 2; n++) await ask({ path }, 'half@example.org')
  daemon.child.kill('SIGHUP')
  await daemon.logged(/^onescand: quota questions=2 asked=1 cached=1 /)
  const summaries = daemon.log.filter((line) => /quota questions=/.test(line))
  t.equal(summaries.length, 1, 'by the process that asks, and by no other')
  await ask({ path }, 'half@example.org')
  daemon.child.kill('SIGUSR1')
  await daemon.logged(/^onescand: quota questions=1 asked=1 cached=0 /)
})

t.test('at SIGHUP the map is read again; one that cannot be used changes nothing', async (t) => {
  const { port } = await backend(t)
  const directory = socketDirectory(t)
  const [path, map] = [join(directory, 'policy'), join(directory, 'map')]
  writeFileSync(map, '@example.net udp:127.0.0.1:9\n')
  const daemon = await startOnescand(t, {
    args: ['--socket', 'none', '--policy', `unix:${path}`],
    settings: { QUOTAD: `map:${map}` },
  })
  t.equal(await ask({ path }, 'full@example.org'), 'action=DUNNO\n\n')
  writeFileSync(map, `@example.org quotad:127.0.0.1:${port}\n`)
  daemon.child.kill('SIGHUP')
  await daemon.logged(/quota questions=1 /)
  t.equal(await ask({ path }, 'full@example.org'), full)
  writeFileSync(map, '@example.org nonsense\n')
  daemon.child.kill('SIGHUP')
  await daemon.logged(/the old configuration remains in use: .*map line 1: nonsense: must be /)
  t.equal(await ask({ path }, 'full@example.org'), full)
  t.notMatch(daemon.log.join('\n'), /Debugger/)
})

t.test('onescan-queue refuses a message if all its recipients are full', async (t) => {
  const service = await backend(t)
  const QUOTAD = `quotad:127.0.0.1:${service.port}`
  const daemon = await startOnescand(t, { settings: { QUOTAD, QHPSI: 'plugin: eicar' } })
  const envelopeTo = (...names: readonly string[]) => {
    const recipients = names.map((name) => Buffer.from(`${name}@example.org`))
    return makeEnvelope(Buffer.from('a@example.net'), recipients).wire
  }
  const variables = { ERROR_FD: '6', TCPREMOTEIP: '192.0.2.1' }

  for (const settings of [
    { QHPSI: 'plugin: eicar' },
    { QHPSI: 'plugin: eicar', QUOTAD },
    { QUOTAD },
  ]) {
    const asks = (envelope: Buffer, more = {}) =>
      daemon.ask({ envelope, takesReply: true, variables: { ...variables, ...settings, ...more } })

    t.test(`with ${Object.keys(settings).join(' and ')}`, async (t) => {
      const refused = await asks(envelopeTo('full'))
      t.match(refused, { does: 'end', code: 82 })
      t.equal(refused.text, 'ZQuota exceeded for <full@example.org>, try again later (#4.2.2)')
      t.match(
        refused.log,
        /^onescan: decision=defer scan=skipped grounds=over-quota reason="all recipients are over/,
      )
      t.match(await asks(envelopeTo('full', 'half')), { does: 'hand on' })
      t.match(await asks(envelopeTo('full'), { RELAYCLIENT: '' }), { does: 'hand on' })
    })
  }

  t.test('a client that has another QUOTAD scans standalone', async (t) => {
    for (const QHPSI of ['', 'plugin: eicar']) {
      const question = { variables: { QHPSI, QUOTAD: 'udp:127.0.0.1:9' } }
      t.match(await daemon.ask(question), { does: 'go standalone', reason: /^QUOTAD differs/ })
    }
  })

  t.test('a client without quota and scanners is passed on', async (t) => {
    t.match(await daemon.ask({ envelope: envelopeTo('full'), variables: {} }), { does: 'hand on' })
  })
})

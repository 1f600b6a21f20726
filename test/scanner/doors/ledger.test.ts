import { readdirSync } from 'node:fs'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { Budget } from '../../../src/base/flow/memory-budget.ts'
import { writeAttributes } from '../../../src/base/protocol/policy-attributes.ts'
import { buildStage } from '../../cases/stage.ts'
import { closed } from '../../run/closed.ts'
import { createRandom, type Random } from '../../run/random.ts'
import { until } from '../../run/until.ts'
import { clientOf, extendedAnswer, udpService } from '../scan/quota/services.ts'
import { inStream, openClamdDoor } from './clamd/rig.ts'
import { macros, packets } from './milter/mta.ts'
import { openMilter } from './milter/rig.ts'
import { mailboxes, openPolicyDoor } from './policy/rig.ts'
import { call, framesOf } from './slot/socket/client.ts'
import { openSlot } from './slot/socket/rig.ts'
import { openBetween } from './smtp/between.ts'
import { openDoor } from './smtp/rig.ts'

/**
 * Clients that break off, send nonsense, leave answers unread, come in crowds, or ask for more memory than there
 * is, drawn at random: whatever happens to what they ask, its connections, its memory and its descriptors are
 * given back.
 */

/** A door whose clients are drawn at random. */
interface Ledger {
  readonly rounds: number
  /** What one client does, from its connection to its end. */
  converse(): Promise<void>
  /** The clients that are served. */
  clients(): number
  /** What is charged to clients: bytes, or requests under way. */
  charged(): number
}

/** Bytes of memory for all clients of a door. */
const MEMORY = 400_000

/** There is no spool below it. */
const diskless = { TMPDIR: '/nonexistent' }

const text = '\r\nline of text'

async function ofSlot(t: Test, { below, once, pick }: Random): Promise<Ledger> {
  const { scanner: QHPSI, quarantine: QUARANTINE } = buildStage(t)
  const variables = { QHPSI, QUARANTINE }
  const slot = await openSlot(t, variables, { memory: MEMORY })
  return {
    rounds: 15,
    clients: () => slot.state().clients,
    charged: () => slot.state().memory,
    async converse() {
      const socket = await call(slot.socket)
      const message = `Subject: x\n\n${pick(['VIRUS', 'TROUBLE', 'hello'])}\n${text.repeat(pick([0, 9_000, 30_000]))}`
      const frames = framesOf({
        variables: once(6) ? { ...variables, PATH: 'x'.repeat(500_000) } : variables,
        message: Buffer.from(message),
        ...(once(4) && { size: pick([0, 1e9]) }),
      })
      const whole = Buffer.concat(once(8) ? [...frames, Buffer.from('nonsense')] : frames)
      const leaves = once(3)
      socket.write(leaves ? whole.subarray(0, below(whole.length)) : whole)
      if (!leaves && !once(3)) socket.resume()
      if (once(2)) socket.destroy()
      else socket.end().resume()
      await closed(socket)
    },
  }
}

async function ofMilter(t: Test, { below, once, pick }: Random): Promise<Ledger> {
  const stage = buildStage(t)
  const budget = new Budget(MEMORY)
  const settings = { QHPSI: stage.scanner, QUARANTINE: stage.quarantine }
  const whole = await openMilter(t, settings, { budget })
  const small = await openMilter(t, { ...settings, ...diskless }, { budget })

  function* message(): Generator<Buffer> {
    yield macros('M', { i: '4TEST' })
    yield packets.mail('a@example.org', 'SIZE=100')
    for (let n = pick([0, 1, 700]); n > 0; n--) {
      yield macros('R', { '{rcpt_addr}': pick(['b@example.org', 'b']) })
      yield packets.recipient(pick([`user${n}.${'x'.repeat(50)}@example.org`, '@r:b@example.org']))
    }
    yield packets.field('Subject', ` ${'x'.repeat(pick([1, 60_000]))}`)
    if (once(8)) yield Buffer.from([0, 0, 0, 2, 0x7a, 0x7a]) // a command that nobody knows
    yield packets.endOfHeader
    yield packets.body(pick(['VIRUS\r\n', 'TROUBLE\r\n', 'hello\r\n']))
    for (let n = pick([0, 2, 12]); n > 0; n--) yield packets.body(text.repeat(2_000))
    yield pick([packets.end, packets.end, packets.abort])
  }
  return {
    rounds: 15,
    clients: () => whole.state().clients + small.state().clients,
    charged: () => budget.used,
    async converse() {
      const line = await pick([whole, whole, small]).connect()
      const sent = [...message(), ...(once(2) ? message() : [])]
      const leaving = once(3) ? below(sent.length) : sent.length
      const cut = once(2) ? [Buffer.concat(sent.slice(leaving, leaving + 1)).subarray(0, 9)] : []
      line.write(...sent.slice(0, leaving), ...cut, ...(once(4) ? [packets.quit] : []))
      if (leaving === sent.length && sent.at(-1) === packets.end && !once(3)) await line.hear()
      if (once(2)) line.socket.destroy()
      else await line.close()
    },
  }
}

async function ofSmtp(t: Test, { below, once, pick }: Random): Promise<Ledger> {
  const budget = new Budget(MEMORY)
  const rules = 'to=skip@example.org scan off\n'
  const { next, door: whole, stage } = await openBetween(t, { rules, keeps: true, budget })
  const { scanner: QHPSI, quarantine: QUARANTINE } = stage
  const settings = { QHPSI, QUARANTINE, CONTROLDIR: stage.rules(rules), ...diskless }
  const small = await openDoor(t, next.port, { settings, budget })
  next.script = (_, __, socket) => {
    if (!once(16)) return undefined
    if (once(2)) return `${pick(['421', '451', '550'])} 4.3.0 drawn`
    socket.destroy()
    return 'silence'
  }
  return {
    rounds: 15,
    clients: () => whole.state().clients + small.state().clients + next.open,
    charged: () => budget.used,
    async converse() {
      const client = await pick([whole, whole, small]).call()
      const lines = [
        'EHLO x',
        'XFORWARD ADDR=192.0.2.9 PORT=77',
        `MAIL FROM:<a${below(9)}@b.example>`,
      ]
      for (let n = pick([1, 2, 700]); n > 0; n--) {
        const to = pick(['skip@example.org', `user${n}.${'x'.repeat(50)}@example.org`])
        lines.push(`RCPT TO:<${to}>`)
      }
      const leaving = once(3) ? below(lines.length + 3) : Number.POSITIVE_INFINITY
      for (const line of [...lines, 'DATA'].slice(0, leaving)) {
        client.write(`${line}\r\n`)
        const reply = await client.hear()
        if (reply === undefined) break
        if (!reply.startsWith('354')) continue
        const isWhole = !once(4)
        const body = pick(['VIRUS', 'TROUBLE', 'hello', 'a\nb', 'a\rb'])
        const more = text.repeat(pick([0, 10, 9_000, 30_000]))
        client.write(`Subject: x\r\n\r\n${body}${more}\r\n${isWhole ? '.\r\n' : ''}`)
        if (isWhole && !once(3)) await client.hear()
      }
      if (once(2)) client.socket.destroy()
      else await client.close()
    },
  }
}

async function ofClamd(t: Test, { below, once, pick }: Random): Promise<Ledger> {
  const budget = new Budget(MEMORY)
  const { scanner: QHPSI } = buildStage(t)
  const whole = await openClamdDoor(t, { QHPSI }, { budget })
  const small = await openClamdDoor(t, { QHPSI, ...diskless }, { budget })
  const request = () =>
    pick([
      ...[
        'zPING\0',
        'nVERSION\n',
        'nonsense',
        'zSCAN /nonexistent\0',
        'zINSTREAM\0\xff\xff\xff\xff',
      ],
      inStream(
        `Subject: x\n\n${pick(['VIRUS', 'TROUBLE', 'hello'])}\n${text.repeat(pick([0, 9_000, 30_000]))}`,
      ),
    ])
  return {
    rounds: 15,
    clients: () => whole.state().clients + small.state().clients,
    charged: () => budget.used,
    async converse() {
      const { socket } = await pick([whole, whole, small]).call()
      if (once(2)) socket.write('zIDSESSION\0')
      for (let n = pick([1, 3, 12]); n > 0; n--) {
        const bytes = Buffer.from(request() as string, 'latin1')
        socket.write(once(6) ? bytes.subarray(0, below(bytes.length)) : bytes)
        if (once(3)) await new Promise(setImmediate)
      }
      if (once(3)) socket.destroy()
      else socket.end()
      await closed(socket)
    },
  }
}

async function ofPolicy(t: Test, { below, once: oneIn, pick }: Random): Promise<Ledger> {
  const answer = extendedAnswer(mailboxes)
  const backend = await udpService(t, (packet) => (oneIn(8) ? undefined : answer(packet)))
  let time = 0
  const nextDay = () => (time += 86_400_000) // no cached answer still counts then
  const address = `quotad:127.0.0.1:${backend.port}`
  const { client } = clientOf(t, address, { QUOTATIMEOUT: '50' }, undefined, nextDay)
  let asking = 0
  const quota = {
    asksForRelayClients: client.asksForRelayClients,
    async ask(...question: Parameters<typeof client.ask>) {
      asking++
      try {
        return await client.ask(...question)
      } finally {
        asking--
      }
    },
  }
  const policy = { quota, isOff: () => oneIn(20), log: () => {} }
  const { service, port } = await openPolicyDoor(t, policy, 4)
  await client.ask({ text: 'a@b', local: 'a', domain: 'b' }) // its sockets stay open

  const request = () =>
    writeAttributes({
      request: pick(['smtpd_access_policy', 'nonsense']),
      protocol_state: pick(['RCPT', 'RCPT', 'RCPT', 'DATA']),
      recipient: pick([...Object.keys(mailboxes), `user${below(1000)}@example.org`, '']),
      sender: 'x'.repeat(pick([1, 300])),
      size: pick(['0', '51', 'much']),
    })
  const nonsense = () =>
    pick(['\n', 'no attribute\n\n', `a=${'x'.repeat(64 * 1024)}`, request().subarray(0, 40)])
  return {
    rounds: 30,
    clients: () => service.state().clients,
    charged: () => asking, // those whose client has left are answered, too
    async converse() {
      const socket = connect({ port, host: '127.0.0.1' })
      socket.on('error', () => {})
      if (oneIn(3)) socket.pause()
      else socket.resume()
      for (let n = pick([0, 1, 3, 600]); n > 0 && !socket.destroyed; n--) {
        socket.write(oneIn(100) ? nonsense() : request())
        if (oneIn(10)) await new Promise(setImmediate)
      }
      if (oneIn(4)) socket.write(nonsense())
      pick([() => socket.destroy(), () => socket.resetAndDestroy(), () => socket.end()])()
      socket.resume()
      await closed(socket)
    },
  }
}

/** The descriptors that this process has open. */
const descriptors = () => readdirSync('/proc/self/fd').length

for (const [name, open] of Object.entries({
  'the slot socket': ofSlot,
  'the milter interface': ofMilter,
  SMTP: ofSmtp,
  "clamd's clients": ofClamd,
  'the policy service': ofPolicy,
})) {
  t.test(`${name}: when all clients have left, nothing is charged, nothing open`, async (t) => {
    const { rounds, converse, clients, charged } = await open(t, createRandom(1))
    let before = 0
    for (let round = 0; round < rounds; round++) {
      await Promise.all(Array.from({ length: 8 }, converse))
      await until(() => clients() === 0, `round ${round}: all clients have left`)
      // What is judged when its client leaves is given back when the scan has ended.
      await until(() => charged() === 0, `round ${round}: all is given back`)
      // From its first clients on a door has some of its own.
      if (round === 0) before = descriptors()
    }
    t.ok(await until(() => descriptors() <= before, 'all descriptors are closed'))
  })
}

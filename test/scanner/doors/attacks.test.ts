import t from 'tap'
import { missing as noCompiler } from '../../c/onescanc/client.ts'
import { attacks } from '../../messages/attacks.ts'
import { freePort } from '../../programs/host/free-port.ts'
import type { Ending } from '../../programs/host/server.ts'
import { clamdAnswer, clamdMissing, startClamd } from '../../programs/servers/clamd.ts'
import { isWhole } from '../../run/is-whole.ts'
import { startOnescand } from '../daemon/process.ts'
import { milterDoor } from './passages/milter-door.ts'
import { type Door, inLanes, type Variant } from './passages/passage.ts'
import { openPlace } from './passages/place.ts'
import { readByLines } from './passages/readers.ts'
import { clientAndDaemon, slotSocket, standaloneSlot } from './passages/slot-doors.ts'
import { smtpDoor } from './passages/smtp-door.ts'
import { faults } from './passages/truths.ts'
import { startNext } from './smtp/next-server.ts'

/** What hosts do with viruses. */
const variants: readonly Variant[] = ['refuse', 'tag', 'skip']
/** Messages in all doors at a time. */
const AT_ONCE = 16
/** onescanc sends less than this. From 64 KiB on, it names a file in SPOOLDIR if there is one. */
const EPILOGUE = Buffer.alloc(80_000, '\nwhat stands behind all that matters')
/** The field that the next host adds on top, before it reads the message. */
const NEXT_HOST = 'Received: from a.example.org by b.example.org; Fri, 20 Nov 2026 10:00:00 +0000'

type Doors = Readonly<Record<'standalone' | 'client' | 'socket' | 'milter' | 'smtp', Door>>

/** All doors of a host of each variant, before one real clamd. */
async function openHosts(t: Ending, clamd: string): Promise<Readonly<Record<Variant, Doors>>> {
  const next = await startNext(t)
  const { at, settings: both } = openPlace(t, clamd)
  const { REJECTVIRUS: _, ...tag } = both
  const settings = {
    tag,
    refuse: { ...both, SECONDLOOK: 'never' }, // attacks must fail without a second look, too
    skip: { ...both, QHPSIMAXSIZE: '1', OVERSIZE: 'accept' },
  }
  const open = async (variant: Variant): Promise<Doors> => {
    const [milter, port, own] = [at(variant), await freePort(), settings[variant]]
    const relay = ['--smtp', `inet:127.0.0.1:${port}`, '--next', `inet:127.0.0.1:${next.port}`]
    const args = ['--milter', `unix:${milter}`, ...relay]
    const daemon = await startOnescand(t, { args, settings: own })
    const standalone = standaloneSlot(own)
    return {
      standalone,
      client: clientAndDaemon(own, daemon.socket),
      socket: slotSocket(own, daemon, standalone),
      milter: milterDoor(t, daemon, milter),
      smtp: smtpDoor(daemon, port, next),
    }
  }
  return { refuse: await open('refuse'), tag: await open('tag'), skip: await open('skip') }
}

/** Returns the virus that clamd finds in a message that was passed on, or ''. */
async function virusIn(clamd: string, left: Buffer): Promise<string> {
  const ending = left[left.indexOf(0x0a) - 1] === 0x0d ? '\r\n' : '\n'
  const found = await clamdAnswer(clamd, Buffer.concat([Buffer.from(NEXT_HOST + ending), left]))
  if (found.answer === 'clean') return ''
  return found.answer === 'infected' ? found.name : found.answer
}

// promise: no-edit-virus, scanned-is-queued
t.test(
  'no door passes mail that once carried a virus or a forged tag past it',
  { skip: clamdMissing || noCompiler },
  async (t) => {
    const { socket: clamd } = await startClamd(t, { alertExceedsMax: true })
    const hosts = await openHosts(t, clamd)
    const outcomes = new Map<string, number>()
    const calls = attacks.flatMap(({ name: what, message }, number) => {
      const through =
        (name: keyof Doors, variant: Variant = 'refuse', behind = Buffer.alloc(0)) =>
        async () => {
          const door = hosts[variant][name]
          const mail = Buffer.concat([message(Math.floor(Date.now() / 1000)), behind])
          const passage = await door.send(mail)
          const { outcome, left } = passage
          const readings = left && { fields: readByLines(left), virus: await virusIn(clamd, left) }
          t.same(faults(passage, readings, variant), [], `${door.name}, ${variant}: ${what}`)
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
        }
      const some = isWhole ? variants : (['refuse'] as const)
      return [
        ...variants.map((variant) => through('socket', variant)),
        ...some.flatMap((variant) => [through('milter', variant), through('smtp', variant)]),
        through('client'),
        ...(isWhole || number % 5 === 0
          ? [through('standalone'), through('client', 'refuse', EPILOGUE)]
          : []),
      ]
    })
    await inLanes(calls, AT_ONCE, (call) => call())
    t.ok(outcomes.get('passed')! > calls.length / 4, 'many were passed on, and read')
    t.ok(outcomes.get('refused')! > 0, 'some were refused')
  },
)

import '../../../../needs-addon.ts'
import t from 'tap'
import { loadSystem } from '../../../../../src/base/runtime/system.ts'
import { MEMORY_FILE_MAX } from '../../../../../src/mail/message/gathered-file.ts'
import { ClamdScanner } from '../../../../../src/scanner/scan/scanners/clamd/clamd-scanner.ts'
import { STREAMED_MAX } from '../../../../../src/scanner/scan/scanners/clamd/clamd-server.ts'
import type { Sample } from '../../../../../src/scanner/scan/scanners/contract/scanner.ts'
import { ReadBy } from '../../../../mail/message/bytes.ts'
import { until } from '../../../../run/until.ts'
import { type Asked, numbered, standIn } from './stand-in.ts'
import { clamdSettings, sample, scanTask } from './task.ts'

const SMALL_DESCRIPTOR_MAX = 1024 * 1024

const passing = loadSystem()!
const least = sample(Buffer.from('From: a@example.org\n\nHello\n'))
const small = sample(Buffer.alloc(STREAMED_MAX + 1, 'a'))
const large = sample(Buffer.alloc(SMALL_DESCRIPTOR_MAX + 1, 'a'))

const isProbe = ({ command, message }: Asked) => command === 'zINSTREAM' && message.length === 1

const TOO_LONG = 'INSTREAM size limit exceeded. ERROR'
const findsLater = (_: Asked, first: boolean) => (first ? 'fd[10]: OK' : 'fd[10]: Eicar FOUND')

/**
 * A stand-in that answers so to a descriptor, to the byte behind descriptors and to any other stream; and a
 * daemon's scanner for it.
 */
async function handing(
  t: { teardown(end: () => void): void },
  answer: (asked: Asked, first: boolean) => string | undefined,
  { probed = (): string => 'stream: OK', streamed = 'stream: OK' } = {},
) {
  let descriptors = 0
  const server = await standIn(
    t,
    (asked) => {
      const sent = isProbe(asked) ? probed() : streamed
      const reply = asked.command === 'zFILDES' ? answer(asked, ++descriptors === 1) : sent
      if (reply !== undefined) numbered(reply)(asked)
    },
    { descriptors: true },
  )
  const scanner = new ClamdScanner(clamdSettings(server.socket), { isLasting: true, passing })
  t.teardown(() => scanner.close())
  const scan = async (...samples: Sample[]) => {
    const { task, notes } = scanTask()
    return {
      answer: await scanner.scanTogether(samples.length > 0 ? samples : [small], task),
      notes,
    }
  }
  let seen = 0
  /** Those since it was asked last, without the byte that is streamed behind descriptors. */
  const commands = () => {
    const from = seen
    seen = server.asked.length
    const asked = server.asked.slice(from).filter((question) => !isProbe(question))
    return asked.map(({ command }) => command)
  }
  return { server, scan, commands }
}

t.test('a server that takes a descriptor gets descriptors from then on', async (t) => {
  const { scan, commands } = await handing(t, () => 'fd[10]: OK')
  t.same(await scan(), { answer: { answer: 'clean' }, notes: [] })
  t.same(await scan(), { answer: { answer: 'clean' }, notes: [] })
  t.same(commands(), ['zFILDES', 'zFILDES', 'zFILDES'], 'the first is a probe')
})

for (const [name, reply] of [
  ['knows no such command', 'UNKNOWN COMMAND'],
  ['was built without it', 'FILDES support not compiled in. ERROR'],
  ['gets no descriptor', 'Not a regular file ERROR'],
  ['finds no file', 'fd[10]: Not a regular file ERROR'],
  ['answers something else', 'stream: OK'],
] as const) {
  t.test(`a server that ${name} gets streams`, async (t) => {
    const { scan, commands } = await handing(t, () => reply)
    for (let round = 0; round < 2; round++) {
      t.same(await scan(), { answer: { answer: 'clean' }, notes: [] })
    }
    t.same(commands(), ['zFILDES', 'zINSTREAM', 'zINSTREAM'])
  })
}

t.test('a server at a forwarded socket that waits for a descriptor gets streams', async (t) => {
  const { scan, commands } = await handing(t, () => undefined)
  const [first, second] = [scan(), scan()]
  t.same(await second, { answer: { answer: 'clean' }, notes: [] }, 'the second waits for nothing')
  t.same(await first, { answer: { answer: 'clean' }, notes: [] }, 'the first for a second')
  t.same(commands().sort(), ['zFILDES', 'zINSTREAM', 'zINSTREAM'])
})

t.test('a server that refuses descriptors later gets the message as a stream', async (t) => {
  const { scan, commands } = await handing(t, (_, first) =>
    first ? 'fd[10]: OK' : 'fd[10]: Not a regular file ERROR',
  )
  const { answer, notes } = await scan()
  t.same(answer, { answer: 'clean' })
  t.match(notes, [
    /: refused the open file, and got its bytes: "fd\[10\]: Not a regular file ERROR"/,
  ])
  t.same(commands(), ['zFILDES', 'zFILDES', 'zINSTREAM'])
})

t.test("the server's reply about a descriptor is the answer", async (t) => {
  let reply = 'fd[10]: OK'
  const { scan } = await handing(t, () => reply)
  await scan()
  for (const [line, answer] of [
    ['fd[10]: Eicar FOUND', { answer: 'infected', name: 'Eicar' }],
    [
      'fd[10]: Heuristics.Limits.Exceeded.MaxFileSize FOUND',
      { answer: 'unread', kind: 'unpacked' },
    ],
    ["fd[10]: Can't allocate memory ERROR", { answer: 'unknown', reason: /allocate memory/ }],
    ['fd[10]: OK OK', { answer: 'unknown' }],
  ] as const) {
    reply = line
    t.match((await scan()).answer, answer, line)
  }
})

t.test('a clean descriptor of a server that cannot take a byte is no result', async (t) => {
  let probe = 'stream: OK'
  let line = 'fd[10]: OK'
  const { server, scan } = await handing(t, () => line, { probed: () => probe })
  await scan()
  t.equal(server.asked.filter(isProbe).length, 1, 'one behind the message, none behind the probe')
  probe = 'Error writing to temporary file ERROR'
  t.match((await scan()).answer, { answer: 'unknown', reason: /temporary files/ })
  line = 'fd[10]: Eicar FOUND'
  t.match((await scan()).answer, { answer: 'infected' }, 'what it has found counts')
})

t.test('content that fits into a packet is streamed, without a byte after it', async (t) => {
  const { server, scan, commands } = await handing(t, () => 'fd[10]: OK')
  await scan()
  commands()
  const answer = { answer: 'clean' }
  t.same(await scan(least), { answer, notes: [] })
  t.same(await scan(least, least, least), { answer, notes: [] })
  t.same(commands(), Array(4).fill('zINSTREAM'))
  t.equal(server.asked.filter(isProbe).length, 1, 'behind the first message alone')
})

t.test('content accepted by descriptor alone is not skipped for its size', async (t) => {
  const { scan, commands } = await handing(t, findsLater, { streamed: TOO_LONG })
  t.match(await scan(least), { answer: { answer: 'infected' } })
  t.equal(commands().at(-1), 'zFILDES')
})

t.test('a message too long for a stream waits until descriptors are tried', async (t) => {
  const { scan, commands } = await handing(t, findsLater, { streamed: TOO_LONG })
  const [first, second] = [scan(large), scan(large)]
  t.match((await first).answer, { answer: 'infected' })
  t.match((await second).answer, { answer: 'infected' })
  t.same(commands().filter((command) => command === 'zFILDES').length, 4, 'one probe for both')
})

t.test('content that is too long for a stream and refused by descriptor is unread', async (t) => {
  const { scan } = await handing(t, () => 'fd[10]: OK', { streamed: TOO_LONG })
  t.match((await scan(large)).answer, { answer: 'unread', kind: 'size' })
})

t.test('contents too many for a packet go together, each by a descriptor', async (t) => {
  let asked = 0
  const { scan, commands } = await handing(t, () =>
    ++asked === 4 ? 'fd[9]: Eicar FOUND' : 'fd[9]: OK',
  )
  await scan()
  commands()
  t.match((await scan(small, small, small, small)).answer, { answer: 'infected' })
  t.same(commands(), Array(4).fill('zFILDES'))
})

t.test('a large message is handed over once a virus in a larger file was found', async (t) => {
  let found = false
  const { scan, commands } = await handing(t, () => (found ? 'fd[10]: Eicar FOUND' : 'fd[10]: OK'))
  await scan()
  t.same(commands().length, 2)
  found = true
  t.same((await scan(large)).answer, { answer: 'clean' }, 'by a stream, while that is tried')
  await until(
    async () => (await scan(large)).answer.answer === 'infected',
    'a large message is handed over',
  )
  const descriptors = commands().filter((command) => command === 'zFILDES')
  t.same(descriptors.length, 2, 'one to try, and that of the message')
  const tooLarge = new ReadBy(MEMORY_FILE_MAX + 1, () => large.bytes.chunks())
  t.same((await scan({ ...large, bytes: tooLarge })).answer, { answer: 'clean' })
  t.same(commands(), ['zINSTREAM'], 'more than that never is')
})

t.test('a server that misses a virus in a large file gets streams', async (t) => {
  const { scan, commands } = await handing(t, () => 'fd[10]: OK')
  await scan()
  for (let round = 0; round < 3; round++) await scan(large)
  t.same(commands().filter((command) => command === 'zINSTREAM').length, 3)
})

t.test('a server that was restarted is tried again', async (t) => {
  const { server, scan, commands } = await handing(t, () => 'fd[10]: OK')
  await scan()
  server.die()
  server.revive()
  t.same((await scan()).answer, { answer: 'clean' })
  t.same((await scan()).answer, { answer: 'clean' })
  const handed = commands().filter((command) => command === 'zFILDES').length
  t.same(handed, 2 + 3, 'a probe at the beginning, and one after its death')
})

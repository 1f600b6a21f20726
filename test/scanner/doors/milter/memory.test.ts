import { EventEmitter, once } from 'node:events'
import { statfsSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { PERMITS } from '../../../../src/scanner/scan/scanners/permits/scan-permits.ts'
import { buildStage } from '../../../cases/stage.ts'
import { listen } from '../../../programs/host/listen.ts'
import { pssOfTree } from '../../../programs/host/process-tree.ts'
import type { Ending } from '../../../programs/host/server.ts'
import { closed } from '../../../run/closed.ts'
import { isWhole } from '../../../run/is-whole.ts'
import { launcher, startOnescand } from '../../daemon/process.ts'
import { call, type Line, negotiate, packets } from './mta.ts'

/**
 * Memory of the built onescand while many large messages are here at once, started as
 * it is installed: its launcher keeps the runtime's nursery small, and malloc(3) thrifty.
 */

const SESSIONS = 50
const WORKERS = 2
const SIZE = 20 * 1024 * 1024
const LIMIT_MB = 250

const { bavail, bsize } = statfsSync(tmpdir())
const skip = bavail * bsize < 2 * SESSIONS * SIZE && `${tmpdir()} has no room for 2 GB`

/** A gigabyte of mail is for `npm run test:nightly`. */
if (isWhole) {
  t.test('50 sessions with 20 MB messages take at most 250 MB in all', { skip }, async (t) => {
    const stage = buildStage(t)
    // Of which each takes some of them only; all come to be looked at at once.
    const sockets = [1, 2, 3].map((n) => join(stage.directory, `clamd${n}`))
    const clamd = await patientClamd(t, sockets)
    const place = join(stage.directory, 'm')
    const onescand = await startOnescand(t, {
      program: [launcher],
      args: ['--workers', String(WORKERS), '--socket', 'none', '--milter', `unix:${place}`],
      settings: {
        QHPSI: 'plugin: clamd',
        CLAMD: sockets.join(' '),
        CLUSTERKEYS: stage.file(
          'ring',
          `hmac-sha256:a:${Buffer.alloc(32).toString('base64url')}\n`,
        ),
        CLAMDBDIR: '/nonexistent',
      },
    })
    const before = pssOfTree(onescand.pid)
    const samples: number[] = []
    const timer = setInterval(() => samples.push(pssOfTree(onescand.pid)), 100)
    t.teardown(() => clearInterval(timer))

    const lines = await Promise.all(Array.from({ length: SESSIONS }, () => call(place)))
    const sent: Promise<void>[] = []
    const answers = lines.map((line) => {
      return new Promise<string>((resolve, reject) => {
        sent.push(new Promise((hasSent) => sendLarge(line, hasSent).then(resolve, reject)))
      })
    })
    await Promise.all(sent)
    // All are here, and as many at clamd as go there at once: that is the most there ever is.
    await clamd.haveAll(WORKERS * sockets.length * PERMITS.large)
    samples.push(pssOfTree(onescand.pid))
    clamd.answer()
    for (const answer of await Promise.all(answers)) t.equal(answer, 'iia')
    const most = Math.max(...samples)
    t.comment(
      `${before.toFixed(0)} MB before, ${most.toFixed(0)} MB at most, in ${samples.length} looks`,
    )
    t.ok(most <= LIMIT_MB, `${most} MB`)
  })
}

const MTAS = 30
/** MiB that a process may grow: 64 by --memory, and what the runtime has not given back. */
const RECIPIENTS_LIMIT_MB = 200

/** Short ones have most to be held beside their bytes. */
for (const length of isWhole ? [64, 900] : [64]) {
  t.test(`${MTAS} messages with 4 MiB of paths of ${length} bytes keep to --memory`, async (t) => {
    const stage = buildStage(t)
    const place = join(stage.directory, 'm')
    const onescand = await startOnescand(t, {
      program: [launcher],
      args: ['--socket', 'none', '--max-clients', '2', '--milter', `unix:${place}`],
      settings: { QHPSI: 'plugin: eicar' },
    })
    const before = pssOfTree(onescand.pid)
    let most = before
    const look = () => {
      most = Math.max(most, pssOfTree(onescand.pid))
    }
    const timer = setInterval(look, 50)
    t.teardown(() => clearInterval(timer))

    const some = Buffer.concat(
      Array.from({ length: 200 }, () => packets.recipient('x'.repeat(length - 2))),
    )
    const lines = await Promise.all(
      Array.from({ length: MTAS }, async () => {
        const line = await call(place)
        await negotiate(line)
        const answer = await sendRecipients(line, some, Math.floor((4 * 1024 * 1024) / some.length))
        return { line, answer }
      }),
    )
    look()
    const heard = lines.filter(({ answer }) => answer === 'c').map(({ line }) => line)
    const others = lines.map(({ answer }) => answer).filter((answer) => answer !== 'c')
    t.same(
      others.filter((answer) => answer !== 't' && answer !== 'closed'),
      [],
      'each was heard to its end, or deferred since it stopped responding, as this process may under load',
    )
    t.ok(heard.length > 0, `${heard.length} were heard to their end`)
    for (const line of heard) line.write(packets.body('x\r\n'), packets.end)
    const letters = [...others, ...(await Promise.all(heard.map(lastLetter)))]
    look()
    t.comment(`${before.toFixed(0)} MB before, ${most.toFixed(0)} MB at most`)
    t.ok(letters.includes('y') || others.length > 0, 'some were deferred')
    t.ok(most - before <= RECIPIENTS_LIMIT_MB, `${most - before} MB more`)
    for (const { line } of lines) line.socket.destroy()
  })
}

/**
 * Sends a message up to its data, and resolves to the answer when all was heard, or to `closed`.
 */
async function sendRecipients(line: Line, some: Buffer, times: number): Promise<string> {
  try {
    line.write(packets.connect(), packets.mail('a@example.org'))
    const isClosed = closed(line.socket)
    for (let sent = 0; sent < times && !line.socket.destroyed; sent++) {
      if (!line.socket.write(some)) await Promise.race([once(line.socket, 'drain'), isClosed])
    }
    if (!line.socket.destroyed) line.write(packets.data)
    return (await line.hear())?.command ?? 'closed'
  } catch (error) {
    if (!/^(ECONNRESET|EPIPE)$/.test((error as NodeJS.ErrnoException).code ?? '')) throw error
    return 'closed'
  }
}

/** Resolves to the answer to a message, without its edits. */
async function lastLetter(line: Line): Promise<string> {
  for (;;) {
    const letter = (await line.hear())?.command ?? 'nothing'
    if (/^([adrty]|nothing)$/.test(letter)) return letter
  }
}

/**
 * Sends one message, calls `hasSent` when all of it was taken, and resolves to the letters of the
 * answers.
 */
async function sendLarge(line: Line, hasSent: () => void): Promise<string> {
  await negotiate(line)
  line.write(packets.connect(), packets.mail('a@example.org'), packets.recipient('b@example.org'))
  line.write(packets.field('Subject', ' large'))
  const chunk = packets.body(Buffer.alloc(64_000, 'some line of a large message\r\n'))
  for (let sent = 0; sent < SIZE; sent += 64_000) {
    if (!line.socket.write(chunk)) await once(line.socket, 'drain')
  }
  line.write(packets.end)
  hasSent()
  let letters = ''
  while (!letters.endsWith('a')) {
    const answer = await line.hear()
    if (answer === undefined) return `${letters}, and left`
    letters += answer.command
  }
  line.write(packets.quit)
  await line.close()
  return letters
}

/** Starts stand-ins for clamd that drop what they get, and answer when the test lets them. */
async function patientClamd(t: Ending, paths: readonly string[]) {
  const whole: Socket[] = []
  let answers = false
  const events = new EventEmitter()
  const take = (connection: Socket) => {
    let isMail = true
    connection.on('data', (chunk: Buffer) => {
      // What onescand wants to know of clamd's limits is not mail.
      if (chunk.includes('Subject: onescan asks')) isMail = false
      const ends = chunk.length >= 4 && chunk.readUInt32BE(chunk.length - 4) === 0
      if (!ends) return
      if (!isMail || answers) return void connection.end('1: stream: OK\0')
      whole.push(connection)
      events.emit('whole')
    })
  }
  for (const path of paths) await listen(t, createServer(take), path)
  return {
    async haveAll(count: number) {
      while (whole.length < count) await once(events, 'whole')
    },
    answer() {
      answers = true
      for (const connection of whole) connection.end('1: stream: OK\0')
    },
  }
}

import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Budget } from '../../../src/base/flow/memory-budget.ts'
import { makeEnvelope } from '../../../src/mail/message/envelope.ts'
import { editHeader } from '../../../src/mail/message/header-block.ts'
import { Intake } from '../../../src/mail/message/intake.ts'
import { readConfiguration } from '../../../src/scanner/configuration/configuration.ts'
import { handleMail } from '../../../src/scanner/handling/handle-mail.ts'
import { decisionLines, type LogContext } from '../../../src/scanner/log/message-lines.ts'
import { Deadline } from '../../../src/scanner/scan/judge/context/deadline.ts'
import { containerShapes } from '../../messages/hostile/container-shapes.ts'
import { hostileShapes } from '../../messages/hostile/hostile-shapes.ts'
import { listenerShapes } from '../../messages/hostile/listener-shapes.ts'
import { slowness } from '../../programs/host/processor-time.ts'
import { sampleOf } from '../../run/is-whole.ts'

/**
 * From the first byte of a message to its answer no step of a worker takes long, whatever is in the
 * header and in names: other mail has its turn. The steps are those of the event loop itself, so whatever
 * reads a header or a name some day is held to this without a word about it here.
 */

/** The Node of the tests, which is newer than the oldest one that is supported. */
const newerProcess = process as typeof process & {
  threadCpuUsage(before?: NodeJS.CpuUsage): NodeJS.CpuUsage
}

/**
 * Milliseconds of processor time of the longest step. A machine that does nothing else needs 5 to 15 of
 * them, and one that does takes longer for the same.
 */
const STEP_MAX = 40
/** A step may meet the garbage of others: a message is judged so often before it counts as slow. */
const ATTEMPTS = 8
/** Each so manieth case is judged. It is prime, so that each size has its turn. */
const STRIDE = 13
/** Bytes of a header: as large as one may be, and below the limits of what is read in it. */
const SIZES = [1_040_000, 370_000, 240_000]
/** Of the shapes of the reading itself, those that stand in headers and in names. */
const OF_HEADERS =
  / in (?:an?|the) (?:name|value|header|Content|quoted|file|encoding|encoded|character|fields|line)/

/** Bytes that come at a time. */
const CHUNK = 64 * 1024

const origin = { interface: 'qmail', clientAddress: '192.0.2.7', queueId: undefined } as const
const client = { mayRelay: false, isClusterPeer: true, isBounceInjector: false, origin }

/** Judges messages as a door of onescand does, with all that listens to headers and names. */
async function openJudge(t: Test) {
  const directory = t.testdir({
    control: {
      'onescan.policy':
        'from=.example.com SECONDLOOK=never\nto=c@example.net scan off\nsize>900M refuse\n',
    },
    quarantine: {},
    ring: `hmac-sha256:k1:${Buffer.alloc(32, 7).toString('base64url')}\nmd5:k2:sesame\n`,
  })
  chmodSync(join(directory, 'ring'), 0o600)
  chmodSync(join(directory, 'quarantine'), 0o700)
  const configuration = await readConfiguration(
    {
      CONTROLDIR: join(directory, 'control'),
      QHPSI: 'plugin: attachments eicar',
      BADATTACHMENTS: '*.scr *.pif invoice*.exe *.vbs',
      CLUSTERKEYS: join(directory, 'ring'),
      CLAMDBDIR: '/nonexistent',
      QUARANTINE: join(directory, 'quarantine'),
    },
    () => {},
  )
  t.teardown(configuration.close)
  const { context, messageOptions } = configuration

  return async (text: string, recipients: readonly string[]) => {
    const bytes = Buffer.from(text, 'latin1')
    const intake = new Intake(messageOptions, new Budget(64e6).open())
    for (let at = 0; at < bytes.length; at += CHUNK) {
      intake.write(bytes.subarray(at, at + CHUNK))
      await turn()
    }
    const message = intake.finish()
    const envelope = makeEnvelope(
      Buffer.from('a@example.org'),
      recipients.map((address) => Buffer.from(address, 'latin1')),
    )
    const transaction = { message, envelope, client }
    const logContext: LogContext = { remote: '192.0.2.7', transaction, total: 0 }
    try {
      await handleMail(transaction, context!, new Deadline(() => performance.now()), {
        answers: 'one reply, some quarantined',
        logContext: () => logContext,
        carryOut(decision) {
          for (const line of decisionLines(decision, logContext)) void line
          if (decision.kind === 'accept') editHeader(message.header, decision.edits)
        },
      })
    } finally {
      intake.close()
    }
  }
}

/** Returns the longest step of the event loop while the work is done, in milliseconds of processor time. */
async function longestStep(work: () => Promise<void>): Promise<number> {
  let longest = 0
  let isOver = false
  let last = newerProcess.threadCpuUsage()
  const tick = () => {
    const { user, system } = newerProcess.threadCpuUsage(last)
    last = newerProcess.threadCpuUsage()
    longest = Math.max(longest, (user + system) / 1000)
    if (!isOver) setImmediate(tick)
  }
  setImmediate(tick)
  await turn()
  longest = 0
  try {
    await work()
    await turn()
    return longest
  } finally {
    isOver = true
  }
}

/** Returns the milliseconds of the longest step, if there is a long one however often the work is done. */
async function hasLongSteps(
  work: () => Promise<void>,
  most = STEP_MAX,
): Promise<number | undefined> {
  let least = Number.POSITIVE_INFINITY
  for (let n = 0; n < ATTEMPTS; n++) {
    const took = await longestStep(work)
    if (took <= most) return undefined
    least = Math.min(least, took / (await slowness()))
    if (least <= most) return undefined
  }
  return least
}

t.test('headers and names cause no long steps of a worker', async (t) => {
  const judge = await openJudge(t)
  const shapes = [...listenerShapes, ...hostileShapes.filter(({ name }) => OF_HEADERS.test(name))]
  const cases = shapes.flatMap((shape) => SIZES.map((size) => ({ ...shape, size })))
  await judge(listenerShapes[0]!.make(10_000), ['b@example.org']) // which loads all that is needed
  for (const { name, make, size } of sampleOf(cases, STRIDE)) {
    const mail = make(size)
    const took = await hasLongSteps(() => judge(mail, ['b@example.org']))
    if (took !== undefined) t.fail(`${name}, ${size} bytes: ${took} ms`)
  }
  t.ok(cases.length > 300)
})

/** Sizes of mail that is cheap to send many of, in bytes, each with milliseconds for its longest step. */
const SMALL: readonly (readonly [size: number, most: number])[] = [
  [4 * 1024, 20],
  [64 * 1024, 50],
]

t.test('small mail of any shape causes no long steps', async (t) => {
  const judge = await openJudge(t)
  await judge(hostileShapes[0]!.make(10_000), ['b@example.org'])
  const cases = hostileShapes.flatMap((shape) =>
    SMALL.map(([size, most]) => ({ ...shape, size, most })),
  )
  for (const { name, make, size, most } of sampleOf(cases, STRIDE)) {
    const mail = make(size)
    const took = await hasLongSteps(() => judge(mail, ['b@example.org']), most)
    if (took !== undefined) t.fail(`${name}, ${size} bytes: ${took} ms`)
  }
  t.ok(cases.length > 100)
})

t.test('files in TNEF or BinHex cause no long steps', async (t) => {
  const judge = await openJudge(t)
  await judge(containerShapes[0]!.make(10_000), ['b@example.org'])
  const cases = containerShapes.flatMap((shape) => SIZES.map((size) => ({ ...shape, size })))
  for (const { name, make, size } of sampleOf(cases, STRIDE)) {
    const mail = make(size)
    const took = await hasLongSteps(() => judge(mail, ['b@example.org']))
    if (took !== undefined) t.fail(`${name}, ${size} bytes: ${took} ms`)
  }
  t.ok(cases.length > 10)
})

t.test('texts and files in which encoded data begins cause no long steps', async (t) => {
  const judge = await openJudge(t)
  const shapes = hostileShapes.filter(({ name }) => /begin|armour|uuencode|yEnc/.test(name))
  await judge(shapes[0]!.make(10_000), ['b@example.org'])
  for (const { name, make } of sampleOf(shapes, STRIDE)) {
    const mail = make(SIZES[0]!)
    const took = await hasLongSteps(() => judge(mail, ['b@example.org']))
    if (took !== undefined) t.fail(`${name}: ${took} ms`)
  }
  t.ok(shapes.length > 15)
})

t.test('a thousand recipients with long addresses cause no long steps', async (t) => {
  const judge = await openJudge(t)
  const banned = 'Content-Disposition: attachment; filename=a.scr\n\nx\n'
  const address: Readonly<Record<string, (n: number) => string>> = {
    plain: (n) => `${'a'.repeat(20)}${n}@example.org`,
    'of eight bits': (n) => `${'\xe9'.repeat(20)}${n}@example.org`,
    quoted: (n) => `"${'\\"'.repeat(10)}${n}"@example.org`,
    long: (n) => `${'a'.repeat(800)}${n}@${'b.'.repeat(40)}example.org`,
  }
  for (const [name, make] of Object.entries(address)) {
    const recipients = Array.from({ length: 1000 }, (_, n) => make(n))
    const took = await hasLongSteps(() => judge(banned, recipients))
    t.equal(took, undefined, name)
  }
})

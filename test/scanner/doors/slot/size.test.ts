import { createHash } from 'node:crypto'
import { closeSync, openSync, readdirSync, readSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { bytes } from '../../../cases/case.ts'
import { buildStage } from '../../../cases/stage.ts'
import { callSlot } from '../../../stand-in/smtpd/call-slot.ts'
import { makeMaildir, standInQueue } from '../../../stand-in/stand-in.ts'
import { envelope, runtimes } from './slot.ts'

/**
 * Upper limit in MiB for the memory of its own that the slot takes for 100 MB, beside that for 1 MB. The message is a
 * mapped file, and not part of it.
 */
const OWN_MAX = 32

const stage = buildStage(t)

const LINE = Buffer.from(`${'all work and no play '.repeat(48)}\n`)
const MEGABYTE = Buffer.concat(Array.from({ length: 1000 }, () => LINE))

/** `header`, then `megabytes` of body, piece by piece. */
function* message(header: Buffer, megabytes: number): Generator<Buffer> {
  yield header
  for (let i = 0; i < megabytes; i++) yield MEGABYTE
}

const plain = bytes('Subject: large\n\n')
const secret = Buffer.alloc(32, 5)
const ring = stage.file(
  'ring',
  `hmac-sha256:alpha:${secret.toString('base64url')}\nmd5:old:sesame\n`,
)

async function run(
  program: readonly string[],
  header: Buffer,
  megabytes: number,
  settings: Record<string, string>,
) {
  const { path: MAILDIR, remove } = makeMaildir()
  try {
    const outcome = await callSlot({
      program,
      message: message(header, megabytes),
      envelope,
      directory: '/',
      watchMemory: true,
      environment: {
        PATH: process.env.PATH,
        MAILDIR,
        QUEUECHAIN: standInQueue(),
        CONTROLDIR: '/nonexistent',
        CLAMDBDIR: '/nonexistent',
        PROTO: 'TCP', // as tcpserver has it: fd 2 is the log
        ...settings,
      },
    })
    t.equal(outcome.code, 0, outcome.log.toString())
    t.ok(outcome.peakMemory! > 1024 ** 2, 'its memory was read')
    return { ...outcome, body: bodyDigest(MAILDIR), peak: outcome.peakMemory! / 1024 ** 2 }
  } finally {
    remove()
  }
}

/** SHA-256 of what follows the first empty line of the one delivery. */
function bodyDigest(maildir: string): string {
  const [name] = readdirSync(join(maildir, 'new'))
  const fd = openSync(join(maildir, 'new', name!), 'r')
  const hash = createHash('sha256')
  const buffer = Buffer.alloc(1024 ** 2)
  let at = readSync(fd, buffer, 0, buffer.length, 0)
  at = buffer.subarray(0, at).indexOf('\n\n') + 2
  for (;;) {
    const length = readSync(fd, buffer, 0, buffer.length, at)
    if (length === 0) break
    hash.update(buffer.subarray(0, length))
    at += length
  }
  closeSync(fd)
  rmSync(join(maildir, 'new', name!))
  return hash.digest('hex')
}

const wanted = createHash('sha256')
for (let i = 0; i < 100; i++) wanted.update(MEGABYTE)
const whole = wanted.digest('hex')

for (const { name, program } of runtimes) {
  for (const QHPSI of [stage.scanner, 'plugin: eicar', 'plugin: attachments']) {
    t.test(
      `${name}: 100 MB are mapped, never copied, and stay whole, by ${QHPSI.split('/').at(-1)}`,
      async (t) => {
        const settings = {
          QHPSI,
          CLUSTERKEYS: ring,
          BADATTACHMENTS: stage.file('badattachments', 'name *.exe\n'),
        }
        const small = await run(program, plain, 1, settings)
        const large = await run(program, plain, 100, settings)
        t.equal(large.body, whole)
        t.ok(large.peak < small.peak + OWN_MAX, `${small.peak} MiB, then ${large.peak} MiB`)
      },
    )
  }
}

t.test('a 100 MB body below 4,000 stamps with known key ids stays whole', async (t) => {
  const mac = Buffer.alloc(32).toString('base64url')
  const forged = (i: number) =>
    `X-SHA256-Cluster-${i + 1}: v=1; k=alpha; t=${stage.now}; s=x; h=${mac}\n`
  const old = (i: number) => `X-MD5-Cluster-${i + 1}: ${'0'.repeat(32)}\n`
  const stamps = Array.from({ length: 2000 }, (_, i) => forged(i) + old(i)).join('')
  const settings = { QHPSI: stage.scanner, CLUSTERKEYS: ring }
  const stamped = await run(runtimes[0]!.program, bytes(stamps + plain.toString()), 100, settings)
  t.equal(stamped.body, whole)
})

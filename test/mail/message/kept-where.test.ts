import { createHash } from 'node:crypto'
import { openSync, readdirSync, readSync, writeSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { Budget } from '../../../src/base/flow/memory-budget.ts'
import { loadSystem, type System } from '../../../src/base/runtime/system.ts'
import { MEMORY_FILE_MAX } from '../../../src/mail/message/gathered-file.ts'
import { FIELD_COST } from '../../../src/mail/message/header-block.ts'
import { Intake } from '../../../src/mail/message/intake.ts'
import { TOP_LINE } from '../../../src/scanner/scan/scanners/contract/top-line.ts'
import { openDirectory } from '../../programs/host/reachable.ts'

const IN_MEMORY_MAX = 128 * 1024

/** Where a message is: in memory, in a memory file, or on the disk. */
const directory = openDirectory(t)
const MIB = 1024 * 1024
const memory = loadSystem()!
const HEADER = 'Subject: x\n\n'

function open(budget: Budget, memoryFiles?: System, place = directory): Intake {
  const spool = { directory: place, sharedDirectory: undefined }
  const digestsFor = () => ({ wantsMd5: true, wantsSha256: true })
  return new Intake({ memoryFiles, spool, top: TOP_LINE, digestsFor, createHash }, budget.open())
}

const mailOf = (bodySize: number) =>
  Buffer.concat([Buffer.from(HEADER), Buffer.alloc(bodySize, 'text of a line\n')])

/** Keeps a message with such a body, which comes in pieces, and checks its bytes and its digest. */
function keep(budget: Budget, bodySize: number, memoryFiles?: System, piece = 65_535) {
  const mail = mailOf(bodySize)
  const intake = open(budget, memoryFiles)
  for (let at = 0; at < mail.length; at += piece) intake.write(mail.subarray(at, at + piece))
  const message = intake.finish()
  const bytes = Buffer.concat([message.header.bytes, message.body.gather()])
  t.ok(bytes.equals(mail), `${mail.length} bytes`)
  const body = mail.toString('latin1', HEADER.length).replace(/[^\n]$/, '$&\n')
  t.equal(message.canonical.digests.sha256, createHash('sha256').update(body).digest('hex'))
  const close = () => {
    message.close()
    intake.close()
  }
  return { message, mail, close, isSealed: message.sealed !== undefined }
}

const descriptors = () => readdirSync('/proc/self/fd').length

t.test('a message of any size keeps its bytes and digests, and leaves nothing', async (t) => {
  const before = descriptors()
  const budget = new Budget(1e9)
  const size = fc.oneof(
    fc.nat(300),
    fc.integer({ min: IN_MEMORY_MAX - 100, max: IN_MEMORY_MAX + 100 }),
    fc.nat(3 * IN_MEMORY_MAX),
  )
  const piece = fc.integer({ min: 1000, max: 65_535 })
  fc.assert(
    fc.property(size, piece, (size, piece) => keep(budget, size, undefined, piece).close()),
    { numRuns: 40 },
  )
  for (const size of [10, 2 * IN_MEMORY_MAX]) {
    const discarded = open(budget)
    discarded.write(mailOf(size))
    discarded.close()
    discarded.close()
  }
  t.same([descriptors(), readdirSync(directory), budget.used], [before, [], 0])
})

t.test('a small message needs no file, even if there is no place for one', async (t) => {
  const intake = open(new Budget(1e9), undefined, '/nonexistent')
  intake.write(mailOf(10))
  t.throws(() => intake.write(mailOf(IN_MEMORY_MAX)), { name: 'Fault', kind: 'temp-file' })
})

t.test('memory of a message is charged, and given back', async (t) => {
  const budget = new Budget(1.2e6)
  const header = `Subject:${'x'.repeat(100_000)}\n\n`
  const intake = open(budget)
  intake.write(Buffer.from(header))
  t.ok(budget.used >= 100_000)
  intake.write(Buffer.alloc(IN_MEMORY_MAX, 'y'))
  const wanted = 2 * header.length + FIELD_COST
  t.equal(budget.used, wanted, 'all but the header, with its one field, is in a file')
  intake.close()
  const second = open(budget)
  second.write(Buffer.alloc(400_000, 'x'))
  t.throws(() => second.write(Buffer.alloc(600_000, 'x')), /no memory for another \d+ bytes/)
  second.close()
  t.equal(budget.used, 0)
})

t.test('a larger message is in a sealed memory file, as scanners see it', async (t) => {
  const before = descriptors()
  const budget = new Budget(64 * MIB)
  for (const size of [2 * IN_MEMORY_MAX, 3_000_000]) {
    const { message, mail, close } = keep(budget, size, memory)
    t.ok(budget.used >= mail.length, 'it is charged')
    const file = message.sealed!
    t.throws(() => writeSync(file, 'x', 0), { code: 'EPERM' }, 'it is sealed')
    const seen = Buffer.alloc(TOP_LINE.length + mail.length + 1)
    const length = readSync(file, seen, 0, seen.length, 0)
    t.ok(seen.subarray(0, length).equals(Buffer.concat([TOP_LINE, mail])))
    close()
    t.equal(budget.used, 0)
  }
  const huge = keep(budget, 20 * MIB, memory)
  t.notOk(huge.isSealed, 'one that is too large is not in memory as a whole')
  t.ok(budget.used < MIB, 'nor charged')
  for (const [from, to] of [
    [0, 5],
    [MEMORY_FILE_MAX - 70_000, MEMORY_FILE_MAX + 9],
    [MEMORY_FILE_MAX, MEMORY_FILE_MAX + 300_000],
  ] as const) {
    const wanted = huge.mail.subarray(HEADER.length + from, HEADER.length + to)
    t.ok(huge.message.body.gather(from, to).equals(wanted), `from ${from} to ${to}`)
  }
  huge.close()
  const several = [15_000_000, 15_000_000, 15_000_000].map((size) => keep(budget, size, memory))
  const areSealed = several.map(({ isSealed }) => isSealed)
  t.same(areSealed, [true, true, false], 'half of the memory is for other things')
  for (const { close } of several) close()
  t.same([descriptors(), budget.used], [before, 0])
})

t.test('if there is no memory left, a message goes to the disk, whole', async (t) => {
  const full = { ...memory, memoryFile: () => openSync('/dev/full', 'w+') }
  const none = { ...memory, memoryFile: () => -24 }
  for (const memoryFiles of [full, none]) {
    const budget = new Budget(64 * MIB)
    const { isSealed, close } = keep(budget, 3 * IN_MEMORY_MAX, memoryFiles)
    t.notOk(isSealed)
    t.ok(budget.used <= 2 * HEADER.length + FIELD_COST, 'and only its header is charged')
    close()
  }
})

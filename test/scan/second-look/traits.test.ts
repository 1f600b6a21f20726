import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import t from 'tap'
import { LimitExceeded } from '../../../src/mime/limits.ts'
import { MailReading } from '../../../src/mime/reading.ts'
import { type Trait, traits } from '../../../src/scan/second-look/trait-names.ts'
import { TraitNotes } from '../../../src/scan/second-look/traits.ts'
import { hiddenClasses } from './classes.ts'
import { examples, ordinary } from './trait-examples.ts'

function traitsOf(message: Buffer, cuts: readonly number[] = []): Trait[] {
  const notes = new TraitNotes()
  const reading = new MailReading({ bytes: notes })
  let from = 0
  try {
    for (const cut of [...cuts].sort((a, b) => a - b)) {
      reading.push(copied(message, from, cut))
      from = Math.max(from, cut)
    }
    reading.push(copied(message, from, message.length))
    reading.end()
  } catch (error) {
    if (!(error instanceof LimitExceeded)) throw error
    notes.over()
  }
  return [...notes.finish()]
}

/** In a memory of its own, so that what is kept of it by mistake is seen. */
function copied(message: Buffer, from: number, to: number): Buffer {
  return Buffer.from(message.subarray(from, Math.max(from, to)))
}

const bytes = (text: string) => Buffer.from(text, 'latin1')

t.test('mail as programs write it has no trait', async (t) => {
  for (const message of ordinary) t.same(traitsOf(bytes(message)), [], JSON.stringify(message))
})

t.test('every example has its trait, and those beside it have not', async (t) => {
  for (const trait of Object.keys(traits) as Trait[]) {
    const { has, hasNot } = examples[trait]
    for (const message of has) {
      const found = traitsOf(bytes(message))
      if (!found.includes(trait))
        t.fail(`${trait}: ${JSON.stringify(message.slice(0, 200))} has ${found}`)
    }
    for (const message of hasNot) {
      const found = traitsOf(bytes(message))
      if (found.includes(trait)) t.fail(`no ${trait}: ${JSON.stringify(message.slice(0, 200))}`)
    }
    t.ok(has.length > 0 && hasNot.length > 0, trait)
  }
})

t.test('every class of mail that hides a file from clamd has a trait', async (t) => {
  for (const { name, message } of hiddenClasses) t.not(traitsOf(message).length, 0, name)
})

const all = [
  ...ordinary,
  ...Object.values(examples).flatMap(({ has, hasNot }) => [...has, ...hasNot]),
].map(bytes)

t.test('however a message is split, it has the same traits', async (t) => {
  for (const message of all.filter(({ length }) => length < 600)) {
    const whole = traitsOf(message).sort()
    for (let cut = 1; cut < message.length; cut++) {
      const found = traitsOf(message, [cut]).sort()
      if (String(found) !== String(whole)) {
        t.same(found, whole, `${JSON.stringify(message.toString('latin1'))} at ${cut}`)
      }
    }
  }
  fc.assert(
    fc.property(
      fc.constantFrom(...all.filter(({ length }) => length < 50_000)),
      fc.array(fc.nat(), { maxLength: 6 }),
      (message, places) => {
        const cuts = places.map((place) => place % (message.length + 1))
        t.same(traitsOf(message, cuts).sort(), traitsOf(message).sort())
      },
    ),
    { numRuns: 300 },
  )
})

t.test('a message byte by byte has the traits of the whole', async (t) => {
  for (const message of all.filter(({ length }) => length < 600)) {
    const cuts = Array.from({ length: message.length }, (_, at) => at)
    t.same(traitsOf(message, cuts).sort(), traitsOf(message).sort())
  }
})

/** Bytes, without garbage. */
function held(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

t.test('what is held of a message does not grow with it', async (t) => {
  const notes = new TraitNotes()
  const reading = new MailReading({ bytes: notes })
  const head = 'A: b\n\n'
  reading.push(bytes(head))
  const before = held()
  const piece = Buffer.alloc(64 * 1024, 'x') // one line without an end
  for (let at = 0; at < 1600; at++) reading.push(piece)
  const grown = held() - before
  reading.end()
  t.same([...notes.finish()], [])
  t.ok(grown < 4 * 1024 * 1024, `${grown} bytes more after 100 MiB`)
})

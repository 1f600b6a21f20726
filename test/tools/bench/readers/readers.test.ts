import t from 'tap'
import { limits } from '../../../../src/mail/mime/budget/limits.ts'
import { fuzz } from '../../../../tools/bench/readers/fuzz.ts'
import { dearest, lookAtHostile } from '../../../../tools/bench/readers/hostile.ts'
import { createJudge } from '../../../../tools/bench/readers/judge.ts'
import { missingReaders, startReaders } from '../../../../tools/bench/readers/readers.ts'
import { conforming } from '../../../messages/random/conforming.ts'
import { mutant } from '../../../messages/random/mutate.ts'
import { lacks } from '../../../needs.mjs'
import { clamdMissing } from '../../../programs/servers/clamd.ts'
import { isWhole, sampleOf } from '../../../run/is-whole.ts'
import { startClamdForEvasions } from '../../../scanner/scan/scanners/evasions/clamd.ts'
import { hiddenClasses } from '../../../scanner/scan/scanners/second-look/classes.ts'

const skip =
  clamdMissing ||
  lacks('python3', 'python3 gi', 'GMime', 'MIME::Parser', 'Email::MIME', 'ruby', 'ruby mail') ||
  lacks('reformime', 'ripmime', 'munpack') ||
  noneOf(missingReaders())

function noneOf(packages: readonly string[]): string | false {
  return packages.length > 0 && `install Debian packages ${packages.join(' ')}`
}

const COUNT = isWhole ? 1000 : 100
const CONFORMING = isWhole ? 200 : 50

t.test('a seed makes the same mail each time', async (t) => {
  for (const make of [mutant, conforming]) {
    for (const seed of [1, 2, 3, 2 ** 31]) t.same(make(seed), make(seed))
    t.notSame(make(1).message, make(2).message)
  }
})

t.test('no reader opens an attachment that no scanner saw', { skip }, async (t) => {
  const clamd = await startClamdForEvasions(t)
  const readers = startReaders()
  t.teardown(readers.stop)
  const judge = createJudge(clamd, readers)

  await t.test('each reader opens a file that every program can open', async (t) => {
    const plain = hiddenClasses.find(({ name }) => name === 'multipart/parallel')!
    t.same([...(await readers.opening(plain.message))].sort(), [...readers.names].sort())
  })

  await t.test('no reader opens an attachment of a known class that no scanner saw', async (t) => {
    for (const { name, message, seenByClamd, openedBy } of hiddenClasses) {
      const { clamd, onescan, readers } = await judge(message, true)
      t.ok(onescan, name)
      if (seenByClamd !== undefined) continue
      // It would be no proof if clamd alone found it, or if nobody opened it.
      t.notOk(clamd, `${name}: clamd alone`)
      t.ok(readers.length > 0 || openedBy !== undefined, `${name}: readers`)
    }
  })

  await t.test(
    `no reader opens an attachment of ${COUNT} random mails that no scanner saw`,
    async (t) => {
      const { missed, cleanToClamd } = await fuzz(judge, mutant, 40_000_000, COUNT)
      t.ok(cleanToClamd > COUNT / 10, 'clamd alone misses some')
      t.same(
        missed.filter(({ readers }) => programs(readers) >= 2),
        [],
      )
    },
  )

  await t.test(
    `no reader opens an attachment of ${CONFORMING} mails by the standards that no scanner saw`,
    async (t) => {
      const { missed } = await fuzz(judge, conforming, 50_000_000, CONFORMING)
      t.same(missed, [])
    },
  )
})

/** Python's email by its old and its new policy is one. */
function programs(readers: readonly string[]): number {
  return new Set(readers.map((name) => name.replace(' (old)', ''))).size
}

/** MB beside the message, whatever its length. Measured: up to 12.4. */
const HELD_MAX = 13

/** Bytes of a message. */
const LENGTH = (isWhole ? 3 : 1) * 1024 * 1024
/** Each so manieth of the dearest shapes is read. */
const STRIDE = 4

t.test('a message that takes long to read takes little memory', async (t) => {
  for (const name of sampleOf(dearest, STRIDE)) {
    const { contents, over, held } = lookAtHostile(name, LENGTH, true)
    t.ok(held < HELD_MAX, `${name}: ${held.toFixed(1)} MB`)
    // Text of the mail itself is left to the whole.
    const isText = ['lines of text', 'fields in the text', 'lines that are nearly the delimiter']
    t.ok(contents > 0 || over || isText.includes(name), name)
    // What is odd has as many of its own.
    t.ok(contents <= 2 * limits.contents, `${name}: ${contents} contents`)
  }
})

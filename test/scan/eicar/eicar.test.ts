import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { makeEnvelope } from '../../../src/message/envelope/envelope.ts'
import { base64Forms, createEicarSearch, eicarScanner } from '../../../src/scan/eicar/eicar.ts'
import { EICAR } from '../../../src/scan/eicar/eicar-file.ts'
import type { Sample, ScanTask } from '../../../src/scan/shared/scanner.ts'

function sampleOf(chunks: readonly Buffer[]): Sample {
  return {
    size: chunks.reduce((sum, chunk) => sum + chunk.length, 0),
    envelope: makeEnvelope(Buffer.from('a@example.org'), [Buffer.from('b@example.org')]),
    chunks: () => chunks,
    path: () => t.fail('the path is not needed') as never,
  }
}

function taskWith(signal: AbortSignal): ScanTask {
  return { signal, timeLeft: () => 10_000, note() {} }
}

/** Whether the test string is found in `text`, which comes in pieces that end at `cuts`. */
function isFound(text: string, cuts: readonly number[] = []): boolean {
  const bytes = Buffer.from(text, 'latin1')
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  const search = createEicarSearch()
  let from = 0
  return ends.some((end) => {
    const piece = bytes.subarray(from, end)
    from = end
    return search(piece)
  })
}

const wrap = (text: string, width: number, lineEnd: string) =>
  text.replace(new RegExp(`.{${width}}`, 'g'), `$&${lineEnd}`)

const cuts = fc.array(fc.nat(), { maxLength: 12 })
const lineEnd = fc.constantFrom('\n', '\r\n')
const junk = fc.string({ maxLength: 100 })

t.test('the test string is found in every split of the message', async (t) => {
  fc.assert(
    fc.property(junk, junk, cuts, (before, after, cuts) =>
      isFound(`Subject: x\n\n${before}${EICAR}${after}`, cuts),
    ),
  )
  for (let cut = 0; cut <= EICAR.length; cut++) t.ok(isFound(EICAR, [cut]), `cut at ${cut}`)
  t.ok(
    isFound(
      EICAR,
      [...EICAR].map((_, at) => at),
    ),
    'in single bytes',
  )
})

t.test(
  'the test string is found in base64, whatever stands before it and however lines are cut',
  async () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 60 }),
        fc.uint8Array({ maxLength: 60 }),
        fc.integer({ min: 1, max: 100 }),
        lineEnd,
        cuts,
        (before, after, width, lineEnd, cuts) => {
          const bytes = Buffer.concat([before, Buffer.from(EICAR), after])
          return isFound(`Subject: x\n\n${wrap(bytes.toString('base64'), width, lineEnd)}\n`, cuts)
        },
      ),
    )
  },
)

t.test(
  'the test string is found in quoted-printable, with soft line breaks and escapes anywhere',
  async () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('as it is', 'escaped', 'lower case', 'broken', 'broken wide'), {
          minLength: EICAR.length,
          maxLength: EICAR.length,
        }),
        lineEnd,
        cuts,
        (forms, lineEnd, cuts) => {
          const encoded = [...EICAR].map((character, at) => {
            const hex = character.charCodeAt(0).toString(16).padStart(2, '0')
            if (forms[at] === 'escaped') return `=${hex.toUpperCase()}`
            if (forms[at] === 'lower case') return `=${hex}`
            if (forms[at] === 'broken') return `=${lineEnd}${character}`
            if (forms[at] === 'broken wide') return `= \t${lineEnd}${character}`
            return character
          })
          return isFound(encoded.join(''), cuts)
        },
      ),
    )
  },
)

t.test('a string that only resembles the test string is clean', async (t) => {
  const wrong = EICAR.replace('H+H*', 'X+H*')
  fc.assert(fc.property(junk, cuts, (text, cuts) => !isFound(text + wrong + text, cuts)))
  t.notOk(isFound(Buffer.from(wrong).toString('base64')))
  t.notOk(isFound(`${EICAR.slice(0, 30)}\n${EICAR.slice(30)}`), 'a hard line break parts it')
  t.notOk(isFound('='.repeat(100_000), [17, 40_000]))
})

t.test('the base64 forms are those of openssl', async (t) => {
  for (const [at, form] of base64Forms(EICAR).entries()) {
    const encoded = execFileSync('openssl', ['base64', '-A'], { input: 'ab'.slice(0, at) + EICAR })
    t.ok(encoded.toString().includes(form))
    t.ok(form.length >= 88)
  }
})

t.test('the scanner names the virus, and calls other mail clean', async (t) => {
  const scanner = eicarScanner()
  const task = taskWith(new AbortController().signal)
  const half = Buffer.from(EICAR.slice(0, 30))
  const rest = Buffer.from(EICAR.slice(30))
  t.strictSame(await scanner.scan(sampleOf([half, rest]), task), {
    answer: 'infected',
    name: 'EICAR-Test',
  })
  t.strictSame(await scanner.scan(sampleOf([rest, half]), task), { answer: 'clean' })
  t.strictSame(await scanner.scan(sampleOf([]), task), { answer: 'clean' })
})

t.test('after the deadline there is no answer', async (t) => {
  const task = taskWith(AbortSignal.abort())
  await t.rejects(eicarScanner().scan(sampleOf([Buffer.from('Subject: x\n\n')]), task))
})

t.test("onescan's own source is not taken for the test file", async (t) => {
  const source = readFileSync(
    new URL('../../../src/scan/eicar/eicar-file.ts', import.meta.url),
    'latin1',
  )
  t.notOk(source.includes(EICAR))
})

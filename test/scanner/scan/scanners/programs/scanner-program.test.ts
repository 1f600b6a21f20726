import fc from 'fast-check'
import t from 'tap'
import { LineRelay } from '../../../../../src/scanner/scan/scanners/programs/scanner-program.ts'

function relay(text: Buffer, cuts: readonly number[] = []): string[] {
  const lines: string[] = []
  const relay = new LineRelay('plugin a.mjs', (line) => lines.push(line))
  let from = 0
  for (const cut of [...cuts, text.length]) {
    relay.push(text.subarray(from, cut))
    from = cut
  }
  relay.end()
  return lines
}

t.test('lines read the same in every split of their bytes', async (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('a', '\u20ac', '\n', '\r', '\0', '\x1b', '\x9f', '\u2028')),
      fc.array(fc.nat({ max: 100 })),
      (characters, cuts) => {
        const text = Buffer.from(characters.join(''))
        const inside = cuts.filter((cut) => cut <= text.length).sort((a, b) => a - b)
        t.same(relay(text, inside), relay(text))
      },
    ),
  )
})

t.test('no output forges a line', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      for (const line of relay(Buffer.from(bytes))) {
        t.match(line, /^plugin a\.mjs: [^\x00-\x1f\x7f-\x9f\u2028\u2029]+\n$/)
      }
    }),
  )
})

t.test('a long line is cut to one write', async (t) => {
  const [line] = relay(Buffer.from(`${'\u20ac'.repeat(5000)}\n`))
  t.ok(Buffer.byteLength(line!) <= 4096)
})

t.test('output over 64 KiB is left out, which is logged once', async (t) => {
  const lines = relay(Buffer.from('line\n'.repeat(40_000)), [60_000, 70_000, 80_000])
  t.match(lines.at(-1), 'wrote more than 65536 bytes to stderr')
  t.ok(lines.length < 14_002)
  t.equal(lines.filter((line) => line.includes('wrote more')).length, 1)
})

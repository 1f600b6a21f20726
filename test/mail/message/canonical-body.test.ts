import { createHash } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { BodyDigester } from '../../../src/mail/message/canonical-body.ts'
import type { LineEnding } from '../../../src/mail/message/header-block.ts'

/** The canonical body written down plainly, to compare with. */
function canonical(body: Buffer, ending: LineEnding): Buffer | undefined {
  const text = body.toString('latin1')
  const agrees = ending === '\n' ? !text.includes('\r') : !/\r(?!\n)|(?<!\r)\n/.test(text)
  if (!agrees) return undefined
  const lf = text.replaceAll('\r\n', '\n')
  return Buffer.from(lf === '' || lf.endsWith('\n') ? lf : `${lf}\n`, 'latin1')
}

function digest(body: Buffer, ending: LineEnding, cuts: readonly number[] = []) {
  const digester = new BodyDigester(ending, { wantsMd5: true, wantsSha256: true }, createHash)
  let from = 0
  for (const cut of [...cuts, body.length]) {
    digester.update(body.subarray(from, cut))
    from = cut
  }
  return digester.finish()
}

const hash = (algorithm: string, bytes: Buffer) => createHash(algorithm).update(bytes).digest('hex')

t.test('every split of a body has the same digests', async (t) => {
  const piece = fc.constantFrom('\n', '\r\n', '\r', 'a', 'line', '\0', '\xff')
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 12 }),
      fc.constantFrom<LineEnding>('\n', '\r\n'),
      fc.array(fc.nat({ max: 30 }), { maxLength: 5 }),
      (pieces, ending, cuts) => {
        const body = Buffer.from(pieces.join(''), 'latin1')
        const inside = cuts.filter((cut) => cut <= body.length).sort((a, b) => a - b)
        const expected = canonical(body, ending)
        const { digests, endingsAgree } = digest(body, ending, inside)
        t.equal(endingsAgree, expected !== undefined)
        if (expected) {
          t.equal(digests.md5?.digest('hex'), hash('md5', expected))
          t.equal(digests.sha256, hash('sha256', expected))
        }
      },
    ),
    { numRuns: 500 },
  )
})

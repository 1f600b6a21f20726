import t from 'tap'
import { NO_HEADER } from '../../../../src/mail/mime/headers/part-header.ts'
import { limits } from '../../../../src/mail/mime/shared/limits.ts'
import { Delimiters } from '../../../../src/mail/mime/structure/delimiters.ts'

/** The boundaries of headers, by which readers may take a line for a delimiter. */
class Boundaries {
  readonly #delimiters = new Delimiters()

  learn(boundaries: readonly string[]): boolean {
    return this.#delimiters.learn({ ...NO_HEADER, boundaries })
  }

  /** Returns the boundary that a line begins with, which is that of no open multipart. */
  longestAt(line: string): string | undefined {
    const bytes = Buffer.from(`#${line}`)
    return this.#delimiters.read(bytes, 1, bytes.length, false)?.boundary
  }
}

t.test('the longest boundary that begins a line is found, in any case of letters', async (t) => {
  const boundaries = new Boundaries()
  t.equal(boundaries.longestAt('--ab'), undefined, 'none is known')
  boundaries.learn(['ab', 'abcd', 'z', '[a', '@a'])
  boundaries.learn(['ab'])
  const rows: Readonly<Record<string, string | undefined>> = {
    '--ab': 'ab',
    '--abc': 'ab',
    '--abcde': 'abcd',
    '--AbCD': 'abcd',
    '--Z': 'z',
    '--[A': '[a',
    '--@A': '@a',
    '--{a': undefined,
    '-- \t ab': 'ab',
    '--\tab': 'ab',
    '--a': undefined,
    '--xab': undefined,
    '--': undefined,
    '-- ': undefined,
  }
  for (const [line, expected] of Object.entries(rows)) {
    t.equal(boundaries.longestAt(line), expected, line)
  }
})

t.test('there is room for so many boundaries, and for so many lengths of them', async (t) => {
  const texts = Array.from({ length: limits.boundaries }, (_, at) => `b${1000 + at}`)
  const boundaries = new Boundaries()
  t.equal(boundaries.learn(texts), true)
  t.equal(boundaries.learn(texts), true, 'those that are known take no more room')
  t.equal(boundaries.learn(['b1']), false)
  t.equal(boundaries.longestAt('--b1'), undefined, 'it is not learnt')
  t.equal(boundaries.longestAt(`--${texts.at(-1)}`), texts.at(-1), 'those before it are')
  const lengths = Array.from({ length: limits.boundaryLengths }, (_, at) => 'b'.repeat(at + 1))
  const long = new Boundaries()
  t.equal(long.learn(lengths), true)
  t.equal(long.learn(['b'.repeat(limits.boundaryLengths + 1)]), false)
  const inSeveralWays = { ...NO_HEADER, multipart: 'maybe', boundaries: [...texts, 'b1'] } as const
  t.throws(() => new Delimiters().learn(inSeveralWays), /more than 1000 boundaries/)
})

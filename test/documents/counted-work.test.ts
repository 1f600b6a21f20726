import t from 'tap'
import { sourceFiles } from '../../tools/documents/source-files.ts'

/**
 * What a message costs is counted before it is spent. `MailBytes` (src/mail/message/bytes.ts) has nothing that takes time in
 * proportion to its length, so the compiler refuses code that searches a message, copies it or makes text of it by itself:
 * only `Work` does. These places have bytes that can be searched, or read a source by themselves.
 */
const places: Readonly<Record<string, string>> = {
  'archives/member-names.ts': 'yields what each piece costs, before it is searched',
  'budget/work.ts': 'counts what it searches',
  'containers/calendar.ts': 'a line that Work has counted',
  'decoders/': 'a decoder yields what it has read, piece by piece, and `decoded` counts that',
  'encrypted/encrypted-pdf.ts': 'keys and digests of a fixed length',
  'headers/': 'names and parameters of a header that was counted with its characters',
  'leaves/embedded-data.ts': 'LineSearch looks for no line end twice',
  'leaves/extraction.ts': 'the digest of chunks, each of which is counted',
  'leaves/text-properties.ts': 'the last two bytes',
  'storage/': 'what was decoded, and counted',
  'structure/cuts.ts': 'a piece that Work has counted',
}

/** A type of bytes that can be searched, a source that is read, and a text that is made of anything. */
const SEARCHED =
  /(?<![\w.])Buffer(?![\w.])|(?<!\bwork)\.(?:gather|gatherInSteps|chunks)\(|\.toString\(\)/

const READING = 'mail/mime/'
const found = sourceFiles
  .filter(({ path }) => path.startsWith(READING))
  .filter(({ text }) => SEARCHED.test(withoutComments(text)))
  .map(({ path }) => path.slice(READING.length))

t.test('only Work searches a message, which counts first', async (t) => {
  t.same(
    found.filter((file) => !Object.keys(places).some((place) => file.startsWith(place))),
    [],
  )
})

t.test('each exception is still needed', async (t) => {
  for (const place of Object.keys(places))
    t.ok(
      found.some((file) => file.startsWith(place)),
      place,
    )
})

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|(?:^|\s)\/\/.*$/gm, '')
}

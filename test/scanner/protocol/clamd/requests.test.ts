import fc from 'fast-check'
import t from 'tap'
import { WireError } from '../../../../src/base/protocol/connection/wire-error.ts'
import {
  CLAMD_COMMAND_MAX,
  ClamdRequestReader,
  StreamTooLong,
} from '../../../../src/scanner/protocol/clamd/requests.ts'
import { inStream, streamed } from '../../doors/clamd/rig.ts'

/** What clients of clamd send, in any split. */

/** The requests in words: a command with its ending, bytes as they are, `.` for the end of a stream. */
function read(pieces: readonly Buffer[], streamMax = 1000): string[] {
  const reader = new ClamdRequestReader(streamMax)
  const words: string[] = []
  const note = (request: ReturnType<typeof reader.next>) => {
    if (request?.kind === 'command') {
      const { name, path, ending } = request
      const shown = name === undefined ? '?' : path === '' ? name : `${name} ${path}`
      words.push(shown + (ending === '\n' ? '\\n' : '\\0'))
    } else if (request?.kind === 'piece') {
      const text = request.bytes.toString('latin1')
      // However a chunk is split, its bytes come in order.
      if (words.at(-1)?.startsWith('=')) words.push(words.pop()! + text)
      else words.push(`=${text}`)
    } else if (request !== undefined) words.push(request.kind === 'end' ? '.' : '+')
  }
  for (const piece of pieces) {
    reader.push(piece)
    for (let next = reader.next(); next; next = reader.next()) note(next)
  }
  return words
}

const chunks = (content: string, chunk?: number) => streamed(content, chunk).toString('latin1')

const understood: readonly (readonly [string, readonly string[]])[] = [
  ['zPING\0', ['PING\\0']],
  ['nPING\n', ['PING\\n']],
  ['nPING\r\n', ['PING\\n']],
  ['zVERSION\0', ['VERSION\\0']],
  ['zVERSIONCOMMANDS\0', ['VERSIONCOMMANDS\\0']],
  ['zSCAN /a\nb\0', ['SCAN /a\nb\\0']],
  ['zFILDES\0\0', ['FILDES\\0', '+']],
  [`zINSTREAM\0${chunks('abcdef', 2)}`, ['INSTREAM\\0', '=abcdef', '.']],
  [`nINSTREAM\n${chunks('')}`, ['INSTREAM\\n', '.']],
  [
    `zIDSESSION\0zPING\0zINSTREAM\0${chunks('ab')}nFILDES\nxzEND\0`,
    ['IDSESSION\\0', 'PING\\0', 'INSTREAM\\0', '=ab', '.', 'FILDES\\n', '+', 'END\\0'],
  ],
  // What clamd does not know here, either.
  ['zping\0', ['?\\0']],
  ['zPING x\0', ['?\\0']],
  ['zSCAN\0', ['?\\0']],
  ['zPING\n\0', ['?\\0']],
  ['z\0', ['?\\0']],
  ['zEND\0', ['?\\0']],
  ['zRELOAD\0', ['RELOAD\\0']],
  ['zconstructor\0', ['?\\0']],
  ['zIDSESSION\0zSCAN /a\0', ['IDSESSION\\0', 'SCAN /a\\0']],
  ['zIDSESSION\0zCONTSCAN /a\0', ['IDSESSION\\0', '?\\0']],
  ['zIDSESSION\0zRELOAD\0', ['IDSESSION\\0', '?\\0']],
  ['zIDSESSION\0zIDSESSION\0', ['IDSESSION\\0', '?\\0']],
]

for (const [request, wanted] of understood) {
  t.test(`${JSON.stringify(request)}, split wherever it may be`, async (t) => {
    const bytes = Buffer.from(request, 'latin1')
    t.same(read([bytes]), wanted)
    t.same(read([...bytes].map((byte) => Buffer.of(byte))), wanted)
    for (let at = 1; at < bytes.length; at++) {
      t.same(read([bytes.subarray(0, at), bytes.subarray(at)]), wanted, `at ${at}`)
    }
  })
}

t.test(
  'a packet without a prefix is a command, as in clamd, with or without a line end',
  async (t) => {
    for (const [request, wanted] of [
      ['PING', 'PING\\n'],
      ['VERSION', 'VERSION\\n'],
      ['RELOAD', 'RELOAD\\n'],
      ['SCAN /a b', 'SCAN /a b\\n'],
      ['CONTSCAN /a', 'CONTSCAN /a\\n'],
      ['', '?\\n'],
      ['INSTREAM', '?\\n'],
      ['STATS', '?\\n'],
      ['PIN', '?\\n'],
    ] as const) {
      if (request !== '') t.same(read([Buffer.from(request)]), [wanted], request)
      t.same(read([Buffer.from(`${request}\n`)]), [wanted], request)
      t.same(read([Buffer.from(`${request}\r\n`)]), [wanted], request)
    }
    const inSession = ['zIDSESSION\0', 'STATS\n'].map((request) => Buffer.from(request))
    t.same(read(inSession), ['IDSESSION\\0', '?\\n'])
  },
)

t.test(
  'a stream over its limit is refused by its lengths, whatever has arrived of it',
  async (t) => {
    t.same(read([inStream('x'.repeat(1000), 100)]).length, 3)
    for (const request of [
      inStream('x'.repeat(1001), 100),
      Buffer.from('zINSTREAM\0\xff\xff\xff\xff', 'latin1'),
    ])
      t.throws(() => read([request]), new StreamTooLong('a stream that is too long'))
  },
)

t.test('a command is no longer than a path and a word', async (t) => {
  const command = (length: number) => Buffer.from(`zSCAN /${'a'.repeat(length - 7)}\0`)
  t.match(read([command(CLAMD_COMMAND_MAX)]), [/^SCAN \/a+/])
  for (const endless of [command(CLAMD_COMMAND_MAX + 1), Buffer.alloc(CLAMD_COMMAND_MAX + 2, 'z')])
    t.throws(() => read([endless]), new WireError('a command that is too long'))
})

t.test('random bytes are requests or an error, and none waits indefinitely', async () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.constantFrom(...understood.map(([request]) => Buffer.from(request, 'latin1'))),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
      try {
        read(pieces.map((bytes) => Buffer.from(bytes)))
      } catch (error) {
        if (!(error instanceof WireError)) throw error
      }
    }),
    { numRuns: 2000 },
  )
})

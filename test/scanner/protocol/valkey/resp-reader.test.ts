import t from 'tap'
import {
  commandOf,
  RespError,
  RespReader,
  type RespValue,
} from '../../../../src/scanner/protocol/valkey/resp-reader.ts'

/** The replies of a server: RESP2, as its clients read it. */

/** The most bytes of a reply, items of a list, and bytes of a line. */
const TEXTS_MAX = 65_536
const ITEMS_MAX = 100
const LINE_MAX = 4096

/** The values that the reader finds in these parts, with texts as strings. */
function read(...parts: readonly string[]): unknown[] {
  const replies: unknown[] = []
  const reader = new RespReader((reply) => replies.push(shown(reply)))
  for (const part of parts) reader.push(Buffer.from(part, 'latin1'))
  return replies
}

function shown(reply: RespValue): unknown {
  if (Buffer.isBuffer(reply)) return reply.toString('latin1')
  if (reply instanceof RespError) return { error: reply.message }
  return Array.isArray(reply) ? reply.map(shown) : reply
}

const largest = 'x'.repeat(TEXTS_MAX - 7)

const good: Readonly<Record<string, readonly [string, readonly unknown[]]>> = {
  'simple replies': ['+OK\r\n-ERR no such\r\n+\r\n', ['OK', { error: 'ERR no such' }, '']],
  'texts, empty ones and none': [
    '$5\r\nhello\r\n$0\r\n\r\n$-1\r\n$4\r\n\r\n\r\n\r\n',
    ['hello', '', null, '\r\n\r\n'],
  ],
  'lists, empty ones and none': [
    '*2\r\n+a\r\n$1\r\nx\r\n*0\r\n*-1\r\n*2\r\n$-1\r\n-E\r\n+OK\r\n',
    [['a', 'x'], [], null, [null, { error: 'E' }], 'OK'],
  ],
  'the largest text, often': [
    `$${largest.length}\r\n${largest}\r\n`.repeat(3),
    [largest, largest, largest],
  ],
  'as many items as there may be': [
    `*${ITEMS_MAX}\r\n${'+a\r\n'.repeat(ITEMS_MAX)}+OK\r\n`,
    [new Array(ITEMS_MAX).fill('a'), 'OK'],
  ],
}

for (const [what, [text, replies]] of Object.entries(good)) {
  t.test(`the reader takes ${what}`, async (t) => {
    t.same(read(text), replies)
    if (text.length > 1000) return
    for (let at = 1; at < text.length; at++)
      t.same(read(text.slice(0, at), text.slice(at)), replies)
    t.same(read(...text), replies, 'byte by byte')
  })
}

const bad: Readonly<Record<string, string>> = {
  'a text that is announced to be huge': '$2000000000\r\n',
  'texts that are huge together': `*9\r\n${`$200000\r\n${'x'.repeat(200_000)}\r\n`.repeat(9)}`,
  'a list that is announced to be huge': '*33554432\r\n',
  'a list with one item too many': `*${ITEMS_MAX + 1}\r\n${'+a\r\n'.repeat(ITEMS_MAX + 1)}`,
  'a list in a list': '*1\r\n*1\r\n+a\r\n',
  'an empty list in a list': '*1\r\n*0\r\n',
  'a number, for which nobody asks': ':17\r\n',
  'a line without end': `+${'a'.repeat(LINE_MAX)}`,
  'what is no length': '*0x9\r\n',
  'a length below none': '$-~\r\n',
  'a CR amid a line': '+a\rX*33554432\r\n',
  'a reply of another protocol': 'HTTP/1.1 200 OK\r\n',
  'RESP3, which nobody asked for': '>3\r\n',
}

for (const [what, text] of Object.entries(bad)) {
  t.test(`the reader refuses ${what}`, async (t) => {
    t.throws(() => read(text))
    t.throws(() => read('+OK\r\n', text))
    if (text.length < 1000) t.throws(() => read(...text), 'byte by byte')
    const replies: RespValue[] = []
    const reader = new RespReader((reply) => replies.push(reply))
    t.throws(() => reader.push(Buffer.from(`+OK\r\n${text}`)))
    t.throws(() => reader.push(Buffer.from('+OK\r\n')), 'nor anything behind it')
    t.same(replies, ['OK'], 'what came before it was read')
  })
}

t.test('a command is sent as servers read it, with bytes as they are', async (t) => {
  const sent = commandOf(['SET', 'é', Buffer.of(0, 255)])
  t.same(sent.toString('latin1'), '*3\r\n$3\r\nSET\r\n$2\r\n\xc3\xa9\r\n$2\r\n\x00\xff\r\n')
})

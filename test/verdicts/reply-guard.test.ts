import t from 'tap'
import {
  createReplyGuard,
  DEPTH_MAX,
  ELEMENTS_MAX,
  LINE_MAX,
  REPLY_MAX,
} from '../../src/verdicts/reply-guard.ts'

/** What a server may say: RESP2, as its clients read it. */

const admits = (...said: readonly string[]): boolean => {
  const guard = createReplyGuard()
  return said.every((part) => guard.admits(Buffer.from(part, 'latin1')))
}

const good: Readonly<Record<string, string>> = {
  'simple replies': '+OK\r\n-ERR no such\r\n:17\r\n:-3\r\n',
  'texts, empty ones and none': '$5\r\nhello\r\n$0\r\n\r\n$-1\r\n$4\r\n\r\n\r\n\r\n',
  'arrays, empty ones and none': '*2\r\n+a\r\n*0\r\n*-1\r\n*1\r\n*2\r\n$1\r\nx\r\n:1\r\n+OK\r\n',
  'the largest text, often': `$${REPLY_MAX - 7}\r\n${'x'.repeat(REPLY_MAX - 7)}\r\n`.repeat(3),
  'as many elements as there may be': `*${ELEMENTS_MAX}\r\n${':1\r\n'.repeat(ELEMENTS_MAX)}`,
  'as deep as it may be': `${'*1\r\n'.repeat(DEPTH_MAX)}:1\r\n+OK\r\n`,
}

for (const [what, said] of Object.entries(good)) {
  t.test(`it lets pass: ${what}`, async (t) => {
    t.ok(admits(said))
    if (said.length > 1000) return
    for (let at = 1; at < said.length; at++) t.ok(admits(said.slice(0, at), said.slice(at)))
    t.ok(admits(...said), 'byte by byte')
  })
}

const bad: Readonly<Record<string, string>> = {
  'a text that is announced to be huge': '$2000000000\r\n',
  'texts that are huge together': `*9\r\n${`$200000\r\n${'x'.repeat(200_000)}\r\n`.repeat(9)}`,
  'an array that is announced to be huge': '*33554432\r\n',
  'arrays that are huge together': `*3\r\n${`*9000\r\n${':1\r\n'.repeat(9000)}`.repeat(3)}`,
  'an array in an array, without end': '*1\r\n'.repeat(DEPTH_MAX + 1),
  'a line without end': `+${'a'.repeat(LINE_MAX)}`,
  'what is no length': '*0x9\r\n',
  'a length below none, which the parser takes for 45': '$-~\r\n',
  'an array behind a CR, where the parser ends a line': '+a\rX*33554432\r\n',
  'a reply of another protocol': 'HTTP/1.1 200 OK\r\n',
  'RESP3, which nobody asked for': '>3\r\n',
}

for (const [what, said] of Object.entries(bad)) {
  t.test(`it does not: ${what}`, async (t) => {
    t.notOk(admits(said))
    t.notOk(admits('+OK\r\n', said))
    if (said.length < 1000) t.notOk(admits(...said), 'byte by byte')
    const guard = createReplyGuard()
    guard.admits(Buffer.from(said))
    t.notOk(guard.admits(Buffer.from('+OK\r\n')), 'nor anything behind it')
  })
}

import fc from 'fast-check'
import t from 'tap'
import {
  type ClamdReply,
  ClamdReplyReader,
  readReply,
  type Transfer,
} from '../../../../../src/scanner/scan/scanners/clamd/read-reply.ts'

const CLAMD_REPLY_MAX = 8 * 1024

const read = (text: string, about: Transfer = 'stream') =>
  readReply(Buffer.from(text, 'latin1'), about)

// promise: no-accident-clean, rule-8-not-clean
t.test('only the exact words are clean', async (t) => {
  t.same(read('stream: OK\0'), { answer: 'clean' })
  t.same(read('fd[10]: OK\0', 'descriptor'), { answer: 'clean' })
  for (const text of [
    'stream: OK',
    'stream: OK\n\0',
    'stream: ok\0',
    'stream: OK \0',
    ' stream: OK\0',
    'stream:OK\0',
    'stream: \0OK',
    'OK\0',
    '\0',
    '',
    'stream: Empty file\0',
    'stream: OK ERROR\0',
    'x\nstream: OK\0',
    '/spool/m.1: OK\0',
  ]) {
    t.equal(read(text).answer, 'unknown', JSON.stringify(text))
  }
  t.equal(read('stream: OK\0', 'descriptor').answer, 'no access', 'clamd took no descriptor')
})

t.test('a signature is named without the hash and size after it', async (t) => {
  for (const [text, name] of [
    ['stream: Win.Test.EICAR_HDB-1 FOUND\0', 'Win.Test.EICAR_HDB-1'],
    ['stream: Eicar(44d88612fea8a8f36de82e1278abb02f:68) FOUND\0', 'Eicar'],
    ['stream: Odd(name) FOUND\0', 'Odd(name)'],
    ['stream: B\xe4d\x07 FOUND\0', 'B?d?'],
  ] as const) {
    t.same(read(text), { answer: 'infected', name })
  }
  t.same(read('fd[9]: Eicar FOUND\0', 'descriptor'), { answer: 'infected', name: 'Eicar' })
})

t.test('FOUND without a name is a limit, and with several words not an answer', async (t) => {
  for (const text of [
    'stream: FOUND\0',
    'stream:  FOUND\0',
    'stream: (null) FOUND\0',
    'stream: (null)(ab:1) FOUND\0',
    'stream: (ab:1) FOUND\0',
  ]) {
    t.match(read(text), { answer: 'unread', kind: 'unpacked' }, JSON.stringify(text))
  }
  t.match(read('fd[9]: (null) FOUND\0', 'descriptor'), { answer: 'unread' })
  for (const text of ['stream: a b FOUND\0', 'stream:   FOUND\0', 'X FOUND\0']) {
    t.equal(read(text).answer, 'unknown', JSON.stringify(text))
  }
})

t.test('limits are distinguished from viruses and from other errors', async (t) => {
  t.match(read('INSTREAM size limit exceeded. ERROR\0'), { answer: 'unread', kind: 'size' })
  for (const text of [
    'stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND\0',
    'stream: Heuristics.Limits.Exceeded.MaxScanSize(44d88612fea8a8f36de82e1278abb02f:68) FOUND\0',
  ]) {
    t.match(read(text), { answer: 'unread', kind: 'unpacked' }, text)
  }
  const exceeded = (kind: string) => read(`stream: Heuristics.Limits.Exceeded${kind} FOUND\0`)
  t.match(exceeded('.MaxRecursion'), { answer: 'unread', kind: 'depth' })
  for (const kind of ['MaxFiles', 'EmailHeaders', 'EmailMIMEPartsPerMessage']) {
    t.match(exceeded(`.${kind}`), { answer: 'unread', kind: 'contents' }, kind)
  }
  for (const kind of ['', '.', '.MaxScanTime', '.MaxSomethingNew']) {
    t.equal(exceeded(kind).answer, 'unknown', kind)
  }
  t.equal(read('stream: Heuristics.Limits.ExceededNot FOUND\0').answer, 'infected')
  t.equal(read('stream: Heuristics.Phishing.Email FOUND\0').answer, 'infected')
})

t.test('any other reply is unknown, quoted in one printable line', async (t) => {
  for (const text of ['COMMAND READ TIMED OUT\0', 'UNKNOWN COMMAND\0', 'stream: x ERROR\0']) {
    t.same(read(text), {
      answer: 'unknown',
      reason: JSON.stringify(text.slice(0, -1)),
      cause: 'scanner-error',
    })
  }
  t.same(read('220 mail\r\n\x1b[31m\0'), {
    answer: 'unknown',
    reason: '"220 mail???[31m"',
    cause: 'scanner-error',
  })
  t.same(read('stream: O'), {
    answer: 'unknown',
    reason: 'a reply that was cut: "stream: O"',
    cause: 'scanner-error',
  })
})

t.test('a reply without end is unknown, and its quote stays short', async (t) => {
  for (const text of ['x'.repeat(CLAMD_REPLY_MAX), `${'x'.repeat(CLAMD_REPLY_MAX)}\0`]) {
    const reply = read(text)
    t.match(reply, { answer: 'unknown', reason: /^too long a reply: "x+\.\.\."$/ })
    t.ok(reply.answer === 'unknown' && reply.reason.length < 250)
  }
})

t.test('a reply reads the same in every split of its bytes', async (t) => {
  const replies = [
    'stream: OK\0',
    'stream: OK\0stream: OK\0',
    'stream: Eicar(44d88612fea8a8f36de82e1278abb02f:68) FOUND\0rest',
    'INSTREAM size limit exceeded. ERROR\0',
    'COMMAND READ TIMED OUT\0',
    'stream: O',
    'x'.repeat(CLAMD_REPLY_MAX + 5),
    `${'x'.repeat(CLAMD_REPLY_MAX + 1)}\0`,
  ]
  const bytes = fc.oneof(
    fc.constantFrom(...replies).map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array)),
  )
  fc.assert(
    fc.property(
      bytes,
      fc.array(fc.nat({ max: CLAMD_REPLY_MAX + 5 }), { maxLength: 8 }),
      (wire, cuts) => {
        t.same(readInPieces(wire, cuts), readReply(wire, 'stream'))
      },
    ),
    { numRuns: 500 },
  )
  for (const text of replies.slice(0, 6)) {
    const every = [...text].map((_, at) => at)
    t.same(readInPieces(Buffer.from(text), every), read(text), 'byte by byte')
  }
})

function readInPieces(wire: Buffer, cuts: readonly number[]): ClamdReply {
  const reader = new ClamdReplyReader()
  const inside = cuts.filter((cut) => cut < wire.length).sort((a, b) => a - b)
  let from = 0
  for (const cut of [...inside, wire.length]) {
    reader.push(wire.subarray(from, cut))
    const whole = reader.whole()
    if (whole) return readReply(whole, 'stream')
    from = cut
  }
  return readReply(wire, 'stream') // it was cut
}

t.test('replies are gathered up to the end of the last one, or to a limit for each', async (t) => {
  const lengthAfter = (count: number, ...parts: readonly (string | Buffer)[]) => {
    const reader = new ClamdReplyReader(count)
    for (const part of parts) reader.push(Buffer.from(part))
    return reader.whole()?.length
  }
  t.equal(lengthAfter(2, 'stream: OK'), undefined)
  t.equal(lengthAfter(2, 'stream: OK', '\0'), undefined, 'one of two')
  t.equal(lengthAfter(2, 'stream: OK', '\0', '\0'), 12)
  t.equal(lengthAfter(2, 'a\0b\0'), 4, 'both at once')
  t.equal(lengthAfter(1, Buffer.alloc(CLAMD_REPLY_MAX - 1, 'x')), undefined)
  t.equal(lengthAfter(1, Buffer.alloc(CLAMD_REPLY_MAX, 'x')), CLAMD_REPLY_MAX)
  t.equal(lengthAfter(2, Buffer.alloc(2 * CLAMD_REPLY_MAX - 1, 'x')), undefined)
})

t.test('an unsuitable reply of clamd means that it accepts no descriptor', async (t) => {
  const meaning = (text: string) => read(text, 'descriptor').answer
  t.equal(meaning('fd[9]: Not a regular file ERROR\0'), 'no access')
  t.equal(meaning('No file descriptor received. ERROR\0'), 'no access')
  t.equal(meaning('fd[9]: Any other ERROR\0'), 'unknown')
  t.equal(meaning('x fd[9]: OK\0'), 'no access', 'not the words of clamd')
})

t.test('a signature may have FOUND and a hash in the midst of its name', async (t) => {
  t.same(read('stream: Odd(ab:1)name FOUND\0'), { answer: 'infected', name: 'Odd(ab:1)name' })
  t.equal(read('stream: Odd FOUND again\0').answer, 'unknown')
})

t.test('what another onescand refuses keeps its kind', async (t) => {
  for (const [name, result] of [
    ['nested-too-deep', { answer: 'unread', kind: 'depth' }],
    ['too-much-inside', { answer: 'unread', kind: 'contents' }],
    ['unreadable', { answer: 'unread', kind: 'unreadable' }],
    ['too-large-inside', { answer: 'unread', kind: 'unpacked' }],
    ['encrypted', { answer: 'unread', kind: 'encrypted' }],
    ['strange-mime', { answer: 'unread', kind: 'oddities' }],
    ['banned.attachment_a.exe', { answer: 'infected', isBanned: true, name: 'attachment a.exe' }],
    ['banned.attachment_a_b.exe', { isBanned: true, name: 'attachment a_b.exe' }],
    ['policy', { answer: 'infected', isBanned: true }],
    ['other', { answer: 'infected', name: 'Onescan.other', isBanned: undefined }],
    ['constructor', { answer: 'infected', name: 'Onescan.constructor', isBanned: undefined }],
  ] as const)
    t.match(read(`stream: Onescan.${name} FOUND\0`), result, name)
})

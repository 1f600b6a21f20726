import fc from 'fast-check'
import t from 'tap'
import {
  mayPass,
  offerBetween,
  parseAttributes,
  parseCommand,
  parsePath,
} from '../../../../src/scanner/protocol/smtp/smtp-commands.ts'
import { LineReader } from '../../../../src/scanner/protocol/smtp/smtp-lines.ts'
import {
  deferralOf,
  rawReply,
  replyTexts,
  SmtpReplyReader,
} from '../../../../src/scanner/protocol/smtp/smtp-replies.ts'
import { bareAddress, plainAddress } from '../../../../src/scanner/protocol/smtp/smtp-syntax.ts'

/** Commands and replies, line by line, in any split. */

const bytes = (text: string) => Buffer.from(text, 'latin1')

function linesOf(text: string, size: number, max = 20): string[] {
  const reader = new LineReader(max)
  const found: string[] = []
  const whole = bytes(text)
  for (let at = 0; at < whole.length; at += size) {
    reader.push(whole.subarray(at, at + size))
    for (let line = reader.next(); line; line = reader.next()) {
      found.push(line.kind === 'line' ? line.bytes.toString('latin1') : 'TOO LONG')
    }
  }
  return found
}

t.test('lines end in CRLF or LF, and are the same in any split', async (t) => {
  const pieces = fc.array(fc.constantFrom('\r\n', '\n', 'ab', '\r', 'x'.repeat(9)), {
    maxLength: 12,
  })
  fc.assert(
    fc.property(pieces, fc.integer({ min: 1, max: 7 }), (some, size) => {
      const text = some.join('')
      const wanted = text.split('\n').slice(0, -1).map((line) => line.replace(/\r$/, '')) // biome-ignore format: a line
      t.same(
        linesOf(text, size),
        wanted.map((line) => (line.length > 20 ? 'TOO LONG' : line)),
      )
    }),
    { numRuns: 2000 },
  )
})

t.test('bytes that wait take no more memory if they come one by one', async (t) => {
  const reader = new LineReader(20)
  const text = 'NOOP\r\n'.repeat(5000)
  for (const byte of bytes(text)) reader.push(Buffer.of(byte))
  t.equal(reader.pending, text.length)
  t.match(reader.next(), { bytes: bytes('NOOP') })
  const pieces: Buffer[] = []
  for (let piece = reader.take(); piece; piece = reader.take()) pieces.push(piece)
  t.ok(pieces.length < 500, `${pieces.length} pieces`)
  t.equal(Buffer.concat(pieces).toString('latin1'), text.slice('NOOP\r\n'.length))
})

t.test('the last line that waits is the last whole one, in any split', async (t) => {
  const pieces = fc.array(fc.constantFrom('\r\n', '\n', 'ab', 'QUIT', '\r'), { maxLength: 8 })
  fc.assert(
    fc.property(pieces, fc.nat(3), fc.integer({ min: 1, max: 7 }), (some, read, size) => {
      const reader = new LineReader(100)
      const whole = bytes(some.join(''))
      for (let at = 0; at < whole.length; at += size) reader.push(whole.subarray(at, at + size))
      for (let line = 0; line < read; line++) reader.next()
      const isWhole = reader.pending > 0 && whole.at(-1) === 0x0a
      const last = reader.lastWaiting?.toString('latin1')
      const rest: (string | undefined)[] = []
      for (let line = reader.next(); line; line = reader.next()) {
        rest.push(line.kind === 'line' ? line.bytes.toString('latin1') : undefined)
      }
      t.equal(last, isWhole ? rest.at(-1) : undefined)
    }),
    { numRuns: 2000 },
  )
})

t.test('a line that is too long is dropped in constant memory, and the next read', async (t) => {
  const reader = new LineReader(100)
  const before = process.memoryUsage().arrayBuffers
  for (let n = 0; n < 1000; n++) {
    reader.push(Buffer.alloc(10_000, 97))
    t.equal(reader.next(), undefined)
  }
  t.equal(reader.unended, 10_000_000)
  reader.push(bytes('\r\nNOOP\r\n'))
  t.equal(reader.next()?.kind, 'too-long')
  t.match(reader.next(), { kind: 'line', bytes: bytes('NOOP') })
  t.ok(process.memoryUsage().arrayBuffers - before < 20_000_000)
})

t.test('bytes that are not lines can be taken, and given back', async (t) => {
  const reader = new LineReader(100)
  reader.push(bytes('DATA\r\ncontent'))
  t.match(reader.next(), { kind: 'line' })
  t.equal(reader.take()?.toString(), 'content')
  t.equal(reader.take(), undefined)
  reader.giveBack(bytes('MAIL\r\n'))
  reader.push(bytes('RCPT\r\n'))
  t.match(reader.next(), { bytes: bytes('MAIL') })
})

t.test('a command is a verb and an argument', async (t) => {
  const read = (line: string) => {
    const command = parseCommand(bytes(line))
    return command && [command.verb, command.argument.toString('latin1')]
  }
  t.same(read('mail FROM:<a>'), ['MAIL', 'FROM:<a>'])
  t.same(read('RCPT \t TO:<a> '), ['RCPT', 'TO:<a> '])
  t.same(read('QUIT'), ['QUIT', ''])
  t.same(read(''), ['', ''])
  t.same(read(' X'), ['', 'X'])
  t.same(read('MAIL FROM:<\xe4@\xff>'), ['MAIL', 'FROM:<\xe4@\xff>'], '8-bit goes on')
  for (const byte of ['\0', '\r', '\x1b', '\x7f']) t.equal(read(`NOOP ${byte}x`), undefined)
  for (const odd of ['\xdf', 'N\xf6\xf6P', 'a_b']) t.equal(read(odd), undefined, odd)
})

t.test('the paths of RFC 5321 are parsed, and other arguments are refused', async (t) => {
  const read = (text: string) => {
    const found = parsePath(bytes(text), 'FROM:')
    return found && [found.path.toString('latin1'), ...found.parameters.map(String)]
  }
  t.same(read('FROM:<a@b> SIZE=1  BODY=8BITMIME'), ['<a@b>', 'SIZE=1', 'BODY=8BITMIME'])
  t.same(read('from: <a@b>'), ['<a@b>'])
  t.same(read('FROM:<>'), ['<>'])
  t.same(read('FROM:<"a> b\\" c"@d> X=1'), ['<"a> b\\" c"@d>', 'X=1'])
  t.same(read('FROM:a@b X'), ['a@b', 'X'])
  t.same(read('FROM:<a@b'), ['<a@b'], 'the next server answers for it')
  t.equal(read('<a@b>'), undefined)
  t.equal(read('TO:<a@b>'), undefined)
})

t.test('an address is the text between the angle brackets', async (t) => {
  for (const [path, address] of [
    ['<a@b>', 'a@b'],
    ['<>', ''],
    ['a@b', 'a@b'],
    ['<a@b', '<a@b'],
    ['', ''],
  ] as const) {
    t.equal(bareAddress(bytes(path)).toString(), address)
  }
})

t.test('a path of any bytes costs linear time', async (t) => {
  const long = `FROM:<${'"\\'.repeat(2000)}`
  t.equal(parsePath(bytes(long), 'FROM:')?.path.length, long.length - 5)
})

t.test('replies of one line and of several are read', async (t) => {
  const read = (text: string) => {
    const lines = new LineReader(4096)
    lines.push(bytes(text))
    const replies = new SmtpReplyReader()
    for (let line = lines.next(); line; line = lines.next()) {
      const reply = replies.take(line)
      if (reply) return { code: reply.code, text: reply.bytes.toString('latin1') }
    }
    return undefined
  }
  t.same(read('250 ok\r\n'), { code: 250, text: '250 ok\r\n' })
  t.same(read('250\r\n'), { code: 250, text: '250\r\n' })
  t.same(
    read('250-a\n250-b\n250 c\n'),
    { code: 250, text: '250-a\r\n250-b\r\n250 c\r\n' },
    'bare LF',
  )
  t.equal(read('250-a\r\n'), undefined, 'there is more to come')
  t.same(read(`${'250-x\r\n'.repeat(999)}250 y\r\n`)?.code, 250)
  for (const text of [
    'hello\r\n',
    '99 x\r\n',
    '600 x\r\n',
    '2500 x\r\n',
    '\r\n',
    '250-a\r\n251 b\r\n',
    '250 a\rb\r\n',
    '250 \0\r\n',
    '-ERR\r\n',
  ])
    t.throws(() => read(text), { name: 'WireError' }, JSON.stringify(text))
  t.throws(() => read(`250 ${'x'.repeat(5000)}\r\n`), { message: /over 4096 bytes/ })
  t.throws(() => read(`250-${'x'.repeat(4000)}\r\n`.repeat(40)), { message: /over 131072 bytes/ })
})

t.test('a reply of our own cannot forge a line', async (t) => {
  const reply = rawReply({ code: 550, enhanced: '5.7.1', lines: ['a\r\n250 ok\0\xe4', 'b'] })
  t.equal(reply.bytes.toString('latin1'), '550-5.7.1 a??250 ok??\r\n550 5.7.1 b\r\n')
  const long = rawReply({ code: 550, enhanced: '5.7.1', lines: ['x'.repeat(1000)] })
  t.ok(long.bytes.length <= 512)
  t.equal(replyTexts(reply).length, 2)
})

t.test(
  'extensions that a proxy cannot support are not offered, nor are their commands passed on',
  async (t) => {
    const commands = [
      ...['STARTTLS', 'AUTH', 'BDAT', 'BURL', 'ATRN', 'TURN', 'XEXCH50'],
      ...['X-EXPS', 'X-ANONYMOUSTLS', 'X-LINK2STATE'],
    ]
    const extensions = [
      ...commands,
      ...['AUTH PLAIN LOGIN', 'AUTH=PLAIN', 'auth plain'],
      ...['CHUNKING', 'BINARYMIME', 'CHECKPOINT', 'PRDR'],
      'PIPELINING',
      'SIZE 100',
      '8BITMIME',
      'X-WHATEVER 1',
    ]
    t.same(offerBetween(rawReply({ code: 250, lines: ['next', ...extensions] })), [
      'next',
      'PIPELINING',
      'SIZE 100',
      '8BITMIME',
      'X-WHATEVER 1',
    ])
    for (const verb of commands) t.notOk(mayPass(verb), verb)
    for (const verb of ['VRFY', 'HELP', 'ETRN', 'XWHATEVER']) t.ok(mayPass(verb))
  },
)

t.test('the attributes of XFORWARD are decoded from xtext', async (t) => {
  const attributes = parseAttributes(
    bytes(
      'NAME=spike.example ADDR=IPV6:2001:db8::1 PROTO=ESMTP HELO=a+2Bb+3dc IDENT=4FG source=LOCAL x',
    ),
  )
  t.same(
    { ...attributes },
    {
      NAME: 'spike.example',
      ADDR: 'IPV6:2001:db8::1',
      HELO: 'a+b=c',
      IDENT: '4FG',
      SOURCE: 'LOCAL',
    },
  )
  t.equal(plainAddress('IPv6:2001:db8::1'), '2001:db8::1')
  const odd = `NAME=[UNAVAILABLE] ADDR= HELO=[tempunavail] =x IDENT=${'x'.repeat(2000)} LOGIN=a+b`
  const found = parseAttributes(bytes(odd))
  t.same(
    Object.entries(found).filter(([, value]) => value !== undefined),
    [
      ['IDENT', 'x'.repeat(1024)],
      ['LOGIN', 'a+b'],
    ],
  )
})

t.test('a refusal becomes one for now, with the same text', async (t) => {
  for (const [written, code, deferral] of [
    ['450 4.2.0 slow', 450, '450 4.2.0 slow'],
    ['421 4.3.2 going down', 421, '451 4.3.2 going down'],
    ['550-5.1.1 no 550\r\n550 5.1.1 5.1.1', 550, '451-4.1.1 no 550\r\n451 4.1.1 5.1.1'],
    ['554 no', 554, '451 no'],
  ] as const) {
    const reply = { code, bytes: bytes(`${written}\r\n`) }
    const { bytes: deferred, insteadOf, ...rest } = deferralOf(reply)
    t.same([rest.code, deferred.toString()], [Number(deferral.slice(0, 3)), `${deferral}\r\n`])
    t.equal(insteadOf, code === 450 ? undefined : reply)
  }
})

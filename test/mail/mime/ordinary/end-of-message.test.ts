import t from 'tap'
import { boundariesOfEnded } from '../../../../src/mail/mime/ordinary/end-of-message.ts'

/** A message of odd structure that declares so many multiparts, and closes none. */
function declaring(count: number): string {
  const fields = Array.from({ length: count }, (_, n) => `X-${n}: boundary=boundary${n}\n`)
  return `no field\n${fields.join('')}\ntext\n`
}

t.test(
  'each boundary of a message is searched for, so the end of one with many is not proved',
  (t) => {
    t.same(boundariesOfEnded(declaring(2)), ['boundary0', 'boundary1'])
    t.equal(boundariesOfEnded(declaring(8))?.length, 8)
    t.equal(boundariesOfEnded(declaring(9)), undefined)
    t.same(boundariesOfEnded(declaring(1), ['outermost']), ['boundary0'])
    t.equal(boundariesOfEnded(declaring(1), ['boundary0']), undefined, 'one of a multipart around')
    t.end()
  },
)

t.test(
  'the end of a message is proved only below lines that no program takes for a header',
  (t) => {
    const message = 'Subject: x\nno field\n\ntext\n'
    t.same(boundariesOfEnded(message), [])
    for (const end of [
      '--x\n',
      'Content-Type: text/plain\n',
      'From a@example.org\n',
      'a\r--x\n',
      'a\0--x\n',
      'From\0 a@example.org\n',
      'message/rfc822\n',
      'x\r\n',
    ])
      t.equal(boundariesOfEnded(message + end), undefined, end)
    t.equal(boundariesOfEnded('Subject: x\nno field\n'), undefined, 'no empty line')
    t.end()
  },
)

t.test('of a boundary that programs read differently, all of them have the beginning', (t) => {
  const declares = (parameter: string, body = 'text\n\ntext\n') =>
    boundariesOfEnded(`Content-Type: multipart/mixed; ${parameter}\n\n${body}`)
  t.same(declares('boundary="abc-def=1\nX: y'), ['abc-def=1'], 'a quote that is not closed')
  t.same(declares('boundary=--_=_abc'), ['--_'], 'an equals sign without quotes')
  t.same(declares('boundary=abc@def'), ['abc'], 'an at sign without quotes')
  t.same(
    declares('boundary="abc', '--guess\n\ntext\n\ntext\n'),
    ['abc', 'guess'],
    'a line like a delimiter',
  )
  t.same(declares('boundary="--Boundary_1=a"'), ['--Boundary_1=a'], 'the word in a boundary')
  t.same(declares('boundary="boundary=a"'), ['boundary=a', 'a'], 'what may declare two')
  for (const other of [
    'boundary*0=abc',
    "boundary='abc'",
    'x; Boundary_1=abc',
    'boundary=abcdefgh--',
    'boundary="abc- d"',
    'boundary=abc-=d',
    'boundary="---"',
    'boundary=',
    'boundary ="abcdefgh"',
  ])
    t.equal(declares(other), undefined, other)
  t.end()
})

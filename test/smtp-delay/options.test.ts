import t from 'tap'
import { readOptions } from '../../src/smtp-delay/options.ts'

t.test('options end at the program, whose own are left alone', async (t) => {
  const options = readOptions(['-d', '2', '-D.5', '-N3.25', '-Sv', 'rblsmtpd', '-r', '-d', '-S'])
  t.same(options.delays, { ordinary: 2, dynamic: 0.5, nameless: 3.25 })
  t.match(options, { standalone: true, verbose: true, penalty: 5 })
  t.same(options.words, ['rblsmtpd', '-r', '-d', '-S'])
  t.same(readOptions(['-v', '--', '-odd-program']).words, ['-odd-program'])
  t.same(readOptions(['--names=a', '--names', 'b', 'x']).nameFiles, ['a', 'b'])
})

t.test('short, moderate and long are the defaults', async (t) => {
  t.match(readOptions(['x']), {
    delays: { ordinary: 1, dynamic: 10, nameless: 20 },
    penalty: 5,
    standalone: false,
    builtin: true,
  })
})

t.test('what makes no sense is a usage error that names it', async (t) => {
  const lines = {
    '': /^no program; usage/,
    '-v': /^no program/,
    '-d': /^-d: needs a value/,
    '-d x y': /^-d x: is not a number of seconds from 0 to 300/,
    '-d -1 y': /^-d -1/,
    '-D 300.1 y': /^-D 300.1/,
    '-N 1e2 y': /^-N 1e2/,
    '-P 0x5 y': /^-P 0x5/,
    '-d NaN y': /^-d NaN/,
    '-q y': /^-q: is not an option/,
    '--odd y': /^--odd: is not an option/,
    '--no-builtin=yes y': /^--no-builtin=yes: is not an option/,
    '--limit 5 y': /together/,
    '--locks /tmp y': /together/,
    '--limit 0 --locks /tmp y': /^--limit 0/,
    '--text -x y': /^--text -x/,
    '--explain': /^no address/,
  }
  for (const [line, message] of Object.entries(lines)) {
    const words = line.split(' ').filter((word) => word !== '')
    t.throws(() => readOptions(words), { name: 'UsageError', message }, line)
  }
  t.throws(() => readOptions(['--text', 'a\nb', 'y']), { name: 'UsageError' })
  t.throws(() => readOptions(['--text', 'a'.repeat(201), 'y']), { name: 'UsageError' })
})

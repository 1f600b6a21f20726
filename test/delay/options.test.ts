import t from 'tap'
import { OPTIONS, readOptions, USAGE } from '../../src/delay/options/delay-options.ts'

t.test('options end at the program, whose own are left alone', async (t) => {
  const options = readOptions(['-d', '2', '-D.5', '-N3.25', '-Sv', 'rblsmtpd', '-r', '-d', '-S'])
  t.same(options.delaySeconds, { ordinary: 2, dynamic: 0.5, nameless: 3.25 })
  t.match(options, { refusesHere: true, isVerbose: true, penaltySeconds: 5 })
  t.same(options.argv, ['rblsmtpd', '-r', '-d', '-S'])
  t.same(readOptions(['-v', '--', '-odd-program']).argv, ['-odd-program'])
  t.same(readOptions(['--names=a', '--names', 'b', 'x']).nameFiles, ['a', 'b'])
})

t.test('the usage names every option', async (t) => {
  const named = [...USAGE.matchAll(/[[ ](--[a-z-]+|-[a-zA-Z1]+)/g)].flatMap(([, word = '']) =>
    word.startsWith('--') ? [word] : [...word.slice(1)].map((letter) => `-${letter}`),
  )
  const unnamed = OPTIONS.filter((option) => !named.includes(option))
  t.same(unnamed, [])
})

t.test('the default delays are short, moderate and long', async (t) => {
  t.match(readOptions(['x']), {
    delaySeconds: { ordinary: 1, dynamic: 10, nameless: 20 },
    penaltySeconds: 5,
    refusesHere: false,
  })
})

t.test('an invalid option is a usage error that names it', async (t) => {
  const lines = {
    '': /^no program; see smtp-delay --help$/,
    '-v': /^no program/,
    '-d': /^-d: needs a value; see smtp-delay --help$/,
    '-d x y': /^-d x: is not a number of seconds from 0 to 300/,
    '-d -1 y': /^-d -1/,
    '-D 300.1 y': /^-D 300.1/,
    '-N 1e2 y': /^-N 1e2/,
    '-P 0x5 y': /^-P 0x5/,
    '-d NaN y': /^-d NaN/,
    '-k y': /^-k: is not an option/,
    '-q y': /^-q: needs --listen/,
    '-c 5 y': /^-c: needs --listen/,
    '--listen 25 --limit 5 --locks /x y':
      /^--limit and --locks: are for smtp-delay behind tcpserver; with --listen use --waiting/,
    '--listen 25 -r y': /^-r: is not an option/,
    '--listen 25 -B hi y': /^-B: is not an option/,
    '--listen 70000 y': /^--listen 70000: must be \[ADDRESS:\]PORT/,
    '--listen mail.example.org:25 y': /^--listen mail/,
    '--listen ::1:25 y': /^--listen ::1:25/,
    '--listen [::1:25 y': /^--listen \[::1:25/,
    '--listen fd:2 y': /^--listen fd:2: is not a descriptor from 3/,
    '--listen 25 -c 0 y': /^-c 0: is not a number from 1/,
    '--listen 25 -u 0 y': /^-u 0: is not a number from 1/,
    '--listen 25 -U y': /^-U: UID : is not a number .* envuidgid/,
    '--listen 25 --remember 91d y': /^--remember 91d: must be a time such as 12h/,
    '--listen 25 --remember d y': /^--remember d/,
    '--listen 25 -D -R y': /^-D -R: is not a number of seconds/,
    '--odd y': /^--odd: is not an option/,
    '--explain=yes y': /^--explain=yes: is not an option/,
    '--limit 5 y': /together/,
    '--locks /tmp y': /together/,
    '--limit 0 --locks /tmp y': /^--limit 0/,
    '--text -x y': /^--text -x/,
    '--explain': /^no address/,
  }
  for (const [line, message] of Object.entries(lines)) {
    const args = line.split(' ').filter((word) => word !== '')
    t.throws(() => readOptions(args), { name: 'UsageError', message }, line)
  }
  for (const args of [
    ['-d', '', 'y'],
    ['--names=', 'y'],
  ]) {
    t.throws(() => readOptions(args), { message: /^(-d|--names): needs a value/ })
  }
  t.throws(() => readOptions(['--text', 'a\nb', 'y']), { name: 'UsageError' })
  t.throws(() => readOptions(['--text', 'a'.repeat(201), 'y']), { name: 'UsageError' })
})

t.test('--listen opens a gate, with the switches of tcpserver', async (t) => {
  const read = (line: string) => readOptions(line.split(' '), { UID: '7', GID: '8' }).gate
  t.match(read('--listen 25 x'), {
    listen: [{ kind: 'bind', address: undefined, port: 25 }],
    programs: 40,
    waiting: undefined,
    perClient: 20,
    waitSeconds: 60,
    rememberSeconds: 86_400,
    lookUp: 'name',
    keepsIpOptions: false,
    isNoDelay: false,
    isQuiet: false,
  })
  const all = read('--listen 0:25 --listen [2001:db8::1]:26 -1RHOQ -c9 -x f -X -U -l 0 -b 7 -o x')
  t.same(
    all?.listen.map((place) => place.kind === 'bind' && [...(place.address ?? []), place.port]),
    [
      [0, 0, 0, 0, 25],
      [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 26],
    ],
  )
  t.match(all, { programs: 9, uid: 7, gid: 8, localName: '0', backlog: 7, keepsIpOptions: true })
  t.match(all, { rules: { file: 'f', mayBeMissing: true }, lookUp: 'never', printsPort: true })
  t.match(read('--listen fd:3 -p --remember 2h x'), {
    lookUp: 'confirmed name',
    rememberSeconds: 7200,
  })
  t.equal(readOptions(['x']).gate, undefined)
})

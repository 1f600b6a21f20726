import fc from 'fast-check'
import t from 'tap'
import { MACROS_MAX, Macros } from '../../../../src/scanner/protocol/milter/macros.ts'
import {
  type ConnectingClient,
  type MilterCommand,
  parseCommand,
} from '../../../../src/scanner/protocol/milter/milter-commands.ts'

const bytes = (text: string) => Buffer.from(text, 'latin1')
const parse = (type: string, data = '') => parseCommand({ type, payload: bytes(data) })

const connected = (
  host: string,
  family: ConnectingClient['family'],
  port: number,
  address: string,
): MilterCommand => ({ kind: 'connect', host: bytes(host), family, port, address })

t.test('each command of an MTA is parsed', async (t) => {
  const wanted: [string, string, MilterCommand][] = [
    [
      'O',
      '\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff',
      { kind: 'negotiate', offer: { version: 6, actions: 0x1ff, steps: 0x1fffff } },
    ],
    [
      'C',
      'mx.example.org\x004\x04\x01192.0.2.1\0',
      connected('mx.example.org', 'inet', 1025, '192.0.2.1'),
    ],
    ['C', '[::1]\x006\0\x19IPv6:2001:db8::1\0', connected('[::1]', 'inet6', 25, '2001:db8::1')],
    ['C', 'localhost\0L\0\0/run/x\0', connected('localhost', 'unix', 0, '/run/x')],
    ['C', 'unknown\0U', connected('unknown', 'unknown', 0, '')],
    ['H', 'client\0', { kind: 'helo', name: bytes('client') }],
    [
      'M',
      '<a@example.org>\0SIZE=1000\0BODY=8BITMIME\0',
      {
        kind: 'mail',
        path: bytes('<a@example.org>'),
        parameters: [bytes('SIZE=1000'), bytes('BODY=8BITMIME')],
      },
    ],
    ['R', '<\xfc@b>\0', { kind: 'recipient', path: bytes('<\xfc@b>'), parameters: [] }],
    ['T', '', { kind: 'data' }],
    ['L', 'Subject\0 x\n\ty\0', { kind: 'field', name: bytes('Subject'), value: bytes(' x\n\ty') }],
    ['L', 'Subject\0\0', { kind: 'field', name: bytes('Subject'), value: bytes('') }],
    ['L', '\0 x\0', { kind: 'field', name: bytes(''), value: bytes(' x') }],
    ['L', 'A\0b\0c\0', { kind: 'field', name: bytes('A'), value: bytes('b\0c') }],
    ['N', '', { kind: 'end-of-header' }],
    ['B', 'a\r\n\0b', { kind: 'body', chunk: bytes('a\r\n\0b') }],
    ['E', '', { kind: 'end-of-message', chunk: bytes('') }],
    ['E', 'last', { kind: 'end-of-message', chunk: bytes('last') }],
    ['U', 'XYZZY\0', { kind: 'unknown-smtp', line: bytes('XYZZY') }],
    ['A', '', { kind: 'abort' }],
    ['Q', '', { kind: 'quit' }],
    ['K', '', { kind: 'quit-new-connection' }],
  ]
  for (const [command, data, meaning] of wanted) {
    t.strictSame(parse(command, data), meaning, meaning.kind)
  }
})

t.test('an unknown command, or one with wrong data, is refused', async (t) => {
  const wrong = [
    ['?', ''],
    ['o', ''],
    ['\0', ''],
    ['O', ''],
    ['O', '\0\0\0\x06\0\0\0\0\0\0\0'],
    ['C', ''],
    ['C', 'host'],
    ['C', 'host\0'],
    ['C', 'host\0X\0\0x\0'],
    ['C', 'host\x004\0'],
    ['C', 'host\x004\0\x19no end'],
    ['C', 'host\x004\0\x19a\0b\0'],
    ['H', ''],
    ['H', 'no end'],
    ['M', ''],
    ['M', '<a>'],
    ['M', '<a>\0SIZE=1'],
    ['R', ''],
    ['L', ''],
    ['L', 'Subject'],
    ['L', 'Subject\0'],
    ['L', 'Subject\0 value'],
    ['D', ''],
    ['D', 'Mi'],
    ['D', 'Mi\0'],
    ['D', 'Mi\0x'],
    ['D', `Mi\0${'x'.repeat(MACROS_MAX)}\0`],
  ]
  for (const [command, data] of wrong) {
    const shown = JSON.stringify([command, data?.slice(0, 40)])
    t.throws(() => parse(command!, data), { name: 'WireError' }, shown)
  }
})

t.test('any packet is either a command or refused', async (t) => {
  const command = fc.constantFrom(...'OCHMRTLNBEUAQKD?')
  fc.assert(
    fc.property(command, fc.uint8Array({ maxLength: 60 }), (command, data) => {
      try {
        t.type(parseCommand({ type: command, payload: Buffer.from(data) }).kind, 'string')
      } catch (error) {
        t.equal((error as Error).name, 'WireError')
      }
    }),
    { numRuns: 500 },
  )
})

t.test('macros are kept by name as long as their message or connection', async (t) => {
  const macros = new Macros(['i', 'j', 'auth_authen', 'daemon_name'])
  const set = (data: string) => {
    const command = parse('D', data)
    if (command.kind === 'macros') macros.set(command.stage, command.values)
  }
  set('Cj\0mta.example.org\0{daemon_name}\0smtp\0')
  set('M{auth_authen}\0alice\0i\0first\0')
  t.equal(macros.get('j'), 'mta.example.org')
  t.equal(macros.get('auth_authen'), 'alice')
  set('M{auth_authen}\0bob\0')
  t.equal(macros.get('auth_authen'), 'bob')
  t.equal(macros.get('i'), undefined, 'a new MAIL forgets those of the last one')
  set('Ei\x004XYZ\0')
  t.equal(macros.get('i'), '4XYZ', 'the queue id may come late')
  macros.endMessage()
  t.equal(macros.get('auth_authen'), undefined)
  t.equal(macros.get('daemon_name'), 'smtp')
  macros.endConnection()
  t.equal(macros.get('daemon_name'), undefined)
  set('Xi\0of no command that there is\0')
  t.equal(macros.get('i'), undefined)
  set('M')
  t.equal(macros.get('i'), undefined, 'there may be none')
  set(`M{other}\0x\0i\0${'y'.repeat(60_000)}\0`)
  t.equal(macros.get('other'), undefined, 'what nobody asked for is not kept')
  t.equal(macros.get('i')!.length, 1024, 'nor more than the beginning of a long one')
})

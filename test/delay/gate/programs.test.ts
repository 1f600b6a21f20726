import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ucspiMissing } from '../../programs/servers/ucspi.ts'
import { until } from '../../run/until.ts'
import { runtimes } from '../rig.ts'
import { AT_ONCE, type Client, connect, speak, startGate } from './rig.ts'

/** The places of the programs are for all clients: no few addresses hold all of them for long. */

const { smtpDelay: command } = runtimes.at(-1)!
const skip = ucspiMissing
const PLACES = 16
/** Two addresses may have them all. */
const WORDS = [...AT_ONCE, '-c', `${PLACES}`, '--remember', '0']

/** Takes all places, for two addresses. */
async function takeAll(port: number): Promise<Client[]> {
  const from = (at: number) => (at % 2 ? '127.0.1.1' : '127.0.1.2')
  const clients = await Promise.all(
    Array.from({ length: PLACES }, (_, at) => connect(port, { from: from(at) })),
  )
  for (const client of clients) await client.hears(/^220 /)
  return clients
}

for (const { name, smtpDelay } of runtimes) {
  t.test(`${name}: clients that do nothing give way to one who waits`, { skip }, async (t) => {
    const gate = await startGate(t, { command: smtpDelay, words: WORDS })
    const idle = await takeAll(gate.port)
    t.match(await speak(gate.port, '127.0.0.1'), /^220 [\s\S]*221 bye/)
    t.match(await speak(gate.port, '127.0.0.3'), /^220 [\s\S]*221 bye/)
    t.ok(idle.filter((client) => client.isOver).length <= 2, 'as many as are needed')
    for (const client of idle) client.leave()
  })
}

t.test('ten addresses with hundreds of connections delay no other client', { skip }, async (t) => {
  const words = [...AT_ONCE, '-c', '20', '--per-client', '23', '--remember', '0']
  const gate = await startGate(t, { command, words })
  const many = await Promise.all(
    Array.from({ length: 230 }, (_, at) => connect(gate.port, { from: `127.0.1.${at % 10}` })),
  )
  await until(
    () => many.filter(({ replies }) => replies.startsWith('220 ')).length >= 20,
    'all are taken',
  )
  const newcomers = ['127.0.0.1', '127.0.0.2', '127.0.0.3']
  for (const replies of await Promise.all(newcomers.map((from) => speak(gate.port, from)))) {
    t.match(replies, /^220 [\s\S]*221 bye/)
  }
  for (const client of many) client.leave()
})

t.test('clients that send a byte now and then are closed, too', { skip }, async (t) => {
  const gate = await startGate(t, { command, words: WORDS })
  const slow = await takeAll(gate.port)
  const dripping = setInterval(() => {
    for (const client of slow) client.send('X')
  }, 100)
  t.teardown(() => clearInterval(dripping))
  t.match(await speak(gate.port, '127.0.0.1'), /^220 [\s\S]*221 bye/)
  for (const client of slow) client.leave()
})

t.test(
  'one address is closed if every slot belongs to a different active address',
  { skip },
  async (t) => {
    const words = [...AT_ONCE, '-c', '4', '--wait-timeout', '100', '--remember', '0']
    const gate = await startGate(t, { command, words })
    const rates = [1, 2, 2, 2]
    const clients = await Promise.all(
      rates.map((_, at) => connect(gate.port, { from: `127.0.1.${at + 1}` })),
    )
    for (const client of clients) await client.hears(/^220 /)
    const flowing = setInterval(() => {
      for (const [at, client] of clients.entries())
        client.send(`${'X'.repeat(rates[at]! * 4200)}\r\n`)
    }, 2000)
    t.teardown(() => clearInterval(flowing))
    const newcomer = await connect(gate.port, { from: '127.0.0.1' })
    const replies = await Promise.race([clients[0]!.over, newcomer.over])
    t.notMatch(replies, /^421/, 'the slowest is ended')
    await newcomer.hears(/^220 /)
    t.notOk(clients.slice(1).some(({ isOver }) => isOver))
    for (const client of [...clients, newcomer]) client.leave()
  },
)

t.test('a client that gives way gets the answer that it waits for', { skip }, async (t) => {
  const directory = t.testdir({})
  const program = join(directory, 'slow')
  const script = `#!/bin/sh
printf '220 slow\\r\\n'
while read -r line; do
  while [ ! -e ${directory}/go ]; do sleep .05; done
  printf '250 done\\r\\n'
done
`
  writeFileSync(program, script, { mode: 0o755 })
  const gate = await startGate(t, {
    command,
    words: [...WORDS, '--wait-timeout', '300'],
    program: [program],
  })
  const busy = await takeAll(gate.port)
  for (const client of busy) client.send('DATA\r\n')
  const newcomer = await connect(gate.port, { from: '127.0.0.1' })
  await gate.logged(/ event=ended .*remote=127\.0\.1\./)
  t.notOk(
    busy.some(({ isOver }) => isOver),
    'nobody is cut off amid an answer',
  )
  writeFileSync(join(directory, 'go'), '')
  await newcomer.hears(/^220 /)
  for (const client of busy) await client.hears(/^250 done/m)
  for (const client of [...busy, newcomer]) client.leave()
})

t.test(
  'a free slot goes to the client with the fewest, then to the one that waits longest',
  { skip },
  async (t) => {
    const words = [...AT_ONCE, '-c', '3', '--per-client', '10', '--remember', '0']
    // Who may relay is not delayed, and is in line as soon as it is accepted.
    const gate = await startGate(t, { command, words, rules: ':allow,RELAYCLIENT=""\n' })
    const come = (from: string) => connect(gate.port, { from })
    const served = await Promise.all(['127.0.1.1', '127.0.1.1', '127.0.1.1'].map(come))
    for (const client of served) await client.hears(/^220 /)
    const fourth = await come('127.0.1.1')
    const other = await come('127.0.1.2')
    const another = await come('127.0.1.3')
    ;(await come('127.0.1.4')).leave()
    await gate.logged(/ event=left .*remote=127\.0\.1\.4/)
    served[0]!.send('QUIT\r\n')
    await other.hears(/^220 /)
    served[1]!.send('QUIT\r\n')
    await another.hears(/^220 /)
    t.equal(fourth.replies, '')
    another.send('QUIT\r\n')
    await fourth.hears(/^220 /)
    for (const client of [...served, fourth, other]) client.leave()
  },
)

t.test('no client is closed for one with the same number of connections', { skip }, async (t) => {
  const words = [...WORDS, '--per-client', `${PLACES}`, '--wait-timeout', '6']
  const gate = await startGate(t, { command, words })
  const served = await takeAll(gate.port)
  const one = await connect(gate.port, { from: '127.0.1.1' })
  t.match(await one.over, /^421 .* all servers are busy/)
  t.notOk(served.some(({ isOver }) => isOver))
  for (const client of served) client.leave()
})

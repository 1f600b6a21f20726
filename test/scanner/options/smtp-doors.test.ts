import { syncBuiltinESMExports } from 'node:module'
import os, { networkInterfaces } from 'node:os'
import t from 'tap'
import { readOptions } from '../../../src/scanner/options/daemon-options.ts'

/** Which next servers are refused because onescand itself listens there. */

const [outside] = Object.values(networkInterfaces())
  .flatMap((found) => found ?? [])
  .filter(({ family, internal }) => family === 'IPv4' && !internal)

const smtp = (place: string, next: string) => ['--smtp', place, '--next', next]

const refused: readonly (readonly [string, readonly string[]])[] = [
  ['its own place', smtp('inet:127.0.0.1:25', 'inet:127.0.0.1:25')],
  ['the same, as Sendmail writes it', smtp('inet:127.0.0.1:25', 'inet:25@127.0.0.1')],
  ['every address of this host', smtp('inet:0.0.0.0:25', 'inet:127.0.0.2:25')],
  ['no address, which is this host', smtp('inet:127.0.0.1:25', 'inet:0.0.0.0:25')],
  ['IPv6', smtp('inet6:[::]:25', 'inet6:[::1]:25')],
  ['a path', smtp('unix:/run/a', 'unix:/run/a')],
  ['the slot', smtp('inet:127.0.0.1:25', 'unix:/run/onescan/qmail.sock')],
  ['a milter', [...smtp('inet:127.0.0.1:25', 'inet:127.0.0.1:26'), '--milter', 'inet:127.0.0.1:26']], // biome-ignore format: a list
  ['HTTP', [...smtp('inet:127.0.0.1:25', 'inet:127.0.0.1:26'), '--http', 'inet:127.0.0.1:26']],
  [
    'another door',
    [
      ...smtp('inet:127.0.0.1:25', 'inet:127.0.0.1:26'),
      ...smtp('inet:127.0.0.1:26', 'inet:127.0.0.1:27'),
    ],
  ],
]

for (const [what, words] of refused) {
  t.test(`options for SMTP are refused: ${what}`, async (t) => {
    const next = words[words.indexOf('--next') + 1]
    const message = `--next ${next}: onescand itself listens there; specify the server behind it`
    t.throws(() => readOptions(words), { message })
  })
}

t.test(
  "a next server at this host's own address outside is refused",
  { skip: !outside },
  async (t) => {
    const next = `inet:${outside!.address}:25`
    t.throws(() => readOptions(smtp('inet:0.0.0.0:25', next)), /onescand itself listens there/)
    readOptions(smtp('inet:127.0.0.1:25', next))
  },
)

t.test('a next server at another port, host or path is accepted', async (t) => {
  const placesBehind = [
    smtp('inet:127.0.0.1:25', 'inet:127.0.0.1:26'),
    smtp('inet:0.0.0.0:25', 'inet:192.0.2.1:25'),
    smtp('inet:127.0.0.1:25', 'inet:127.0.0.2:25'),
    smtp('unix:/run/a', 'unix:/run/b'),
    smtp('inet:127.0.0.1:25', 'unix:/run/b'),
  ]
  for (const words of placesBehind)
    t.equal(readOptions(words).doors.filter(({ route }) => route).length, 1)
})

t.test("in onescand's unit, which hides the host's addresses, another host is accepted", (t) => {
  const interfaces = os.networkInterfaces
  const replaceBy = (call: typeof interfaces) => {
    os.networkInterfaces = call
    syncBuiltinESMExports()
  }
  t.teardown(() => replaceBy(interfaces))
  replaceBy(() => {
    throw new Error('uv_interface_addresses returned EAFNOSUPPORT')
  })
  t.equal(
    readOptions(smtp('inet:0.0.0.0:25', 'inet:192.0.2.1:25')).doors.filter(({ route }) => route)
      .length,
    1,
  )
  const loop = smtp('inet:0.0.0.0:25', 'inet:127.0.0.2:25')
  t.throws(() => readOptions(loop), /onescand itself listens there/)
  t.end()
})

import { connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { freePort } from '../../programs/host/free-port.ts'
import { serve } from './http/rig.ts'
import { childrenOf, runtimes, startOnescand } from './process.ts'

/** More connections than onescand may have descriptors. */

/** The clients that a door with three others has at once with 512 descriptors. */
const MAX_CLIENTS = 32

/** The command that runs a program with so many descriptors. */
const withDescriptors = (count: number, program: readonly string[]) => [
  '/bin/sh',
  '-c',
  `ulimit -n ${count}; exec "$0" "$@"`,
  ...program,
]

/**
 * Opens connections, and resolves when each is open or was closed: to what resolves when no more than so many
 * are left.
 */
async function crowd(
  t: Test,
  count: number,
  place: number | string,
  bytes = '',
): Promise<(most: number) => Promise<void>> {
  let left = count
  let closed = () => {}
  const sockets: Socket[] = []
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
  })
  const open = Array.from({ length: count }, () => {
    const socket = typeof place === 'number' ? connect(place, '127.0.0.1') : connect(place)
    sockets.push(socket)
    return new Promise<void>((resolve) => {
      socket.resume().once('connect', () => {
        if (bytes !== '') socket.write(bytes)
        resolve()
      })
      socket.on('error', () => resolve())
      socket.on('close', () => {
        left--
        closed()
      })
    })
  })
  await Promise.all(open)
  return async (most) => {
    while (left > most) {
      await new Promise<void>((resolve) => {
        closed = resolve
      })
    }
  }
}

for (const { name, program } of runtimes) {
  t.test(`${name}: connections to --http never keep a worker from being replaced`, async (t) => {
    for (const request of [
      'GET /metrics HTTP/1.1\r\nHo',
      'GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
    ]) {
      const served = await serve(t, { program: withDescriptors(512, program) })
      await crowd(t, 1200, served.port, request)
      process.kill(childrenOf(served.pid)[0]!, 'SIGKILL')
      await served.logged(/starting another/)
      await served.send()
      t.same(
        served.log.filter((line) => /cannot be started/.test(line)),
        [],
      )
    }
  })

  t.test(`${name}: connections to all sockets leave room for mail`, async (t) => {
    const [milter, policy, smtp] = [await freePort(), await freePort(), await freePort()]
    const daemon = await startOnescand(t, {
      program: withDescriptors(512, program),
      args: [
        ...['--milter', `inet:127.0.0.1:${milter}`, '--policy', `inet:127.0.0.1:${policy}`],
        ...['--smtp', `inet:127.0.0.1:${smtp}`, '--next', 'inet:127.0.0.1:9'],
      ],
      settings: { QHPSI: 'plugin: eicar' },
    })
    for (const place of [milter, policy, smtp]) await crowd(t, 300, place)
    const onlySoMany = await crowd(t, 300, daemon.socket)
    await onlySoMany(MAX_CLIENTS) // then it has seen all that came before
    const message = Buffer.from(`Subject: x\n\n${'a line of text\n'.repeat(30_000)}`)
    const question = { message, variables: { QHPSI: 'plugin: eicar' } }
    t.equal((await daemon.ask(question)).does, 'hand on')
    t.match(
      daemon.log.join('\n'),
      `--max-clients 200: only ${MAX_CLIENTS} are possible: onescand may open 512`,
    )
  })
}

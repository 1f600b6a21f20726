import t from 'tap'
import { checkRelays } from '../../../../src/cli/check/daemon/relays.ts'
import { askToTell } from '../../../../src/doors/slot-socket/tell.ts'
import { startOnescand } from '../../../doors/daemon/process.ts'
import { startNext } from '../../../doors/smtp/next-server.ts'
import { freePort } from '../../../programs/free-port.ts'

/** Check asks the SMTP doors of an onescand that runs, and the next servers behind them. */

t.test(
  'each door and next server is reported as greeting, as away, or as closed to this host',
  async (t) => {
    const next = await startNext(t)
    const [open, shut, lmtp, none, gone] = await Promise.all(Array.from({ length: 5 }, freePort))
    const place = (port: number | undefined) => `inet:127.0.0.1:${port}`
    const words = [
      ...['--smtp', place(open), '--next', place(next.port)],
      ...[`--smtp=${place(shut)}`, `--next=${place(next.port)}`, '--from', '192.0.2.0/24'],
      ...['--lmtp', place(lmtp), '--after-queue', '--next', place(gone)],
    ]
    const daemon = startOnescand(t, { args: words, settings: { QHPSI: 'plugin: eicar' } })
    await daemon.logged(/serving/)
    const told = await askToTell(daemon.socket, 2000)
    const findings = await checkRelays([
      ...told!.daemon!.doors,
      { kind: 'smtp', address: place(none), next: place(next.port) },
    ])
    t.same(
      findings.map(({ level, what, value }) => `${level} ${what}: ${value}`),
      [
        `ok smtp ${place(open)}: greets`,
        `ok next server ${place(next.port)}: greets`,
        `ok smtp ${place(shut)}: answers, and takes no mail of this host (--from)`,
        `ok next server ${place(next.port)}: greets`,
        `ok lmtp ${place(lmtp)}: greets`,
        `error next server ${place(gone)}: connect ECONNREFUSED 127.0.0.1:${gone}`,
        `error smtp ${place(none)}: connect ECONNREFUSED 127.0.0.1:${none}`,
        `ok next server ${place(next.port)}: greets`,
      ],
    )
    t.same([...new Set(next.commands)], ['QUIT'], 'no mail comes of it')
  },
)

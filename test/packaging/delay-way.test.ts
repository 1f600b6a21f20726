import t from 'tap'
import type { CheckLine } from '../../src/base/check/check-line.ts'
import { CLAMD_ANSWERS } from './broken-hosts.ts'
import { hostWays, typedBy, writtenBy } from './host-ways.ts'
import { bootMailHost, mailHostMissing } from './mail-host.ts'

/** smtp-delay in front of qmail as its manual has it with systemd, beside daemontools: `onescan check` does not undo it. */

const [qmail] = hostWays.filter(({ name }) => name === 'qmail')
const STOP = writtenBy(
  'man/smtp-delay.8',
  'touch /service/qmail-smtpd/down; svc -d /service/qmail-smtpd',
)
const START = typedBy('man/smtp-delay.8', 'systemctl enable --now smtp-delay.socket')
const UNDO = writtenBy('man/smtp-delay.8', 'systemctl disable --now smtp-delay.socket smtp-delay')
const UP = writtenBy('man/smtp-delay.8', 'svc -u /service/qmail-smtpd')
const SETTLE = `${CLAMD_ANSWERS}; for i in $(seq 300); do ss -ltn | grep -q ':25 ' && break; sleep 0.1; done; sleep 2`

t.test('smtp-delay with systemd before qmail', { skip: mailHostMissing }, async (t) => {
  const { packages, prepare, place, typed } = qmail!
  const host = await bootMailHost(t, `${packages} clamdscan iproute2 python3`, prepare, { place })
  const type = (script: string) =>
    host.run(
      `exec </dev/null; export HOME=/root DEBIAN_FRONTEND=noninteractive; cd /root; ${script}`,
    )
  const odd = () => {
    const { output } = type(`${SETTLE}; onescan check --json 2>/dev/null`)
    const { results } = JSON.parse(output) as { results: CheckLine[] }
    return results.filter(({ level, value }) => level !== 'ok' && !/signature/.test(value))
  }
  const greeting = () =>
    type(
      `python3 -c 'import socket; print(socket.create_connection(("127.0.0.1", 25), 20).recv(99))'`,
    ).output
  type(SETTLE)
  const before = type(`${typed}\ndpkg -i /smtp-delay.deb; ${STOP}; ${START}`)
  t.equal(before.code, 0, before.output)
  t.same(odd(), [], 'as the manual has it')
  await host.reboot()
  t.same(odd(), [], 'after a boot')
  t.match(greeting(), /220/)

  const { output } = type('apt-get remove --yes smtp-delay')
  t.match(
    output,
    /warning: these still start smtp-delay, .*\s+\/etc\/systemd\/system\/smtp-delay\.service$/m,
  )
  await host.reboot()
  t.match(odd(), [
    {
      level: 'error',
      what: 'smtp-delay.service',
      value: /^cannot start: its program \/usr\/sbin\/smtp-delay does not exist$/,
      remedy:
        /^install the package of \/usr\/sbin\/smtp-delay, then run systemctl restart smtp-delay\.service$/,
    },
  ])
  type('dpkg -i /smtp-delay.deb; systemctl restart smtp-delay.service')
  t.same(odd(), [], 'after the remedy')

  type(`${UNDO}; rm /service/qmail-smtpd/down; ${UP}`)
  t.same(odd(), [], 'after it was undone')
  t.match(greeting(), /220/)
})

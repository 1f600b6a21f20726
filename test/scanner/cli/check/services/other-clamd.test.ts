import { createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { marked, warning } from '../../../../../src/base/check/check-line.ts'
import { withOtherClamd } from '../../../../../src/scanner/cli/check/services/other-clamd.ts'
import { lacks } from '../../../../needs.mjs'
import { listen } from '../../../../programs/host/listen.ts'
import { socketDirectory } from '../../../../programs/host/socket-directory.ts'

/** This process has the socket of a clamd. test/packaging/remedies.test.ts has a second clamd on a booted host. */

const skip = lacks('the addon')

/** The check line about signatures, on a host with these units that are active, and this process at the socket. */
async function found(
  t: Test,
  units: readonly string[],
  { main = '1', isConfigured = true }: { main?: string; isConfigured?: boolean } = {},
) {
  const path = join(socketDirectory(t), 'clamd.ctl')
  await listen(t, createServer(), path)
  const line = warning(`clamd ${path} [onescand]`, 'has old signatures', 'run freshclam')
  return withOtherClamd(marked(line, 'needs signatures'), {
    ask: (unit) => (units.includes(unit) ? { active: 'active' } : undefined),
    mainProcess: () => main,
    configured: () => (isConfigured ? path : '/run/other.ctl'),
  })
}

t.test(
  'another process at the socket of clamd is named, and how clamd gets it back',
  { skip },
  async (t) => {
    const service = await found(t, ['clamav-daemon.service'])
    const listens = new RegExp(`^has old signatures; process ${process.pid} \\(.+\\) listens there instead of clamav-daemon$`) // biome-ignore format: a line
    t.match(service, { level: 'warning', value: listens })
    const stops = '(?:kill \\d+|systemctl stop \\S+\\.service) && '
    t.match(service?.remedy, new RegExp(`^${stops}systemctl restart clamav-daemon$`))
    const socket = await found(t, ['clamav-daemon.service', 'clamav-daemon.socket'])
    const again = 'systemctl stop clamav-daemon && systemctl restart clamav-daemon.socket && systemctl start clamav-daemon' // biome-ignore format: a line
    t.match(socket?.remedy, new RegExp(`^${stops}${again}$`))
  },
)

t.test('a socket that is not where clamd listens keeps its clamd', { skip }, async (t) => {
  t.match(await found(t, ['clamav-daemon.service'], { isConfigured: false }), {
    value: /listens there instead of clamav-daemon$/,
    remedy: /^set CLAMD="\/run\/other\.ctl", where clamav-daemon listens, or give the clamd of /,
  })
})

t.test('freshclam is the remedy for the clamd of the unit, or without one', { skip }, async (t) => {
  t.equal(await found(t, ['clamav-daemon.service'], { main: `${process.pid}` }), undefined)
  t.equal(await found(t, []), undefined)
  const other = warning('clamd /none', 'is slow', 'wait')
  t.equal(withOtherClamd(other), undefined, 'a line about something else')
  t.equal(withOtherClamd(marked(other, 'needs signatures')), undefined, 'nothing listens')
})

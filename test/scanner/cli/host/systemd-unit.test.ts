import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { lacks } from '../../../needs.mjs'

/** What systemd reports about a unit, asked of a systemd that runs in namespaces of its own. */

const SYSTEMD = '/lib/systemd/systemd'
const skip = lacks('root', 'systemctl')

const module = join(import.meta.dirname, '../../../../src/scanner/cli/host/systemd-unit.ts')
/** What units contain that a control group alone shows; `plain` and `nothing`, which is not there, limit nothing. */
const LIMITS = {
  plain: 'PrivateTmp=yes',
  address: 'IPAddressDeny=192.0.2.1',
  devices: 'DevicePolicy=closed',
  device: 'DeviceAllow=/dev/null rw',
  port: 'SocketBindDeny=tcp:25',
  files: 'RestrictFileSystems=tmpfs',
  interfaces: 'RestrictNetworkInterfaces=lo',
}
const ask = `
const { askSystemd, haveLimits } = require('${module}')
const limited = ${JSON.stringify([...Object.keys(LIMITS), 'nothing'])}.filter((name) => haveLimits(['system.slice', name + '.service']))
console.log(JSON.stringify({ unit: askSystemd('onescand'), limited, bySlice: haveLimits(['shut.slice', 'plain.service']) }))`
const units = Object.entries(LIMITS).map(
  ([name, line]) =>
    `printf '[Service]\\nExecStart=/bin/true\\n${line}\\n' >/etc/systemd/system/${name}.service`,
)

const SCRIPT = `
mount --make-rprivate / && mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /etc/systemd/system &&
  mount -t cgroup2 none /sys/fs/cgroup || exit 77
unit=/etc/systemd/system/onescand.service
mkdir $unit.d
echo '[Unit]' >/etc/systemd/system/own.target
cat >$unit <<'END'
[Service]
Environment=A=1
EnvironmentFile=-/etc/default/onescand
ExecStart=/bin/true $ONESCAND_OPTIONS
END
cat >$unit.d/override.conf <<'END'
[Service]
Environment=
Environment="QHPSI=plugin: clamd" \\
  B=100%%
EnvironmentFile=/etc/more
ExecStart=
User=nobody
ExecStart=/bin/true --workers 2 $ONESCAND_OPTIONS
END
${units.join('\n')}
printf '[Slice]\\nIPAddressDeny=any\\n' >/etc/systemd/system/shut.slice
cat >/run/first <<'END'
{
  until systemctl show >/dev/null 2>&1; do sleep 0.1; done
  "$1" -e "$2" >/run/output 2>&1
  touch /run/done
} &
exec env container=own ${SYSTEMD} --system --unit=own.target >/dev/null 2>&1
END
unshare --pid --mount --cgroup --fork --kill-child --mount-proc /bin/sh /run/first "$@" &
until test -e /run/done; do sleep 0.1; done
cat /run/output
kill -KILL $!
`

t.test('the state of a service and its changed files come from systemd', { skip }, async (t) => {
  const words = ['--mount', '/bin/sh', '-c', SCRIPT, 'sh', process.execPath, ask]
  const { status, stdout } = spawnSync('unshare', words, { encoding: 'utf8' })
  if (status === 77) return void t.pass('', { skip: 'this machine has no mounts to give' })
  const { unit, limited, bySlice } = JSON.parse(stdout)
  const { plain: _, ...limits } = LIMITS
  t.same(limited, Object.keys(limits))
  t.ok(bySlice)
  t.same(unit, {
    load: 'loaded',
    active: 'inactive',
    result: 'success',
    enabled: 'static',
    user: 'nobody',
    since: 0,
    invocation: '',
    files: [
      '/etc/systemd/system/onescand.service',
      '/etc/systemd/system/onescand.service.d/override.conf',
      '/etc/default/onescand',
      '/etc/more',
    ],
    isStale: false,
    listens: [],
  })
})

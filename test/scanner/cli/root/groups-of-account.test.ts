import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ucspiMissing } from '../../../programs/servers/ucspi.ts'
import { outputOf } from '../../../run/until.ts'
import { startService, tcpserver } from '../check/service.ts'
import { jsonIn } from '../onescan.ts'
import { asNobody, asRoot, held, NOBODY, placeForAll, skip } from './typed-by-root.ts'

/** The account that works for root has the groups of its work, and root tries no slot as itself. */

// promise: root-tcpserver-name
t.test("root reports only the number of another user's process", { skip }, async (t) => {
  const place = placeForAll(t)
  const program = join(place, 'tcpserver')
  execFileSync('cp', ['/bin/bash', program])
  const account = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--', program]
  const words = ['-c', 'echo begun; sleep 100; :', '/var/qmail/bin/qmail-smtpd', '\x1b[31m; curl x']
  const child = spawn('setpriv', [...account, ...words], {
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  })
  t.teardown(() => process.kill(-child.pid!))
  await outputOf(child)
  const { out } = await asRoot(['check', '--json'])
  const checkLine = jsonIn(out).results.find(({ value }) => /look like mail services/.test(value))
  t.match(checkLine, { level: 'warning', what: new RegExp(`^processes .*\\b${child.pid}\\b`) })
  t.notMatch(out, /curl|\x1b|sleep/)
})

t.test('a slot that would run as root is not tried', { skip: skip || ucspiMissing }, async (t) => {
  const pid = await startService(t, tcpserver(), { isCallers: true })
  const { code, out } = await asRoot(['check', '--pid', pid])
  t.equal(code, 2)
  t.match(
    out,
    /^error +process \d+: runs qmail-smtpd as root: nothing was tested\n +fix: run tcpserver with -u /,
  )
  t.notMatch(out, 'says:')
  const named = await asRoot(['check', '--pid', pid, '--env', 'QHPSI=plugin: eicar', ...asNobody])
  t.match(named.out, /^reported by the account nobody:\n[\s\S]*^ok +scanner eicar: finds EICAR/m)
})

/** The groups of the account that reads logs, on a host with these accounts. */
function groupsOfLogs(place: string, names: readonly string[]): number[] {
  const program = held(place, 'process.stdout.write(JSON.stringify(process.getgroups()))')
  const passwd = names.map((name, at) => `${name}:x:${54_330 + at}:${54_330 + at}:::`)
  writeFileSync(join(place, 'passwd'), ['root:x:0:0:::', ...passwd, ''].join('\n'))
  writeFileSync(join(place, 'group'), 'root:x:0:\nadm:x:54340:\nsystemd-journal:x:54341:\n')
  const bind =
    'mount --bind "$1/passwd" /etc/passwd; mount --bind "$1/group" /etc/group; shift; exec "$@"'
  const words = ['--mount', 'sh', '-c', bind, 'sh', place, process.execPath, program, 'log', '-']
  return JSON.parse(execFileSync('unshare', words, { encoding: 'utf8', input: '' }))
}

t.test('only an account that runs nothing else reads logs of others', { skip }, async (t) => {
  const place = placeForAll(t)
  t.same(groupsOfLogs(place, ['onescan', 'onescan-check']), [54_331, 54_340, 54_341])
  t.same(groupsOfLogs(place, ['onescan', 'nobody']), [54_331])
})

/** The groups of qmaild where root injects a message; with this service. */
function groupsOfSlot(place: string, service: string): string[] {
  const program = held(place, 'process.stdout.write(JSON.stringify(process.getgroups()))')
  writeFileSync(join(place, 'passwd'), 'root:x:0:0:::\nqmaild:x:54330:54331:::\n')
  writeFileSync(join(place, 'group'), 'root:x:0:\nnofiles:x:54331:\nothers:x:54332:qmaild\n')
  const script = `place=$1
mount --bind $place/passwd /etc/passwd; mount --bind $place/group /etc/group
cp /bin/sh $place/supervise; : >$place/port
if test -n "$2"; then
  $place/supervise -c "$2 & echo \\$! >$place/pid; wait" >$place/port &
  until test -s $place/port; do sleep 0.1; done
fi
$3 $4 inject - --from a@x --to b@x; echo
test -z "$2" || kill "$(cat $place/pid)"`
  const words = ['--mount', 'sh', '-c', script, 'sh', place, service, process.execPath, program]
  const { stdout } = spawnSync('unshare', words, { encoding: 'utf8', input: '' })
  return [...stdout.matchAll(/\[([\d,]+)\]/g)].map(([, groups]) => groups!)
}

t.test(
  'a slot is tried with the groups of its service, or the primary group',
  { skip: skip || ucspiMissing },
  async (t) => {
    t.same(groupsOfSlot(placeForAll(t), ''), ['54331'])
    const service = tcpserver('-u', '54330', '-g', '54333').join(' ')
    t.same(groupsOfSlot(placeForAll(t), service), ['54333'])
  },
)

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { checkSystemPaths } from '../../../../../src/scanner/cli/check/services/system-paths.ts'
import { openDirectory } from '../../../../programs/host/reachable.ts'

t.test('what all programs of a system need is open to every account', async (t) => {
  t.same(checkSystemPaths(), [], 'this host is in order')

  const root = openDirectory(t)
  const passwd = join(root, 'passwd')
  const usr = join(root, 'usr')
  writeFileSync(passwd, '')
  mkdirSync(join(usr, 'lib'), { recursive: true })
  chmodSync(passwd, 0o644)
  const check = () => checkSystemPaths([passwd, join(root, 'none')], [join(usr, 'lib')])
  t.same(check(), [], 'and a path that is not there is not needed')

  chmodSync(passwd, 0o600)
  chmodSync(usr, 0o700)
  const value = (verb: string) =>
    `accounts such as onescan may not ${verb} it, and their programs fail`
  t.same(check(), [
    { level: 'error', what: passwd, value: value('read'), remedy: `chmod a+r ${passwd}` },
    { level: 'error', what: usr, value: value('enter'), remedy: `chmod a+rx ${usr}` },
  ])

  const shared = join(root, 'tmp')
  mkdirSync(shared)
  const remedies = () => checkSystemPaths([], [], undefined, [shared]).map(({ remedy }) => remedy)
  for (const [mode, found] of [
    [0o1777, []],
    [0o777, [`chmod 1777 ${shared}`]],
    [0o755, [`chmod 1777 ${shared}`]],
  ] as const) {
    chmodSync(shared, mode)
    t.same(remedies(), found, mode.toString(8))
  }

  t.match(checkSystemPaths([], [], passwd), [
    {
      level: 'error',
      what: passwd,
      value: 'is not the device that all programs may write to',
      remedy: new RegExp(`^rm -f ${passwd} && mknod -m 666 ${passwd} c 1 3 && `),
    },
  ])
})

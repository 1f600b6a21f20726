import t from 'tap'
import { toInstall } from './install.mjs'

t.test('missing needs are reported as a number, and a command in lines that can be copied', (t) => {
  const names = Array.from({ length: 58 }, (_, at) => `some-package-${at}`)
  const [count, ...command] = toInstall(names)
  t.equal(count, 'missing: 58 packages')
  for (const line of command) t.ok(line.length <= 90, line)
  for (const line of command.slice(0, -1)) t.match(line, / \\$/)
  const args = command.join('\n').replaceAll(' \\\n', ' ').trim().split(/ +/)
  t.same(args, ['apt-get', 'install', '--no-install-recommends', ...names])
  t.same(toInstall(['zip']), [
    'missing: 1 package',
    '  apt-get install --no-install-recommends zip',
  ])
  t.end()
})

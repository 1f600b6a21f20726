import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { checkUnitDifferences } from '../../../../../src/scanner/cli/check/services/unit-differences.ts'
import { openDirectory } from '../../../../programs/host/reachable.ts'

t.test('lines that restrict a unit more than its package does are named', async (t) => {
  const vendor = openDirectory(t)
  const shipped = 'PrivateTmp=yes\nMemoryMax=6G\nLimitNOFILE=16384\nIPAddressAllow=localhost'
  writeFileSync(join(vendor, 'onescand.service'), `[Service]\n${shipped}\n`)
  const own = openDirectory(t)
  /** Writes a file of the administrator. */
  const write = (name: string, lines: string) => {
    mkdirSync(dirname(join(own, name)), { recursive: true })
    writeFileSync(join(own, name), `[Service]\n${lines}\n`)
    return join(own, name)
  }
  const check = (isNamed: (line: string) => boolean = () => false) =>
    checkUnitDifferences(isNamed, [own], [vendor])
  /** The lines of an addition that are named. */
  const named = (lines: string, isNamed?: (line: string) => boolean) => {
    write('onescand.service.d/own.conf', lines)
    return check(isNamed).map(({ value }) =>
      value.replace(/^line \d+ of \S+ \((.*)\) forbids more .*$/, '$1'),
    )
  }
  const harmless = [
    ...['PrivateTmp=yes', 'PrivateNetwork=no', 'MemoryMax=8G', 'MemoryMax=infinity'],
    ...['LimitNOFILE=65536', 'LimitNOFILE=65536:524288', 'BindPaths=/data/q'],
    ...['IPAddressAllow=192.0.2.1', 'Environment=TZ=UTC', '# PrivateNetwork=yes', 'Restart=no'],
  ]
  for (const line of harmless) t.same(named(line), [], line)
  const restricting = [
    ...['PrivateNetwork=yes', 'MemoryMax=200M', 'LimitNOFILE=24', 'InaccessiblePaths=/run/clamav'],
    ...['IPAddressAllow=', 'IPAddressDeny=any', 'RestrictAddressFamilies=AF_UNIX'],
    ...['ConditionPathExists=/gone', 'CapabilityBoundingSet=', 'LimitFSIZE=1000'],
  ]
  for (const line of restricting) t.same(named(line), [line], line)
  t.same(
    named('PrivateNetwork=yes\nMemoryMax=1G', (line) => line.includes('PrivateNetwork')),
    ['MemoryMax=1G'],
    'what another check line names is not repeated',
  )
  named('')

  // Units of other programs, and of none with a package, count for nothing; a copy of a whole unit does.
  write('cron.service.d/own.conf', 'PrivateNetwork=yes')
  write('clamd-own.service', 'PrivateNetwork=yes')
  write('onescan-again.service', 'ExecStart=/usr/bin/onescan scan --again') // as set-up-again makes it
  write('onescan-again.service.d/user.conf', 'User=vmail')
  const copy = write('onescand.service', `${shipped}\nPrivateNetwork=yes`)
  const template = write('postfix@.service.d/own.conf', 'LimitFSIZE=1000')
  t.same(check(), [
    {
      level: 'warning',
      what: 'onescand.service',
      value: `line 6 of ${copy} (PrivateNetwork=yes) forbids more than the package does, which may cause an error above`,
      remedy: 'correct this line, then run systemctl daemon-reload && systemctl restart onescand',
    },
    {
      level: 'warning',
      what: 'postfix@.service',
      value: `line 2 of ${template} (LimitFSIZE=1000) forbids more than the package does, which may cause an error above`,
      remedy: `sed -i -E '/^\\s*(LimitFSIZE)\\s*=/d' ${template} && systemctl daemon-reload && systemctl restart 'postfix@*'`,
    },
  ])
})

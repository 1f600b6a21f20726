import { join } from 'node:path'
import t from 'tap'
import { checkPackageAccounts } from '../../../../../src/scanner/cli/check/services/package-accounts.ts'

/**
 * Accounts of the packages that do not exist. test/packaging/remedies.test.ts deletes them on a booted host, and
 * test/packaging/setup.test.ts where npm installed onescan.
 */

t.test('each account that a package creates exists, or is named with its remedy', async (t) => {
  const directory = t.testdir({
    'onescan.conf':
      '# Accounts\nu onescan - "Mail scanner" /nonexistent /usr/sbin/nologin\ng onescan-keys -\nu nobody - "Logs"\nu gone-check - "Self-test"\n',
    'onescan-quotad.conf': 'u onescan-quotad - "Quota"\nu nobody - "Logs"\nu gone-log - "Logs"\n',
  })
  const gone = (name: string, file: string) => ({
    level: 'warning',
    what: `account ${name}`,
    value: `does not exist, although programs of the package run as ${name}`,
    remedy: `systemd-sysusers ${join(directory, file)}`,
  })
  t.same(checkPackageAccounts({ directories: [directory], npm: '/nonexistent' }), [
    gone('gone-check', 'onescan.conf'),
    gone('gone-log', 'onescan-quotad.conf'),
  ])
  t.same(
    checkPackageAccounts({ directories: ['/nonexistent'], npm: '/nonexistent' }),
    [],
    'without packages',
  )
})

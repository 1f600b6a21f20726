import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { checkPackageFiles } from '../../../../../src/scanner/cli/check/services/package-files.ts'
import { linesOf } from '../../../../check-lines.ts'
import { openDirectory } from '../../../../programs/host/reachable.ts'

t.test('files of a package that are missing or changed are named', async (t) => {
  const verify = join(openDirectory(t), 'verify')
  const found = async (...lines: readonly string[]) => {
    writeFileSync(verify, `#!/bin/sh\ncat <<'END'\n${lines.join('\n')}\nEND\nexit 2\n`)
    chmodSync(verify, 0o755)
    const managers = [
      [[verify], 'apt-get install --reinstall', 'dpkg -i'],
      [['/nonexistent/rpm'], 'dnf reinstall', 'rpm -U --replacepkgs'],
    ] as const
    return linesOf(await checkPackageFiles(['onescan'], managers))
  }
  const harmless = [
    'missing     /usr/share/doc/onescan/README.md',
    'missing   c /etc/default/onescand',
    '??5?????? c /etc/onescan/policy',
    'S.5....T.  c /etc/onescan/policy',
    '.......T.    /usr/lib/onescan/onescan-run',
    '.M.......    /usr/lib/onescan/onescand',
    'package onescan is not installed',
  ]
  t.same(await found(...harmless), [])
  t.same(
    await found(...harmless, '??5??????   /usr/lib/onescan/onescan.node', 'missing     /usr/x'),
    [
      'warning package onescan: /usr/lib/onescan/onescan.node was changed, /usr/x is missing; apt-get install --reinstall onescan, or, if no repository has this version, dpkg -i with its file',
    ],
  )
  const many = [1, 2, 3, 4, 5].map((at) => `S.5....T.    /usr/lib/onescan/${at}`)
  t.match(await found(...many), [/1 was changed, .*\/3 was changed, and 2 more files; /])
})

import t from 'tap'
import { withInstalledPages } from '../../../../src/scanner/cli/command/installed-pages.ts'

const AT = '/usr/share/doc/onescan'

for (const [name, text, shown] of [
  ['a page', 'do as doc/exim.md shows', `do as ${AT}/doc/exim.md shows`],
  ['the README', 'connect it as README.md shows', `connect it as ${AT}/README.md shows`],
  ['at the end', 'refuse it: doc/clamd-clients.md', `refuse it: ${AT}/doc/clamd-clients.md`],
  ['a path that is whole', `see ${AT}/doc/exim.md`, `see ${AT}/doc/exim.md`],
  ['a page that no package has', 'see doc/quota.md', 'see doc/quota.md'],
  ['another name', 'remove /root/doc/exim.md.bak', 'remove /root/doc/exim.md.bak'],
] as const) {
  t.test(`${name} in a remedy leads to the installed page`, async (t) => {
    t.equal(
      withInstalledPages(text, (path) => path !== `${AT}/doc/quota.md`),
      shown,
    )
  })
}

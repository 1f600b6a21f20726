import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { bundledPackages } from '../bundled.mjs'
import { below, cLibraryNotice, noticesOf } from '../notices.mjs'

/**
 * The licenses of onescan and of all that the compiled programs hold: the packages that are
 * bundled, and the runtime.
 */
export function copyrightText(root) {
  return below(
    `onescan\n\n${readFileSync(join(root, 'LICENSE'), 'utf8')}`,
    readFileSync(join(root, 'packaging/deb/copyright.runtime'), 'utf8'),
    cLibraryNotice(root),
    ...noticesOf(root, bundledPackages(root)).map(withCommonLicense),
  )
}

/** Debian Policy, 12.5: the Apache license is referred to where Debian has it, and not copied. */
function withCommonLicense(notice) {
  if (!/Apache License\s+Version 2\.0/.test(notice)) return notice
  const [heading] = notice.split('\n')
  const holder = /^ *(Copyright (?!\[).*)$/m.exec(notice)?.[1] ?? 'Copyright its authors.'
  return `${heading}\n\n${holder}\nLicense: Apache 2.0 (/usr/share/common-licenses/Apache-2.0).\n`
}

import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** Where packages have the pages, as they are in the source. */
const INSTALLED_AT = '/usr/share/doc/onescan'

const PAGE = /(?<![\w/.-])(?:doc\/[a-z-]+\.md|README\.md)(?![\w/-])/g

/** Returns a text in which pages such as `doc/exim.md` have the paths at which a package has installed them, if so. */
export const withInstalledPages = (text: string, isThere = existsSync): string =>
  text.replace(PAGE, (page) => {
    const path = join(INSTALLED_AT, page)
    return isThere(path) ? path : page
  })

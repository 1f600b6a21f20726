// Sendmail for the tests, unpacked into build/: as a Debian package it excludes Postfix,
// which other tests need. Nothing of it is installed, no root is needed, and what is
// there already is not fetched again.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { apt, firstLine } from './apt.mjs'

/** Root of the unpacked packages. */
export const sendmailRoot = join(import.meta.dirname, '../../build/sendmail')

export const sendmailProgram = join(sendmailRoot, 'usr/libexec/sendmail/sendmail')

const packages = ['sendmail-bin', 'sendmail-cf']

/** Returns what to tell: what it did, or why it could not. */
export function installSendmail() {
  if (existsSync(sendmailProgram)) return 'Sendmail: there'
  if (!existsSync('/etc/debian_version')) return 'Sendmail: not fetched: this is not Debian'
  let trouble = fetchTo(sendmailRoot)
  if (trouble) {
    apt(['update']) // no package lists yet, or old ones
    trouble = fetchTo(sendmailRoot)
  }
  return trouble ? `Sendmail: ${trouble}` : 'Sendmail: unpacked'
}

function fetchTo(root) {
  mkdirSync(dirname(root), { recursive: true })
  const directory = mkdtempSync(`${root}-`)
  try {
    const libraries = missingLibraries()
    const download = apt(['download', ...packages, ...libraries], directory)
    if (download.status !== 0) return `apt-get download: ${firstLine(download.stderr)}`
    const tree = join(directory, 'tree')
    for (const file of readdirSync(directory)) {
      const unpack = spawnSync('dpkg', ['-x', join(directory, file), tree], { encoding: 'utf8' })
      if (unpack.status !== 0) return `dpkg -x ${file}: ${firstLine(unpack.stderr)}`
    }
    rmSync(root, { recursive: true, force: true })
    renameSync(tree, root) // at once: whoever finds the program finds all of it
    return undefined
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Packages of the libraries that Sendmail wants and this machine lacks, theirs included. */
function missingLibraries() {
  const wanted = spawnSync('apt-cache', ['depends', '--important', packages[0]], {
    encoding: 'utf8',
  })
  const names = [...wanted.stdout.matchAll(/^ *(?:Pre)?Depends: (lib\S+)/gm)].map(
    ([, name]) => name,
  )
  const plan = apt(['-s', '--no-upgrade', 'install', ...names])
  return [...plan.stdout.matchAll(/^Inst (lib\S+) \(/gm)].map(([, name]) => name)
}

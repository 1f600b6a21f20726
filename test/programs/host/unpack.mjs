// Mail servers for the tests, unpacked into build/: as Debian packages they exclude Postfix,
// which other tests need, or would start a service. Nothing of them is installed, no root is
// needed, and what is there already is not fetched again.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { apt, firstLine } from '../../run/apt.mjs'

const beside = (name) => fileURLToPath(new URL(`../../../build/${name}`, import.meta.url))

/** Roots of the unpacked packages, and the program in each. */
export const sendmailRoot = beside('sendmail')
export const sendmailProgram = join(sendmailRoot, 'usr/libexec/sendmail/sendmail')
export const eximRoot = beside('exim')
export const opensmtpdProgram = join(beside('opensmtpd'), 'usr/sbin/smtpd')

const unpacked = [
  { name: 'sendmail', program: sendmailProgram, packages: ['sendmail-bin', 'sendmail-cf'] },
  {
    name: 'exim',
    // The light one has no `malware` in its rules.
    program: join(eximRoot, 'usr/share/doc/exim4-daemon-heavy'),
    packages: ['exim4-daemon-heavy', 'exim4-config'],
  },
  { name: 'opensmtpd', program: opensmtpdProgram, packages: ['opensmtpd'] },
]

/** What to print, a line for each: what it did, or why it could not. */
export function unpackServers() {
  return unpacked.map(
    ({ name, program, packages }) => `${name}: ${unpack(name, program, packages)}`,
  )
}

function unpack(name, program, packages) {
  if (existsSync(program)) return 'there'
  if (!existsSync('/etc/debian_version')) return 'not fetched: this is not Debian'
  let trouble = fetchTo(beside(name), packages)
  if (trouble) {
    apt(['update']) // no package lists yet, or old ones
    trouble = fetchTo(beside(name), packages)
  }
  return trouble ?? 'unpacked'
}

function fetchTo(root, packages) {
  mkdirSync(dirname(root), { recursive: true })
  const directory = mkdtempSync(`${root}-`)
  try {
    const libraries = missingLibraries(packages[0])
    const download = apt(['download', ...packages, ...libraries], directory)
    if (download.status !== 0) return `apt-get download: ${firstLine(download.stderr)}`
    const tree = join(directory, 'tree')
    for (const file of readdirSync(directory)) {
      const unpack = spawnSync('dpkg', ['-x', join(directory, file), tree], { encoding: 'utf8' })
      if (unpack.status !== 0) return `dpkg -x ${file}: ${firstLine(unpack.stderr)}`
    }
    // Root unpacks Sendmail's setgid bit, and the loader of such a program ignores LD_LIBRARY_PATH. Exim's setuid
    // bit stays: without it Exim delivers nothing.
    spawnSync('chmod', ['-R', 'g-s', tree])
    rmSync(root, { recursive: true, force: true })
    renameSync(tree, root) // at once: anyone who finds the program finds all of it
    return undefined
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Packages of the libraries that a package wants and this machine lacks, theirs included. */
function missingLibraries(name) {
  const wanted = spawnSync('apt-cache', ['depends', '--important', name], {
    encoding: 'utf8',
  })
  const names = [...wanted.stdout.matchAll(/^ *(?:Pre)?Depends: (lib\S+)/gm)].map(
    ([, library]) => library,
  )
  const plan = apt(['-s', '--no-upgrade', 'install', ...names])
  return [...plan.stdout.matchAll(/^Inst (lib\S+) \(/gm)].map(([, library]) => library)
}

// Installs the Debian packages that tests need and this machine lacks: without
// recommended packages, removing nothing, starting no service. Only where that
// is safe: as root on Debian, on a machine that handles no mail and has no
// clamd, or where ONESCAN_TEST_INSTALL=1 says that it may be done. Elsewhere
// the tests that need them are skipped by name.
//
// By itself: node test/programs/install.mjs
import { spawnSync } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findProgram, missingPackages } from '../needs.mjs'
import { apt, firstLine } from './apt.mjs'
import { unpackServers } from './unpack.mjs'

/** What shows that this machine has other work than to run tests. */
const inUse = [
  '/usr/sbin/sendmail',
  '/usr/lib/sendmail',
  '/var/qmail',
  '/var/indimail',
  '/etc/postfix',
  '/etc/exim4',
  '/etc/clamav/clamd.conf',
]

const POLICY = '/usr/sbin/policy-rc.d'

/**
 * Installs missing programs if that is safe, and unpacks further mail servers beside the system. Returns
 * lines for the user. Never throws, since the tests themselves say what they miss.
 */
export function installPrograms(env) {
  return [...installPackages(env), ...unpackServers()]
}

function installPackages(env) {
  const packages = missingPackages()
  if (packages.length === 0) return ['all there']
  const objection = objectionTo(packages, env)
  if (objection) return [...toInstall(packages), `not installed: ${objection}`]
  const trouble = install(packages)
  if (trouble) return [...toInstall(packages), `apt-get: ${trouble}`]
  return [`installed: ${counted(packages)}`]
}

const counted = ({ length }) => `${length} package${length === 1 ? '' : 's'}`

/** What is missing, as a command to copy in lines of at most so many characters. */
export function toInstall(packages) {
  const lines = ['  apt-get install --no-install-recommends']
  for (const name of packages) {
    const last = lines.at(-1)
    if (last.length + name.length + ' '.length + ' \\'.length > WIDTH) lines.push(`    ${name}`)
    else lines[lines.length - 1] = `${last} ${name}`
  }
  const command = lines.map((line, at) => (at < lines.length - 1 ? `${line} \\` : line))
  return [`missing: ${counted(packages)}`, ...command]
}

const WIDTH = 90

function objectionTo(packages, env) {
  if (process.getuid?.() !== 0) return 'only root may'
  if (!existsSync('/etc/debian_version') || !findProgram('apt-get')) return 'this is not Debian'
  const found = inUse.find((path) => existsSync(path))
  if (found && env.ONESCAN_TEST_INSTALL !== '1') {
    return `${found} shows that mail or clamd is set up here; ONESCAN_TEST_INSTALL=1 overrides this`
  }
  let plan = apt(['-s', 'install', ...packages])
  if (plan.status !== 0) {
    apt(['update']) // no package lists yet, or old ones
    plan = apt(['-s', 'install', ...packages])
  }
  if (plan.status !== 0) return firstLine(plan.stderr)
  return /^Remv /m.test(plan.stdout) ? 'apt-get would remove packages' : undefined
}

function install(packages) {
  if (packages.includes('postfix')) leaveUnconfigured()
  const forbidden = forbidServices()
  try {
    let run = apt(['-y', 'install', ...packages])
    if (run.status !== 0) {
      apt(['update']) // old lists name files that the mirror does not have any more
      run = apt(['-y', 'install', ...packages])
    }
    return run.status === 0 ? undefined : firstLine(run.stderr)
  } finally {
    if (forbidden) rmSync(POLICY, { force: true })
  }
}

/** Postfix then writes no main.cf, and its service does not start at the next boot either. */
function leaveUnconfigured() {
  const answer = 'postfix postfix/main_mailer_type select No configuration\n'
  spawnSync('debconf-set-selections', { input: answer, stdio: ['pipe', 'ignore', 'ignore'] })
}

/** Packages ask this file before they start a service; 101 forbids it. True where it was made. */
function forbidServices() {
  if (existsSync(POLICY)) return false
  writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  return true
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  for (const line of installPrograms(process.env)) process.stdout.write(`${line}\n`)
}

// Installs the missing Debian packages that tests need, without recommended packages and without starting services. Another
// mail server of the machine, such as exim4, is removed from the host of the tests alone. Unpacks further mail servers below
// build/. test/run/main.mjs runs it as root on the host of the tests (host.mjs), where the machine does not change.
// Elsewhere it installs nothing.
//
//   node test/run/install.mjs quick|all|nightly
import { spawnSync } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { missingPackages } from '../needs.mjs'
import { unpackServers } from '../programs/host/unpack.mjs'
import { apt, aptWithProgress, firstLine } from './apt.mjs'
import { isOnHost } from './host.mjs'

const POLICY = '/usr/sbin/policy-rc.d'

/** The exit code if no mirror of Debian can be reached. */
export const OFFLINE = 75

/** Resolves to lines for the user. Never rejects: the tests report what they lack. */
async function installPackages(part) {
  const packages = missingPackages(part)
  if (packages.length === 0) return ['programs that tests need: all there']
  if (!isOnHost())
    return [...toInstall(packages), 'not installed: only root gets a host of its own']
  process.stdout.write(`installing ${counted(packages)} for the tests alone; this takes minutes\n`)
  const trouble = await install(packages)
  return trouble
    ? [...toInstall(packages), `apt-get: ${trouble}`]
    : [`installed: ${counted(packages)}`]
}

const counted = ({ length }) => `${length} package${length === 1 ? '' : 's'}`

/** Returns the command that installs the missing packages, in lines of at most 90 characters, for copying. */
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

async function install(packages) {
  answerQuestions()
  const forbidden = forbidServices()
  try {
    const words = ['-y', '-o', 'Dpkg::Options::=--force-unsafe-io', 'install', ...packages]
    const run = await aptWithProgress(words)
    return run.status === 0 ? undefined : firstLine(run.stderr)
  } finally {
    if (forbidden) rmSync(POLICY, { force: true })
  }
}

/** Has Postfix's package write no main.cf, and man-db build no database of manuals, which takes long and serves no test. */
function answerQuestions() {
  const answers =
    'postfix postfix/main_mailer_type select No configuration\nman-db man-db/auto-update boolean false\n'
  spawnSync('debconf-set-selections', { input: answers, stdio: ['pipe', 'ignore', 'ignore'] })
  rmSync('/var/lib/man-db/auto-update', { force: true }) // the answer of an installed man-db
}

/** Creates the file that packages run before they start a service; its exit code 101 forbids that. Returns false if it exists. */
function forbidServices() {
  if (existsSync(POLICY)) return false
  writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  return true
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const part = process.argv[2]
  const isQuick = part === 'quick'
  const reads = isOnHost() && !(isQuick && missingPackages(part).length === 0)
  if (reads) process.stdout.write('reading the lists of Debian packages\n')
  const lists = reads ? apt(['update', '-o', 'APT::Update::Error-Mode=any']) : { status: 0 }
  if (lists.status !== 0) {
    process.stdout.write(`no lists of Debian packages: ${firstLine(lists.stderr)}\n`)
    process.stdout.write('Tests that need further packages or a mirror of Debian are skipped.\n')
  }
  const lines = [...(await installPackages(part)), ...(isQuick ? [] : unpackServers())]
  for (const line of lines) process.stdout.write(`${line}\n`)
  if (lists.status !== 0) process.exitCode = OFFLINE
}

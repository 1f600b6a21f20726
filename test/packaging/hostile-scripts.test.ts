import { execFileSync, spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import t, { type Test } from 'tap'
import { lacks } from '../needs.mjs'
import { openDirectory } from '../programs/host/reachable.ts'
import { MALLORY } from '../scanner/cli/hostile/owner.ts'

/**
 * The run scripts, called by root in directories that belong to the accounts of their services.
 * The scripts are those of packaging/shipped/supervise/; hostile-package.test.ts calls them where
 * others have put what they like.
 */

const supervise = join(import.meta.dirname, '../../packaging/shipped/supervise')
const units = join(import.meta.dirname, '../../packaging/shipped/systemd')
const skip = lacks('root')
const scripts = readdirSync(supervise).flatMap((name) => [`${name}/run`, `${name}/log/run`])

/** Directories that a script gives to an account, or that one may have. */
const THEIRS = [
  ...['run/clamav', 'run/onescand', 'var/spool/postfix/onescand'],
  ...['clamd', 'freshclam', 'onescand', 'onescan-quotad'].map((name) => `var/log/${name}`),
]
/** What is in them is named so. */
const NAMES = [
  'onescan-clamd.conf',
  'clamd.conf',
  'current',
  'lock',
  'state',
  'qmail.sock',
  'clamd.ctl',
]

/** `put` makes what the accounts have in their directories. */
function makeHost(t: Test, put: (path: string) => void) {
  const home = openDirectory(t)
  const at = (name: string) => join(home, name)
  for (const name of [
    'etc/clamav',
    'etc/default',
    'target',
    'var/spool/postfix/onescan',
    'var/log',
    'run',
    ...THEIRS,
  ]) {
    mkdirSync(at(name), { recursive: true })
  }
  writeFileSync(at('secret'), 'secret\n', { mode: 0o600 })
  writeFileSync(at('etc/clamav/clamd.conf'), 'LocalSocket /x\n')
  for (const name of ['onescand', 'onescan-quotad']) {
    writeFileSync(at(`etc/default/${name}`), 'ONESCAND_OPTIONS=""\nONESCAN_QUOTAD_OPTIONS=""\n')
  }
  for (const directory of THEIRS) {
    for (const name of NAMES) put(join(at(directory), name))
    execFileSync('chown', ['-Rh', `${MALLORY}:${MALLORY}`, at(directory)])
  }
  return at
}

/** The script with this host's places, and a program that only prints the account that it runs as. */
function scriptFor(name: string, at: (name: string) => string): string {
  const account = String(MALLORY)
  return readFileSync(join(supervise, name), 'utf8')
    .replaceAll(/(?<![\w.])\/(etc|run|var)\//g, (_, top: string) => `${at(top)}/`)
    .replaceAll(/^\. \/usr\/share\/.*$/gm, ':') // the package's own defaults
    .replaceAll(/-o (?!root)[\w-]+ -g (?!root)[\w-]+/g, `-o ${account} -g ${account}`)
    .replaceAll(/chown -h [\w-]+/g, `chown -h ${account}`)
    .replace(/^(?:exec )?\$session [\s\S]*$/m, 'exec true\n')
}

// promise: root-clamav-directory
t.test('a link in place of a log directory gives no user access', { skip }, async (t) => {
  for (const name of scripts.filter((script) => script.includes('/log/'))) {
    const at = makeHost(t, () => {})
    const directory = at(`var/log/${name.split('/')[0]}`)
    execFileSync('rm', ['-r', directory])
    symlinkSync(at('target'), directory)
    execFileSync('chown', ['-h', String(MALLORY), directory])
    spawnSync('/bin/sh', ['-c', scriptFor(name, at)])
    t.equal(statSync(at('target')).uid, 0, name)
    t.equal(statSync(at('target')).mode & 0o777, 0o755, name)
  }
})

// promise: root-access-list
t.test(
  'settings that clamd obeys as root cannot be written by the former owner of their directory',
  { skip: skip || lacks('setfacl') },
  async (t) => {
    const at = makeHost(t, () => {})
    mkdirSync(at('run/onescan'))
    execFileSync('chown', [String(MALLORY), at('run/onescan')])
    execFileSync('setfacl', ['--default', '-m', `u:${MALLORY}:rwx`, at('run/onescan')])
    const { status, stderr } = spawnSync('/bin/sh', ['-c', scriptFor('clamd/run', at)])
    t.equal(status, 0, String(stderr))
    const copy = at('run/onescan/clamd.conf')
    t.equal(readFileSync(copy, 'latin1'), 'LocalSocket /x\nAlertExceedsMax yes\n')
    const change = [
      '--reuid',
      String(MALLORY),
      '--clear-groups',
      '--regid',
      String(MALLORY),
      'sh',
      '-c',
      `echo User root >>${copy}`,
    ]
    t.not(spawnSync('setpriv', change).status, 0)
    t.notMatch(readFileSync(copy, 'latin1'), 'User root')
  },
)

/** A system call that changes a name, with its last path: the name that it makes. */
const CHANGE = /\b(\w+)\((?:AT_FDCWD, )?(?:"[^"]*", (?:AT_FDCWD, )?)?"([^"]*)"(.*)$/
const CALLS = [
  ...['chown', 'lchown', 'fchownat', 'chmod', 'fchmodat', '?fchmodat2', 'mkdir', 'mkdirat'],
  ...['mknod', 'mknodat', 'rmdir', 'unlink', 'unlinkat', 'rename', 'renameat', 'renameat2'],
  ...['link', 'linkat', 'symlink', 'symlinkat', 'truncate', 'open', 'openat', 'creat'],
]

/** The calls of a script that change a name in a directory that another user may write to. */
function changesElsewhere(text: string): string[] {
  const words = ['-f', '-qq', '-s', '4096', '-e', `trace=${CALLS}`, '/bin/sh', '-c', text]
  const { stderr } = spawnSync('strace', words, { encoding: 'utf8', cwd: '/' })
  return stderr.split('\n').filter((line) => {
    const [, call = '', path = '', rest = ''] = CHANGE.exec(line) ?? []
    if (path === '' || (call.startsWith('open') && !/O_WRONLY|O_RDWR/.test(rest))) return false
    const parent = dirname(resolve('/', path))
    if (!existsSync(parent)) return false
    const { uid, mode } = statSync(parent)
    // The bits of a group are the mask of an access list; a sticky directory keeps names for their owners.
    return uid !== 0 || ((mode & 0o022) !== 0 && (mode & 0o1000) === 0)
  })
}

const untraced = skip || lacks('strace')

// promise: root-directory-exchange
t.test(
  'root changes no name in a directory that another account may write to',
  { skip: untraced },
  async (t) => {
    const victim = `d=$(mktemp -d); chown ${MALLORY} "$d"; echo >$d/x; chown -h 0 "$d/x"; rm -f "$d/x"`
    t.equal(changesElsewhere(victim).length, 3, 'the trace shows it')
    const listed = `d=$(mktemp -d); setfacl -m u:${MALLORY}:rwx "$d"; mkdir "$d/x"`
    t.equal(changesElsewhere(listed).length, 1, 'by an access list, too')
    for (const name of scripts) {
      const at = makeHost(t, (path) => writeFileSync(path, ''))
      // Whom root once gave files of the others to.
      execFileSync('chown', ['-Rh', 'nobody', at(`var/log/${name.split('/')[0]}`)])
      for (const directory of THEIRS) {
        execFileSync('setfacl', ['-m', `u:${MALLORY}:rwx`, at(directory)])
      }
      t.same(changesElsewhere(scriptFor(name, at)), [], name)
    }
  },
)

// promise: root-directory-exchange
t.test(
  "the directory in which Postfix looks for sockets is root's, with and without systemd",
  { skip },
  async (t) => {
    const at = makeHost(t, () => {})
    execFileSync('rm', ['-r', at('var/spool/postfix/onescan')])
    const groups = openDirectory(t)
    writeFileSync(join(groups, 'getent'), '#!/bin/sh\n', { mode: 0o755 })
    const { status, stderr } = spawnSync('/bin/sh', ['-c', scriptFor('onescand/run', at)], {
      env: { PATH: `${groups}:${process.env.PATH}` },
      encoding: 'utf8',
    })
    t.equal(status, 0, stderr)
    const directory = statSync(at('var/spool/postfix/onescan'))
    t.same([directory.uid, directory.mode & 0o7777], [0, 0o755])
    t.equal(statSync(at('var/spool/postfix/onescand')).uid, MALLORY)
    for (const name of ['milter', 'policy']) {
      const link = at(`var/spool/postfix/onescan/${name}.sock`)
      t.equal(readlinkSync(link), `../onescand/${name}.sock`)
    }
    const sockets = readdirSync(units).filter((file) => file.endsWith('.socket'))
    t.ok(sockets.length > 0, 'there are sockets')
    for (const name of sockets) {
      const text = readFileSync(join(units, name), 'utf8')
      if (!/^ListenStream=\//m.test(text)) continue
      t.match(text, /^DirectoryMode=0755$/m, name)
      t.notMatch(text, /^ListenStream=\/(run|var\/spool\/postfix)\/onescand\//m, name)
    }
  },
)

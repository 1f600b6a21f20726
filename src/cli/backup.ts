import { spawnSync } from 'node:child_process'
import { closeSync, lstatSync, openSync, readdirSync, rmSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { attempt, errorCode, errorText, Fault } from '../lib/errors/fault.ts'
import { shellWord } from '../lib/errors/shell-word.ts'
import { PathHandle } from '../lib/path/path-handle.ts'
import { letsOthersReplace } from '../lib/path/untrusted-writer.ts'
import { HOST_DIRECTORY, readControlDirectories } from '../scan/judge/config.ts'
import { optionValues, printsJson } from './shared/options.ts'
import { FAILED, makeCommand } from './shared/run-command.ts'
import { DEFAULTS, optionsOfOnescand, settingsOfOnescand } from './shared/settings-file.ts'

/** Root alone reads it: keys and mail are in it. */
const MODE = 0o600
const UNITS = '/etc/systemd/system'
const QUARANTINE = '/var/lib/onescan/quarantine'
/** What onescan reads in the control directory of a qmail. */
const IN_CONTROL = ['clusterkeys', 'onescan.policy', 'badattachments', 'onescan.off']
/** Settings that may name a file or directory of the administrator's. */
const NAMED = [
  ...['CLUSTERKEYS', 'QUARANTINE', 'PLUGINDIR'],
  ...['VERDICTPASSWORD', 'VERDICTSENTINELPASSWORD', 'VERDICTCA'],
]

/** `onescan backup`: everything of this host that an installation does not make again. */
export const backupCommand = makeCommand('backup', {
  command: 'backup <file>',
  describe: 'Keep settings, keys and quarantine in an archive, and say what it has',
  builder: (yargs) =>
    yargs
      .positional('file', {
        type: 'string',
        demandOption: true,
        describe:
          'The archive to make (tar, gzip), which root alone may read, where nobody else can replace it',
      })
      .option('json', printsJson)
      .example('$0 backup /root/onescan-$(date +%F).tgz', 'Keep all of this host')
      .epilogue(
        'It also has the files that settings of onescand name. What mail servers and clamd have of ' +
          'their own is not in it.\n\n' +
          'Exit codes: 0 the archive is whole; 2 it is not, and was removed.',
      ),
  async work({ file }, output) {
    if (process.getuid!() !== 0) throw new Fault('config', 'become root, who may read all of it')
    const path = resolve(file)
    const places = placesOfHost().filter((place) => place !== path)
    const fd = make(path)
    let content: ReturnType<typeof contentOf>
    try {
      const tar = archive(places, fd)
      for (const line of tar.split('\n').filter(Boolean)) output.warn(line)
      content = contentOf(path, fd, places)
    } catch (error) {
      PathHandle.with(dirname(path), (place) => rmSync(place.at(basename(path)), { force: true }))
      throw error
    } finally {
      closeSync(fd)
    }
    const sum = { files: 0, bytes: 0 }
    for (const found of content) {
      const { place, files, bytes } = found
      output.text(`${place}: ${files} file${files === 1 ? '' : 's'}, ${bytes} bytes\n`)
      await output.result(found)
      sum.files += files
      sum.bytes += bytes
    }
    output.sum(sum)
    output.text(`${path}: ${sum.files} files; to restore them: tar -C / -xpzf ${shellWord(path)}\n`)
    output.text('not in it: settings of mail servers, of tcpserver and of clamd\n')
    return output.hasErrors ? FAILED : 0
  },
})

/** The files and directories that are there, none below another. */
function placesOfHost(): string[] {
  const { control } = readControlDirectories(process.env)
  const settings = settingsOfOnescand()
  const named = NAMED.flatMap((name) => settings[name] ?? [])
  const tokens = optionValues(optionsOfOnescand(), '--http-token')
  const units = (attempt(() => readdirSync(UNITS)) ?? []).filter((name) => /^onescan/.test(name))
  const all = [
    HOST_DIRECTORY,
    DEFAULTS,
    '/etc/default/onescan-quotad',
    ...units.map((name) => join(UNITS, name)),
    ...IN_CONTROL.map((name) => join(control, name)),
    ...[...named, ...tokens].filter((path) => path.startsWith('/')),
    QUARANTINE,
  ]
  const there = [...new Set(all)].filter((path) => attempt(() => lstatSync(path)) !== undefined)
  return there.filter((path) => !there.some((other) => path.startsWith(`${other}/`)))
}

/** Makes the file, where nobody else can put another in its place: root restores it some day. */
function make(path: string): number {
  return PathHandle.with(dirname(path), (place) => {
    const { stats, writer } = place
    const isSafe = writer === undefined && stats.uid === 0 && !letsOthersReplace(stats.mode)
    if (!isSafe) place.mustBeOwn()
    try {
      return openSync(place.at(basename(path)), 'wx+', MODE)
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error
      throw new Fault('config', `${path}: is there already; name another file`)
    }
  })
}

/**
 * Writes the archive to a descriptor. Returns what tar(1) says; throws if it failed. It follows no link, and
 * waits for no FIFO. A file that changes meanwhile, as the log of the quarantine, is in it as it was read.
 */
function archive(places: readonly string[], fd: number): string {
  const names = places.map((place) => place.slice(1))
  const args = ['--create', '--gzip', '--directory=/', '--warning=no-file-changed', '--', ...names]
  const { status, stderr, error } = spawnSync('tar', args, { stdio: ['ignore', fd, 'pipe'] })
  const said = String(stderr ?? '').trim()
  if (error) throw new Error(`tar: ${errorText(error)}`)
  // 1: some files were changed or removed while they were read; tar(1), RETURN VALUE.
  if (status !== 0 && status !== 1)
    throw new Error(said.split('\n').at(-1) || `tar: exit ${status}`)
  return said
}

/** What the archive, which is open, has of each place. */
function contentOf(path: string, fd: number, places: readonly string[]) {
  const args = ['--list', '--gzip', '--verbose', '--numeric-owner', '--file', '/proc/self/fd/0']
  const { status, stdout } = spawnSync('tar', args, {
    encoding: 'utf8',
    maxBuffer: 1024 ** 3,
    stdio: [fd, 'pipe', 'ignore'],
  })
  if (status !== 0) throw new Error(`${path}: cannot be read back`)
  const entries = stdout.split('\n').flatMap((line) => {
    const [, kind, bytes, name] = /^(.)\S+ +\S+ +(\d+) \S+ \S+ (.*)$/.exec(line) ?? []
    return kind === undefined || kind === 'd' ? [] : [{ bytes: Number(bytes), name: `/${name}` }]
  })
  return places.map((place) => {
    const own = entries.filter(
      ({ name }) =>
        name === place || name.startsWith(`${place}/`) || name.startsWith(`${place} -> `),
    )
    return { place, files: own.length, bytes: own.reduce((sum, { bytes }) => sum + bytes, 0) }
  })
}

import { randomBytes } from 'node:crypto'
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  openSync,
  readlinkSync,
  renameSync,
  rmSync,
  type Stats,
} from 'node:fs'
import { hostname } from 'node:os'
import { basename, dirname, resolve } from 'node:path'
import { errorCode, errorTextAt, Fault } from '../ground/errors/fault.ts'
import { PathHandle } from '../ground/path/path-handle.ts'
import { writeWhole } from '../ground/process/descriptors.ts'
import {
  HMAC_SECRET_MIN,
  isCurrent,
  isDay,
  isKeyId,
  KEYRING_MAX,
  objectionToMode,
  parseKeyring,
} from '../scan/cluster/keyring.ts'
import { flag, printsJson, text } from './shared/options.ts'
import { makeCommand } from './shared/run-command.ts'

/** The most characters of the host's name: a key id has at most 32, and `-YYYYMMDD` follows. */
const HOST_MAX = 32 - '-20260101'.length

/**
 * `onescan keygen`: makes a keyring line with a fresh secret; prints it, or adds it to a keyring.
 */
export const keygenCommand = makeCommand('keygen', {
  command: 'keygen',
  describe: 'Make a key for a cluster',
  builder: (yargs) =>
    yargs
      .option('id', text('Name of the key, not secret [default: host name and date]'))
      .option('until', text('Last day of the key, YYYY-MM-DD in UTC'))
      .option(
        'release',
        flag('Let hosts with it release mail from quarantine: onescan quarantine release'),
      )
      .option('md5', flag('A key of the old scheme, for hosts that know no other'))
      .option(
        'append',
        text('Add it below the keys of this ring: it is trusted, and does not sign'),
      )
      .option(
        'prepend',
        text('Add it on top of this ring: it signs from the next message on', {
          conflicts: 'append',
        }),
      )
      .option('json', printsJson)
      .example('$0 keygen', 'Print a line; anyone who reads it can make stamps')
      .example(
        '$0 keygen --append /var/qmail/control/clusterkeys',
        'Make a ring (mode 0640), or add to one',
      )
      .epilogue(
        'The first line of a ring signs, all lines verify. To change keys without additional ' +
          'scans, add the new one at the end on every host first (--append), then move it to the ' +
          'top, and remove the old one when no mail that it signed is under way.\n\n' +
          'A file is replaced in one step and keeps owner, group and mode; a new one has mode 0640.\n\n' +
          'Exit codes: 0 done; 2 not, and no file was changed.',
      ),
  async work(args, output) {
    const now = new Date()
    const seconds = now.getTime() / 1000
    const id = args.id ?? defaultId(hostname(), now)
    checkOptions(id, args.until)
    const line = keyLine(id, args.md5, args.until) + (args.release ? ':release' : '')
    const [key] = parseKeyring(line, 'the new line')
    if (!isCurrent(key!, seconds)) {
      throw new Fault('config', `--until ${args.until}: is past; name a later day`)
    }
    const ring = args.append ?? args.prepend
    if (ring !== undefined) {
      const add = (old: string) =>
        args.append === undefined ? `${line}\n${old}` : `${old}${line}\n`
      const { keys, made, group } = await changeKeyring(ring, add)
      const signs = keys.find((candidate) => isCurrent(candidate, seconds))?.id === id
      await output.result({ id, file: ring, made, signs })
      // The secret is in the file and nowhere else.
      const does = signs ? 'it signs from now on' : 'it verifies, and an earlier line signs'
      output.text(`key ${id} is ${made ? 'the first' : 'now'} in ${ring}: ${does}\n`)
      // A directory such as /etc/onescan/keys gives its group to what is made in it.
      if (made && group === process.getgid?.()) {
        output.warn(`${ring} has mode 0640: give it the group of the account that scans`)
      }
      return 0
    }
    await output.result({ id, scheme: key!.scheme, line })
    output.text(`${line}\n`)
    if (args.md5) {
      output.warn('programs other than onescan want the part after the last colon alone')
    }
    return 0
  },
})

/** Checks the options. The reader of keyrings would name a line number instead of the option. */
function checkOptions(id: string, until: string | undefined): void {
  if (!isKeyId(id)) {
    throw new Fault('config', `--id ${id}: must be 1 to 32 letters, digits, ".", "_" or "-"`)
  }
  if (until !== undefined && !isDay(until)) {
    throw new Fault('config', `--until ${until}: must be a day, as in 2027-01-31`)
  }
}

/** `scheme:id:secret[:until=YYYY-MM-DD]` with a new secret. */
function keyLine(id: string, md5: boolean, until: string | undefined): string {
  const secret = randomBytes(HMAC_SECRET_MIN).toString('base64url')
  const limit = until === undefined ? '' : `:until=${until}`
  return `${md5 ? 'md5' : 'hmac-sha256'}:${id}:${secret}${limit}`
}

/** `mx1-20260131`: the host's name in the characters of a key id, and the day. */
export function defaultId(host: string, now: Date): string {
  const name = host
    .split('.')[0]!
    .replace(/[^A-Za-z0-9_-]/g, '-')
    .slice(0, HOST_MAX)
  return `${name || 'key'}-${now.toISOString().slice(0, 10).replaceAll('-', '')}`
}

/** The mode of a new keyring: its owner and the slot's group may read it. */
const FRESH_MODE = 0o640

/**
 * Changes the text of a keyring; resolves to its keys, whether the file was made, and its group. A
 * new file replaces the old one in one step, with its owner, group and mode, so that no message
 * ever meets half a ring. Rejects with a Fault of kind `config`, and changes nothing, if others can
 * write to the ring or its directory, or read the ring; or if the new text is malformed. The path
 * leads to a directory once: all else is done below the handle of that.
 */
async function changeKeyring(path: string, change: (old: string) => string) {
  const target = whereItLeads(path)
  const directory = directoryOf(path, dirname(target))
  try {
    directory.mustBeOwn()
    const changed = replaceRing(directory, basename(target), path, change)
    await directory.sync()
    return changed
  } finally {
    directory.close()
  }
}

function directoryOf(path: string, place: string): PathHandle {
  try {
    return PathHandle.find(place)
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
    throw new Fault('config', `${path}: there is no directory ${place}; make it, or name another`)
  }
}

/** The path of the ring itself, behind all links; that of the link or the name if there is none. */
function whereItLeads(path: string): string {
  try {
    return PathHandle.with(path, (handle) => readlinkSync(handle.at()))
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return resolve(path)
    throw error
  }
}

function replaceRing(
  directory: PathHandle,
  name: string,
  shown: string,
  change: (old: string) => string,
) {
  const fresh = `${name}.new`
  const fd = takeFresh(directory.at(fresh), `${dirname(shown)}/${fresh}`)
  try {
    const old = readOld(directory, name, shown)
    const text = old?.text ?? ''
    const next = change(text === '' || text.endsWith('\n') ? text : `${text}\n`)
    const keys = parseKeyring(next, shown)
    writeWhole(fd, Buffer.from(next, 'latin1'))
    if (old) fchownSync(fd, old.status.uid, old.status.gid)
    fchmodSync(fd, old ? old.status.mode & 0o777 : FRESH_MODE)
    fsyncSync(fd)
    renameSync(directory.at(fresh), directory.at(name))
    return { keys, made: old === undefined, group: fstatSync(fd).gid }
  } catch (error) {
    rmSync(directory.at(fresh), { force: true })
    throw error
  } finally {
    closeSync(fd)
  }
}

/**
 * Makes the file that will replace the ring. It always has the same name, so it is a lock, too: it
 * is made before the ring is read, and of two that add a key at once, one fails.
 */
function takeFresh(fresh: string, shown: string): number {
  try {
    return openSync(fresh, 'wx', 0o600)
  } catch (error) {
    const why =
      errorCode(error) === 'EEXIST'
        ? 'exists: another keygen is at work; if not, remove it'
        : `${errorTextAt(fresh, error)}; name a ring in a directory that you may write to`
    throw new Fault('config', `${shown}: ${why}`)
  }
}

function readOld(
  directory: PathHandle,
  name: string,
  shown: string,
): { text: string; status: Stats } | undefined {
  const check = ({ mode }: Stats) => {
    const objection = objectionToMode(mode)
    if (objection !== undefined) throw new Fault('config', `${shown}: ${objection}`)
  }
  try {
    return directory.with(name, (ring) => {
      return { text: ring.read(KEYRING_MAX, check).toString('latin1'), status: ring.stats }
    })
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { Fault } from '../../base/errors/fault.ts'
import { readSetting } from '../../base/settings/read-settings.ts'
import { formatDay } from '../../base/text/units.ts'
import { replaceFile } from '../configuration/replace-file.ts'
import { settingsOfOnescand } from '../configuration/settings-of-onescand.ts'
import {
  HMAC_SECRET_MIN,
  isCurrent,
  isDay,
  isKeyId,
  KEYRING_MAX,
  type Key,
  modeFault,
  parseKeyring,
} from '../scan/stamps/keyring.ts'
import { flag, printsJson, textOption } from './command/cli-options.ts'
import { makeCommand, type Output } from './command/run-command.ts'
import { hasSystemd } from './host/systemd-unit.ts'

/**
 * Upper limit for the characters of the host's name: a key id has at most 32, and `-YYYYMMDD-N` may follow.
 */
const HOST_MAX = 32 - '-20260101-99'.length

/** `onescan keygen`: makes a keyring line with a new secret; prints it, or adds it to a keyring. */
export const keygenCommand = makeCommand('keygen', {
  command: 'keygen',
  describe: 'Make a key for a cluster',
  builder: (yargs) =>
    yargs
      .option('id', textOption('Key id, not secret [default: host name and date]'))
      .option('until', textOption('Last day of the key, YYYY-MM-DD in UTC'))
      .option('release', flag('Let hosts with this key release mail from quarantine'))
      .option('md5', flag('Make an md5 key, for hosts that do not support hmac-sha256'))
      .option(
        'append',
        textOption(
          'Add the key below those of this keyring. Only the first key makes stamps for mail, and only the first release key for releases',
        ),
      )
      .option(
        'rotate',
        textOption('Take the next step in replacing the key, and print which step it was'),
      )
      .conflicts('rotate', ['append', 'id', 'until'])
      .option('json', printsJson)
      .example('$0 keygen', 'Print a line; anyone who reads it can make stamps')
      .example(
        '$0 keygen --append /etc/onescan/keys/clusterkeys',
        'Make a keyring (mode 0640), or add to one',
      )
      .example('$0 keygen --rotate /etc/onescan/keys/clusterkeys', 'Change the key of a cluster')
      .epilogue(
        'The first key of a keyring makes stamps, and all keys verify them. To change keys without additional ' +
          'scans, every host needs the new key before one uses it: --rotate adds it. When all hosts have ' +
          'the keyring, --rotate again makes stamps with the new key, and sets the last day of the old one.\n\n' +
          'A file is replaced in one step and keeps owner, group and mode; a new one has mode 0640.\n\n' +
          'Exit codes: 0 done; 2 it failed, and no file was changed.',
      ),
  async work(args, output) {
    const now = new Date()
    if (args.rotate !== undefined) {
      if (args.md5 || args.release) {
        throw new Fault('config', '--rotate: cannot be combined with --md5 or --release')
      }
      return rotate(args.rotate, now, output)
    }
    const seconds = now.getTime() / 1000
    checkOptions(args.id, args.until)
    const make = (ids: readonly string[]) => {
      const id = args.id ?? freeId(defaultId(hostname(), now), ids)
      const line = keyLine(id, args.md5, args.until) + (args.release ? ':release' : '')
      const keys = parseKeyring(line, 'the new line')
      if (!keys.some((key) => isCurrent(key, seconds))) {
        throw new Fault('config', `--until ${args.until}: is in the past; set a later day`)
      }
      return { id, line, scheme: args.md5 ? 'md5' : 'hmac-sha256' }
    }
    const ring = args.append
    if (ring !== undefined) {
      let id = ''
      const { keys, isNew, group } = await changeKeyring(ring, (before) => {
        const key = make(parseKeyring(before, ring).map((other) => other.id))
        id = key.id
        return `${before}${key.line}\n`
      })
      const signs = keys.find((candidate) => isCurrent(candidate, seconds))?.id === id
      await output.result({ id, file: ring, made: isNew, signs })
      // The secret is in the file and nowhere else.
      const signing = signs ? 'it makes stamps from now on' : 'it only verifies stamps'
      const does = args.release ? `${signing}; it may release mail` : signing
      output.text(`key ${id} is ${isNew ? 'the first' : 'now'} in ${ring}: ${does}\n`)
      // New files in a directory such as /etc/onescan/keys inherit its group.
      if (isNew && group === process.getgid?.()) {
        output.warn(
          `${ring} has mode 0640: let the account that scans read it: chgrp onescan-keys ${ring}`,
        )
      }
      return 0
    }
    const { id, line, scheme } = make([])
    await output.result({ id, scheme, line })
    output.text(`${line}\n`)
    if (args.md5) {
      output.warn(
        'hosts that do not run onescan expect only the secret, the third part of this line',
      )
    }
    return 0
  },
})

/** Takes the next step of a rotation, and prints it, and what is to be done then. */
async function rotate(ring: string, now: Date, output: Output): Promise<number> {
  const maxAgeSeconds = readSetting({ ...settingsOfOnescand(), ...process.env }, 'CLUSTERMAXAGE')
  let done: Rotation | undefined
  await changeKeyring(ring, (before) => {
    done = rotateKey(before, ring, { now, maxAgeSeconds }, (ids) => {
      const id = freeId(defaultId(hostname(), now), ids)
      return { id, line: keyLine(id, false, undefined) }
    })
    return done.text
  })
  const { text: _, ...facts } = done!
  const { did, id, old, until, removed } = facts
  await output.result({ file: ring, ...facts })
  for (const gone of removed) output.text(`key ${gone} is removed: it has expired\n`)
  const reload = hasSystemd() ? 'systemctl reload onescand' : 'svc -h /service/onescand'
  const copy = `copy ${ring} to every other host with its mode, and reload onescand on all (${reload})`
  output.text(
    did === 'added'
      ? `key ${id} is added: it verifies stamps, and ${old} still makes them\n` +
          `next: ${copy}; then run onescan keygen --rotate ${ring} again\n`
      : `key ${id} makes stamps from now on, and ${old} verifies them until ${until}\nnext: ${copy}\n`,
  )
  return 0
}

/** The id, or the first of `ID-2`, `ID-3` … that is not taken: a ring may get several keys on a day. */
function freeId(id: string, taken: readonly string[]): string {
  if (!taken.includes(id)) return id
  for (let number = 2; ; number++) {
    if (!taken.includes(`${id}-${number}`)) return `${id}-${number}`
  }
}

/** Checks the options. The reader of keyrings would name a line number instead of the option. */
function checkOptions(id: string | undefined, until: string | undefined): void {
  if (id !== undefined && !isKeyId(id)) {
    throw new Fault('config', `--id ${id}: must be 1 to 32 letters, digits, ".", "_" or "-"`)
  }
  if (until !== undefined && !isDay(until)) {
    throw new Fault('config', `--until ${until}: must be a day such as 2027-01-31`)
  }
}

/** `scheme:id:secret[:until=YYYY-MM-DD]` with a new secret. */
function keyLine(id: string, isMd5: boolean, until: string | undefined): string {
  const secret = randomBytes(HMAC_SECRET_MIN).toString('base64url')
  const limit = until === undefined ? '' : `:until=${until}`
  return `${isMd5 ? 'md5' : 'hmac-sha256'}:${id}:${secret}${limit}`
}

/** `mx1-20260131`: the host's name in the characters of a key id, and the day. */
export function defaultId(host: string, now: Date): string {
  const [first = ''] = host.split('.')
  const name = first.replace(/[^A-Za-z0-9_-]/g, '-').slice(0, HOST_MAX)
  return `${name || 'key'}-${formatDay(now.getTime()).replaceAll('-', '')}`
}

/**
 * Changes the text of a keyring, like replaceFile(). Resolves to its keys, whether the file was created, and
 * its group. Rejects with a Fault of kind `config`, and changes nothing, if others can read or write the
 * ring, or if the new text is malformed.
 */
async function changeKeyring(path: string, change: (old: string) => string) {
  let keys: readonly Key[] = []
  const replaced = await replaceFile({
    path,
    max: KEYRING_MAX,
    mode: 0o640, // its owner and the slot's group may read it
    encoding: 'latin1',
    check({ mode }) {
      const objection = modeFault(mode)
      if (objection !== undefined) throw new Fault('config', `${path}: ${objection}`)
    },
    change(old) {
      const text = change(old)
      keys = parseKeyring(text, path)
      return text
    },
  })
  return { keys, ...replaced }
}

/** The comment above a key that every host must have before it signs. */
const NEXT = /^# next: (\S+)\n/m

/** Seconds that all hosts have to get the changed ring before the old key counts no more. */
const COPY_SECONDS = 86_400

/** The result of a rotation. */
interface Rotation {
  /** The new text of the ring. */
  readonly text: string
  readonly did: 'added' | 'signs'
  /** The new key. */
  readonly id: string
  /** The key that signed before. */
  readonly old: string
  /** With `signs`: the last day of the old key, YYYY-MM-DD in UTC. */
  readonly until: string | undefined
  /** The keys whose last day is past, and whose lines are removed. */
  readonly removed: readonly string[]
}

/**
 * Takes the next step from the signing key of a ring to a new one. Throws a Fault of kind `config` if no key
 * signs.
 *
 * 1. The first step adds the new key, which verifies. The comment `# next: ID` above it records that.
 * 2. The second step makes it the signing key, and gives the old key a last day: when no stamp of it is
 *    younger than `maxAgeSeconds` seconds.
 *
 * Each step removes the keys whose last day is past. `make` returns a line with a new secret, of a key with
 * another id than these.
 */
function rotateKey(
  ring: string,
  path: string,
  { now, maxAgeSeconds }: { readonly now: Date; readonly maxAgeSeconds: number },
  make: (ids: readonly string[]) => { readonly id: string; readonly line: string },
): Rotation {
  const seconds = now.getTime() / 1000
  const keys = parseKeyring(ring, path)
  const signer = keys.find((key) => isCurrent(key, seconds))
  if (signer === undefined) {
    throw new Fault('config', `${path}: has no valid key; run onescan keygen --append ${path}`)
  }
  const old = keys.filter((key) => !isCurrent(key, seconds))
  const removed = old.map(({ id }) => id)
  const lines = withoutKeys(ring, old).replace(NEXT, '')
  const next = NEXT.exec(ring)?.[1]
  const waiting = keys.find((key) => key.id === next && key !== signer && isCurrent(key, seconds))
  if (waiting === undefined) {
    const { id, line } = make(keys.map((key) => key.id))
    const release = signer.mayRelease ? ':release' : ''
    const text = `${lines}# next: ${id}\n${line}${release}\n`
    return { text, did: 'added', id, old: signer.id, until: undefined, removed }
  }
  const lastDay = seconds + maxAgeSeconds + COPY_SECONDS
  const until = formatDay(lastDay * 1000)
  const own = lineOf(lines, waiting)
  const text = withoutKeys(lines, [waiting]).replace(lineOf(lines, signer), (line) => {
    return `${own}${dated(line, signer, until)}`
  })
  return { text, did: 'signs', id: waiting.id, old: signer.id, until, removed }
}

/** Returns the line of a key, with its end. A bare word is its own secret. */
function lineOf(ring: string, { id, secret }: Key): string {
  const lines = ring.split(/(?<=\n)/)
  const hasId = (line: string) => line.split(':')[1] === id
  const isBare = (line: string) => line.trimEnd() === secret.toString('latin1')
  return lines.find((line) => !line.startsWith('#') && (hasId(line) || isBare(line)))!
}

function withoutKeys(ring: string, keys: readonly Key[]): string {
  return keys.reduce((text, key) => text.replace(lineOf(text, key), ''), ring)
}

/** The line of a key with a last day, unless it has an earlier one. */
function dated(line: string, { scheme, id, secret, until, mayRelease }: Key, day: string): string {
  const [, , text = secret.toString('latin1')] = line.trimEnd().split(':')
  const last = until !== undefined && until < day ? until : day
  return `${scheme}:${id}:${text}:until=${last}${mayRelease ? ':release' : ''}\n`
}

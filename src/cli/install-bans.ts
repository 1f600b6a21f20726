import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { errorText, Fault } from '../lib/errors/fault.ts'

/** Milliseconds for a program of ClamAV: a clamd that hangs accepts the connection, and never answers. */
const WITHIN = 60_000

/** The file of the signatures. clamd recognizes its kind by the extension. */
export const BANS_FILE = 'onescan-bans.cdb'

/** Writes standard input into the file in one step: clamd never sees half of it. */
const WRITE = `umask 022; cd "$1"; cat >.${BANS_FILE}.new; mv .${BANS_FILE}.new ${BANS_FILE}`

/**
 * Installs signatures for the clamd of this host, and reloads it. `directory` contains its own signatures.
 * clamscan tests them first, because clamd does not start with a file that it cannot read. The account that
 * owns the directory writes them. Throws a Fault of kind `config` that states what was changed.
 */
export function installBans(signatures: Buffer, directory: string): void {
  const wrong = (why: string) => new Fault('config', `${why}; nothing was changed`)
  if (process.getuid!() !== 0) throw wrong('--install: only root may do this; become root')
  const { uid, gid } = ownerOf(directory)
  if (!isTaken(signatures)) throw wrong('clamscan is missing, or rejects the names')
  const account = ['--reuid', String(uid), '--regid', String(gid), '--clear-groups']
  if (!runs(['setpriv', ...account, 'sh', '-euc', WRITE, 'sh', directory], signatures)) {
    throw wrong(`${directory}: its owner cannot write there`)
  }
  if (!runs(['clamdscan', '--reload'])) {
    throw new Fault(
      'config',
      'the names are installed, but clamd does not confirm that it has loaded them; restart it',
    )
  }
}

function ownerOf(directory: string): { readonly uid: number; readonly gid: number } {
  try {
    return statSync(`${directory}/`)
  } catch (error) {
    throw new Fault('config', `CLAMDBDIR ${directory}: ${errorText(error)}; nothing was changed`)
  }
}

/** Returns whether ClamAV reads the signatures. */
function isTaken(signatures: Buffer): boolean {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-bans-'))
  try {
    const file = join(directory, BANS_FILE)
    writeFileSync(file, signatures)
    return runs(['clamscan', '--quiet', `--database=${file}`, '/etc/hostname'])
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/** Returns whether a command ends with exit code 0 in time. */
function runs([program = '', ...args]: readonly string[], input?: Buffer): boolean {
  const stdio = [input === undefined ? 'ignore' : 'pipe', 'ignore', 'ignore'] as const
  return spawnSync(program, args, { input, stdio: [...stdio], timeout: WITHIN }).status === 0
}

import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { errorTextAt, Fault } from '../../base/errors/fault.ts'
import { runProgram } from '../../base/process/run-program.ts'
import { readControlDirectories } from '../../base/settings/control-directories.ts'
import { settingsOfOnescand } from '../configuration/settings-of-onescand.ts'
import { archiveSignatures } from '../scan/scanners/attachments/archive-bans.ts'
import { readAttachmentRules } from '../scan/scanners/attachments/attachment-rules.ts'
import { listFingerprint } from '../scan/scanners/attachments/ban-names.ts'
import { CONFIG_FILES, databaseIn, firstConfOf } from '../scan/scanners/clamd/clamd-conf.ts'
import { readBannedBy } from '../scan/scanners/contract/scan-settings.ts'
import { flag, printsJson } from './command/cli-options.ts'
import { makeCommand } from './command/run-command.ts'
import { writeOut } from './command/terminal.ts'
import { addEnvironmentOptions, slotEnvironment } from './host/slot-environment.ts'

/** `onescan bans`: the names of BADATTACHMENTS as signatures, by which clamd bans them inside archives. */
export const bansCommand = makeCommand('bans', {
  command: 'bans',
  describe:
    'Print or install the banned names as ClamAV signatures, which also match inside archives',
  builder: (yargs) =>
    addEnvironmentOptions(yargs)
      .option('install', flag("Install them for this host's clamd; root only"))
      .option('json', printsJson)
      .example(
        '$0 bans >onescan-bans.cdb',
        "Use BADATTACHMENTS from here, or from onescand's settings",
      )
      .example('$0 bans --install', 'After each change of the rules')
      .epilogue(
        'Exit codes: 0 the names were printed or installed; 2 the rules cannot be read, ban no name, or cannot be installed.',
      ),
  async work(args, output) {
    const named = slotEnvironment(process.env, args)
    const isNamed = named.BADATTACHMENTS !== undefined
    const env = isNamed ? named : { ...named, ...settingsOfOnescand() }
    const { control } = readControlDirectories(env)
    const { names } = readAttachmentRules(readBannedBy(env, control))
    if (names.length === 0)
      throw new Fault('config', 'BADATTACHMENTS: contains no rule about a name; add one')
    const signatures = Buffer.from(archiveSignatures(names), 'latin1')
    if (args.install) {
      const directory = env.CLAMDBDIR || databaseIn(firstConfOf(CONFIG_FILES))
      await installBans(signatures, directory)
      output.text(`${directory}/${BANS_FILE}: clamd loads ${names.length} names\n`)
      if (env.ARCHIVEBANS !== 'on') output.text('next: set ARCHIVEBANS="on" for each interface\n')
    }
    await output.result({ names: names.length, fingerprint: listFingerprint(names) })
    if (!output.printsJson && !args.install) await writeOut(signatures)
    return 0
  },
})

/** Milliseconds for a program of ClamAV: a clamd that hangs accepts the connection, and never answers. */
const PROGRAM_TIMEOUT = 60_000

/** The file of the signatures. clamd recognizes its kind by the extension. */
const BANS_FILE = 'onescan-bans.cdb'

/** The programs that install signatures, with their packages of Debian; of EPEL it is clamav for both. */
const PACKAGES = { clamscan: 'clamav', clamdscan: 'clamdscan (RHEL: clamav)' }

/** Writes standard input into the file in one step: clamd never sees half of it. */
const WRITE = `umask 022; cd "$1"; cat >.${BANS_FILE}.new; mv .${BANS_FILE}.new ${BANS_FILE}`

/**
 * Installs signatures for the clamd of this host, and reloads it. `directory` contains its own signatures.
 * clamscan tests them first, because clamd does not start with a file that it cannot read. The account that
 * owns the directory writes them. Throws a Fault of kind `config` that states what was changed.
 */
async function installBans(signatures: Buffer, directory: string): Promise<void> {
  const wrong = (reason: string) => new Fault('config', `${reason}; nothing was changed`)
  if (process.getuid!() !== 0) throw wrong('--install: only root may do this; run it as root')
  const { uid, gid } = ownerOf(directory)
  for (const [program, name] of Object.entries(PACKAGES)) {
    if (!(await runs(['sh', '-c', `command -v ${program}`]))) {
      throw wrong(`${program} is missing: install the package ${name}`)
    }
  }
  if (!(await isTaken(signatures)))
    throw wrong('clamscan rejects the names; shorten or remove those that you added last')
  const account = ['--reuid', String(uid), '--regid', String(gid), '--clear-groups']
  if (!(await runs(['setpriv', ...account, 'sh', '-euc', WRITE, 'sh', directory], signatures))) {
    throw wrong(`${directory}: its owner cannot write there; check its mode and free space`)
  }
  if (!(await runs(['clamdscan', '--reload']))) {
    throw new Fault(
      'config',
      'the names are installed, but clamd does not confirm that it has loaded them; restart clamd',
    )
  }
}

function ownerOf(directory: string): { readonly uid: number; readonly gid: number } {
  try {
    return statSync(`${directory}/`)
  } catch (error) {
    throw new Fault(
      'config',
      `CLAMDBDIR ${directory}: ${errorTextAt(`${directory}/`, error)}; set it to DatabaseDirectory of clamd.conf; nothing was changed`,
    )
  }
}

/** Resolves to whether ClamAV reads the signatures. */
async function isTaken(signatures: Buffer): Promise<boolean> {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-bans-'))
  try {
    const file = join(directory, BANS_FILE)
    writeFileSync(file, signatures)
    return await runs(['clamscan', '--quiet', `--database=${file}`, '/etc/hostname'])
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/** Resolves to whether a command ends with exit code 0 in time. */
async function runs(command: readonly string[], input?: Buffer): Promise<boolean> {
  const ended = runProgram({ command, within: PROGRAM_TIMEOUT, ...(input && { input }) })
  return await ended.then(
    ({ code }) => code === 0,
    () => false, // it is missing
  )
}

import { Fault } from '../lib/errors/fault.ts'
import { readControlDirectories } from '../scan/judge/control.ts'
import { archiveSignatures } from '../scan/scanners/attachments/archive-bans.ts'
import { readAttachmentRules } from '../scan/scanners/attachments/rules.ts'
import { CONFIG_FILES, databaseIn, firstConfOf } from '../scan/scanners/clamd/database.ts'
import { readScanSettings } from '../scan/scanners/contract/scan-settings.ts'
import { listFingerprint } from '../scan/scanners/findings/ban-names.ts'
import { flag, printsJson } from './command/cli-options.ts'
import { makeCommand } from './command/run-command.ts'
import { writeOut } from './command/terminal.ts'
import { settingsOfOnescand } from './host/settings-file.ts'
import { addEnvironmentOptions, slotEnvironment } from './host/slot-environment.ts'
import { BANS_FILE, installBans } from './install-bans.ts'

/** `onescan bans`: the names of BADATTACHMENTS as signatures, by which clamd bans them inside archives. */
export const bansCommand = makeCommand('bans', {
  command: 'bans',
  describe: 'Print or install the banned names as signatures for ClamAV, which looks into archives',
  builder: (yargs) =>
    addEnvironmentOptions(yargs)
      .option('install', flag('Install them for the clamd of this host; root only'))
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
    const given = slotEnvironment(process.env, args)
    const isNamed = given.BADATTACHMENTS !== undefined
    const env = isNamed ? given : { ...given, ...settingsOfOnescand() }
    const settings = readScanSettings(
      { ...env, QHPSI: 'plugin: attachments clamd' },
      readControlDirectories(env),
    )
    const { names } = readAttachmentRules(settings!.BADATTACHMENTS)
    if (names.length === 0)
      throw new Fault('config', 'BADATTACHMENTS: contains no rule about a name; add one')
    const signatures = Buffer.from(archiveSignatures(names), 'latin1')
    if (args.install) {
      const directory = env.CLAMDBDIR || databaseIn(firstConfOf(CONFIG_FILES))
      installBans(signatures, directory)
      output.text(`${directory}/${BANS_FILE}: clamd loads ${names.length} names\n`)
      if (env.ARCHIVEBANS !== 'on') output.text('next: set ARCHIVEBANS="on" for each interface\n')
    }
    await output.result({ names: names.length, fingerprint: listFingerprint(names) })
    if (!output.json && !args.install) await writeOut(signatures)
    return 0
  },
})

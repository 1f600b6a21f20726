import { Fault } from '../lib/errors/fault.ts'
import { readControlDirectories } from '../scan/judge/config.ts'
import { archiveSignatures } from '../scan/scanners/attachments/archive-bans.ts'
import { readAttachmentRules } from '../scan/scanners/attachments/rules.ts'
import { listFingerprint } from '../scan/scanners/shared/ban-names.ts'
import { readScanSettings } from '../scan/scanners/shared/scan-settings.ts'
import { printsJson } from './shared/options.ts'
import { makeCommand } from './shared/run-command.ts'
import { settingsOfOnescand } from './shared/settings-file.ts'
import { addEnvironmentOptions, slotEnvironment } from './shared/slot-environment.ts'
import { writeOut } from './shared/terminal.ts'

/** `onescan bans`: the names of BADATTACHMENTS as signatures, by which clamd bans them inside archives. */
export const bansCommand = makeCommand('bans', {
  command: 'bans',
  describe: 'Print the banned names as signatures for ClamAV, which looks into archives',
  builder: (yargs) =>
    addEnvironmentOptions(yargs)
      .option('json', printsJson)
      .example('$0 bans >onescan-bans.cdb', "By BADATTACHMENTS here, or in onescand's settings")
      .epilogue('Exit codes: 0 printed; 2 the rules cannot be read, or ban no name.'),
  async work(args, output) {
    const given = slotEnvironment(process.env, args)
    const isNamed = given.BADATTACHMENTS !== undefined
    const env = isNamed ? given : { ...given, ...settingsOfOnescand() }
    const settings = readScanSettings(
      { ...env, QHPSI: 'plugin: attachments clamd' },
      readControlDirectories(env),
    )
    const { names } = readAttachmentRules(settings!.BADATTACHMENTS)
    if (names.length === 0) throw new Fault('config', 'BADATTACHMENTS: bans no name; write one')
    const signatures = archiveSignatures(names)
    await output.result({ names: names.length, fingerprint: listFingerprint(names) })
    if (!output.json) await writeOut(Buffer.from(signatures, 'latin1'))
    return 0
  },
})

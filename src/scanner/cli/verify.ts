import * as crypto from 'node:crypto'
import { readSetting } from '../../base/settings/read-settings.ts'
import { DEFAULT_DATABASE } from '../../base/settings/table/clamav.ts'
import { formatDuration } from '../../base/text/units.ts'
import { spoolMessage } from '../../mail/message/intake.ts'
import { readSpoolSettings } from '../../mail/message/spool.ts'
import { readCluster } from '../configuration/cluster-of-host.ts'
import { readSignatureFiles, settledDate } from '../scan/scanners/signatures/signature-files.ts'
import {
  digestsFor,
  explainStamps,
  type StampExplanation,
  type Trust,
  type VerifyOptions,
  verifyStamps,
} from '../scan/stamps/verify-stamps.ts'
import { printsJson, textOption } from './command/cli-options.ts'
import { makeCommand } from './command/run-command.ts'
import { addEnvironmentOptions, slotEnvironment } from './host/slot-environment.ts'
import { addMaxSizeOption, bytesOf, maxSizeOf, openMessageFile } from './mail/message-file.ts'

const UNTRUSTED = 1

const keyringOption = textOption(
  "Keyring file [default: CLUSTERKEYS, else control/clusterkeys, else onescand's]",
)

/** `onescan verify`: reports which stamps of a message hold, and why the others do not. */
export const verifyCommand = makeCommand('verify', {
  command: 'verify <file>',
  describe: 'Show which stamps of a message are valid, and why others are not',
  builder: (yargs) =>
    addMaxSizeOption(
      addEnvironmentOptions(yargs.option('keyring', keyringOption)),
      'A larger message is not read',
    )
      .positional('file', {
        type: 'string',
        demandOption: true,
        describe: 'The message; - reads standard input',
      })
      .nargs('file', 1) // otherwise yargs parses "-" as an option
      .option('json', printsJson)
      .example('$0 verify mail.eml', "With this host's keyring")
      .example(
        '$0 verify - --keyring ring --env CLUSTERMAXAGE=86400 < mail.eml',
        'Trust stamps that are up to a day old',
      )
      .epilogue(
        'CLUSTERMAXAGE and CLAMDBDIR apply; CLUSTERPEER does not.\n\n' +
          'Exit codes: 0 a stamp is valid; 1 none is; 2 the keyring or the message cannot be read.',
      ),
  async work(args, output) {
    const env = slotEnvironment(process.env, args)
    const { keys, CLUSTERMAXAGE: maxAgeSeconds } = readCluster(env, args)
    const database = readSetting(env, 'CLAMDBDIR') ?? DEFAULT_DATABASE
    const files = await readSignatureFiles(database, Date.now())
    const bytes = bytesOf(openMessageFile(args.file), maxSizeOf(args))
    const message = await spoolMessage(bytes, {
      spool: readSpoolSettings(env),
      createHash: crypto.createHash,
      digestsFor: (header) => digestsFor(header, keys, Date.now() / 1000),
    })
    try {
      const options: VerifyOptions = {
        keys,
        maxAgeSeconds,
        now: Math.floor(Date.now() / 1000),
        signatureDate: () => settledDate(files),
        crypto,
      }
      const trust = verifyStamps(message, options)
      // If a message is not well formed, readers may see different fields in it.
      const isReadable = message.canonical.fault === undefined
      const stamps = isReadable ? explainStamps(message, options) : []
      await output.result(asJson(trust, stamps))
      output.text(asText(trust, stamps, options.now))
      return trust.isTrusted ? 0 : UNTRUSTED
    } finally {
      message.close()
    }
  },
})

function asText(trust: Trust, stamps: readonly StampExplanation[], now: number): string {
  const lines = stamps.map((stamp) => {
    const by = stamp.key === undefined ? '' : ` key ${stamp.key}:`
    return `${stamp.field}:${by} ${stamp.fault ?? `valid${claimsText(stamp, now)}`}`
  })
  lines.push(trust.isTrusted ? `trusted: key ${trust.key}` : `not trusted: ${trust.reason}`)
  return `${lines.join('\n')}\n`
}

function claimsText({ claims }: StampExplanation, now: number): string {
  if (claims === undefined) return ''
  return `, scanned by ${claims.scanners.join(', ') || 'no scanner'} ${formatDuration(1000 * (now - claims.time))} ago`
}

function asJson(trust: Trust, stamps: readonly StampExplanation[]): object {
  return {
    trusted: trust.isTrusted,
    ...(trust.isTrusted ? { key: trust.key } : { reason: trust.reason }),
    stamps: stamps.map(({ field, key, fault, claims }) => ({
      field,
      valid: fault === undefined,
      key,
      reason: fault,
      ...claims,
    })),
  }
}

import type { Configuration } from '../../configuration/configuration.ts'
import type { Environment } from '../../lib/process/environment.ts'
import type { ClientContent, MailSettings } from '../../scan/judge/context/judge-config.ts'
import type { JudgeContext, LoadedRules } from '../../scan/judge/context/judge-context.ts'
import { Rules } from '../../scan/rules/match.ts'
import type { Rule } from '../../scan/rules/rule.ts'
import { readSetting } from '../../settings/read-settings.ts'
import type { FindingRule } from '../../settings/table/findings.ts'

/**
 * Returns the configuration of an address where the client decides about messages or files. The client receives
 * the finding, or the error that there is no result. Settings that quarantine, redirect or accept mail have no
 * effect there.
 */
export function configurationForClients(
  configuration: Configuration,
  contentKind: ClientContent,
): Configuration {
  const { context, messageOptions, env } = configuration
  const { digestsFor: _, ...undigested } = messageOptions // stamps and copies alone need them
  const options = contentKind === 'mails' ? messageOptions : undigested
  return {
    ...configuration,
    context: context && answeringContext(context, { contentKind, within: answeredWithin(env) }),
    messageOptions: { ...options, spoolsRaw: true },
  }
}

/** Upper limit, in milliseconds, for a scan for rspamd, which waits for 35 seconds (its antivirus.conf). */
const RSPAMD_WAITS = 30_000

/** Returns the upper limit, in milliseconds, for a scan, whatever SCANTIMEOUT is. */
const answeredWithin = (env: Environment): number =>
  readSetting(env, 'SCANFAIL_CLAMD') === 'limit' ? RSPAMD_WAITS : Number.POSITIVE_INFINITY

/** The kind of content that clients submit at an address, and the time limit of a scan in milliseconds. */
interface Asked {
  readonly contentKind: ClientContent
  readonly within: number
}

function answeringContext(context: JudgeContext, asked: Asked): JudgeContext {
  const { config, rules } = context
  const settings = answeringSettings(config.settings, asked.within)
  return {
    ...context,
    config: { ...config, resultOnlyFor: asked.contentKind, settings },
    rules: rules && rulesAboutContent(rules, asked),
  }
}

type WordOf<Value> = string extends Value ? never : Value
type SettingWith<Word> = {
  [Name in keyof MailSettings]-?: Word extends WordOf<MailSettings[Name]> ? Name : never
}[keyof MailSettings]

/** All settings that may be `quarantine`, without that value. */
type WithoutQuarantine = {
  readonly [Name in SettingWith<'quarantine'>]: Exclude<MailSettings[Name], 'quarantine'>
}

function answeringSettings(settings: MailSettings, within: number): MailSettings {
  const { UNREAD, STRICTMIME, FINDINGS } = settings
  const words: WithoutQuarantine = {
    SCANFAIL: 'defer',
    UNREAD: UNREAD === 'quarantine' ? 'refuse' : UNREAD,
    STRICTMIME: STRICTMIME === 'quarantine' ? 'refuse' : STRICTMIME,
  }
  return {
    ...settings,
    ...words,
    timeout: Math.min(settings.timeout, within),
    FINDINGS: FINDINGS.map(({ what, action }) => ({ what, action: found(action) })),
    REJECTVIRUS: 'refuse',
    VIRUSFORWARD: undefined,
    QUARANTINE: undefined,
    OVERSIZE: 'defer',
  }
}

/**
 * Returns the action of an answering address: a finding of clamd is reported as found, even if other
 * interfaces would defer the mail.
 */
function found(action: FindingRule['action']): FindingRule['action'] {
  return action === 'defer' || action === 'quarantine' ? 'refuse' : action
}

/** The lines of onescan.policy that need nothing that clients of clamd do not send. */
function rulesAboutContent(
  { lines, contextOfLine }: LoadedRules,
  asked: Asked,
): LoadedRules | undefined {
  const all = lines.all.filter((rule) => !isAboutEnvelope(rule))
  if (all.length === 0) return undefined
  return {
    lines: new Rules(lines.path, all),
    contextOfLine: async (settings) => answeringContext(await contextOfLine(settings), asked),
  }
}

/** Returns whether a line has a condition on the sender, the recipient or the client of a message. */
export function isAboutEnvelope({ conditions: { to, from, client, auth } }: Rule): boolean {
  return [to, from, client, auth].some((condition) => condition !== undefined)
}

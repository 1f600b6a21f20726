import type { Configuration } from '../../configuration/configuration.ts'
import type { ClientContent, MailSettings } from '../../scan/judge/context/judge-config.ts'
import type { JudgeContext, LoadedRules } from '../../scan/judge/context/judge-context.ts'
import { Rules } from '../../scan/rules/match.ts'
import type { Rule } from '../../scan/rules/rule.ts'
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
  const { context, messageOptions } = configuration
  const { digestsFor: _, ...undigested } = messageOptions // stamps and copies alone need them
  const options = contentKind === 'mails' ? messageOptions : undigested
  return {
    ...configuration,
    context: context && answeringContext(context, contentKind),
    messageOptions: { ...options, spoolsRaw: true },
  }
}

function answeringContext(context: JudgeContext, contentKind: ClientContent): JudgeContext {
  const { config, rules } = context
  const settings = answeringSettings(config.settings)
  return {
    ...context,
    config: { ...config, resultOnlyFor: contentKind, settings },
    rules: rules && rulesAboutContent(rules, contentKind),
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

function answeringSettings(settings: MailSettings): MailSettings {
  const { UNREAD, STRICTMIME, FINDINGS } = settings
  const words: WithoutQuarantine = {
    SCANFAIL: 'defer',
    UNREAD: UNREAD === 'quarantine' ? 'refuse' : UNREAD,
    STRICTMIME: STRICTMIME === 'quarantine' ? 'refuse' : STRICTMIME,
  }
  return {
    ...settings,
    ...words,
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
  contentKind: ClientContent,
): LoadedRules | undefined {
  const all = lines.all.filter((rule) => !isAboutEnvelope(rule))
  if (all.length === 0) return undefined
  return {
    lines: new Rules(lines.path, all),
    contextOfLine: async (settings) => answeringContext(await contextOfLine(settings), contentKind),
  }
}

/** Returns whether a line has a condition on the sender, the recipient or the client of a message. */
export function isAboutEnvelope({ conditions: { to, from, client, auth } }: Rule): boolean {
  return [to, from, client, auth].some((condition) => condition !== undefined)
}

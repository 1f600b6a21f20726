import { type Environment, readSetting } from '../../lib/settings/settings.ts'
import type { FindingAction } from '../../lib/settings/table/scanning.ts'
import type { AskedAbout, MailSettings } from '../../scan/judge/config.ts'
import type { JudgeContext, LoadedRules } from '../../scan/judge/context.ts'
import { Rules } from '../../scan/rules/match.ts'
import type { Rule } from '../../scan/rules/rule.ts'
import type { Configuration } from '../shared/configuration.ts'

/**
 * Returns the configuration of an address where the client decides what becomes of mails or files. It is told
 * what was found, and that there is no answer; nothing is kept in quarantine, sent elsewhere or let in by
 * settings that say so.
 */
export function answering(configuration: Configuration, about: AskedAbout): Configuration {
  const { context, messageOptions, env } = configuration
  const { digestsFor: _, ...undigested } = messageOptions // stamps and copies alone need them
  const options = about === 'mails' ? messageOptions : undigested
  return {
    ...configuration,
    context: context && answeringContext(context, { about, within: answeredWithin(env) }),
    messageOptions: { ...options, keepsAsSent: true },
  }
}

/** The most milliseconds for a scan where rspamd asks: it waits for 35 seconds (its antivirus.conf). */
const RSPAMD_WAITS = 30_000

/** Returns the most milliseconds that a scan may take, whatever SCANTIMEOUT is. */
const answeredWithin = (env: Environment): number =>
  readSetting(env, 'SCANFAIL_CLAMD') === 'limit' ? RSPAMD_WAITS : Number.POSITIVE_INFINITY

/** What is asked about at an address, and how many milliseconds a scan may take there. */
interface Asked {
  readonly about: AskedAbout
  readonly within: number
}

function answeringContext(context: JudgeContext, asked: Asked): JudgeContext {
  const { config, rules } = context
  const settings = answeringSettings(config.settings, asked.within)
  return {
    ...context,
    config: { ...config, answersAbout: asked.about, settings },
    rules: rules && rulesAboutContent(rules, asked),
  }
}

type WordOf<Value> = string extends Value ? never : Value
type SettingWith<Word> = {
  [Name in keyof MailSettings]-?: Word extends WordOf<MailSettings[Name]> ? Name : never
}[keyof MailSettings]

/** All settings that may be `quarantine`, without that word. */
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
    REJECTVIRUS: 'reject',
    VIRUSFORWARD: undefined,
    QUARANTINE: undefined,
    OVERSIZE: 'defer',
  }
}

/** What clamd has found is answered as found, even if other doors would defer the mail. */
function found(action: FindingAction): FindingAction {
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

/** Whether a line asks for the sender, the recipient or the client of a mail. */
export function isAboutEnvelope({ conditions: { to, from, client, auth } }: Rule): boolean {
  return [to, from, client, auth].some((condition) => condition !== undefined)
}

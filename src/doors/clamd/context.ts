import type { MailSettings } from '../../scan/judge/config.ts'
import type { JudgeContext, LoadedRules } from '../../scan/judge/context.ts'
import { Rules } from '../../scan/rules/match.ts'
import type { Rule } from '../../scan/rules/rule.ts'

/**
 * Returns what is judged by where the client decides what becomes of mail. It is told what was found, and
 * that nobody could tell; nothing is kept in quarantine, sent elsewhere or let in by settings that say so.
 */
export function answeringContext(context: JudgeContext): JudgeContext {
  const { config, rules } = context
  const { settings } = config
  return {
    ...context,
    config: {
      ...config,
      onlyAnswers: true,
      settings: {
        ...settings,
        REJECTVIRUS: 'reject',
        VIRUSFORWARD: undefined,
        QUARANTINE: undefined,
        SCANFAIL: 'defer',
        SCANFAIL_RELAY: 'defer',
        OVERSIZE: 'defer',
        OVERNESTING: withoutQuarantine(settings.OVERNESTING),
        ENCRYPTED: withoutQuarantine(settings.ENCRYPTED),
        STRICTMIME: withoutQuarantine(settings.STRICTMIME),
      },
    },
    rules: rules && rulesAboutContent(rules),
  }
}

const withoutQuarantine = <Action extends MailSettings['OVERNESTING' | 'ENCRYPTED' | 'STRICTMIME']>(
  action: Action,
) => (action === 'quarantine' ? 'refuse' : action) as Exclude<Action, 'quarantine'> | 'refuse'

/** The lines of onescan.policy that ask for nothing that clients of clamd do not tell. */
function rulesAboutContent({ lines, contextOfLine }: LoadedRules): LoadedRules | undefined {
  const all = lines.all.filter((rule) => !isAboutEnvelope(rule))
  if (all.length === 0) return undefined
  return {
    lines: new Rules(lines.path, all),
    contextOfLine: async (settings) => answeringContext(await contextOfLine(settings)),
  }
}

/** Whether a line asks for the sender, the recipient or the client of a mail. */
export function isAboutEnvelope({ conditions: { to, from, client, auth } }: Rule): boolean {
  return [to, from, client, auth].some((condition) => condition !== undefined)
}

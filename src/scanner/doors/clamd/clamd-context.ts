import type { Configuration } from '../../configuration/configuration.ts'
import type { JudgeConfig } from '../../scan/judge/context/judge-config.ts'
import type { JudgeContext, LoadedRules } from '../../scan/judge/context/judge-context.ts'
import { Rules } from '../../scan/rules/match.ts'
import type { Rule } from '../../scan/rules/rule.ts'
import type { ClientContent } from '../../scan/scanners/run/submission.ts'

/**
 * Returns the configuration of an address where the client decides about messages or files. The client receives
 * the finding, or the error that there is no result.
 */
export function configurationForClients(
  configuration: Configuration,
  contentKind: ClientContent,
): Configuration {
  const { context, messageOptions } = configuration
  const { digestsFor: _, ...undigested } = messageOptions // stamps and copies alone need them
  const { top: _top, ...options } = contentKind === 'mails' ? messageOptions : undigested
  return {
    ...configuration,
    context: context && answeringContext(context, contentKind),
    messageOptions: options,
  }
}

function answeringContext(context: JudgeContext, contentKind: ClientContent): JudgeContext {
  const { rules } = context
  const answering = (other: JudgeContext) => answeringContext(other, contentKind)
  return {
    ...context,
    config: forResultsOnly(context.config, contentKind),
    rules: rules && rulesAboutContent(rules, answering),
  }
}

/**
 * Returns the settings for clients that only request a result. Each finding that a setting keeps out is one, and
 * without a result there is an error: SCANFAIL, OVERSIZE, REJECTVIRUS, VIRUSFORWARD and QUARANTINE have no effect.
 * Stamps and releases do not apply to files, since they state how mail programs read a message. A content that another
 * onescand has read needs no second look: what is in it is scanned by itself.
 */
function forResultsOnly(config: JudgeConfig, contentKind: ClientContent): JudgeConfig {
  const { cluster, settings } = config
  const { FINDINGS, STRICTMIME, UNREAD } = settings
  return {
    ...config,
    resultOnlyFor: contentKind,
    cluster: contentKind === 'mails' ? cluster : undefined,
    settings: {
      ...settings,
      SCANFAIL: 'defer',
      OVERSIZE: 'defer',
      REJECTVIRUS: 'refuse',
      ...(contentKind === 'contents' && { SECONDLOOK: 'never' }),
      UNREAD: UNREAD === 'quarantine' ? 'refuse' : UNREAD,
      STRICTMIME: STRICTMIME === 'quarantine' ? 'refuse' : STRICTMIME,
      FINDINGS: FINDINGS.map(({ finding, action }) => {
        const isKeptOut = action === 'defer' || action === 'quarantine'
        return { finding, action: isKeptOut ? 'refuse' : action }
      }),
    },
  }
}

/** The lines of onescan.policy that need nothing that clients of clamd do not send. */
function rulesAboutContent(
  { lines, contextOfLine }: LoadedRules,
  answering: (context: JudgeContext) => JudgeContext,
): LoadedRules | undefined {
  const all = lines.all.filter((rule) => !isAboutEnvelope(rule))
  if (all.length === 0) return undefined
  return {
    lines: new Rules(lines.path, all),
    contextOfLine: async (settings) => answering(await contextOfLine(settings)),
  }
}

/** Returns whether a line has a condition on the sender, the recipient or the client of a message. */
export function isAboutEnvelope({ conditions: { to, from, client, mayRelay } }: Rule): boolean {
  return [to, from, client, mayRelay].some((condition) => condition !== undefined)
}

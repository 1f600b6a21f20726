import type { Configuration } from '../../configuration/configuration.ts'
import type { ClientContent } from '../../scan/judge/context/judge-config.ts'
import type { JudgeContext, LoadedRules } from '../../scan/judge/context/judge-context.ts'
import { Rules } from '../../scan/rules/match.ts'
import type { Rule } from '../../scan/rules/rule.ts'

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
  const options = contentKind === 'mails' ? messageOptions : undigested
  return {
    ...configuration,
    context: context && answeringContext(context, contentKind),
    messageOptions: { ...options, spoolsRaw: true },
  }
}

function answeringContext(context: JudgeContext, contentKind: ClientContent): JudgeContext {
  const { config, rules } = context
  return {
    ...context,
    config: { ...config, resultOnlyFor: contentKind },
    rules: rules && rulesAboutContent(rules, contentKind),
  }
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
